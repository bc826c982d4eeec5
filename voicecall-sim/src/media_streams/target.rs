//! The server that is called, and how it is reached.

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::sync::Arc;

use rustls::ClientConfig;
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_tungstenite::tungstenite;
use tokio_tungstenite::tungstenite::http::{HeaderMap, HeaderName, HeaderValue};
use url::Url;
use voicecall_core::{Error, ErrorKind, Result};

use super::report::CallEnd;
use crate::media_socket::{HANDSHAKE, MediaSocket};
use crate::twilio::sign;
use crate::twilio::signature::SIGNATURE;

/// A Media Streams server.
#[derive(Clone)]
pub struct Target {
    url: String,
    host: String,
    port: u16,
    /// For `wss`.
    tls: Option<TlsConnector>,
    headers: HeaderMap,
    parameters: BTreeMap<String, String>,
    account_sid: String,
}

/// A connection, with or without TLS.
pub(super) trait Connection: AsyncRead + AsyncWrite + Unpin + Send {}

impl<T: AsyncRead + AsyncWrite + Unpin + Send> Connection for T {}

impl Target {
    /// The server at a `ws` or `wss` address. Certificates are checked as the machine does; on Linux, `SSL_CERT_FILE` names others.
    ///
    /// # Errors
    /// [`Config`](ErrorKind::Config) if the address is another, or has a query, which Twilio does not send.
    pub fn new(url: &str) -> Result<Self> {
        let wrong = |message: &str| Error::config("url", format!("{url}: {message}"));
        let parsed = Url::parse(url).map_err(|error| wrong(&error.to_string()))?;
        if !matches!(parsed.scheme(), "ws" | "wss") {
            return Err(wrong("expected ws://… or wss://…"));
        }
        if parsed.query().is_some() || parsed.fragment().is_some() {
            return Err(wrong("Twilio leaves out what follows `?` or `#`; use custom parameters"));
        }
        let (Some(host), Some(port)) = (parsed.host_str(), parsed.port_or_known_default()) else {
            return Err(wrong("expected a host"));
        };
        // Brackets belong to the address, not to the host.
        let host = host.trim_start_matches('[').trim_end_matches(']').to_owned();
        let tls = if parsed.scheme() == "wss" { Some(tls()?) } else { None };
        Ok(Self {
            url: url.to_owned(),
            host,
            port,
            tls,
            headers: HeaderMap::new(),
            parameters: BTreeMap::new(),
            account_sid: format!("AC{:032x}", 1),
        })
    }

    /// Sends another header with the request to open the socket.
    ///
    /// # Errors
    /// [`Config`](ErrorKind::Config) if it is none.
    pub fn header(mut self, name: &str, value: &str) -> Result<Self> {
        let wrong = |error: &dyn std::error::Error| Error::config("header", format!("{name}: {error}"));
        let name = HeaderName::from_bytes(name.as_bytes()).map_err(|error| wrong(&error))?;
        let value = HeaderValue::from_str(value).map_err(|error| wrong(&error))?;
        self.headers.insert(name, value);
        Ok(self)
    }

    /// Signs the request as Twilio does, with the account's token. `public_url` is the address that is signed, if the server knows
    /// itself by another than the one that is called.
    #[must_use]
    #[expect(clippy::expect_used, clippy::missing_panics_doc, reason = "base64 is visible ASCII")]
    pub fn signed(mut self, auth_token: &str, public_url: Option<&str>) -> Self {
        let signature = sign(auth_token, public_url.unwrap_or(&self.url), &[]);
        self.headers.insert(SIGNATURE, HeaderValue::try_from(signature).expect("visible ASCII"));
        self
    }

    /// Sends a custom parameter with `start`, as `<Parameter>` in TwiML does.
    #[must_use]
    pub fn parameter(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.parameters.insert(name.into(), value.into());
        self
    }

    /// The account SID that the server is told; a made-up one if not told otherwise.
    #[must_use]
    pub fn account_sid(mut self, sid: impl Into<String>) -> Self {
        self.account_sid = sid.into();
        self
    }

    pub(super) fn url(&self) -> &str {
        &self.url
    }

    pub(super) fn account(&self) -> String {
        self.account_sid.clone()
    }

