//! What is going to happen, ordered by time, and by order of entry within one instant.

use std::collections::BTreeMap;

use voicecall_core::CallTime;
use voicecall_core::agent::OpId;
use voicecall_core::call::InputEvent;

/// Inputs on their way to the machine.
#[derive(Debug, Default)]
pub(super) struct Events {
    queue: BTreeMap<(CallTime, u64), (Option<OpId>, InputEvent<'static>)>,
    entered: u64,
}

impl Events {
    /// Enters an input, of an operation if it belongs to one.
    pub(super) fn push(&mut self, at: CallTime, op: Option<OpId>, event: InputEvent<'static>) {
        self.entered += 1;
        self.queue.insert((at, self.entered), (op, event));
    }

    /// The next input that is due at `now`.
    pub(super) fn pop(&mut self, now: CallTime) -> Option<InputEvent<'static>> {
        let entry = self.queue.first_entry().filter(|entry| entry.key().0 <= now)?;
        Some(entry.remove().1)
    }

    /// When the next one is due.
    pub(super) fn next_at(&self) -> Option<CallTime> {
        self.queue.first_key_value().map(|(key, _)| key.0)
    }

    /// Takes back everything of an operation.
    pub(super) fn cancel(&mut self, op: OpId) {
        self.queue.retain(|_, (of, _)| *of != Some(op));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const AT: fn(u64) -> CallTime = CallTime::from_millis;

    #[test]
    fn inputs_come_by_time_and_then_in_the_order_they_were_entered() {
        let mut events = Events::default();
        events.push(AT(20), None, InputEvent::Stored { seq: 3 });
        events.push(AT(10), None, InputEvent::Stored { seq: 1 });
        events.push(AT(10), None, InputEvent::Stored { seq: 2 });
        assert_eq!((events.pop(AT(9)), events.next_at()), (None, Some(AT(10))));
        let numbers = std::iter::from_fn(|| match events.pop(AT(20)) {
            Some(InputEvent::Stored { seq }) => Some(seq),
            _ => None,
        });
        assert_eq!(numbers.collect::<Vec<_>>(), [1, 2, 3]);
    }

    #[test]
    fn of_a_cancelled_operation_nothing_comes() {
        let mut events = Events::default();
        events.push(AT(10), Some(OpId(1)), InputEvent::Done { op: OpId(1) });
        events.push(AT(10), Some(OpId(2)), InputEvent::Done { op: OpId(2) });
        events.cancel(OpId(1));
        assert_eq!(events.pop(AT(10)), Some(InputEvent::Done { op: OpId(2) }));
        assert_eq!(events.next_at(), None);
    }
}
