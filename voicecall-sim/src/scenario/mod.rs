//! Scenario files: who is called, how they behave, what the model answers and how slow everything is.
//!
//! A scenario is a TOML file that reads like a story. Every duration is text with its unit (`"500 ms"`, `"1m 30s"`), unknown keys are
//! errors, and an error names the line it was found on. The files in this crate's `scenarios/` folder are bundled, see [`Scenario::bundled`].
//!
//! ```
//! use voicecall_sim::scenario::Scenario;
//!
//! let scenario: Scenario = r#"
//!     name = "agrees"
//!     seed = 7
//!
//!     [caller]
//!     answer = { after = "2 s" }
//!
//!     [[caller.step]]
//!     hears = "Vill du vara med?"
//!     say = "Ja, det går bra."
//!
//!     [[model.rule]]
//!     schema = "consent"
//!     caller = "Ja, det går bra."
//!     reply = { decision = "yes" }
//! "#
//! .parse()?;
//! assert_eq!(scenario.caller.steps.len(), 1);
//! # Ok::<(), voicecall_core::Error>(())
//! ```

mod bundled;
mod caller;
mod expect;
mod file;
mod latency;
mod message;
mod model;
mod phrase;
mod step;
mod time;

pub use expect::{EndedBy, Expect};
pub(crate) use file::Part;
pub use file::{Caller, Scenario};
pub use latency::Latency;
pub use message::{MessageStep, Over};
pub use model::{CallShape, Model, Question, Rule, RuleLatency, ScriptedCall};
pub use phrase::Phrase;
pub(crate) use phrase::words;
pub use step::{Act, Manners, Patience, Step, Trigger};
