//! What is left of a conversation in text when it ends.

use super::{CarrierNews, State, TextMachine};
use crate::call::ending::{Ending, Parts};
use crate::call::io::Output;
use crate::text_media::TextCommand;

impl TextMachine {
    /// The carrier asks what to do next, so that the conversation is over, although nothing may tell that its socket is
    /// dead. A call that is on its way to somebody else has its own end.
    pub(super) fn continues(&mut self, out: &mut Vec<Output>) {
        match self.state {
            State::Live | State::Ending(_) => self.disconnected(out),
            _ => self.carrier_says(CarrierNews::Continues(self.now), out),
        }
    }
}

impl Ending for TextMachine {
    fn parts(&mut self) -> Parts<'_> {
        let Self { now, settings, state, news, gate, tools, budget, transfer, .. } = self;
        Parts { now: *now, settings, state, news, gate, tools, budget, transfer }
    }

    fn close(&self) -> Output {
        Output::SendText(TextCommand::End)
    }

    fn has_to_say(&self) -> bool {
        self.queue.is_busy()
    }

    fn say_instead(&mut self, farewell: Option<String>, out: &mut Vec<Output>) {
        for ended in self.queue.clear(out) {
            self.record_utterance(ended, out);
        }
        if let Some(text) = farewell {
            self.queue.farewell(text);
        }
        let _ = self.queue.advance(self.now, out);
    }

    fn leave_line(&mut self, out: &mut Vec<Output>) {
        self.listening = None;
        for ended in self.queue.hung_up(self.now, out) {
            self.record_utterance(ended, out);
        }
    }
}
