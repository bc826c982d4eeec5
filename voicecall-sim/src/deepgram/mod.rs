//! Deepgram's live transcription (`/v1/listen`), which hears with the simulated ears.
//!
//! The core, [`ListenSession`], is synchronous: audio in, messages out. The shell, [`Server`], puts it behind a WebSocket on
//! the loopback interface, in the exact shapes of Deepgram's messages and refusals. What Deepgram does where its
//! documentation is silent is not invented: a parameter nobody has documented is refused, and so is a text message.
//!
//! Nothing is ever made up: audio that holds no clip is heard as nothing. The ears end a segment at a pause of 300 ms,
//! whatever `endpointing` says, unless it is `false`.
//!
//! ```no_run
//! # async fn example() -> voicecall_core::Result<()> {
//! use voicecall_sim::deepgram::Server;
//! use voicecall_sim::scenario::Scenario;
//!
//! let server = Server::start(&Scenario::bundled("happy")?, "secret-key").await?;
//! println!("DEEPGRAM_BASE_URL={}", server.base_url());
//! server.stop().await;
//! # Ok(())
//! # }
//! ```

mod json;
mod refusal;
mod request;
mod server;
mod session;
mod socket;

pub use refusal::Refusal;
pub use request::ListenRequest;
pub use server::{Interjection, Server, ServerOptions};
pub use session::ListenSession;
