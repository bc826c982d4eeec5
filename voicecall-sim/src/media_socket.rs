//! One media socket as the carrier holds it: the client's side of the WebSocket.

use std::time::Duration;

use futures_util::{SinkExt as _, StreamExt as _};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::mpsc;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::tungstenite::http::{HeaderMap, Uri};
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::protocol::{CloseFrame, WebSocketConfig};
use tokio_tungstenite::tungstenite::{Error, Message, Utf8Bytes};
use tokio_tungstenite::{WebSocketStream, client_async_with_config};

/// How long the application may take to accept a socket.
pub(crate) const HANDSHAKE: Duration = Duration::from_secs(5);

/// How long the application may take to answer a close.
const GOODBYE: Duration = Duration::from_secs(2);

/// Messages that wait for an application that does not read: 10 s of audio. What comes on top is dropped.
const WAITING: usize = 500;

/// The longest message that is read, in bytes. The carrier names no limit; all the audio it would keep fits twice.
pub(crate) const LONGEST_MESSAGE: usize = 16 << 20;

/// What a socket is told.
#[derive(Debug)]
pub(crate) enum ToSocket<Fault> {
    Text(String),
    Close,
    Break(Fault),
}

pub(crate) type Sender<Fault> = mpsc::Sender<ToSocket<Fault>>;
pub(crate) type Receiver<Fault> = mpsc::Receiver<ToSocket<Fault>>;

pub(crate) fn channel<Fault>() -> (Sender<Fault>, Receiver<Fault>) {
    mpsc::channel(WAITING)
}

/// What the application sends.
#[derive(Debug)]
pub(crate) enum FromApp {
    Text(Utf8Bytes),
    Binary,
}

/// How a socket ended.
#[derive(Debug)]
pub(crate) enum End<Fault> {
    /// We closed it.
    Ours,
    /// We were told to break it.
    Break(Fault),
    /// The application closed it, with this code and reason, if it gave any.
    Closed(Option<CloseFrame>),
    /// It broke; without an error the connection simply ended.
    Lost(Option<Error>),
}

/// An open socket over any connection.
#[derive(Debug)]
pub(crate) struct MediaSocket<S>(WebSocketStream<S>);

impl<S: AsyncRead + AsyncWrite + Unpin + Send> MediaSocket<S> {
    /// Asks whoever is behind `connection` to open the socket at `url`.
    ///
    /// # Errors
    /// `Error::Http` with the answer if it is another than 101.
    pub(crate) async fn open(connection: S, url: &str, headers: HeaderMap) -> Result<Self, Error> {
        let uri: Uri = url.parse()?;
        let mut request = uri.into_client_request()?;
        request.headers_mut().extend(headers);
        let config =
            WebSocketConfig::default().max_message_size(Some(LONGEST_MESSAGE)).max_frame_size(Some(LONGEST_MESSAGE));
        let (socket, _) = client_async_with_config(request, connection, Some(config)).await?;
        Ok(Self(socket))
    }

    /// Carries messages until one side ends it. What the application sends is `heard` at once.
    pub(crate) async fn carry<Fault: Send>(
        &mut self,
        orders: &mut Receiver<Fault>,
        mut heard: impl FnMut(FromApp) + Send,
    ) -> End<Fault> {
        loop {
            tokio::select! {
                biased;
                order = orders.recv() => match order {
                    Some(ToSocket::Text(text)) => {
                        if let Err(error) = self.0.send(Message::text(text)).await {
                            return self.last_words(error, heard).await;
                        }
                    }
                    Some(ToSocket::Break(fault)) => return End::Break(fault),
                    Some(ToSocket::Close) | None => {
                        self.close().await;
                        return End::Ours;
                    }
                },
                message = self.0.next() => match message {
                    Some(Ok(Message::Text(text))) => heard(FromApp::Text(text)),
                    Some(Ok(Message::Binary(_))) => heard(FromApp::Binary),
                    Some(Ok(Message::Close(frame))) => {
                        let _ = self.0.flush().await;
                        return End::Closed(frame);
                    }
                    Some(Ok(_)) => {}
                    Some(Err(error)) => return End::Lost(Some(error)),
                    None => return End::Lost(None),
                },
            }
        }
    }

    /// The connection below.
    pub(crate) fn connection(&self) -> &S {
        self.0.get_ref()
    }

    /// Nothing can be sent any more: perhaps because the application has closed the socket, which is still to be read.
    async fn last_words<Fault>(&mut self, error: Error, mut heard: impl FnMut(FromApp) + Send) -> End<Fault> {
        let read = async {
            loop {
                match self.0.next().await {
                    Some(Ok(Message::Text(text))) => heard(FromApp::Text(text)),
                    Some(Ok(Message::Close(frame))) => return Some(frame),
                    Some(Ok(_)) => {}
                    Some(Err(_)) | None => return None,
                }
            }
        };
        match tokio::time::timeout(GOODBYE, read).await {
            Ok(Some(frame)) => End::Closed(frame),
            Ok(None) | Err(_) => End::Lost(Some(error)),
        }
    }

    /// Says goodbye and waits a little for the answer.
    async fn close(&mut self) {
        self.close_with(None).await;
    }

    /// The same for this reason.
    pub(crate) async fn close_as(&mut self, code: CloseCode) {
        self.close_with(Some(CloseFrame { code, reason: Utf8Bytes::default() })).await;
    }

    async fn close_with(&mut self, frame: Option<CloseFrame>) {
        let goodbye = async {
            if self.0.close(frame).await.is_ok() {
                while let Some(Ok(_)) = self.0.next().await {}
            }
        };
        let _ = tokio::time::timeout(GOODBYE, goodbye).await;
    }
}
