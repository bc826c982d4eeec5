//! An interview: an AI says who it is, asks for consent, asks the planned questions one by one, and says goodbye.
//!
//! ```text
//! introduction -> consent -> question -> ... -> question -> closing -> over
//!      |             |           '--<-- follow-up, repetition      ^
//!      '-------------'--------------- refusal, silence, time ------'
//! ```
//!
//! Who wants to go is let go at any point, and who asks something back is answered; what a caller wants is read by tables
//! (`intent`), so that it needs no model. `docs/interview.md` says what is done about each wish.
//!
//! The state machine decides everything that happens; the model only reads the caller's answers, and nothing it
//! writes is spoken. An answer is journaled raw before the model sees it, so that neither a slow model nor a
//! hang-up loses it.

mod analysis;
mod asking;
mod closing;
mod consent;
mod intent;
mod language;
mod leaving;
mod limits;
mod machine;
mod pending_requests;
mod phrases;
mod plan;
mod progress;
mod prompts;
mod speech;
mod state;
#[cfg(test)]
mod tests;

pub use analysis::{Analysis, Outcome};
pub use language::Language;
pub use limits::{Limits, Pace};
pub use machine::Interview;
pub use phrases::Phrases;
pub use plan::{InterviewPlan, PlannedQuestion};
pub use progress::Progress;
