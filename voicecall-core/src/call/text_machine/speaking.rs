//! What is said, when, and what became of it; and what is done while nobody says anything.

use super::{State, TextMachine};
use crate::call::ending::Ending;
use crate::call::io::Output;
use crate::call::silence_timers::Due;
use crate::call::text_queue::EndedText;
use crate::dialogue::DialogueEvent;
use crate::journal::Fact;

impl TextMachine {
    pub(super) fn speak(&mut self, out: &mut Vec<Output>) {
        // What is to be said waits until a caller who has interrupted is understood.
        if self.listening.is_none() && self.queue.advance(self.now, out) {
            self.note_answer(out);
        }
        while let Some((utterance, text)) = self.queue.next_failed() {
            out.push(Output::Notify(DialogueEvent::ResponseFailed { utterance, text }));
        }
        while let Some(ended) = self.queue.next_ended(self.now) {
            self.spoken(ended, out);
        }
        self.timers.observe(self.is_answering() || self.listening.is_some(), self.now);
        match self.state {
            State::Ending(reason) => {
                if self.queue.is_settled(self.now) {
                    self.hang_up(reason, out);
                }
            }
            State::Leaving(until) => {
                if until <= self.now {
                    self.not_transferred(out);
                }
            }
            State::Live if self.transfer.is_some() && !self.queue.is_busy() => self.leave(out),
            State::Live | State::Ringing | State::Stopped(_) | State::Over => self.wait(out),
        }
    }

    /// Whether somebody works at what is said next, or it is being said.
    pub(super) fn is_answering(&self) -> bool {
        self.llm.is_waiting() || self.tools.is_waiting() || self.queue.is_busy()
    }

    pub(super) fn wait(&mut self, out: &mut Vec<Output>) {
        self.timers.expect(self.is_answering(), self.now);
        self.timers.give_way(self.queue.floor(), self.now);
        if !self.timers.is_expecting() {
            self.latency.abandon();
        }
        while let Some(due) = self.timers.next_due(self.now) {
            match due {
                Due::Filler(text) => {
                    self.latency.filler();
                    self.queue.fill(text);
                    let _ = self.queue.advance(self.now, out);
                }
                Due::Silence(count) => out.push(Output::Notify(DialogueEvent::Silence { count })),
            }
        }
    }

    /// The answer's first words went out: the turn's ledger is complete.
    pub(super) fn note_answer(&mut self, out: &mut Vec<Output>) {
        self.latency.first_sentence(self.now);
        self.timers.answered();
        if let Some(latency) = self.latency.answered(self.now, self.now) {
            self.gate.journal(self.now, Fact::Latency(latency), false, out);
        }
    }

    pub(super) fn spoken(&mut self, ended: EndedText, out: &mut Vec<Output>) {
        let utterance = ended.utterance;
        self.record_utterance(ended, out);
        out.extend(utterance.map(|utterance| Output::Notify(DialogueEvent::Spoken(utterance))));
    }

    pub(super) fn record_utterance(&mut self, ended: EndedText, out: &mut Vec<Output>) {
        let EndedText { utterance: Some(utterance), heard, unheard, from, until, estimated, .. } = ended else {
            return;
        };
        // A response that only called tools.
        if heard.is_empty() && unheard.is_empty() {
            return;
        }
        self.gate.journal(until, Fact::Said { utterance, heard, unheard, from, until, estimated }, false, out);
    }
}
