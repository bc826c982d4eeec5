//! Which questions a customer is asked: a pure function of what is configured, how many customers there were, and time.

mod by_frequency;
mod explanation;
mod in_order;
mod packing;
mod replay;
mod request;
#[cfg(test)]
mod simulation;
mod standing;
#[cfg(test)]
mod tests;
mod weights;

use std::fmt::Debug;

pub use by_frequency::ByFrequency;
pub use explanation::{Considered, Explanation, Load, Ranking, Reason};
pub use in_order::InOrder;
pub use replay::{Difference, Replay, replay};
pub use request::{Selection, SelectionRequest};
pub use standing::Standing;
pub use weights::Weights;

/// Chooses questions.
///
/// Contract: pure. The same request gives the same selection; only questions of the request are chosen, each at most
/// once, all of them active; [`Selection::estimated_duration`] is at most [`SelectionRequest::time_budget`].
pub trait QuestionSelector: Send + Sync + Debug {
    /// Its name and version as logged, such as `in-order/1`. The version changes whenever a choice may.
    fn algorithm(&self) -> &'static str;

    /// Chooses.
    fn select(&self, request: &SelectionRequest) -> Selection;
}
