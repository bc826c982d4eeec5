//! HTTP for every server: the carrier's questions, the media socket, health, and an accept loop that survives the internet.
//!
//! Feature `server`. Business routes belong to the application, which merges [`routes`] into its own router and hands that
//! to [`serve`]: what [`ServeOptions`] promise holds for every route of it.

mod announcement;
mod client;
mod connection;
mod health;
mod media;
#[cfg(feature = "messaging")]
mod messages;
mod options;
mod request;
mod serve;
mod signal;
mod slots;
mod stream;
#[cfg(feature = "twilio")]
mod twilio;
mod voice;
mod webhook;

use std::sync::Arc;

use axum::Router;
use axum::routing::{any, get, post};
use voicecall_engine::CallEngine;

pub use announcement::announcement_route;
pub use client::{ForwardedHeader, TrustedProxies};
pub use connection::ClientConnection;
pub use media::{AxumSocket, socket_limits};
#[cfg(feature = "messaging")]
pub use messages::{message_routes, serve_messages, serve_messages_on};
pub use options::ServeOptions;
pub use request::{Handshake, IncomingRequest, status_of};
pub use serve::{listen, serve};
pub use signal::told_to_end;
pub use tokio_util::sync::CancellationToken;
#[cfg(feature = "twilio")]
pub use twilio::{conversation_route, transcription_route};

/// The routes carriers use, and `/health`:
///
/// | path | what |
/// |---|---|
/// | `POST /voice/{account}/incoming` | what to do with a call to a number of this account |
/// | `POST /voice/{call}/answer` | what to do with an answered call |
/// | `POST /voice/{call}/resume` | what to do when its media socket has closed |
/// | `POST /voice/{call}/screen/{announcement}` | what to say to whoever may take the call |
/// | `POST /voice/{call}/accept` | whether they take it |
/// | `POST /voice/status?call=` | a report about a call or its stream; `?account=` if the report alone names the call |
/// | `GET /media/{token}` | the media socket |
/// | `GET /health` | whether the process serves and takes calls |
pub fn routes(engine: Arc<CallEngine>) -> Router {
    Router::new()
        .route("/voice/{call}/incoming", post(voice::incoming).get(voice::incoming))
        .route("/voice/{call}/answer", post(voice::answer).get(voice::answer))
        .route("/voice/{call}/resume", post(voice::resume).get(voice::resume))
        .route("/voice/{call}/screen/{announcement}", post(voice::screen).get(voice::screen))
        .route("/voice/{call}/accept", post(voice::accept).get(voice::accept))
        .route("/voice/status", post(voice::report).get(voice::report))
        .route("/media/{token}", any(media::media))
        .route("/health", get(health::health))
        .with_state(engine)
}
