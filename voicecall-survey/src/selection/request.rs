//! What a selector is given and what it gives back.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::explanation::{Explanation, Reason};
use super::standing::Standing;
use crate::store::{QuestionConfiguration, QuestionId, SelectionLog};
use voicecall_core::{Error, Result};
use voicecall_core::{RecordId, TenantId};

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
    /// How each question fared so far. Questions that are missing were never due.
    pub history: BTreeMap<QuestionId, Standing>,
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
            history: BTreeMap::new(),
        }
    }

    /// Goes on where an earlier decision, usually the tenant's latest, left off: with its carry-over and its history.
    ///
    /// # Errors
    /// `Invalid` naming `criteria` if the row was not made by [`Selection::to_log`] of this version.
    pub fn following(mut self, earlier: &SelectionLog) -> Result<Self> {
        let criteria = Criteria::read(&earlier.criteria)?;
        self.history = criteria.history;
        self.history.extend(standings(&criteria.explanation));
        self.carried_over = criteria.carry_over;
        Ok(self)
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
    /// How each question stands after this choice, to be given to the next selection.
    ///
    /// `history` is that of this selection's request; questions that were not considered keep their standing.
    #[must_use]
    pub fn history(&self, mut history: BTreeMap<QuestionId, Standing>) -> BTreeMap<QuestionId, Standing> {
        history.extend(standings(&self.explanation));
        history
    }

    /// The row that keeps the choice, with everything it depended on except the texts of the configurations.
    #[must_use]
    pub fn to_log(&self, id: RecordId, request: &SelectionRequest) -> SelectionLog {
        let criteria = Criteria {
            now: request.now,
            context_tags: request.context_tags.clone(),
            carried_over: request.carried_over.clone(),
            history: request.history.clone(),
            carry_over: self.carry_over.clone(),
            explanation: self.explanation.clone(),
        };
        SelectionLog {
            id,
            tenant: request.tenant,
            session: None,
            customer_count: request.customer_count,
            selected: self.questions.iter().map(|question| question.id).collect(),
            algorithm: self.explanation.algorithm.clone(),
            // Only ids, numbers and texts: nothing that JSON could not hold, unless a weight is no number.
            criteria: serde_json::to_value(criteria).unwrap_or_default(),
            time_budget: request.time_budget,
            estimated_duration: self.estimated_duration,
            created_at: request.now,
        }
    }
}

/// The JSON of [`SelectionLog::criteria`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Criteria {
    pub(super) now: Timestamp,
    pub(super) context_tags: Vec<String>,
    pub(super) carried_over: Vec<QuestionId>,
    pub(super) history: BTreeMap<QuestionId, Standing>,
    pub(super) carry_over: Vec<QuestionId>,
    pub(super) explanation: Explanation,
}

impl Criteria {
    pub(super) fn read(criteria: &Value) -> Result<Self> {
        Self::deserialize(criteria)
            .map_err(|error| Error::invalid("criteria", "as written by this version").with_source(error))
    }
}

fn standings(explanation: &Explanation) -> impl Iterator<Item = (QuestionId, Standing)> {
    // A repetition and another tenant's row say nothing about the question.
    let counted = explanation.considered.iter();
    counted
        .filter(|considered| !matches!(considered.reason, Reason::Repeated | Reason::OtherTenant))
        .map(|considered| (considered.question, considered.standing))
}
