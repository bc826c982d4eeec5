//! The person at the other end: hears the agent through the simulated ears and behaves as a scenario says.
//!
//! A [`ScriptedCaller`] is a [`Party`](crate::phone::Party): it is told the time and never waits. It comes in two fidelities: with clips,
//! which simulated ears recognise, or with [labelled speech](crate::labels) in any language. It understands a sentence at the pause of 300 ms
//! behind it, and the words within a sentence every 200 ms, if its scenario has it interrupt.
//!
//! ```
//! use voicecall_core::CallTime;
//! use voicecall_sim::caller::ScriptedCaller;
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
//! let mut caller = ScriptedCaller::new(&scenario)?;
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
pub use machine::ScriptedCaller;

#[cfg(test)]
mod tests;
