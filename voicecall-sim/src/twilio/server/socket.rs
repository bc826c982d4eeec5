//! One media socket to the application.

use std::sync::Arc;

use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::Error;
use tokio_tungstenite::tungstenite::http::{HeaderMap, HeaderValue};
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use url::Url;

use super::{ServerOptions, Shared};
use crate::media_socket::{self, End, FromApp, HANDSHAKE, MediaSocket};
use crate::twilio::signature::SIGNATURE;
use crate::twilio::{SocketEnd, SocketFault};

pub(super) type Sender = media_socket::Sender<SocketFault>;

/// Opens the socket and carries messages until one side ends it.
pub(super) async fn run(
    stream: String,
    url: String,
    signature: String,
    mut orders: media_socket::Receiver<SocketFault>,
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
    let heard = |message: FromApp| {
        shared.with(|exchange, now| match &message {
            FromApp::Text(text) => exchange.socket_text(now, &stream, text),
            FromApp::Binary => exchange.socket_binary(now, &stream),
        });
    };
    let end = match socket.carry(&mut orders, heard).await {
        End::Ours => return,
        End::Break(fault) => return break_off(socket, fault).await,
        End::Closed(_) => SocketEnd::Closed,
        End::Lost(_) => SocketEnd::Lost,
    };
    shared.with(|exchange, now| exchange.socket_closed(now, &stream, end));
}

/// Why a socket did not open.
enum Refused {
    Connect,
    Handshake,
}

async fn open(url: &str, signature: &str, options: &ServerOptions) -> Result<MediaSocket<TcpStream>, Refused> {
    let parsed = Url::parse(url).map_err(|_| Refused::Connect)?;
    let local = options.local(&parsed).ok_or(Refused::Connect)?;
    let tcp = TcpStream::connect(local).await.map_err(|_| Refused::Connect)?;
    tcp.set_nodelay(true).map_err(|_| Refused::Connect)?;
    let signature = HeaderValue::from_str(signature).map_err(|_| Refused::Connect)?;
    let headers = HeaderMap::from_iter([(SIGNATURE, signature)]);
    MediaSocket::open(tcp, url, headers).await.map_err(|error| match error {
        Error::Io(_) => Refused::Connect,
        _ => Refused::Handshake,
    })
}

/// Breaks the connection in the way a fault says.
async fn break_off(mut socket: MediaSocket<TcpStream>, fault: SocketFault) {
    match fault {
        SocketFault::Reset => {
            let _ = socket.connection().set_zero_linger();
        }
        SocketFault::Fin => {}
        SocketFault::InvalidData => socket.close_as(CloseCode::Invalid).await,
        // Held open and never touched again, until the server ends.
        SocketFault::Silence => std::future::pending().await,
    }
}
