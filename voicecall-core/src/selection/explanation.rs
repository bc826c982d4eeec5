//! Why questions were chosen or left out, as data to store and to show.

use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::weights::Weights;
use crate::id::QuestionId;
use crate::store::{Priority, QuestionConfiguration};

/// The reasons of a selection: with the request's inputs, enough to make it again.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct Explanation {
    /// The selector's name and version.
    pub algorithm: String,
    /// What it weighed with, if it weighs.
    pub weights: Option<Weights>,
    /// Every configured question, in the order in which they were considered.
    pub considered: Vec<Considered>,
}

/// What became of one configured question.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct Considered {
    /// Which.
    pub question: QuestionId,
    /// Whether it was chosen, and why not.
    pub reason: Reason,
    /// Whether it came from an earlier customer's carry-over.
    pub carried_over: bool,
    /// Its configured priority.
    pub priority: Priority,
    /// Its configured frequency.
    pub frequency: u32,
    /// What it is about.
    pub department_tags: Vec<String>,
    /// When it was configured; decides between equals.
    pub created_at: Timestamp,
    /// What it adds to the call, in milliseconds in JSON.
    #[serde(rename = "estimatedMs", with = "millis")]
    pub estimated: Duration,
    /// What its rank is made of, if it was ranked.
    pub ranking: Option<Ranking>,
}

impl Considered {
    pub(super) fn new(question: &QuestionConfiguration, reason: Reason, estimated: Duration) -> Self {
        Self {
            question: question.id,
            reason,
            carried_over: false,
            priority: question.priority,
            frequency: question.frequency,
            department_tags: question.department_tags.clone(),
            created_at: question.created_at,
            estimated,
            ranking: None,
        }
    }
}

/// Whether a question was chosen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Reason {
    /// Chosen.
    Selected,
    /// Switched off, or outside its dates.
    NotActive,
    /// Not this customer's turn.
    NotDue,
    /// Due, but what ranks higher had taken the time. Carried over.
    NoTime,
    /// Configured for another tenant.
    OtherTenant,
    /// Configured twice with the same id; the first counts.
    Repeated,
}

/// The factors of a rank; the rank is their product.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct Ranking {
    /// By priority.
    pub priority: f64,
    /// By frequency.
    pub frequency: f64,
    /// By how well it suits the context.
    pub relevance: f64,
    /// For having waited.
    pub carried: f64,
    /// The product.
    pub rank: f64,
}

mod millis {
    use std::time::Duration;

    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    pub(super) fn serialize<S: Serializer>(duration: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
        u64::try_from(duration.as_millis()).unwrap_or(u64::MAX).serialize(serializer)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
        u64::deserialize(deserializer).map(Duration::from_millis)
    }
}
