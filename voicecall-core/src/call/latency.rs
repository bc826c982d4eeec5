//! The latency ledger: what each part of one turn took, from the caller's last sound to the agent's first.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::time::CallTime;

/// The instants of one turn. Each is absent if the turn did not need it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[non_exhaustive]
pub struct TurnLatency {
    /// The number of the caller's turn.
    pub turn: u32,
    /// The caller's last voiced sample.
    pub last_voiced: CallTime,
    /// The turn was judged to be over.
    pub end_of_turn: CallTime,
    /// The final transcript was there.
    pub transcript: Option<CallTime>,
    /// The model's first token.
    pub first_token: Option<CallTime>,
    /// The first words to say were known.
    pub first_sentence: Option<CallTime>,
    /// The first audio of them.
    pub first_audio: Option<CallTime>,
    /// The first frame of them went to the carrier.
    pub wire: Option<CallTime>,
    /// The caller heard it, by the phone's clock.
    pub heard: Option<CallTime>,
    /// A filler bridged the wait.
    pub filler: bool,
}

impl TurnLatency {
    /// A turn that has just ended.
    #[must_use]
    pub fn ended(turn: u32, last_voiced: CallTime, end_of_turn: CallTime) -> Self {
        Self { turn, last_voiced, end_of_turn, ..Self::default() }
    }

    /// From the caller's last sound to the agent's first, as the caller experienced it.
    #[must_use]
    pub fn total(&self) -> Option<Duration> {
        self.heard.map(|heard| heard.since(self.last_voiced))
    }

    /// The named parts, in order; they add up to [`TurnLatency::total`].
    #[must_use]
    pub fn parts(&self) -> Vec<(&'static str, Duration)> {
        let steps = [
            ("end_of_turn", Some(self.end_of_turn)),
            ("transcript", self.transcript),
            ("first_token", self.first_token),
            ("first_sentence", self.first_sentence),
            ("first_audio", self.first_audio),
            ("wire", self.wire),
            ("heard", self.heard),
        ];
        let mut last = self.last_voiced;
        let known = steps.into_iter().filter_map(|(name, at)| Some((name, at?)));
        known
            .map(|(name, at)| {
                let part = at.since(last);
                last = last.max(at);
                (name, part)
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_parts_add_up_to_the_whole() {
        let ms = CallTime::from_millis;
        let latency = TurnLatency {
            transcript: Some(ms(1800)),
            first_sentence: Some(ms(2100)),
            wire: Some(ms(2300)),
            heard: Some(ms(2320)),
            ..TurnLatency::ended(1, ms(1000), ms(1600))
        };
        let sum: Duration = latency.parts().iter().map(|(_, part)| *part).sum();
        assert_eq!(Some(sum), latency.total());
        assert_eq!(sum, Duration::from_millis(1320));
    }
}
