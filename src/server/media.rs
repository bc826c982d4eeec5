//! The media socket: refused cheaply before the upgrade, run as a call after it.

use std::sync::Arc;

use axum::extract::ws::{Message, Utf8Bytes, WebSocket, WebSocketUpgrade};
use axum::extract::{Extension, Path, State};
use axum::response::{IntoResponse, Response};
use futures_util::{SinkExt, StreamExt};
use tracing::warn;
use voicecall_core::call::MediaSocket;
use voicecall_core::media::WireMessages;
use voicecall_core::{Error, ErrorKind, Result};
use voicecall_engine::CallEngine;

use super::connection::ClientConnection;
use super::request::{Handshake, status_of};

/// A carrier's message holds 20 ms of audio, some hundred bytes; this leaves room for bursts.
const LARGEST_MESSAGE: usize = 64 * 1024;

/// Room for six messages; a longer one gets what it needs. The library's own buffer is 128 KiB for each socket, which
/// is what most of a call's memory would be, and what is free of it is overwritten with zeros before each read.
const READ_BUFFER: usize = 2 * 1024;

/// Bounds what one socket may cost: 2 KiB of read buffer, 64 KiB a message, 128 KiB not yet sent.
pub fn socket_limits(upgrade: WebSocketUpgrade) -> WebSocketUpgrade {
    upgrade
        .read_buffer_size(READ_BUFFER)
        .write_buffer_size(0)
        .max_write_buffer_size(2 * LARGEST_MESSAGE)
        .max_message_size(LARGEST_MESSAGE)
        .max_frame_size(LARGEST_MESSAGE)
}

pub(super) async fn media(
    State(engine): State<Arc<CallEngine>>,
    Path(token): Path<String>,
    Handshake(handshake): Handshake,
    connection: Option<Extension<ClientConnection>>,
    upgrade: std::result::Result<WebSocketUpgrade, axum::extract::ws::rejection::WebSocketUpgradeRejection>,
) -> Response {
    // The signature and the token are checked before anything is switched or allocated.
    let ticket = match handshake.with(|request| engine.admit(&token, request)) {
        Ok(ticket) => ticket,
        Err(error) => {
            warn!(%error, "a media socket was refused");
            return status_of(&error).into_response();
        }
    };
    if let Some(Extension(connection)) = connection {
        // A live call gives way to nobody.
        connection.authenticated();
    }
    match upgrade {
        Ok(upgrade) => socket_limits(upgrade).on_upgrade(async move |socket| {
            if let Err(error) = engine.run(ticket, AxumSocket(socket)).await {
                warn!(%error, "a call could not be run");
            }
        }),
        Err(rejection) => rejection.into_response(),
    }
}

/// An axum WebSocket as a [`MediaSocket`].
#[derive(Debug)]
pub struct AxumSocket(pub WebSocket);

impl MediaSocket for AxumSocket {
    type Text = Utf8Bytes;

    async fn receive(&mut self) -> Option<Result<Utf8Bytes>> {
        loop {
            match self.0.next().await? {
                Ok(Message::Text(text)) => return Some(Ok(text)),
                Ok(Message::Close(_)) => {
                    // The library has an answer to it, which a carrier may wait for. Whoever is gone needs none.
                    let _ = self.0.flush().await;
                    return None;
                }
                // Pings are answered by the library; carriers send no binary.
                Ok(_) => {}
                Err(error) => return Some(Err(failed("read media socket", error))),
            }
        }
    }

    async fn send(&mut self, messages: &WireMessages) -> Result<()> {
        for message in messages.iter() {
            let message = Message::Text(Utf8Bytes::from(message));
            self.0.feed(message).await.map_err(|error| failed("write media socket", error))?;
        }
        self.0.flush().await.map_err(|error| failed("write media socket", error))
    }

    async fn close(&mut self) {
        // Whoever is gone already needs no goodbye.
        let _ = self.0.send(Message::Close(None)).await;
    }
}

fn failed(operation: &'static str, error: axum::Error) -> Error {
    Error::new(ErrorKind::Closed, operation).with_source(error)
}
