//! One media socket to the application.

use std::sync::Arc;
use std::time::Duration;

use futures_util::{SinkExt as _, StreamExt as _};
use tokio::net::TcpStream;
use tokio::sync::mpsc;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::tungstenite::http::{HeaderValue, Uri};
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{WebSocketStream, client_async};
use url::Url;

use super::{ServerOptions, Shared};
use crate::twilio::{SocketEnd, SocketFault};

/// How long the application may take to accept a socket.
const HANDSHAKE: Duration = Duration::from_secs(5);

/// How long the application may take to answer a close.
const GOODBYE: Duration = Duration::from_secs(2);

/// Messages that wait for an application that does not read: 10 s of audio. What comes on top is dropped.
const WAITING: usize = 500;

/// What the driver tells a socket.
#[derive(Debug)]
pub(super) enum ToSocket {
    Text(String),
    Close,
    Break(SocketFault),
}

pub(super) type Sender = mpsc::Sender<ToSocket>;

pub(super) fn channel() -> (Sender, mpsc::Receiver<ToSocket>) {
    mpsc::channel(WAITING)
}

/// Opens the socket and carries messages until one side ends it.
pub(super) async fn run(
    stream: String,
    url: String,
    signature: String,
    mut orders: mpsc::Receiver<ToSocket>,
    shared: Arc<Shared>,
) {
    let opened = tokio::time::timeout(HANDSHAKE, open(&url, &signature, &shared.options)).await;
    let mut socket = match opened {
        Ok(Ok(socket)) => socket,
        Ok(Err(Refused::Handshake)) => {
            return shared.with(|exchange, now| exchange.socket_refused(now, &stream, 31920));
        }
        Ok(Err(Refused::Connect)) | Err(_) => {
            return shared.with(|exchange, now| exchange.socket_refused(now, &stream, 31901));
        }
    };
    shared.with(|exchange, now| exchange.socket_opened(now, &stream));
    let end = loop {
        tokio::select! {
            biased;
            order = orders.recv() => match order {
                Some(ToSocket::Text(text)) => {
                    if socket.send(Message::text(text)).await.is_err() {
                        break SocketEnd::Lost;
                    }
                }
                Some(ToSocket::Break(fault)) => return break_off(socket, fault).await,
                Some(ToSocket::Close) | None => return close(socket).await,
            },
            message = socket.next() => match message {
                Some(Ok(Message::Text(text))) => {
                    shared.with(|exchange, now| exchange.socket_text(now, &stream, &text));
                }
                // Undocumented, so it counts as a message that is not understood.
                Some(Ok(Message::Binary(_))) => {
                    shared.with(|exchange, now| exchange.socket_text(now, &stream, "binary"));
                }
                Some(Ok(Message::Close(_))) => {
                    let _ = socket.flush().await;
                    break SocketEnd::Closed;
                }
                Some(Ok(_)) => {}
                Some(Err(_)) | None => break SocketEnd::Lost,
            },
        }
    };
    shared.with(|exchange, now| exchange.socket_closed(now, &stream, end));
}

/// Why a socket did not open.
enum Refused {
    Connect,
    Handshake,
}

async fn open(url: &str, signature: &str, options: &ServerOptions) -> Result<WebSocketStream<TcpStream>, Refused> {
    let parsed = Url::parse(url).map_err(|_| Refused::Connect)?;
    let local = options.local(&parsed).ok_or(Refused::Connect)?;
    let tcp = TcpStream::connect(local).await.map_err(|_| Refused::Connect)?;
    tcp.set_nodelay(true).map_err(|_| Refused::Connect)?;
    let uri: Uri = url.parse().map_err(|_| Refused::Connect)?;
    let mut request = uri.into_client_request().map_err(|_| Refused::Connect)?;
    let value = HeaderValue::from_str(signature).map_err(|_| Refused::Connect)?;
    request.headers_mut().insert("x-twilio-signature", value);
    match client_async(request, tcp).await {
        Ok((socket, _)) => Ok(socket),
        Err(Error::Io(_)) => Err(Refused::Connect),
        Err(_) => Err(Refused::Handshake),
    }
}

/// Says goodbye and waits a little for the answer.
async fn close(mut socket: WebSocketStream<TcpStream>) {
    let goodbye = async {
        if socket.close(None).await.is_ok() {
            while let Some(Ok(_)) = socket.next().await {}
        }
    };
    let _ = tokio::time::timeout(GOODBYE, goodbye).await;
}

/// Breaks the connection in the way a fault says.
async fn break_off(socket: WebSocketStream<TcpStream>, fault: SocketFault) {
    match fault {
        SocketFault::Reset => {
            let _ = socket.get_ref().set_zero_linger();
        }
        SocketFault::Fin => {}
        // Held open and never touched again, until the server ends.
        SocketFault::Silence => std::future::pending().await,
    }
}
