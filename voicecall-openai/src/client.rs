//! One HTTP client per endpoint: connection, login, and answers that are not a success turned into errors.

use std::sync::Arc;

use reqwest::header::{AUTHORIZATION, HeaderValue};
use reqwest::{RequestBuilder, Response};
use secrecy::ExposeSecret;
use url::Url;
use voicecall_core::model::Timeouts;
use voicecall_core::{Error, Result};
use voicecall_net::http::{Connections, Service, client, read_whole, transport_failure};

use crate::endpoint::Endpoint;
use crate::failure;

/// The longest answer that is read as a whole; a transcript of ten minutes with all its details is far shorter.
const MAX_ANSWER: usize = 4 * 1024 * 1024;

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
        let http = client(endpoint.address(), endpoint.timeouts().connect, connections)?;
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

    /// Reads an answer as a whole.
    pub(crate) async fn read(&self, operation: &'static str, response: Response) -> Result<Vec<u8>> {
        read_whole(operation, response, MAX_ANSWER).await
    }

    /// Says in an error whose answer it was.
    pub(crate) fn name_in(&self, error: Error) -> Error {
        error.with_provider(self.name())
    }
}

impl Service for Client {
    async fn send(&self, operation: &'static str, request: RequestBuilder) -> Result<Response> {
        let response = request.send().await.map_err(|error| transport_failure(operation, error))?;
        if response.status().is_success() {
            return Ok(response);
        }
        Err(failure::of_answer(operation, response).await)
    }
}

pub(crate) fn login(endpoint: &Endpoint) -> Result<Option<HeaderValue>> {
    let Some(key) = endpoint.api_key() else { return Ok(None) };
    let mut login = HeaderValue::from_str(&format!("Bearer {}", key.expose_secret().trim()))
        .map_err(|_| Error::config("api_key", "a key of visible characters"))?;
    login.set_sensitive(true);
    Ok(Some(login))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_key_is_sensitive_and_must_be_sendable() {
        let login = |key: &str| login(&Endpoint::openai(key, "m").unwrap());
        let header = login("sk-1\n").unwrap().unwrap();
        assert_eq!(header.to_str().unwrap(), "Bearer sk-1");
        assert!(header.is_sensitive());
        assert_eq!(login("sk\n1").unwrap_err().field(), Some("api_key"));
    }
}