    pub(super) fn parameters(&self) -> BTreeMap<String, String> {
        self.parameters.clone()
    }

    /// Opens a media socket.
    ///
    /// # Errors
    /// How the call ended, if there is none.
    pub(super) async fn open(&self) -> Result<MediaSocket<Box<dyn Connection>>, CallEnd> {
        let opened = tokio::time::timeout(HANDSHAKE, async {
            let connection = self.connect().await.map_err(|error| unreachable(&error))?;
            MediaSocket::open(connection, &self.url, self.headers.clone()).await.map_err(|error| refused(&error))
        });
        opened.await.unwrap_or_else(|_| {
            Err(CallEnd::Unreachable { reason: format!("no answer within {} s", HANDSHAKE.as_secs()) })
        })
    }

    async fn connect(&self) -> std::io::Result<Box<dyn Connection>> {
        let tcp = TcpStream::connect((self.host.as_str(), self.port)).await?;
        tcp.set_nodelay(true)?;
        let Some(tls) = &self.tls else { return Ok(Box::new(tcp)) };
        let name = ServerName::try_from(self.host.clone()).map_err(std::io::Error::other)?;
        Ok(Box::new(tls.connect(name, tcp).await?))
    }
}

impl Debug for Target {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // Headers hold credentials.
        f.debug_struct("Target").field("url", &self.url).field("parameters", &self.parameters).finish_non_exhaustive()
    }
}

fn unreachable(error: &std::io::Error) -> CallEnd {
    CallEnd::Unreachable { reason: error.to_string() }
}

fn refused(error: &tungstenite::Error) -> CallEnd {
    match error {
        tungstenite::Error::Http(answer) => {
            let status = answer.status();
            let reason = status.canonical_reason().unwrap_or("an unknown status").to_owned();
            CallEnd::Refused { status: Some(status.as_u16()), reason }
        }
        tungstenite::Error::Io(error) => unreachable(error),
        other => CallEnd::Refused { status: None, reason: other.to_string() },
    }
}

/// TLS that names its cryptography: the process's default belongs to the application and may be missing.
fn tls() -> Result<TlsConnector> {
    let set_up = |error| Error::new(ErrorKind::Config, "set up TLS").with_source(error);
    let provider = Arc::new(aws_lc_rs::default_provider());
    let builder = ClientConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .map_err(set_up)?;
    let verifier = rustls_platform_verifier::Verifier::new(provider).map_err(set_up)?;
    let builder = builder.dangerous().with_custom_certificate_verifier(Arc::new(verifier));
    Ok(TlsConnector::from(Arc::new(builder.with_no_client_auth())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_of_sockets_and_have_no_query() {
        for (url, port) in [("ws://127.0.0.1:8080/media", 8080), ("ws://[::1]/media", 80), ("ws://host.example", 80)] {
            assert_eq!(Target::new(url).unwrap().port, port, "{url}");
        }
        for (url, named) in [
            ("http://host.example/media", "ws://"),
            ("wss://host.example/media?token=1", "custom parameters"),
            ("media", "relative"),
        ] {
            let error = Target::new(url).unwrap_err();
            assert_eq!(error.field(), Some("url"));
            assert!(error.to_string().contains(named), "{error}");
        }
    }

    #[test]
    fn the_signature_is_of_the_address_that_the_server_knows() {
        let target = || Target::new("ws://127.0.0.1:1/media").unwrap();
        let signature = |target: Target| target.headers[SIGNATURE].to_str().unwrap().to_owned();
        let public = signature(target().signed("12345", Some("wss://example.com/media")));
        assert_eq!(public, "7PR3qMkpDyEJtMrVOY/LDyNq8J8=");
        assert_ne!(signature(target().signed("12345", None)), public);
    }

    #[test]
    fn headers_are_checked_and_not_shown() {
        let target = Target::new("ws://127.0.0.1:1/").unwrap();
        assert_eq!(target.clone().header("a b", "c").unwrap_err().field(), Some("header"));
        assert_eq!(target.clone().header("a", "\n").unwrap_err().field(), Some("header"));
        let target = target.header("authorization", "Bearer hidden").unwrap();
        assert!(!format!("{target:?}").contains("hidden"));
    }
}
