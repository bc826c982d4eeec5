//! One connection to the emulator: the handshake, the messages, and what a fault does to them.

use std::future::pending;
use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::Duration;

use futures_util::{SinkExt as _, StreamExt as _};
use serde_json::Value;
use tokio::net::TcpStream;
use tokio::time::{sleep, timeout};
use tokio_tungstenite::tungstenite::handshake::server::{ErrorResponse, Request, Response};
use tokio_tungstenite::tungstenite::http::header::{AUTHORIZATION, CONTENT_TYPE, RETRY_AFTER};
use tokio_tungstenite::tungstenite::http::{HeaderValue, StatusCode};
use tokio_tungstenite::tungstenite::protocol::CloseFrame;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::{Bytes, Message};
use tokio_tungstenite::{WebSocketStream, accept_hdr_async};
use uuid::Uuid;
use voicecall_core::audio::FRAME_SAMPLES;

use super::server::Shared;
use super::{ListenRequest, ListenSession, Refusal, json};
use crate::fault::Fault;

/// How long a socket may be without audio or `KeepAlive`.
const IDLE: Duration = Duration::from_secs(10);

type Socket = WebSocketStream<TcpStream>;

/// Serves a connection to its end.
#[expect(clippy::result_large_err, reason = "tungstenite's callback returns its answer so")]
pub(super) async fn serve(stream: TcpStream, shared: Arc<Shared>) {
    let fault = shared.draw();
    match &fault {
        Some(Fault::DropBefore) => return,
        Some(Fault::Latency { delay, .. }) => sleep(*delay).await,
        _ => {}
    }
    let request_id = Uuid::new_v4().to_string();
    let mut granted = None;
    let shaken = accept_hdr_async(stream, |request: &Request, mut response: Response| {
        match grant(&shared, fault.as_ref(), request) {
            Ok(listen) => {
                granted = Some(listen);
                if let Ok(id) = HeaderValue::from_str(&request_id) {
                    response.headers_mut().insert("dg-request-id", id);
                }
                Ok(response)
            }
            Err(refusal) => Err(refused(&refusal, &request_id)),
        }
    });
    // A handshake that breaks off concerns nobody but its client.
    let (Ok(socket), Some(listen)) = (shaken.await, granted) else { return };
    shared.opened();
    let session = ListenSession::new(listen, request_id, shared.options.ears.clone());
    Connection { socket, session: Some(session), shared, fault }.run().await;
}

fn grant(shared: &Shared, fault: Option<&Fault>, request: &Request) -> Result<ListenRequest, Refusal> {
    match fault {
        Some(Fault::Error { status, .. }) => return Err(Refusal::planned(*status)),
        Some(Fault::RateLimit { retry_after }) => return Err(Refusal::too_many(*retry_after)),
        _ => {}
    }
    if request.uri().path() != "/v1/listen" {
        return Err(Refusal::not_found());
    }
    let login = request.headers().get(AUTHORIZATION).and_then(|login| login.to_str().ok()).unwrap_or_default();
    let key = login.split_once(' ').filter(|(scheme, _)| ["token", "bearer"].contains(&scheme.to_lowercase().as_str()));
    if key.is_none_or(|(_, key)| key != shared.api_key) {
        return Err(Refusal::unauthorized());
    }
    ListenRequest::read(request.uri().query().unwrap_or_default())
}

