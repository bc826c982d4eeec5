//! The figures by which questions are ranked. Data: a business may have its own.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::explanation::Ranking;
use crate::store::{Priority, QuestionConfiguration};

/// What counts how much. A rank is priority x frequency x relevance x carried.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[non_exhaustive]
pub struct Weights {
    /// The factor of high priority. Such questions are essential: they are placed before all others, whatever the rank.
    pub high: f64,
    /// The factor of medium priority.
    pub medium: f64,
    /// The factor of low priority.
    pub low: f64,
    /// What frequency adds: a question asked of every `n`th customer has the factor `1 + rarity * (n - 1) / 99`,
    /// because the next chance to ask it is `n` customers away.
    pub rarity: f64,
    /// What each department tag shared with the context adds to a relevance of 1.
    pub shared_tag: f64,
    /// The most that shared tags add together.
    pub shared_tags_at_most: f64,
    /// The factor of a question carried over, so that none waits for ever behind its equals.
    pub carried: f64,
}

impl Default for Weights {
    /// Priorities 3, 2 and 1; rarity 1; a shared tag 0.5, at most 1; carried 1.5.
    fn default() -> Self {
        Self { high: 3.0, medium: 2.0, low: 1.0, rarity: 1.0, shared_tag: 0.5, shared_tags_at_most: 1.0, carried: 1.5 }
    }
}

impl Weights {
    /// The rank of a question for a visit about `context`.
    #[must_use]
    pub fn ranking(&self, question: &QuestionConfiguration, context: &BTreeSet<&str>, carried_over: bool) -> Ranking {
        let priority = match question.priority {
            Priority::High => self.high,
            Priority::Medium => self.medium,
            Priority::Low => self.low,
        };
        let frequency = 1.0 + self.rarity * f64::from(question.frequency.saturating_sub(1)) / 99.0;
        let shared: f64 =
            question.department_tags.iter().filter(|tag| context.contains(tag.as_str())).map(|_| self.shared_tag).sum();
        let relevance = 1.0 + shared.min(self.shared_tags_at_most);
        let carried = if carried_over { self.carried } else { 1.0 };
        Ranking { priority, frequency, relevance, carried, rank: priority * frequency * relevance * carried }
    }
}
