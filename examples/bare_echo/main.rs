//! The least a media server can do: the measure for `media_target --mode echo`, with the same library and settings.
//!
//! Run: `cargo run --release --example bare_echo -- 127.0.0.1:9001`
//!
//! Parses each message, decodes the audio, encodes it again and sends it back. Nothing else.

use std::borrow::Cow;
use std::process::ExitCode;

use axum::Router;
use axum::extract::ws::{Message, WebSocket, WebSocketUpgrade};
use axum::routing::any;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use futures_util::StreamExt;
use serde::{Deserialize, Serialize};
use voicecall::audio::g711::mulaw;
use voicecall::server::{self, ServeOptions, socket_limits};

#[derive(Deserialize)]
struct Incoming<'a> {
    event: &'a str,
    #[serde(borrow, rename = "streamSid")]
    stream: Option<&'a str>,
    #[serde(borrow)]
    media: Option<Media<'a>>,
}

#[derive(Serialize, Deserialize)]
struct Media<'a> {
    #[serde(borrow)]
    payload: Cow<'a, str>,
}

#[derive(Serialize)]
struct Outgoing<'a> {
    event: &'a str,
    #[serde(rename = "streamSid")]
    stream: &'a str,
    media: Media<'a>,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let Some(listen) = std::env::args().nth(1) else {
        eprintln!("usage: bare_echo HOST:PORT");
        return ExitCode::from(2);
    };
    let router =
        Router::new().route("/media", any(async |upgrade: WebSocketUpgrade| socket_limits(upgrade).on_upgrade(echo)));
    let stop = async {
        let _ = tokio::signal::ctrl_c().await;
    };
    let served = async {
        let listener = server::listen("HOST:PORT", &listen).await?;
        let mut options = ServeOptions::default();
        // All calls come from one load tool, and prove nothing.
        options.max_connections_per_client = usize::MAX;
        server::serve(listener, router, options, stop)?.await
    };
    match served.await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

async fn echo(mut socket: WebSocket) {
    let (mut bytes, mut samples, mut payload) = (Vec::new(), Vec::new(), String::new());
    while let Some(Ok(message)) = socket.next().await {
        let Message::Text(text) = message else { continue };
        let Ok(incoming) = serde_json::from_str::<Incoming<'_>>(&text) else { continue };
        let ("media", Some(stream), Some(media)) = (incoming.event, incoming.stream, incoming.media) else { continue };
        bytes.clear();
        if STANDARD.decode_vec(media.payload.as_bytes(), &mut bytes).is_err() {
            continue;
        }
        samples.resize(bytes.len(), 0);
        mulaw::decode_slice(&bytes, &mut samples);
        mulaw::encode_slice(&samples, &mut bytes);
        payload.clear();
        STANDARD.encode_string(&bytes, &mut payload);
        let outgoing = Outgoing { event: "media", stream, media: Media { payload: Cow::Borrowed(&payload) } };
        let Ok(reply) = serde_json::to_string(&outgoing) else { continue };
        if socket.send(Message::text(reply)).await.is_err() {
            return;
        }
    }
}
