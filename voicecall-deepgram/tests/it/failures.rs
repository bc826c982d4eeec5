//! Handshakes that are refused or fail.

use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;
use voicecall_core::ErrorKind;
use voicecall_core::model::CONNECTION_LOST;

use crate::server::{endpoint, error};

/// The error of a server that answers so, and what it was asked.
async fn refused(scheme: &str, answer: &'static str) -> (voicecall_core::Error, String) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("{scheme}://{}/proxy", listener.local_addr().unwrap());
    let server = tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut asked = vec![0; 4096];
        let length = stream.read(&mut asked).await.unwrap();
        stream.write_all(answer.as_bytes()).await.unwrap();
        String::from_utf8_lossy(&asked[..length]).into_owned()
    });
    let error = error(endpoint(&url), 5).await;
    (error, server.await.unwrap())
}

#[tokio::test]
async fn a_refusal_keeps_its_kind_code_and_wait() {
    let answer = "HTTP/1.1 429 Too Many Requests\r\nretry-after: 2\r\ndg-error: dg-canary said\r\ndg-request-id: r-7\r\n\
                  content-length: 61\r\n\r\n{\"err_code\":\"TOO_MANY_REQUESTS\",\"err_msg\":\"dg-canary is busy\"}";
    let (error, asked) = refused("http", answer).await;
    assert_eq!((error.kind(), error.code()), (ErrorKind::RateLimited, Some("TOO_MANY_REQUESTS")));
    assert_eq!((error.retry_after(), error.provider()), (Some(Duration::from_secs(2)), Some("deepgram")));
    let printed = format!("{error} {error:?}");
    assert!(printed.contains("r-7") && !printed.contains("canary"), "{printed}");
    assert!(asked.starts_with("GET /proxy/v1/listen?model=nova-3&encoding=mulaw&sample_rate=8000&"), "{asked}");
    assert!(asked.to_lowercase().contains("authorization: token dg-canary\r\n"), "{asked}");
}

#[tokio::test]
async fn what_is_no_handshake_is_an_error() {
    for (answer, kind) in [
        ("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n", ErrorKind::Protocol),
        ("HTTP/1.1 101 Switching Protocols\r\n\r\n", ErrorKind::Protocol),
        ("SSH-2.0-OpenSSH\r\n\r\n", ErrorKind::Protocol),
        ("", ErrorKind::Unavailable),
    ] {
        let (error, _) = refused("http", answer).await;
        assert_eq!(error.kind(), kind, "{answer:?}: {error:?}");
    }
}

#[tokio::test]
async fn a_key_for_an_encrypted_address_is_never_sent_in_the_clear() {
    let (error, asked) = refused("https", "HTTP/1.1 200 OK\r\n\r\n").await;
    assert_eq!((error.kind(), error.code()), (ErrorKind::Unavailable, Some(CONNECTION_LOST)));
    assert!(asked.starts_with('\u{16}') && !asked.contains("canary"), "TLS begins with a handshake");
}

#[tokio::test]
async fn a_server_that_is_not_there_is_unavailable() {
    let address = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let error = error(endpoint(&format!("http://{address}")), 5).await;
    assert_eq!((error.kind(), error.code()), (ErrorKind::Unavailable, Some(CONNECTION_LOST)));
}
