//! TLS, as a client.

use std::sync::Arc;

use rustls::crypto::aws_lc_rs;
use rustls::{ClientConfig, RootCertStore};
use voicecall_core::{Error, ErrorKind, Result};

/// What is spoken over a connection, in the order in which it is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Protocol {
    /// HTTP/1.1, and what begins as it.
    Http1,
    /// HTTP/2, or else HTTP/1.1.
    Http2,
    /// Something that names itself otherwise.
    Unnamed,
}

/// A configuration that names its cryptography: the process's default belongs to the application, and may be missing or
/// ambiguous. Certificates are verified by the operating system. Who does not encrypt needs none, so that a machine without
/// any can reach plain servers.
///
/// # Errors
/// `Config` if the machine has no certificates to verify with.
pub fn client_config(encrypted: bool, protocol: Protocol) -> Result<ClientConfig> {
    let failed =
        |what| move |error| Error::new(ErrorKind::Config, "set up client").with_message(what).with_source(error);
    let provider = Arc::new(aws_lc_rs::default_provider());
    let builder = ClientConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .map_err(failed("tls versions"))?;
    let builder = if encrypted {
        let verifier = rustls_platform_verifier::Verifier::new(provider).map_err(failed("root certificates"))?;
        builder.dangerous().with_custom_certificate_verifier(Arc::new(verifier))
    } else {
        builder.with_root_certificates(RootCertStore::empty())
    };
    let mut config = builder.with_no_client_auth();
    config.alpn_protocols = match protocol {
        Protocol::Http1 => vec![b"http/1.1".to_vec()],
        Protocol::Http2 => vec![b"h2".to_vec(), b"http/1.1".to_vec()],
        Protocol::Unnamed => Vec::new(),
    };
    Ok(config)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_default_cryptography_is_needed_or_set() {
        for encrypted in [true, false] {
            client_config(encrypted, Protocol::Http2).unwrap();
        }
        assert!(rustls::crypto::CryptoProvider::get_default().is_none());
    }

    #[test]
    fn what_must_not_share_a_connection_is_never_offered_http2() {
        let offered = |protocol| client_config(true, protocol).unwrap().alpn_protocols;
        assert_eq!(offered(Protocol::Http1), [b"http/1.1".to_vec()]);
        assert_eq!(offered(Protocol::Http2), [b"h2".to_vec(), b"http/1.1".to_vec()]);
        assert!(offered(Protocol::Unnamed).is_empty());
    }
}
