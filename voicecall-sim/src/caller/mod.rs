//! The person at the other end: hears the agent through the simulated ears and behaves as a scenario says.
//!
//! A [`Caller`] is a [`Party`](crate::phone::Party): it is told the time and never waits. It comes in two fidelities: with real audio in both
//! directions, or with labels, where the world tells it the words and its speech is a marker. Through its ears it understands a sentence at the
//! pause of 300 ms behind it, and the words within a sentence every 200 ms, if its scenario has it interrupt.
//!
//! ```
//! use voicecall_core::CallTime;
//! use voicecall_sim::caller::{Caller, Fidelity};
//! use voicecall_sim::phone::{Party, PartyAction};
//! use voicecall_sim::scenario::Scenario;
//!
//! let scenario: Scenario = r#"
//!     name = "asks at once"
//!     seed = 1
//!     caller.answer = { after = "1 s" }
//!     [[caller.step]]
//!     start = true
//!     say = "Vem är det som ringer?"
//! "#
//! .parse()?;
//! let mut caller = Caller::new(&scenario, Fidelity::Audio)?;
//! assert!(matches!(caller.speak(CallTime::from_millis(20)), PartyAction::Speak(_)));
//! assert_eq!(caller.saying(), Some("Vem är det som ringer?"));
//! # Ok::<(), voicecall_core::Error>(())
//! ```

mod hearing;
mod log;
mod machine;
mod performance;
mod turn;

pub use log::{CallerEvent, CallerLog, LogEntry};
pub use machine::{Caller, Fidelity};

#[cfg(test)]
mod tests;
