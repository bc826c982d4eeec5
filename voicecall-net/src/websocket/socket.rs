//! An open socket.

use std::fmt;
use std::future::poll_fn;
use std::task::{Context, Poll, ready};

use futures_util::stream::{SplitSink, SplitStream};
use futures_util::{SinkExt as _, StreamExt as _};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::protocol::CloseFrame;
use tokio_tungstenite::tungstenite::{Bytes, Error as SocketError, Message, Utf8Bytes};

/// A stream of bytes in both directions.
pub(super) trait Connection: AsyncRead + AsyncWrite + Unpin + Send {}

impl<C: AsyncRead + AsyncWrite + Unpin + Send> Connection for C {}

/// An open socket. Dropping it closes the connection.
pub struct Socket(WebSocketStream<Box<dyn Connection>>);

/// What came, or how it ended.
#[derive(Debug)]
pub enum Received {
    /// A text message.
    Text(Utf8Bytes),
    /// The other side closes the socket, and may say why.
    Closed(Option<CloseFrame>),
    /// The socket broke, or ended without a goodbye.
    Lost(Option<SocketError>),
}

impl Socket {
    pub(super) fn new(socket: WebSocketStream<Box<dyn Connection>>) -> Self {
        Self(socket)
    }

    /// The next that came. Pings are answered, and binary messages left out.
    pub fn poll_receive(&mut self, cx: &mut Context<'_>) -> Poll<Received> {
        loop {
            if let Some(received) = received(ready!(self.0.poll_next_unpin(cx))) {
                return Poll::Ready(received);
            }
        }
    }

    /// Whether there is room for a message.
    ///
    /// # Errors
    /// When the socket is broken.
    pub fn poll_room(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), SocketError>> {
        self.0.poll_ready_unpin(cx)
    }

    /// Queues bytes; to be asked once there is [room](Self::poll_room).
    ///
    /// # Errors
    /// When the socket is broken.
    pub fn start_bytes(&mut self, bytes: &[u8]) -> Result<(), SocketError> {
        self.0.start_send_unpin(Message::Binary(Bytes::copy_from_slice(bytes)))
    }

    /// Queues a text; to be asked once there is [room](Self::poll_room).
    ///
    /// # Errors
    /// When the socket is broken.
    pub fn start_text(&mut self, text: impl Into<Utf8Bytes>) -> Result<(), SocketError> {
        self.0.start_send_unpin(Message::Text(text.into()))
    }

    /// Hands everything that was queued to the network.
    ///
    /// # Errors
    /// When the socket is broken.
    pub fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), SocketError>> {
        self.0.poll_flush_unpin(cx)
    }

    /// Waits for the next that came. Cancelling it loses nothing.
    pub async fn receive(&mut self) -> Received {
        poll_fn(|cx| self.poll_receive(cx)).await
    }

    /// The socket as two halves, each to be waited for by itself. Dropping both closes the connection.
    #[must_use]
    pub fn split(self) -> (SocketSender, SocketReceiver) {
        let (sink, stream) = self.0.split();
        (SocketSender(sink), SocketReceiver(stream))
    }
}

/// The half of a socket that sends.
pub struct SocketSender(SplitSink<WebSocketStream<Box<dyn Connection>>, Message>);

impl SocketSender {
    /// Sends a text. A future that is dropped has broken the socket.
    ///
    /// # Errors
    /// When the socket is broken.
    pub async fn send_text(&mut self, text: impl Into<Utf8Bytes> + Send) -> Result<(), SocketError> {
        self.0.send(Message::Text(text.into())).await
    }
}

/// The half of a socket that receives.
pub struct SocketReceiver(SplitStream<WebSocketStream<Box<dyn Connection>>>);

impl SocketReceiver {
    /// Waits for the next that came. Cancelling it loses nothing.
    pub async fn receive(&mut self) -> Received {
        loop {
            if let Some(received) = received(self.0.next().await) {
                return received;
            }
        }
    }
}

/// What a message is to us; nothing if it is a ping, which is answered below, or binary.
fn received(message: Option<Result<Message, SocketError>>) -> Option<Received> {
    Some(match message {
        Some(Ok(Message::Text(text))) => Received::Text(text),
        Some(Ok(Message::Close(frame))) => Received::Closed(frame),
        Some(Ok(_)) => return None,
        Some(Err(error)) => Received::Lost(Some(error)),
        None => Received::Lost(None),
    })
}

impl fmt::Debug for Socket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Socket")
    }
}

impl fmt::Debug for SocketSender {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SocketSender")
    }
}

impl fmt::Debug for SocketReceiver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SocketReceiver")
    }
}
