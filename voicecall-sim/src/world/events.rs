//! What is going to happen: a heap ordered by time, and by order of entry within one instant.

use std::collections::BTreeMap;
use std::time::Duration;

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

    /// Takes back the events of an operation from its `keep`th on. Returns when the first of them would have been.
    pub(super) fn cut(&mut self, op: OpId, keep: usize) -> Option<CallTime> {
        let cut = self.keys(op, keep);
        for key in &cut {
            self.queue.remove(key);
        }
        cut.first().map(|(at, _)| *at)
    }

    /// Delays the events of an operation from its `keep`th on.
    pub(super) fn delay(&mut self, op: OpId, keep: usize, by: Duration) {
        for key in self.keys(op, keep) {
            if let Some(event) = self.queue.remove(&key) {
                self.queue.insert((key.0 + by, key.1), event);
            }
        }
    }

    fn keys(&self, op: OpId, keep: usize) -> Vec<(CallTime, u64)> {
        self.queue.iter().filter(|(_, (of, _))| *of == Some(op)).map(|(key, _)| *key).skip(keep).collect()
    }
}
