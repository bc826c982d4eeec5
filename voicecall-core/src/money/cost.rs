//! What a call cost, by its parts.

use serde::{Deserialize, Serialize};

use super::amount::Money;
use crate::journal::{Fact, JournalEntry};

/// The parts of a call's cost. As data, integers under the names of the parts, and their sum as `total`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "Parts", into = "Parts")]
#[non_exhaustive]
pub struct Cost {
    /// Being connected.
    pub carrier: Money,
    /// Understanding the caller.
    pub transcription: Money,
    /// Speaking. What was prepared costs nothing.
    pub speech: Money,
    /// Thinking.
    pub model: Money,
}

impl Cost {
    /// All parts together.
    #[must_use]
    pub const fn total(&self) -> Money {
        self.carrier.saturating_add(self.transcription).saturating_add(self.speech).saturating_add(self.model)
    }

    /// Both together, part by part.
    #[must_use]
    pub const fn saturating_add(self, other: Self) -> Self {
        Self {
            carrier: self.carrier.saturating_add(other.carrier),
            transcription: self.transcription.saturating_add(other.transcription),
            speech: self.speech.saturating_add(other.speech),
            model: self.model.saturating_add(other.model),
        }
    }

    /// What a session has cost according to its journal; nothing if nobody counted.
    #[must_use]
    pub fn of(journal: &[JournalEntry]) -> Option<Self> {
        journal.iter().rev().find_map(|entry| if let Fact::Cost(cost) = entry.fact { Some(cost) } else { None })
    }
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Parts {
    carrier: Money,
    transcription: Money,
    speech: Money,
    model: Money,
    #[serde(default)]
    total: Money,
}

impl From<Parts> for Cost {
    fn from(parts: Parts) -> Self {
        let Parts { carrier, transcription, speech, model, .. } = parts;
        Self { carrier, transcription, speech, model }
    }
}

impl From<Cost> for Parts {
    fn from(cost: Cost) -> Self {
        let Cost { carrier, transcription, speech, model } = cost;
        Self { carrier, transcription, speech, model, total: cost.total() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_cost_is_written_with_its_total_and_reads_back() {
        let [carrier, transcription, speech, model] = [1, 20, 300, 4000].map(Money::from_micros);
        let cost = Cost { carrier, transcription, speech, model };
        let json = serde_json::to_value(cost).unwrap();
        assert_eq!(json, json!({ "carrier": 1, "transcription": 20, "speech": 300, "model": 4000, "total": 4321 }));
        assert_eq!(serde_json::from_value::<Cost>(json).unwrap(), cost);
        assert_eq!(cost.saturating_add(cost).total(), Money::from_micros(8642));
        let most = Cost { carrier: Money::MAX, ..cost };
        assert_eq!(most.saturating_add(most).total(), Money::MAX);
    }
}
