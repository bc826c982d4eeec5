//! What is left of a call with audio when it ends.

use super::CallMachine;
use crate::call::ending::{Ending, Parts};
use crate::call::io::Output;
use crate::media::MediaCommand;
use crate::store::EndReason;

impl CallMachine {
    /// No service speaks for us any more.
    pub(super) fn tts_failed(&mut self, out: &mut Vec<Output>) {
        let farewell = self.settings.timeouts.farewell.clone();
        self.break_off(farewell, EndReason::TechnicalFailure, out);
    }
}

impl Ending for CallMachine {
    fn parts(&mut self) -> Parts<'_> {
        let Self { now, settings, state, news, gate, tools, budget, transfer, .. } = self;
        Parts { now: *now, settings, state, news, gate, tools, budget, transfer }
    }

    fn close(&self) -> Output {
        Output::Send(MediaCommand::Close)
    }

    fn has_to_say(&self) -> bool {
        self.speech.is_busy()
    }

    fn say_instead(&mut self, farewell: Option<String>, out: &mut Vec<Output>) {
        for ended in self.speech.clear(self.now, out) {
            self.record_utterance(ended, out);
        }
        if let Some(text) = farewell {
            self.speech.fill(&text, false, &self.settings, self.now);
        }
        let _ = self.speech.advance(self.now, &mut self.ops, out);
    }

    fn leave_line(&mut self, out: &mut Vec<Output>) {
        let mut outputs = Vec::new();
        for ended in self.speech.clear(self.now, &mut outputs) {
            self.record_utterance(ended, out);
        }
        self.record_rest(out);
        // Nobody is there to be silenced, but what is being synthesised is not needed any more.
        out.extend(outputs.into_iter().filter(|output| matches!(output, Output::Cancel { .. })));
        if let Some(spoken) = self.turn.stop() {
            self.transcriber.close(spoken, self.now, out);
        }
    }
}
