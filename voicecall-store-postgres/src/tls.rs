//! Encryption between us and the server.

use std::net::IpAddr;
use std::sync::Arc;

use rustls::ClientConfig;
use rustls::crypto::aws_lc_rs;
use tokio_postgres::config::{Host, SslMode};
use tokio_postgres_rustls::MakeRustlsConnect;
use voicecall_core::{Error, Result};

/// The TLS configuration, which names its cryptography: the process's default belongs to the application and may be
/// missing or ambiguous. Certificates are verified by the operating system.
pub(crate) fn tls(config: &tokio_postgres::Config) -> Result<MakeRustlsConnect> {
    let fault =
        |error: rustls::Error| Error::config("url", "certificates to verify the server with").with_source(error);
    let provider = Arc::new(aws_lc_rs::default_provider());
    let builder = ClientConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .map_err(fault)?;
    let tls = if config.get_ssl_mode() == SslMode::Disable || is_local(config) {
        // A server on this machine needs no certificates, and the machine may have none.
        builder.with_root_certificates(rustls::RootCertStore::empty()).with_no_client_auth()
    } else {
        let verifier = rustls_platform_verifier::Verifier::new(provider).map_err(fault)?;
        builder.dangerous().with_custom_certificate_verifier(Arc::new(verifier)).with_no_client_auth()
    };
    Ok(MakeRustlsConnect::new(tls))
}

/// Whether the connection does not leave this machine.
pub(crate) fn is_local(config: &tokio_postgres::Config) -> bool {
    config.get_hosts().iter().all(|host| match host {
        Host::Tcp(name) => name == "localhost" || name.parse().is_ok_and(|address: IpAddr| address.is_loopback()),
        #[cfg(unix)]
        Host::Unix(_) => true,
    })
}
