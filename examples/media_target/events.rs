//! What an agent has to tell, in order.

use std::collections::VecDeque;

use tokio::sync::Notify;
use voicecall::agent::{AgentEvent, OpId};
use voicecall::model::Transcript;

/// Events on their way to the call. Bounded by what they answer: a frame that was heard, or an operation.
#[derive(Debug, Default)]
pub(crate) struct Events {
    queue: VecDeque<(OpId, AgentEvent)>,
    ready: Notify,
}

impl Events {
    pub(crate) fn push(&mut self, op: OpId, event: AgentEvent) {
        self.queue.push_back((op, event));
        self.ready.notify_one();
    }

    /// A turn was heard to its end, and nothing was understood.
    pub(crate) fn not_understood(&mut self, op: OpId) {
        let transcript = Transcript { text: String::new(), confidence: None, language: None, is_final: true };
        self.push(op, AgentEvent::Transcript(transcript));
        self.push(op, AgentEvent::Done);
    }

    /// Nothing more of this operation is wanted.
    pub(crate) fn cancel(&mut self, op: OpId) {
        self.queue.retain(|(of, _)| *of != op);
    }

    /// Waits for the next. Cancelling loses nothing.
    pub(crate) async fn next(&mut self) -> (OpId, AgentEvent) {
        loop {
            if let Some(event) = self.queue.pop_front() {
                return event;
            }
            self.ready.notified().await;
        }
    }
}
