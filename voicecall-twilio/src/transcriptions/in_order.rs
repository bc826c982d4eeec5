//! The events of one live transcription in their order.

use std::collections::BTreeMap;

use super::{TranscriptionEvent, TranscriptionEventKind};

/// Puts the events of one live transcription in order, each once, without waiting for any: whoever has the clock decides for
/// how long what is missing is waited for, and then [takes](Self::take_waiting) what there is.
///
/// Events without a number come through at once. At most [`MOST_WAITING`](Self::MOST_WAITING) wait for one that is missing;
/// with one more, it is waited for no longer.
///
/// ```
/// # use voicecall_twilio::transcriptions::{InOrder, TranscriptionEvent};
/// fn told(order: &mut InOrder, event: TranscriptionEvent) {
///     for event in order.take_in(event) {
///         println!("{:?}", event.sequence);
///     }
/// }
/// ```
#[derive(Debug, Default)]
pub struct InOrder {
    /// The number that is due; none before the first event is known.
    next: Option<u64>,
    waiting: BTreeMap<u64, TranscriptionEvent>,
}

impl InOrder {
    /// The most events that wait for one that is missing.
    pub const MOST_WAITING: usize = 64;

    /// Nothing yet. The numbers begin with that of the event that tells of the beginning.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes an event in; returns those whose turn it is now.
    pub fn take_in(&mut self, event: TranscriptionEvent) -> Vec<TranscriptionEvent> {
        let Some(number) = event.sequence else { return vec![event] };
        if self.next.is_some_and(|next| number < next) {
            return Vec::new();
        }
        if self.next.is_none() && matches!(event.kind, TranscriptionEventKind::Started { .. }) {
            self.next = Some(number);
        }
        self.waiting.entry(number).or_insert(event);
        if self.waiting.len() > Self::MOST_WAITING {
            self.next = self.waiting.keys().next().copied();
        }
        self.due()
    }

    /// Waits no longer for what is missing; returns what there is.
    pub fn take_waiting(&mut self) -> Vec<TranscriptionEvent> {
        let waiting = std::mem::take(&mut self.waiting);
        if let Some(last) = waiting.keys().next_back() {
            self.next = Some(last.saturating_add(1));
        }
        waiting.into_values().collect()
    }

    /// Whether something waits for what is missing.
    #[must_use]
    pub fn is_waiting(&self) -> bool {
        !self.waiting.is_empty()
    }

    fn due(&mut self) -> Vec<TranscriptionEvent> {
        let mut due = Vec::new();
        while let Some(next) = self.next
            && let Some(event) = self.waiting.remove(&next)
        {
            due.push(event);
            self.next = Some(next.saturating_add(1));
        }
        due
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use voicecall_core::CarrierCallId;

    use super::*;

    fn event(number: u64, first: u64) -> TranscriptionEvent {
        let is_first = number == first;
        TranscriptionEvent {
            call: CarrierCallId::new("CA1"),
            transcription: "GT00000000000000000000000000000001".parse().unwrap(),
            sequence: Some(number),
            at: None,
            delivery: String::new(),
            kind: match is_first {
                true => TranscriptionEventKind::Started { language: None },
                false => TranscriptionEventKind::Stopped,
            },
        }
    }

    fn numbers(events: Vec<TranscriptionEvent>) -> Vec<u64> {
        events.into_iter().filter_map(|event| event.sequence).collect()
    }

    proptest! {
        #[test]
        fn any_order_and_any_repetition_gives_each_once_and_in_order(
            first in 0..3u64,
            order in Just((0..20u64).collect::<Vec<_>>()).prop_shuffle(),
            repeats in proptest::collection::vec(0..20u64, 0..10),
        ) {
            let mut in_order = InOrder::new();
            let all = order.iter().chain(&repeats).map(|number| event(first + number, first));
            let out: Vec<u64> = all.flat_map(|event| numbers(in_order.take_in(event))).collect();
            prop_assert_eq!(out, (first..first + 20).collect::<Vec<_>>());
            prop_assert!(!in_order.is_waiting());
        }
    }

    #[test]
    fn what_is_missing_is_waited_for_until_there_is_too_much_or_somebody_asks() {
        let mut in_order = InOrder::new();
        assert_eq!(numbers(in_order.take_in(event(0, 0))), [0]);
        assert!(in_order.take_in(event(2, 0)).is_empty());
        assert_eq!(numbers(in_order.take_waiting()), [2]);
        assert!(in_order.take_in(event(1, 0)).is_empty(), "it comes too late");
        assert_eq!(numbers(in_order.take_in(event(3, 0))), [3]);
        let waits = InOrder::MOST_WAITING as u64;
        assert!((0..waits).all(|number| in_order.take_in(event(5 + number, 0)).is_empty()));
        assert_eq!(in_order.take_in(event(5 + waits, 0)).len() as u64, waits + 1);
    }
}
