//! The HTTP client of an account: connections, login, and answers that are not a success turned into errors.

use std::sync::Arc;

use reqwest::header::{HeaderName, HeaderValue};
use reqwest::{Method, RequestBuilder, Response};
use secrecy::ExposeSecret;
use voicecall_core::model::Timeouts;
use voicecall_core::{Error, Result};
use voicecall_net::http::{Connections, Service, client, read_whole, transport_failure};

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
        let http = client(endpoint.address(), endpoint.timeouts().connect, Connections::OnePerAnswer)?;
        Ok(Self { http, login: login(&endpoint)?, endpoint: Arc::new(endpoint) })
    }

    pub(crate) fn timeouts(&self) -> Timeouts {
        self.endpoint.timeouts()
    }

    /// A request with login to the operation at `path`.
    pub(crate) fn request(&self, method: Method, path: &[&str]) -> RequestBuilder {
        self.http.request(method, self.endpoint.url(path)).header(LOGIN, &self.login)
    }

    /// Sends a request and reads its answer as a whole.
    pub(crate) async fn read(&self, operation: &'static str, request: RequestBuilder) -> Result<Vec<u8>> {
        let response = self.send(operation, request).await?;
        read_whole(operation, response, MAX_ANSWER).await.map_err(|error| error.with_provider(PROVIDER))
    }
}

impl Service for Client {
    async fn send(&self, operation: &'static str, request: RequestBuilder) -> Result<Response> {
        let response =
            request.send().await.map_err(|error| transport_failure(operation, error).with_provider(PROVIDER))?;
        if response.status().is_success() {
            let Concurrency { current, maximum } = Concurrency::read(response.headers());
            tracing::debug!(provider = PROVIDER, operation, current, maximum, "concurrent requests");
            return Ok(response);
        }
        Err(failure::of_answer(operation, response).await)
    }
}

fn login(endpoint: &Endpoint) -> Result<HeaderValue> {
    let mut login = HeaderValue::from_str(endpoint.api_key().expose_secret().trim())
        .map_err(|_| Error::config("api_key", "a key of visible characters"))?;
    login.set_sensitive(true);
    Ok(login)
}

#[cfg(test)]
mod tests {
    use super::*;

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
