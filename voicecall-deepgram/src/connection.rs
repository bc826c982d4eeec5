//! The connection below a socket: TCP, and TLS where the address asks for it.

use std::fmt;
use std::io;
use std::sync::Arc;

use rustls::crypto::aws_lc_rs;
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, RootCertStore};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use url::{Host, Url};
use voicecall_core::{Error, ErrorKind, Result};

/// A stream of bytes in both directions.
pub(crate) trait Connection: AsyncRead + AsyncWrite + Unpin + Send {}

impl<C: AsyncRead + AsyncWrite + Unpin + Send> Connection for C {}

/// Makes connections.
#[derive(Clone)]
pub(crate) struct Connector {
    tls: Option<TlsConnector>,
}

impl Connector {
    /// For plain connections, or encrypted ones. Only the latter need the machine's root certificates.
    pub(crate) fn new(encrypted: bool) -> Result<Self> {
        let tls = encrypted.then(config).transpose()?;
        Ok(Self { tls: tls.map(|config| TlsConnector::from(Arc::new(config))) })
    }

    /// Connects to the host of `url`.
    pub(crate) async fn connect(&self, url: &Url) -> io::Result<Box<dyn Connection>> {
        let unknown = || io::Error::from(io::ErrorKind::AddrNotAvailable);
        let host = url.host().ok_or_else(unknown)?;
        let port = url.port_or_known_default().ok_or_else(unknown)?;
        let (tcp, name) = match host {
            Host::Domain(name) => (TcpStream::connect((name, port)).await?, ServerName::try_from(name.to_owned())),
            Host::Ipv4(ip) => (TcpStream::connect((ip, port)).await?, Ok(ServerName::from(std::net::IpAddr::from(ip)))),
            Host::Ipv6(ip) => (TcpStream::connect((ip, port)).await?, Ok(ServerName::from(std::net::IpAddr::from(ip)))),
        };
        // A frame would else wait until the one before it is acknowledged.
        tcp.set_nodelay(true)?;
        let Some(tls) = &self.tls else { return Ok(Box::new(tcp)) };
        let name = name.map_err(|_| unknown())?;
        Ok(Box::new(tls.connect(name, tcp).await?))
    }
}

impl fmt::Debug for Connector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connector").field("is_encrypted", &self.tls.is_some()).finish()
    }
}

/// The TLS configuration, which names its cryptography: the process's default belongs to the application and may be
/// missing or ambiguous.
fn config() -> Result<ClientConfig> {
    let failed =
        |what| move |error| Error::new(ErrorKind::Config, "set up client").with_message(what).with_source(error);
    let provider = Arc::new(aws_lc_rs::default_provider());
    let builder = ClientConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .map_err(failed("tls versions"))?;
    let verifier = rustls_platform_verifier::Verifier::new(provider).map_err(failed("root certificates"))?;
    // The builder wants roots before it takes a verifier that has its own.
    let mut config = builder.with_root_certificates(RootCertStore::empty()).with_no_client_auth();
    config.dangerous().set_certificate_verifier(Arc::new(verifier));
    // A WebSocket begins as HTTP/1.1.
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(config)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_connector_needs_and_sets_no_default_cryptography() {
        assert!(Connector::new(true).unwrap().tls.is_some());
        assert!(Connector::new(false).unwrap().tls.is_none());
        assert!(rustls::crypto::CryptoProvider::get_default().is_none());
    }
}
