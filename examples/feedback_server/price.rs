//! What a call cost, from what was used and a list of prices.

use serde::{Deserialize, Serialize};
use voicecall::journal::{Fact, JournalEntry};

/// Prices in millionths of a US dollar, with the day they were looked up. Data, to be replaced by one's own contract.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Prices {
    pub(crate) effective: String,
    carrier_per_minute: i64,
    stream_per_minute: i64,
    transcription_per_minute: i64,
    speech_per_1000_characters: i64,
    input_per_million_tokens: i64,
    cached_per_million_tokens: i64,
    output_per_million_tokens: i64,
}

/// The parts of a call's cost, in millionths of a US dollar.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Cost {
    pub(crate) carrier: i64,
    pub(crate) transcription: i64,
    pub(crate) speech: i64,
    pub(crate) model: i64,
    pub(crate) total: i64,
}

impl Prices {
    /// The list that comes with the example.
    pub(crate) fn bundled() -> Result<Self, toml::de::Error> {
        toml::from_str(include_str!("prices.toml"))
    }

    /// The cost of a call of `seconds` with this journal.
    pub(crate) fn cost(&self, seconds: u64, journal: &[JournalEntry]) -> Cost {
        // Carriers charge each begun minute.
        let minutes = i64::try_from(seconds.div_ceil(60)).unwrap_or(i64::MAX);
        let mut cost =
            Cost { carrier: minutes * (self.carrier_per_minute + self.stream_per_minute), ..Cost::default() };
        for entry in journal {
            match &entry.fact {
                Fact::Heard(turn) => {
                    let millis = turn.ended.since(turn.started).as_millis() as i64;
                    cost.transcription += millis * self.transcription_per_minute / 60_000;
                }
                Fact::Said { heard, unheard, .. } => {
                    let characters = (heard.chars().count() + unheard.chars().count()) as i64;
                    cost.speech += characters * self.speech_per_1000_characters / 1000;
                }
                Fact::Used(usage) => {
                    let fresh = usage.input.saturating_sub(usage.cached) as i64;
                    let micros = fresh * self.input_per_million_tokens
                        + usage.cached as i64 * self.cached_per_million_tokens
                        + usage.output as i64 * self.output_per_million_tokens;
                    cost.model += micros / 1_000_000;
                }
                _ => {}
            }
        }
        cost.total = cost.carrier + cost.transcription + cost.speech + cost.model;
        cost
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_begun_minute_is_charged_whole() {
        let prices = Prices::bundled().unwrap();
        assert_eq!(prices.cost(61, &[]).total, 2 * (prices.carrier_per_minute + prices.stream_per_minute));
        assert_eq!(prices.cost(0, &[]).total, 0);
    }
}
