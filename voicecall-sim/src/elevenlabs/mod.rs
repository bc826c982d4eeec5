//! ElevenLabs as a server: it speaks with clips, tells where each character is, and keeps voices.
//!
//! [`Server`] has the endpoints that `voicecall-elevenlabs` asks, in ElevenLabs's exact shapes, on the loopback interface. It
//! speaks mu-law at 8 kHz only. What is spoken and how soon comes of a scenario; what goes wrong is told by
//! [`Server::strike_next`].
//!
//! Nothing is ever made up: a text no clip says is refused, and a designed voice speaks with the same clips.
//!
//! ```no_run
//! # async fn example() -> voicecall_core::Result<()> {
//! use voicecall_sim::elevenlabs::Server;
//! use voicecall_sim::scenario::Scenario;
//!
//! let server = Server::start(&Scenario::bundled("happy")?, "secret-key").await?;
//! println!("ELEVENLABS_BASE_URL={} ELEVENLABS_VOICE={}", server.base_url(), voicecall_sim::elevenlabs::VOICE);
//! server.stop().await;
//! # Ok(())
//! # }
//! ```

mod alignment;
mod error;
mod fault;
mod routes;
mod server;
mod shelf;

pub use error::ApiError;
pub use fault::{Refusal, SpeechFault};
pub use server::{Seen, Server};

/// The id of the voice that every account has.
pub const VOICE: &str = "VeraSimulated0000001";
