//! What a selector is given and what it gives back.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;
use serde_json::json;

use super::explanation::Explanation;
use crate::id::{QuestionId, RecordId, TenantId};
use crate::store::{QuestionConfiguration, SelectionLog};

/// Everything a choice depends on.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct SelectionRequest {
    /// Whose questions.
    pub tenant: TenantId,
    /// The configured questions, active or not, in any order.
    pub configurations: Vec<QuestionConfiguration>,
    /// The number of the customer; from 1.
    pub customer_count: u64,
    /// The time the whole call may take; 60 to 120 s.
    pub time_budget: Duration,
    /// The instant at which a question must be active.
    pub now: Timestamp,
    /// What the visit was about, as department tags. Empty if unknown.
    pub context_tags: Vec<String>,
    /// Questions that were due for an earlier customer and did not fit: that selection's carry-over.
    pub carried_over: Vec<QuestionId>,
    /// How often each question was asked so far. Questions that are missing were never asked.
    pub asked: BTreeMap<QuestionId, u64>,
}

impl SelectionRequest {
    /// The time budget if none is given.
    pub const DEFAULT_TIME_BUDGET: Duration = Duration::from_secs(90);

    /// A request without context or history, in the default time budget.
    #[must_use]
    pub fn new(
        tenant: TenantId,
        configurations: Vec<QuestionConfiguration>,
        customer_count: u64,
        now: Timestamp,
    ) -> Self {
        Self {
            tenant,
            configurations,
            customer_count,
            time_budget: Self::DEFAULT_TIME_BUDGET,
            now,
            context_tags: Vec::new(),
            carried_over: Vec::new(),
            asked: BTreeMap::new(),
        }
    }
}

/// A choice.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Selection {
    /// What to ask, in this order.
    pub questions: Vec<QuestionConfiguration>,
    /// How long the call takes with these questions; zero without any.
    pub estimated_duration: Duration,
    /// What was due and did not fit, to be given to the next selection.
    pub carry_over: Vec<QuestionId>,
    /// Why.
    pub explanation: Explanation,
}

impl Selection {
    /// The row that keeps the choice, with everything it depended on.
    #[must_use]
    pub fn to_log(&self, id: RecordId, request: &SelectionRequest) -> SelectionLog {
        let asked: BTreeMap<_, _> = request.asked.iter().map(|(id, count)| (id.to_string(), count)).collect();
        SelectionLog {
            id,
            tenant: request.tenant,
            customer_count: request.customer_count,
            selected: self.questions.iter().map(|question| question.id).collect(),
            algorithm: self.explanation.algorithm.clone(),
            criteria: json!({
                "now": request.now,
                "contextTags": request.context_tags,
                "carriedOver": request.carried_over,
                "asked": asked,
                "carryOver": self.carry_over,
                "explanation": self.explanation,
            }),
            time_budget: request.time_budget,
            estimated_duration: self.estimated_duration,
            created_at: request.now,
        }
    }
}
