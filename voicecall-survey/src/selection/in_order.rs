//! All active questions in the order in which they were configured, as many as fit.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::QuestionSelector;
use super::explanation::{Considered, Explanation, Reason};
use super::packing::Packing;
use super::request::{Selection, SelectionRequest};
use crate::interview::Pace;

/// Takes questions as they come until the first that does not fit the time budget; knows no frequency or priority.
///
/// For surveys with a fixed list. What did not fit is not carried over: the next customer gets the same list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct InOrder {
    /// How long questions take.
    pub pace: Pace,
}

impl InOrder {
    pub(super) const ALGORITHM: &'static str = "in-order/1";
}

impl QuestionSelector for InOrder {
    fn algorithm(&self) -> &'static str {
        Self::ALGORITHM
    }

    fn select(&self, request: &SelectionRequest) -> Selection {
        let mut packing = Packing::new(&self.pace, request.time_budget);
        let (mut questions, mut considered, mut seen) = (Vec::new(), Vec::new(), BTreeSet::new());
        let mut is_full = false;
        for question in &request.configurations {
            let estimated = packing.estimate(question);
            let reason = if question.tenant != request.tenant {
                Reason::OtherTenant
            } else if !seen.insert(question.id) {
                Reason::Repeated
            } else if !question.is_active_at(request.now) {
                Reason::NotActive
            } else {
                packing.demand(question, estimated);
                if is_full || !packing.take(estimated) {
                    is_full = true;
                    Reason::NoTime
                } else {
                    questions.push(question.clone());
                    Reason::Selected
                }
            };
            considered.push(Considered::new(question, reason, estimated));
        }
        Selection {
            questions,
            estimated_duration: packing.duration(),
            carry_over: Vec::new(),
            explanation: Explanation {
                algorithm: self.algorithm().to_owned(),
                weights: None,
                pace: self.pace,
                customer_count: request.customer_count,
                load: packing.load(),
                considered,
            },
        }
    }
}
