//! Calls somebody's Media Streams server, in whatever language it is written, and says how it did.
//!
//! [`Calls`] plays Twilio's side of the media socket over a real connection, in real time: it opens the socket, sends `connected`,
//! `start` and the caller's audio, plays what the server sends at the pace of a phone, returns marks, obeys `clear`, and ends the call
//! with `stop`. The caller behaves as a [`Scenario`] says. The program `voicecall-sim call` is this module
//! with a command line.
//!
//! A [`CallReport`] says what the person on the phone got. Everything in it is measured on the audio:
//!
//! * *Audible* is a sample louder than 41 dB below full scale; an agent's *utterance* goes from an audible sample to the last before a
//!   silence of half a second, or before a `clear`. A *turn* of the caller goes from the first to the last audible sample of what it says.
//! * Times are counted from the `start` message. They are exact to the sample, but playing begins only every 20 ms, so that what is
//!   said about the server's speed is up to 20 ms too long.
//!
//! ```no_run
//! use voicecall_sim::media_streams::{Calls, Target, any_agent};
//!
//! # async fn test() -> voicecall_core::Result<()> {
//! let target = Target::new("ws://127.0.0.1:8080/media")?.signed("the auth token", None);
//! let report = Calls::new(target, any_agent()?).run(|_| ()).await?;
//! assert!(report.passed(), "{report:?}");
//! # Ok(())
//! # }
//! ```

mod call;
mod calls;
mod figures;
mod judge;
mod report;
mod summary;
mod target;

pub use calls::Calls;
pub use report::{
    Audio, BargeIn, CallEnd, CallReport, CallerTurn, Failure, FailureKind, Marks, ProtocolError, SilentGap, Speech,
};
pub use summary::{Report, Spread, Summary};
pub use target::Target;

use crate::scenario::Scenario;

/// The scenario that goes with any agent, whatever it is about and whatever language it speaks: the caller asks something, breaks into
/// the answer and says goodbye.
///
/// # Errors
/// None: it is read in tests.
pub fn any_agent() -> voicecall_core::Result<Scenario> {
    include_str!("any_agent.toml").parse()
}

#[cfg(test)]
mod tests;
