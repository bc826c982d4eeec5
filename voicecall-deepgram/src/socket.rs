//! The way to Deepgram: login and the handshake.

use std::sync::Arc;

use secrecy::ExposeSecret as _;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::http::header::AUTHORIZATION;
use tokio_tungstenite::tungstenite::http::{HeaderMap, HeaderValue};
use url::Url;
use voicecall_core::{Error, Result};
use voicecall_net::websocket::{Connector, Socket};

use crate::endpoint::{Endpoint, Login};
use crate::failure;
use crate::wire::name;

/// The longest message that is read, in bytes: a final result with all words of half a minute is a twentieth of it.
const LONGEST_MESSAGE: usize = 1 << 20;

/// What opens sockets at one endpoint.
#[derive(Debug, Clone)]
pub(crate) struct Client {
    pub(crate) endpoint: Arc<Endpoint>,
    connector: Connector,
    login: Option<HeaderValue>,
}

impl Client {
    pub(crate) fn new(endpoint: Endpoint) -> Result<Self> {
        let connector = Connector::new(endpoint.address().is_encrypted(), LONGEST_MESSAGE)?;
        let login = endpoint.login().map(login).transpose()?;
        Ok(Self { endpoint: Arc::new(endpoint), connector, login })
    }

    /// Opens a socket at `url`.
    pub(crate) async fn open(&self, url: &Url) -> Result<Socket> {
        let limit = self.endpoint.timeouts().connect;
        let headers: HeaderMap = self.login.iter().map(|login| (AUTHORIZATION, login.clone())).collect();
        let opened = timeout(limit, self.connector.open(url, headers)).await;
        let opened = opened.map_err(|_| failure::of_silence("no socket", limit))?;
        let (socket, headers) = opened.map_err(failure::of_handshake)?;
        let id = headers.get("dg-request-id").and_then(|id| id.to_str().ok()).and_then(name);
        tracing::debug!(request = id, "a socket to Deepgram is open");
        Ok(socket)
    }
}

fn login(login: &Login) -> Result<HeaderValue> {
    let (scheme, secret) = match login {
        Login::Key(key) => ("Token", key),
        Login::Token(token) => ("Bearer", token),
    };
    let mut header = HeaderValue::from_str(&format!("{scheme} {}", secret.expose_secret().trim()))
        .map_err(|_| Error::config("api_key", "a key of visible characters"))?;
    header.set_sensitive(true);
    Ok(header)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_key_is_sensitive_and_must_be_sendable() {
        let header = |endpoint: Endpoint| login(endpoint.login().unwrap());
        let endpoint = Endpoint::deepgram("dg-1\n", "m").unwrap();
        let key = header(endpoint.clone()).unwrap();
        assert_eq!(key.to_str().unwrap(), "Token dg-1");
        assert!(key.is_sensitive());
        assert_eq!(header(endpoint.with_access_token("jwt")).unwrap().to_str().unwrap(), "Bearer jwt");
        assert_eq!(Client::new(Endpoint::deepgram("d\n1", "m").unwrap()).unwrap_err().field(), Some("api_key"));
        let client = Client::new(Endpoint::deepgram("dg-canary", "m").unwrap()).unwrap();
        assert!(!format!("{client:?}").contains("canary"));
    }
}
