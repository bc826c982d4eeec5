//! The HTTP client of an account: connections, login, and answers that are not a success turned into errors.

use std::sync::Arc;

use reqwest::header::{HeaderName, HeaderValue};
use reqwest::{Method, RequestBuilder, Response, redirect, retry};
use rustls::ClientConfig;
use rustls::crypto::aws_lc_rs;
use secrecy::ExposeSecret;
use voicecall_core::model::Timeouts;
use voicecall_core::{Error, ErrorKind, Result};

use crate::PROVIDER;
use crate::endpoint::Endpoint;
use crate::failure::{self, Concurrency};

/// The longest answer that is read as a whole: the previews of a designed voice are the longest, with half a minute of MP3 each.
const MAX_ANSWER: usize = 16 * 1024 * 1024;

const LOGIN: HeaderName = HeaderName::from_static("xi-api-key");

/// An account that can be asked. Every request is sent once: repeating it belongs to the caller, who knows how long
/// a caller on the phone has been waiting already.
///
/// Each answer has a connection of its own while it lasts (HTTP/1.1), which is kept for the next one. On a shared one an
/// utterance that waits to be played would hold up those of other calls.
#[derive(Debug, Clone)]
pub(crate) struct Client {
    http: reqwest::Client,
    login: HeaderValue,
    endpoint: Arc<Endpoint>,
}

impl Client {
    pub(crate) fn new(endpoint: Endpoint) -> Result<Self> {
        let mut builder = reqwest::Client::builder()
            .tls_backend_preconfigured(tls(&endpoint)?)
            .connect_timeout(endpoint.timeouts().connect)
            .tcp_nodelay(true)
            .http1_only()
            // A redirected POST would arrive as a GET, or take the key to another host.
            .redirect(redirect::Policy::none())
            .retry(retry::never());
        if endpoint.is_loopback() {
            builder = builder.no_proxy();
        }
        let http = builder.build().map_err(|error| configuration("http client").with_source(error))?;
        Ok(Self { http, login: login(&endpoint)?, endpoint: Arc::new(endpoint) })
    }

    pub(crate) fn timeouts(&self) -> Timeouts {
        self.endpoint.timeouts()
    }

    /// A request with login to the operation at `path`.
    pub(crate) fn request(&self, method: Method, path: &[&str]) -> RequestBuilder {
        self.http.request(method, self.endpoint.url(path)).header(LOGIN, &self.login)
    }

    /// Sends a request and waits until a successful answer begins.
    pub(crate) async fn send(&self, operation: &'static str, request: RequestBuilder) -> Result<Response> {
        let response = request.send().await.map_err(|error| failure::of_transport(operation, error))?;
        if response.status().is_success() {
            let Concurrency { current, maximum } = Concurrency::read(response.headers());
            tracing::debug!(provider = PROVIDER, operation, current, maximum, "concurrent requests");
            return Ok(response);
        }
        Err(failure::of_answer(operation, response).await)
    }

    /// Sends a request and reads its answer as a whole.
    pub(crate) async fn read(&self, operation: &'static str, request: RequestBuilder) -> Result<Vec<u8>> {
        let mut response = self.send(operation, request).await?;
        let mut body = Vec::new();
        while let Some(bytes) = response.chunk().await.map_err(|error| failure::of_transport(operation, error))? {
            body.extend_from_slice(&bytes);
            if body.len() > MAX_ANSWER {
                return Err(Error::new(ErrorKind::Protocol, operation).with_message("an endless answer"));
            }
        }
        Ok(body)
    }
}

fn login(endpoint: &Endpoint) -> Result<HeaderValue> {
    let mut login = HeaderValue::from_str(endpoint.api_key().expose_secret().trim())
        .map_err(|_| Error::config("api_key", "a key of visible characters"))?;
    login.set_sensitive(true);
    Ok(login)
}

/// The TLS configuration, which names its cryptography: the process's default belongs to the application and may be
/// missing or ambiguous.
fn tls(endpoint: &Endpoint) -> Result<ClientConfig> {
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
    tls.alpn_protocols = vec![b"http/1.1".to_vec()];
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
        for base in ["https://api.elevenlabs.io", "http://localhost:9000"] {
            Client::new(Endpoint::new("key").unwrap().with_base_url(base).unwrap()).unwrap();
        }
        assert!(rustls::crypto::CryptoProvider::get_default().is_none());
    }

    #[test]
    fn the_key_is_sensitive_and_must_be_sendable() {
        let login = |key: &str| login(&Endpoint::new(key).unwrap());
        let header = login("canary-1\n").unwrap();
        assert_eq!(header.to_str().unwrap(), "canary-1");
        assert!(header.is_sensitive());
        let error = login("canary\n1").unwrap_err();
        assert_eq!(error.field(), Some("api_key"));
        assert!(!format!("{error:?}").contains("canary"));
        let client = Client::new(Endpoint::new("canary-1").unwrap()).unwrap();
        assert!(!format!("{client:?}").contains("canary"));
    }
}
