//! The figures by which questions are ranked. Data: a business may have its own.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use super::explanation::Ranking;
use super::standing::Standing;
use crate::store::{Priority, QuestionConfiguration};

/// What counts how much. A rank is priority x urgency x relevance x need.
///
/// The defaults and their reasons:
///
/// | figure | default | why |
/// |---|---|---|
/// | `high`, `medium`, `low` | 3, 2, 1 | when time is short, medium keeps twice the share of low |
/// | `urgency` | 1 | a question that can still be asked of `n` customers before its next turn ranks `n` times lower than one that is lost unless it is asked now |
/// | `shared_tag` | 0.5 | two shared tags double a rank: as much as one step of priority |
/// | `shared_tags_at_most` | 1 | a question with many tags must not beat priority |
/// | `need_at_most` | 100 | a question that was hardly ever asked catches up without displacing all others for long |
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
    /// How much a question is put off that can wait: with `n` customers left before its next turn, this one included,
    /// the factor is `1 / (1 + urgency * (n - 1))`. At 0 frequency does not matter.
    pub urgency: f64,
    /// What each department tag shared with the context adds to a relevance of 1.
    pub shared_tag: f64,
    /// The most that shared tags add together.
    pub shared_tags_at_most: f64,
    /// The highest factor for turns that were lost: the factor is 1 divided by the part of its turns that a question
    /// kept of late.
    pub need_at_most: f64,
}

impl Default for Weights {
    /// Priorities 3, 2 and 1; urgency 1; a shared tag 0.5, at most 1; need at most 100.
    fn default() -> Self {
        Self {
            high: 3.0,
            medium: 2.0,
            low: 1.0,
            urgency: 1.0,
            shared_tag: 0.5,
            shared_tags_at_most: 1.0,
            need_at_most: 100.0,
        }
    }
}

impl Weights {
    /// The factor of a priority.
    #[must_use]
    pub const fn of_priority(&self, priority: Priority) -> f64 {
        match priority {
            Priority::High => self.high,
            Priority::Medium => self.medium,
            Priority::Low => self.low,
        }
    }

    /// The rank of a question for customer number `customer_count`, whose visit was about `context`.
    #[must_use]
    pub fn ranking(
        &self,
        question: &QuestionConfiguration,
        customer_count: u64,
        context: &BTreeSet<&str>,
        standing: Standing,
    ) -> Ranking {
        let priority = self.of_priority(question.priority);
        let chances = chances(question.frequency, customer_count);
        // At most 100, so exact.
        let urgency = 1.0 / (1.0 + self.urgency * (f64::from(chances) - 1.0));
        let tags = question.department_tags.iter();
        let shared: f64 = tags.filter(|tag| context.contains(tag.as_str())).map(|_| self.shared_tag).sum();
        let relevance = 1.0 + shared.min(self.shared_tags_at_most);
        let need = (1.0 / standing.kept_share()).min(self.need_at_most);
        Ranking { priority, urgency, relevance, need, rank: priority * urgency * relevance * need }
    }
}

/// How many customers a question can still be asked of before its next turn comes, this customer included.
fn chances(frequency: u32, customer_count: u64) -> u32 {
    let frequency = frequency.max(1);
    let behind = u32::try_from(customer_count % u64::from(frequency)).unwrap_or(0);
    frequency - behind
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_turn_can_wait_until_the_next_one_comes() {
        for (frequency, count, expected) in [(1, 7, 1), (10, 20, 10), (10, 21, 9), (10, 29, 1), (0, 5, 1)] {
            assert_eq!(chances(frequency, count), expected, "{frequency} {count}");
        }
    }
}