fn refused(refusal: &Refusal, request_id: &str) -> ErrorResponse {
    let mut response = ErrorResponse::new(Some(refusal.body(request_id).to_string()));
    // Statuses are constants or checked by the fault plan.
    *response.status_mut() = StatusCode::from_u16(refusal.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    if let Ok(id) = HeaderValue::from_str(request_id) {
        headers.insert("dg-request-id", id);
    }
    headers.insert("dg-error", HeaderValue::from_static(refusal.code()));
    if let Some(wait) = refusal.retry_after() {
        headers.insert(RETRY_AFTER, HeaderValue::from(wait.as_secs() + u64::from(wait.subsec_nanos() > 0)));
    }
    response
}

/// An open socket.
struct Connection {
    socket: Socket,
    /// Absent only while it understands something on another thread.
    session: Option<ListenSession>,
    shared: Arc<Shared>,
    fault: Option<Fault>,
}

/// Whether the connection goes on.
type Step = ControlFlow<()>;

impl Connection {
    async fn run(mut self) {
        loop {
            let step = match timeout(IDLE, self.socket.next()).await {
                Err(_) => {
                    self.close(CloseCode::Error, "NET-0001").await;
                    Step::Break(())
                }
                Ok(Some(Ok(Message::Binary(audio)))) if audio.is_empty() => self.finish().await,
                Ok(Some(Ok(Message::Binary(audio)))) => self.hear(audio).await,
                Ok(Some(Ok(Message::Text(text)))) => self.told(&text).await,
                Ok(Some(Ok(Message::Close(_)) | Err(_)) | None) => Step::Break(()),
                Ok(Some(Ok(_))) => Step::Continue(()),
            };
            if step.is_break() {
                return;
            }
        }
    }

    async fn hear(&mut self, audio: Bytes) -> Step {
        let frame = |samples: usize| (samples / FRAME_SAMPLES) as u64;
        let before = self.session.as_ref().map_or(0, ListenSession::samples);
        let frames = frame(before)..frame(before + audio.len());
        self.strike(&frames).await?;
        let shared = Arc::clone(&self.shared);
        for interjection in shared.options.interjections.iter().filter(|said| frames.contains(&said.at_frame)) {
            self.send(Message::text(interjection.text.clone())).await?;
        }
        let said = self.understand(move |session| session.hear(&audio)).await?;
        self.say(said).await
    }

    /// What the fault does to a socket at one of these frames.
    async fn strike(&mut self, frames: &std::ops::Range<u64>) -> Step {
        match self.fault {
            Some(Fault::Reset { at_frame }) if frames.contains(&at_frame) => {
                let _ = self.socket.get_ref().set_zero_linger();
                Step::Break(())
            }
            Some(Fault::Close { at_frame }) if frames.contains(&at_frame) => Step::Break(()),
            Some(Fault::HalfOpenSocket { at_frame }) if frames.contains(&at_frame) => pending().await,
            Some(Fault::Stall { length, at_frame }) if frames.contains(&at_frame) => {
                sleep(length).await;
                Step::Continue(())
            }
            _ => Step::Continue(()),
        }
    }

    async fn told(&mut self, text: &str) -> Step {
        let message: Option<Value> = serde_json::from_str(text).ok();
        match message.as_ref().and_then(|message| message["type"].as_str()) {
            Some("KeepAlive") => Step::Continue(()),
            Some("Finalize") => {
                let said = self.understand(ListenSession::finalize).await?;
                sleep(self.shared.wait()).await;
                self.say(said).await
            }
            Some("CloseStream") => self.finish().await,
            _ => self.send(Message::text(json::error("unknown message").to_string())).await,
        }
    }

    async fn finish(&mut self) -> Step {
        if matches!(self.fault, Some(Fault::AcceptThenDrop)) {
            return Step::Break(());
        }
        let said = self.understand(ListenSession::close).await?;
        sleep(self.shared.wait()).await;
        self.say(said).await?;
        self.close(CloseCode::Normal, "").await;
        Step::Break(())
    }

    /// Lets the ears work where they hold nobody up.
    async fn understand<F>(&mut self, work: F) -> ControlFlow<(), Vec<Value>>
    where
        F: FnOnce(&mut ListenSession) -> Vec<Value> + Send + 'static,
    {
        let Some(mut session) = self.session.take() else { return ControlFlow::Break(()) };
        let worked = tokio::task::spawn_blocking(move || {
            let said = work(&mut session);
            (session, said)
        });
        let Ok((session, said)) = worked.await else { return ControlFlow::Break(()) };
        self.session = Some(session);
        ControlFlow::Continue(said)
    }

    async fn say(&mut self, said: Vec<Value>) -> Step {
        for message in said {
            self.send(Message::text(message.to_string())).await?;
        }
        Step::Continue(())
    }

    async fn send(&mut self, message: Message) -> Step {
        if self.socket.send(message).await.is_ok() { Step::Continue(()) } else { Step::Break(()) }
    }

    async fn close(&mut self, code: CloseCode, reason: &'static str) {
        let goodbye = async {
            if self.socket.close(Some(CloseFrame { code, reason: reason.into() })).await.is_ok() {
                while let Some(Ok(_)) = self.socket.next().await {}
            }
        };
        let _ = timeout(Duration::from_secs(2), goodbye).await;
    }
}
