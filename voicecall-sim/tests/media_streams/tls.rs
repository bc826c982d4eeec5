//! `wss`, with a certificate that is made for the test.

use std::sync::Arc;

use futures_util::StreamExt as _;
use rcgen::{CertifiedKey, generate_simple_self_signed};
use rustls::ServerConfig;
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::PrivatePkcs8KeyDer;
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

use crate::run::{Run, file};

/// A server that takes sockets over TLS and closes them at once.
async fn server(certificate: &CertifiedKey<rcgen::KeyPair>) -> u16 {
    let key = PrivatePkcs8KeyDer::from(certificate.signing_key.serialize_der());
    let config = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate.cert.der().clone()], key.into())
        .unwrap();
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((tcp, _)) = listener.accept().await {
            let Ok(tls) = acceptor.accept(tcp).await else { continue };
            if let Ok(mut socket) = tokio_tungstenite::accept_async(tls).await {
                let _ = socket.close(None).await;
                while let Some(Ok(_)) = socket.next().await {}
            }
        }
    });
    port
}

#[tokio::test(flavor = "multi_thread")]
async fn certificates_are_checked() {
    let certificate = generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let port = server(&certificate).await;
    let url = format!("wss://localhost:{port}/media");
    let known = file("certificate.pem", &certificate.cert.pem());
    let call = |variable: Option<String>| {
        let url = url.clone();
        tokio::task::spawn_blocking(move || {
            let run = Run::of(&url, &[]);
            if let Some(file) = variable { run.variable("SSL_CERT_FILE", &file).run() } else { run.run() }
        })
    };
    let trusted = call(Some(known)).await.unwrap();
    assert_eq!(trusted.calls()[0]["end"]["by"], "server", "{}", trusted.stdout);
    let stranger = call(None).await.unwrap();
    let end = &stranger.calls()[0]["end"];
    assert_eq!(end["by"], "unreachable", "{}", stranger.stdout);
    assert!(end["reason"].as_str().unwrap().contains("certificate"), "{end}");
}
