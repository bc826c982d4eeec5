//! Utterances that a model is still writing. What comes for an operation that is none's any more is dropped.

use super::{TextQueue, is_of};
use crate::agent::OpId;
use crate::call::io::Output;
use crate::dialogue::UtteranceId;
use crate::time::CallTime;

/// An answer longer than this is not one; the model runs wild.
const LONGEST_ANSWER: usize = 16 * 1024;

/// Who writes an utterance.
#[derive(Debug)]
pub(super) struct Response {
    pub(super) op: OpId,
    /// When it is late.
    pub(super) due: CallTime,
}

impl TextQueue {
    /// More words of an utterance. Returns whether they are its first; `None` if nobody waits for them.
    pub(in super::super) fn token(
        &mut self,
        op: OpId,
        text: &str,
        now: CallTime,
        out: &mut Vec<Output>,
    ) -> Option<bool> {
        let item = self.queue.iter_mut().find(|item| is_of(item, op))?;
        let first = item.text.is_empty();
        item.text.push_str(text);
        let is_wild = item.text.len() > LONGEST_ANSWER;
        self.progressed(op, now);
        if is_wild {
            out.push(Output::Cancel { op });
            self.response_failed(op);
        }
        Some(first)
    }

    /// A model calls a tool. Returns in which utterance.
    pub(in super::super) fn tool_call(&mut self, op: OpId, now: CallTime) -> Option<UtteranceId> {
        self.progressed(op, now);
        self.queue.iter().find(|item| is_of(item, op))?.utterance
    }

    /// A model has written all it will. Returns the utterance and its words.
    pub(in super::super) fn text_done(&mut self, op: OpId) -> Option<(UtteranceId, String)> {
        let item = self.queue.iter_mut().find(|item| is_of(item, op))?;
        item.response = None;
        Some((item.utterance?, item.text.trim().to_owned()))
    }

    /// Nothing more comes of an operation. If it writes something, its words so far are all there are.
    pub(in super::super) fn response_failed(&mut self, op: OpId) {
        let Some(item) = self.queue.iter_mut().find(|item| is_of(item, op)) else { return };
        item.response = None;
        // What was not sent is an answer without its end; what was is being said.
        item.text.truncate(item.sent);
        if let Some(utterance) = item.utterance {
            self.failed.push_back((utterance, item.text.trim().to_owned()));
        }
    }

    /// The next response that failed, with the words that are said of it.
    pub(in super::super) fn next_failed(&mut self) -> Option<(UtteranceId, String)> {
        self.failed.pop_front()
    }

    /// Gives up models that are late.
    pub(in super::super) fn tick(&mut self, now: CallTime, out: &mut Vec<Output>) {
        let late =
            |item: &super::Item| item.response.as_ref().filter(|response| response.due <= now).map(|late| late.op);
        while let Some(op) = self.queue.iter().find_map(late) {
            out.push(Output::Cancel { op });
            self.response_failed(op);
        }
    }

    fn progressed(&mut self, op: OpId, now: CallTime) {
        let due = now + self.timeouts.1;
        let items = self.queue.iter_mut().filter_map(|item| item.response.as_mut());
        items.filter(|response| response.op == op).for_each(|response| response.due = due);
    }
}
