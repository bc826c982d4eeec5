//! One socket to Deepgram: the handshake, and messages in both directions without waiting for either.

use std::fmt;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use futures_util::{SinkExt as _, StreamExt as _};
use secrecy::ExposeSecret as _;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::tungstenite::http::HeaderValue;
use tokio_tungstenite::tungstenite::http::header::AUTHORIZATION;
use tokio_tungstenite::tungstenite::protocol::{CloseFrame, WebSocketConfig};
use tokio_tungstenite::tungstenite::{Error as SocketError, Message, Utf8Bytes};
use tokio_tungstenite::{WebSocketStream, client_async_with_config};
use url::Url;
use voicecall_core::audio::Frame;
use voicecall_core::{Error, ErrorKind, Result};

use crate::connection::{Connection, Connector};
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
        let connector = Connector::new(endpoint.is_encrypted())?;
        let login = endpoint.login().map(login).transpose()?;
        Ok(Self { endpoint: Arc::new(endpoint), connector, login })
    }

    /// Opens a socket at `url`.
    pub(crate) async fn open(&self, url: &Url) -> Result<Socket> {
        let limit = self.endpoint.timeouts().connect;
        let opened = timeout(limit, self.shake_hands(url)).await;
        opened.unwrap_or_else(|_| Err(failure::of_silence("no socket", limit)))
    }

    async fn shake_hands(&self, url: &Url) -> Result<Socket> {
        let mut request = url.as_str().into_client_request().map_err(|error| {
            Error::new(ErrorKind::Config, failure::OPERATION).with_field("base_url").with_source(error)
        })?;
        if let Some(login) = &self.login {
            request.headers_mut().insert(AUTHORIZATION, login.clone());
        }
        let connection = self.connector.connect(url).await.map_err(failure::of_connecting)?;
        let config =
            WebSocketConfig::default().max_message_size(Some(LONGEST_MESSAGE)).max_frame_size(Some(LONGEST_MESSAGE));
        let (socket, response) =
            client_async_with_config(request, connection, Some(config)).await.map_err(failure::of_handshake)?;
        let id = response.headers().get("dg-request-id").and_then(|id| id.to_str().ok()).and_then(name);
        tracing::debug!(request = id, "a socket to Deepgram is open");
        Ok(Socket(socket))
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

/// An open socket.
pub(crate) struct Socket(WebSocketStream<Box<dyn Connection>>);

/// What came, or how it ended.
#[derive(Debug)]
pub(crate) enum Received {
    Text(Utf8Bytes),
    Closed(Option<CloseFrame>),
    Lost(Option<SocketError>),
}

impl Socket {
    /// The next that came.
    pub(crate) fn poll_receive(&mut self, cx: &mut Context<'_>) -> Poll<Received> {
        loop {
            return Poll::Ready(match std::task::ready!(self.0.poll_next_unpin(cx)) {
                Some(Ok(Message::Text(text))) => Received::Text(text),
                Some(Ok(Message::Close(frame))) => Received::Closed(frame),
                // Pings are answered below.
                Some(Ok(_)) => continue,
                Some(Err(error)) => Received::Lost(Some(error)),
                None => Received::Lost(None),
            });
        }
    }

    /// Whether there is room for a message.
    pub(crate) fn poll_room(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), SocketError>> {
        self.0.poll_ready_unpin(cx)
    }

    /// Sends a frame, as it is.
    pub(crate) fn send_audio(&mut self, frame: &Frame) -> Result<(), SocketError> {
        self.0.start_send_unpin(Message::Binary(Bytes::copy_from_slice(frame.as_bytes())))
    }

    pub(crate) fn send_text(&mut self, text: &'static str) -> Result<(), SocketError> {
        self.0.start_send_unpin(Message::Text(Utf8Bytes::from_static(text)))
    }

    /// Hands everything that was sent to the network.
    pub(crate) fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), SocketError>> {
        self.0.poll_flush_unpin(cx)
    }
}

impl fmt::Debug for Socket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Socket")
    }
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
