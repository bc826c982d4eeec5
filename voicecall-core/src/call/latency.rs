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
    /// From the caller's last voiced frame to the first sound of the answer. A filler that bridged the wait was heard
    /// earlier.
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

/// The ledger of the turn whose answer is awaited, filled in as things happen.
#[derive(Debug, Default)]
pub(super) struct Ledger(Option<TurnLatency>);

impl Ledger {
    /// The caller speaks: whatever was awaited is not any more.
    pub(super) const fn turn_started(&mut self) {
        self.0 = None;
    }

    /// Nobody works at an answer: what is said next is none.
    pub(super) const fn abandon(&mut self) {
        self.0 = None;
    }

    pub(super) fn turn_ended(&mut self, turn: u32, last_voiced: CallTime, now: CallTime) {
        self.0 = Some(TurnLatency { turn, last_voiced, end_of_turn: now, ..TurnLatency::default() });
    }

    pub(super) fn transcript(&mut self, turn: u32, now: CallTime) {
        if let Some(latency) = self.0.as_mut().filter(|latency| latency.turn == turn) {
            latency.transcript = Some(now);
        }
    }

    pub(super) fn first_token(&mut self, now: CallTime) {
        self.first(now, |latency| &mut latency.first_token);
    }

    pub(super) fn first_sentence(&mut self, now: CallTime) {
        self.first(now, |latency| &mut latency.first_sentence);
    }

    pub(super) fn first_audio(&mut self, now: CallTime) {
        self.first(now, |latency| &mut latency.first_audio);
    }

    pub(super) const fn filler(&mut self) {
        if let Some(latency) = &mut self.0 {
            latency.filler = true;
        }
    }

    /// Whether an answer is awaited.
    pub(super) const fn is_open(&self) -> bool {
        self.0.is_some()
    }

    /// Whether the answer's words are known, so that its first sound completes the ledger.
    pub(super) fn has_sentence(&self) -> bool {
        self.0.is_some_and(|latency| latency.first_sentence.is_some())
    }

    /// The answer's first frame went out and is heard at `heard`: the turn's ledger is complete.
    pub(super) fn answered(&mut self, heard: CallTime, now: CallTime) -> Option<TurnLatency> {
        let mut latency = self.0.take()?;
        // Prepared speech is there as soon as it is wanted.
        latency.first_audio = latency.first_audio.or(latency.first_sentence);
        latency.wire = Some(now);
        latency.heard = Some(heard);
        Some(latency)
    }

    fn first(&mut self, now: CallTime, field: impl FnOnce(&mut TurnLatency) -> &mut Option<CallTime>) {
        if let Some(latency) = &mut self.0 {
            field(latency).get_or_insert(now);
        }
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
            last_voiced: ms(1000),
            end_of_turn: ms(1600),
            ..TurnLatency::default()
        };
        let sum: Duration = latency.parts().iter().map(|(_, part)| *part).sum();
        assert_eq!(Some(sum), latency.total());
        assert_eq!(sum, Duration::from_millis(1320));
    }
}
