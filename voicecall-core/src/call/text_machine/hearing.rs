//! What the carrier tells over its socket: the caller's turns, keys and interruptions.

use std::time::Duration;

use super::{State, TextMachine};
use crate::call::ending::Ending;
use crate::call::io::Output;
use crate::call::settings::Keep;
use crate::call::text_queue::{EndedText, spoken_length};
use crate::dialogue::{CallerTurn, DialogueEvent};
use crate::journal::Fact;
use crate::text_media::{TextCommand, TextEvent};

/// A caller who has interrupted and is not understood by then has said nothing.
pub(super) const LONGEST_TURN: Duration = Duration::from_secs(15);

/// A key interrupts without words. The carrier may tell of it first.
const KEY_INTERRUPTS: Duration = Duration::from_millis(500);

impl TextMachine {
    pub(super) fn text(&mut self, event: TextEvent, out: &mut Vec<Output>) {
        match event {
            TextEvent::Started(_) if self.state == State::Ringing => self.started(out),
            TextEvent::Heard { words, language } if self.state.is_live() => {
                self.listening = None;
                let ended = self.queue.answered(self.now, out);
                self.cut(ended, out);
                self.heard(Some(words), language, out);
            }
            TextEvent::Key(key) if self.state.is_live() => {
                (self.listening, self.last_key) = (None, Some(self.now));
                self.timers.caller_spoke();
                out.push(Output::Notify(DialogueEvent::Key(key)));
            }
            TextEvent::Interrupted { heard, .. } if self.state.is_live() => {
                let by_key = self.last_key.is_some_and(|at| self.now.since(at) <= KEY_INTERRUPTS);
                self.listening = (!by_key).then(|| self.now + LONGEST_TURN);
                self.timers.answered();
                let ended = self.queue.interrupted(&heard, self.now, out);
                self.cut(ended, out);
            }
            TextEvent::Stopped => self.stopped(out),
            // It goes on; a second start, or anything before the first, is not of this call.
            TextEvent::Failed
            | TextEvent::Started(_)
            | TextEvent::Heard { .. }
            | TextEvent::Key(_)
            | TextEvent::Interrupted { .. } => {}
        }
    }

    pub(super) fn started(&mut self, out: &mut Vec<Output>) {
        self.state = State::Live;
        let is_tag = |language: &&String| language.contains('-');
        let speech = self.setup.speech.language.as_ref().filter(is_tag).cloned();
        let transcription = self.setup.transcription.language.as_ref().filter(is_tag).cloned();
        if speech.is_some() || transcription.is_some() {
            out.push(Output::SendText(TextCommand::Language { speech, transcription }));
        }
        let resumes = !self.settings.elapsed.is_zero();
        self.gate.journal(self.now, if resumes { Fact::Resumed } else { Fact::Connected }, false, out);
        if matches!(self.settings.keep, Keep::Announced(_)) {
            // The carrier opens the socket once it has said that to its end.
            self.gate.announced(out);
        }
        out.push(Output::Notify(DialogueEvent::Connected));
        if let Some(to) = self.settings.returned_from.take() {
            out.push(Output::Notify(DialogueEvent::TransferFailed { to }));
        }
    }

    /// The caller's turn is over; without words they were not understood.
    pub(super) fn heard(&mut self, words: Option<String>, language: Option<String>, out: &mut Vec<Output>) {
        self.turns += 1;
        let length = words.as_ref().map_or(Duration::ZERO, |words| spoken_length(words));
        if words.as_ref().is_some_and(|words| !words.trim().is_empty()) {
            self.timers.caller_spoke();
        }
        self.latency.turn_ended(self.turns, self.now, self.now);
        self.latency.transcript(self.turns, self.now);
        self.timers.turn_ended(self.now);
        // Until the dialogue has said what it does about it.
        self.timers.expect(true, self.now);
        let turn = CallerTurn {
            turn: self.turns,
            text: words,
            confidence: None,
            language,
            started: self.now.back(length),
            ended: self.now,
            voiced: length,
            cut_off: false,
        };
        self.gate.journal(self.now, Fact::Heard(turn.clone()), false, out);
        out.push(Output::Notify(DialogueEvent::Heard(turn)));
    }

    /// Takes in what became of what was to be said when the caller spoke.
    pub(super) fn cut(&mut self, ended: Vec<EndedText>, out: &mut Vec<Output>) {
        let was_cut = ended.iter().find(|ended| !ended.whole && ended.utterance.is_some());
        let first = was_cut.and_then(|ended| Some((ended.utterance?, ended.heard.clone())));
        if first.is_some() {
            self.transfer.take_if(|_| self.state == State::Live);
        }
        for ended in ended {
            if ended.whole {
                self.spoken(ended, out);
            } else {
                self.record_utterance(ended, out);
            }
        }
        if let Some((utterance, heard)) = first {
            out.push(Output::Notify(DialogueEvent::Interrupted { utterance, heard }));
        }
    }
}
