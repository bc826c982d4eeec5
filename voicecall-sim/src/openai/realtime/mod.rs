//! OpenAI's Realtime API (`GET /v1/realtime`, the shape without `OpenAI-Beta`): one WebSocket in which a model hears, thinks and speaks.
//!
//! The core, `Session`, is synchronous: an event of the client and the time in, events of the server out. The shell puts it
//! behind the [`Server`](super::Server) of the other routes, at the same address and with the same key, model, ears and voice.
//!
//! Turns are the client's: it sets `turn_detection` to `null`, commits the caller's audio and creates each response. What
//! else the API has and is not simulated is refused by an error with the code `not_simulated`; nothing is pretended.
//!
//! What goes wrong is planned at three sites of a scenario's faults: `openai.realtime` (drawn for each socket),
//! `openai.realtime.response` (for each response) and `openai.realtime.transcription` (for each turn that is written down).
//!
//! ```no_run
//! # async fn example() -> voicecall_core::Result<()> {
//! use voicecall_sim::openai::Server;
//! use voicecall_sim::scenario::Scenario;
//!
//! let server = Server::start(&Scenario::bundled("happy")?, "secret-key").await?;
//! println!("{}/realtime?model=gpt-realtime-2.1", server.base_url().replace("http", "ws"));
//! // A client talks to it; then:
//! let socket = server.realtime().wait_for_socket(1).await;
//! let update = socket.wait_for("session.update").await;
//! assert!(update.is_some_and(|update| update["session"]["type"] == "realtime"));
//! println!("{:?}", socket.items());
//! # Ok(())
//! # }
//! ```

mod connection;
mod context;
mod conversation;
mod conversing;
mod error;
mod fields;
mod format;
mod ids;
mod input;
mod item;
mod items;
mod options;
mod overrides;
mod plan;
mod request;
mod respond;
mod response;
mod route;
mod session;
mod settings;
mod settings_patch;
mod sockets;
mod strike;
#[cfg(test)]
mod tests;
mod transcription;

pub use options::{Interjection, Options};
pub(super) use route::Realtime;
pub use sockets::{Socket, Sockets};
