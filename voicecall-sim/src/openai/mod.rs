//! An OpenAI-compatible server that thinks by a scenario's rules, speaks with clips and hears with the simulated ears.
//!
//! The core decides what is answered and when: [`ScriptedLlm`], [`Voice`] and [`EarService`] are synchronous and tell the time an answer
//! takes, so that they serve calls in virtual time. The shell, [`Server`], puts them behind HTTP on the loopback interface in the exact shapes of
//! OpenAI's chat completions, speech and transcription endpoints, and behind a WebSocket in those of its Realtime API ([`realtime`]).
//!
//! Nothing is ever made up: a question no rule covers, a text no clip says and audio that is no speech are errors or silence.
//!
//! ```no_run
//! # async fn example() -> voicecall_core::Result<()> {
//! use voicecall_sim::openai::Server;
//! use voicecall_sim::scenario::Scenario;
//!
//! let server = Server::start(&Scenario::bundled("happy")?, "secret-key").await?;
//! println!("OPENAI_BASE_URL={}", server.base_url());
//! server.stop().await;
//! # Ok(())
//! # }
//! ```

mod chat;
mod ear;
mod error;
mod json;
mod messages;
mod reader;
pub mod realtime;
mod routes;
mod schema;
mod scripted_llm;
mod server;
mod strike;
mod tools;
mod voice;

pub use ear::{EarService, Heard, HeardWord};
pub use error::ApiError;
pub use scripted_llm::{RepliedCall, Reply, ScriptedLlm, Token};
pub use server::{Server, ServiceOptions};
pub use voice::{Utterance, Voice};
