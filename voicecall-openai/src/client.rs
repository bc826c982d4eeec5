//! One HTTP client per endpoint: connection, login, and answers that are not a success turned into errors.

use std::sync::Arc;
use std::time::Duration;

use reqwest::header::{AUTHORIZATION, HeaderValue};
use reqwest::{RequestBuilder, Response, redirect, retry};
use rustls::ClientConfig;
use rustls::crypto::aws_lc_rs;
use secrecy::ExposeSecret;
use url::Url;
use voicecall_core::model::Timeouts;
use voicecall_core::{Error, ErrorKind, Result};

use crate::endpoint::Endpoint;
use crate::failure;

/// The longest answer that is read as a whole; a transcript of ten minutes with all its details is far shorter.
const MAX_ANSWER: usize = 4 * 1024 * 1024;

/// How often a connection that carries several answers is asked whether it still stands, and how long it may take.
const PING: Duration = Duration::from_secs(5);
const PONG: Duration = Duration::from_secs(3);

/// Whether answers may share a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Connections {
    /// They may, where the server can do it (HTTP/2), which saves handshakes: for short answers that are read at once.
    Shared,
    /// Each has its own while it lasts (HTTP/1.1). Answers on one connection share its flow control, so an utterance that
    /// waits to be played would hold up the utterances of other calls.
    OnePerAnswer,
}

/// An endpoint that can be asked. Every request is sent once: repeating it belongs to the caller, who knows how long
/// a caller on the phone has been waiting already.
#[derive(Debug, Clone)]
pub(crate) struct Client {
    http: reqwest::Client,
    login: Option<HeaderValue>,
    endpoint: Arc<Endpoint>,
    url: Url,
}

impl Client {
    /// A client for the operation of `endpoint` at `path`.
    pub(crate) fn new(endpoint: Endpoint, path: &[&str], connections: Connections) -> Result<Self> {
        let mut builder = reqwest::Client::builder()
            .tls_backend_preconfigured(tls(&endpoint, connections)?)
            .connect_timeout(endpoint.timeouts().connect)
            .tcp_nodelay(true)
            // A redirected POST would arrive as a GET, or take the key to another host.
            .redirect(redirect::Policy::none())
            .retry(retry::never());
        builder = match connections {
            // A path that died without a word would else take all answers with it until the system gives it up.
            Connections::Shared => {
                builder.http2_keep_alive_interval(PING).http2_keep_alive_timeout(PONG).http2_keep_alive_while_idle(true)
            }
            Connections::OnePerAnswer => builder.http1_only(),
        };
        if endpoint.is_loopback() {
            builder = builder.no_proxy();
        }
        let http = builder.build().map_err(|error| configuration("http client").with_source(error))?;
        let url = endpoint.url(path);
        Ok(Self { http, login: login(&endpoint)?, endpoint: Arc::new(endpoint), url })
    }

    pub(crate) fn name(&self) -> &'static str {
        self.endpoint.name()
    }

    pub(crate) fn model(&self) -> &str {
        self.endpoint.model()
    }

    pub(crate) fn timeouts(&self) -> Timeouts {
        self.endpoint.timeouts()
    }

    /// A request with login.
    pub(crate) fn post(&self) -> RequestBuilder {
        let request = self.http.post(self.url.clone());
        match &self.login {
            Some(login) => request.header(AUTHORIZATION, login),
            None => request,
        }
    }

    /// Sends a request and waits until a successful answer begins.
    pub(crate) async fn send(&self, operation: &'static str, request: RequestBuilder) -> Result<Response> {
        let response = request.send().await.map_err(|error| failure::of_transport(operation, error))?;
        if response.status().is_success() {
            return Ok(response);
        }
        Err(failure::of_answer(operation, response).await)
    }

    /// Reads an answer as a whole.
    pub(crate) async fn read(&self, operation: &'static str, mut response: Response) -> Result<Vec<u8>> {
        let mut body = Vec::new();
        while let Some(bytes) = response.chunk().await.map_err(|error| failure::of_transport(operation, error))? {
            body.extend_from_slice(&bytes);
            if body.len() > MAX_ANSWER {
                return Err(Error::new(ErrorKind::Protocol, operation).with_message("an endless answer"));
            }
        }
        Ok(body)
    }

    /// Says in an error whose answer it was.
    pub(crate) fn name_in(&self, error: Error) -> Error {
        error.with_provider(self.name())
    }
}

fn login(endpoint: &Endpoint) -> Result<Option<HeaderValue>> {
    let Some(key) = endpoint.api_key() else { return Ok(None) };
    let mut login = HeaderValue::from_str(&format!("Bearer {}", key.expose_secret().trim()))
        .map_err(|_| Error::config("api_key", "a key of visible characters"))?;
    login.set_sensitive(true);
    Ok(Some(login))
}

/// The TLS configuration, which names its cryptography: the process's default belongs to the application and may be
/// missing or ambiguous.
fn tls(endpoint: &Endpoint, connections: Connections) -> Result<ClientConfig> {
    let provider = Arc::new(aws_lc_rs::default_provider());
    let builder = ClientConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .map_err(|error| configuration("tls versions").with_source(error))?;
    let builder = if endpoint.is_encrypted() {
        let verifier = rustls_platform_verifier::Verifier::new(provider)
            .map_err(|error| configuration("root certificates").with_source(error))?;
        builder.dangerous().with_custom_certificate_verifier(Arc::new(verifier))
    } else {
        // A plain server needs no certificates, so a machine without any can use it.
        builder.with_root_certificates(rustls::RootCertStore::empty())
    };
    let mut tls = builder.with_no_client_auth();
    tls.alpn_protocols = match connections {
        Connections::Shared => vec![b"h2".to_vec(), b"http/1.1".to_vec()],
        Connections::OnePerAnswer => vec![b"http/1.1".to_vec()],
    };
    Ok(tls)
}

fn configuration(what: &'static str) -> Error {
    Error::new(ErrorKind::Config, "set up client").with_message(what)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_client_needs_and_sets_no_default_cryptography() {
        for base in ["https://api.openai.com/v1", "http://localhost:11434/v1"] {
            Client::new(Endpoint::new(base, "m").unwrap(), &["x"], Connections::Shared).unwrap();
        }
        assert!(rustls::crypto::CryptoProvider::get_default().is_none());
    }

    #[test]
    fn answers_that_must_not_share_a_connection_are_never_offered_http2() {
        let endpoint = Endpoint::openai("sk", "m").unwrap();
        let offered = |connections| tls(&endpoint, connections).unwrap().alpn_protocols;
        assert_eq!(offered(Connections::OnePerAnswer), [b"http/1.1".to_vec()]);
        assert_eq!(offered(Connections::Shared), [b"h2".to_vec(), b"http/1.1".to_vec()]);
    }

    #[test]
    fn the_key_is_sensitive_and_must_be_sendable() {
        let login = |key: &str| login(&Endpoint::openai(key, "m").unwrap());
        let header = login("sk-1\n").unwrap().unwrap();
        assert_eq!(header.to_str().unwrap(), "Bearer sk-1");
        assert!(header.is_sensitive());
        assert_eq!(login("sk\n1").unwrap_err().field(), Some("api_key"));
    }
}
