//! Thinking: questions of the dialogue to the model, collected until they are answered or given up.

use std::time::Duration;

use super::io::Output;
use super::ops::Ops;
use crate::agent::{AgentTask, OpId};
use crate::dialogue::{AskId, DialogueEvent};
use crate::model::ChatRequest;
use crate::time::CallTime;

/// An answer longer than this is not one; the model runs wild.
const LONGEST_ANSWER: usize = 16 * 1024;

/// The questions under way.
#[derive(Debug)]
pub(super) struct LlmRequests {
    timeout: Duration,
    thoughts: Vec<Thought>,
}

#[derive(Debug)]
struct Thought {
    ask: AskId,
    op: OpId,
    text: String,
    due: CallTime,
}

impl LlmRequests {
    pub(super) const fn new(timeout: Duration) -> Self {
        Self { timeout, thoughts: Vec::new() }
    }

    pub(super) fn ask(
        &mut self,
        ask: AskId,
        request: ChatRequest,
        now: CallTime,
        ops: &mut Ops,
        out: &mut Vec<Output>,
    ) {
        let op = ops.next();
        self.thoughts.push(Thought { ask, op, text: String::new(), due: now + self.timeout });
        out.push(Output::Start { op, task: AgentTask::Think(request) });
    }

    /// More text of an answer that is awaited. Returns whether it was the first; `None` if nobody waits for it.
    pub(super) fn token(&mut self, op: OpId, text: &str, out: &mut Vec<Output>) -> Option<bool> {
        let thought = self.thoughts.iter_mut().find(|thought| thought.op == op)?;
        let first = thought.text.is_empty();
        thought.text.push_str(text);
        if thought.text.len() > LONGEST_ANSWER {
            out.push(Output::Cancel { op });
            self.failed(op, out);
        }
        Some(first)
    }

    pub(super) fn done(&mut self, op: OpId, out: &mut Vec<Output>) {
        if let Some(thought) = self.take(|thought| thought.op == op) {
            out.push(Output::Notify(DialogueEvent::Reply { ask: thought.ask, text: thought.text }));
        }
    }

    pub(super) fn failed(&mut self, op: OpId, out: &mut Vec<Output>) {
        if let Some(thought) = self.take(|thought| thought.op == op) {
            out.push(Output::Notify(DialogueEvent::NoReply { ask: thought.ask }));
        }
    }

    pub(super) fn forget(&mut self, ask: AskId, out: &mut Vec<Output>) {
        if let Some(thought) = self.take(|thought| thought.ask == ask) {
            out.push(Output::Cancel { op: thought.op });
        }
    }

    /// Gives up answers that do not come.
    pub(super) fn tick(&mut self, now: CallTime, out: &mut Vec<Output>) {
        while let Some(op) = self.thoughts.iter().find(|thought| thought.due <= now).map(|thought| thought.op) {
            out.push(Output::Cancel { op });
            self.failed(op, out);
        }
    }

    pub(super) fn is_waiting(&self) -> bool {
        !self.thoughts.is_empty()
    }

    pub(super) fn wake_at(&self) -> Option<CallTime> {
        self.thoughts.iter().map(|thought| thought.due).min()
    }

    fn take(&mut self, is_it: impl Fn(&Thought) -> bool) -> Option<Thought> {
        let at = self.thoughts.iter().position(is_it)?;
        Some(self.thoughts.remove(at))
    }
}
