//! A session's socket: opened, set up, and then two halves.

use std::time::Duration;

use async_trait::async_trait;
use futures_util::{StreamExt, stream};
use reqwest::StatusCode;
use reqwest::header::HeaderMap;
use serde_json::Value;
use tokio::time::timeout;
use url::Url;
use voicecall_core::model::{RealtimeCommand, RealtimeConnection, RealtimeEvents, RealtimeSender};
use voicecall_core::{Error, ErrorKind, Result};
use voicecall_net::retry_after;
use voicecall_net::websocket::{
    CloseFrame, Connector, Received, Socket, SocketError, SocketReceiver, SocketSender, socket_failure,
};

use super::translation::Translation;
use super::{OPERATION, RealtimeShape};
use crate::failure;
use crate::wire::failure::Failure;
use crate::wire::realtime::event::Event;
use crate::wire::realtime::{self as wire, session};

/// A second of speech is about four tokens of text and twenty of sound: with its sound an answer is six times as many.
const TOKENS_WITH_SOUND: u32 = 6;

/// More is refused.
const MOST_TOKENS: u32 = 4096;

/// Opens a socket and sets its session up.
pub(super) async fn open(
    connector: &Connector,
    url: &Url,
    headers: HeaderMap,
    update: &Value,
) -> Result<(SocketSender, SocketReceiver)> {
    let (socket, _) = connector.open(url, headers).await.map_err(of_handshake)?;
    let (mut sender, mut receiver) = Socket::split(socket);
    until(&mut receiver, &Event::SessionCreated).await?;
    sender.send_text(update.to_string()).await.map_err(|error| socket_failure(OPERATION, Some(error)))?;
    until(&mut receiver, &Event::SessionUpdated).await?;
    Ok((sender, receiver))
}

async fn until(receiver: &mut SocketReceiver, wanted: &Event) -> Result<()> {
    loop {
        match read(receiver.receive().await)? {
            Event::Error { failure, .. } => return Err(of_refusal(&failure)),
            event if event == *wanted => return Ok(()),
            _ => {}
        }
    }
}

fn read(received: Received) -> Result<Event> {
    match received {
        Received::Text(text) => {
            Event::read(&text).ok_or_else(|| Error::new(ErrorKind::Protocol, OPERATION).with_message("not an event"))
        }
        Received::Closed(frame) => Err(of_close(frame.as_ref())),
        Received::Lost(error) => Err(socket_failure(OPERATION, error)),
    }
}

/// The error for a session that is not set up: what is asked for is wrong, unless the server itself fails.
fn of_refusal(failure: &Failure) -> Error {
    match failure.code.as_deref() {
        Some("server_error") | None => failure::in_stream(OPERATION, failure),
        _ => failure::of_status(OPERATION, StatusCode::BAD_REQUEST, failure, None),
    }
}

/// The error for a handshake that failed.
fn of_handshake(error: SocketError) -> Error {
    let SocketError::Http(response) = error else { return socket_failure(OPERATION, Some(error)) };
    let body = response.body().as_deref().and_then(|body| serde_json::from_slice(body).ok()).unwrap_or_default();
    let status = StatusCode::from_u16(response.status().as_u16()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    failure::of_status(OPERATION, status, &Failure::read(&body), retry_after(response.headers()))
}

/// The error for a socket that the server closed. Its reason may quote, and is not kept.
fn of_close(frame: Option<&CloseFrame>) -> Error {
    let lost = socket_failure(OPERATION, None);
    match frame.map(|frame| u16::from(frame.code)) {
        // The shape of the beta, at a server that has ended it.
        Some(4000) => {
            Error::new(ErrorKind::Config, OPERATION).with_code("4000").with_message("the server closed the socket")
        }
        Some(code) => lost.with_code(code.to_string()).with_message("the server closed the socket"),
        None => lost,
    }
}

/// The connection over an open socket.
pub(super) fn connected(
    (sender, receiver): (SocketSender, SocketReceiver),
    shape: RealtimeShape,
    stall: Duration,
    provider: &'static str,
) -> RealtimeConnection {
    let events = stream::try_unfold((receiver, Translation::default()), |(mut receiver, mut translation)| async {
        loop {
            if let Some(event) = translation.next_event() {
                return Ok(Some((event, (receiver, translation))));
            }
            translation.take(read(receiver.receive().await)?)?;
        }
    });
    let events = events.map(move |event| event.map_err(|error: Error| error.with_provider(provider)));
    RealtimeConnection { sender: Box::new(Sender { sender, shape, stall }), events: RealtimeEvents(events.boxed()) }
}

#[derive(Debug)]
struct Sender {
    sender: SocketSender,
    shape: RealtimeShape,
    /// How long the socket may take nothing.
    stall: Duration,
}

#[async_trait]
impl RealtimeSender for Sender {
    async fn send(&mut self, command: RealtimeCommand) -> Result<()> {
        let Some(message) = self.message(command) else { return Ok(()) };
        let sent = timeout(self.stall, self.sender.send_text(message)).await.map_err(|_| {
            let message = format!("the socket took nothing within {:?}", self.stall);
            Error::new(ErrorKind::Timeout, OPERATION).with_message(message)
        })?;
        sent.map_err(|error| socket_failure(OPERATION, Some(error)))
    }
}

impl Sender {
    fn message(&self, command: RealtimeCommand) -> Option<String> {
        let message = match command {
            RealtimeCommand::Audio(frame) => return Some(wire::append(frame.as_bytes())),
            RealtimeCommand::Configure { instructions, tools } => session::configure(self.shape, &instructions, &tools),
            RealtimeCommand::Commit => wire::commit(),
            RealtimeCommand::Discard => wire::clear(),
            RealtimeCommand::Insert { id, after, item } => {
                wire::create(self.shape, &id.0, after.as_ref().map(|after| after.0.as_str()), &item)?
            }
            RealtimeCommand::Remove(item) => wire::delete(&item.0),
            RealtimeCommand::Truncate { id, heard } => {
                wire::truncate(&id.0, u64::try_from(heard.as_millis()).unwrap_or(u64::MAX))
            }
            RealtimeCommand::Respond { max_tokens } => {
                wire::respond(self.shape, max_tokens.saturating_mul(TOKENS_WITH_SOUND).min(MOST_TOKENS))
            }
            RealtimeCommand::Cancel => wire::cancel(),
            _ => return None,
        };
        Some(message.to_string())
    }
}
