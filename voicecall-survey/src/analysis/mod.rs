//! What is made of finished calls: a summary by a model, and texts without personal data for long-term keeping.

mod anonymise;
mod proposal;
pub(crate) mod request;
mod summary;
pub(crate) mod validate;

pub use anonymise::{anonymise, anonymise_json, anonymise_json_with, anonymise_with};
pub use proposal::{PersonalData, Proposal, Proposed, proposals, propose};
pub use summary::{CallSummary, FinishedCall, Summarised, summarise};
