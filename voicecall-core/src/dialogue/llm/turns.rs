//! Turns of both sides: what the caller said is answered, what the agent said is remembered as far as it was heard.

use super::{BETWEEN_KEYS, LlmDialogue};
use crate::dialogue::{Action, UtteranceId};
use crate::store::EndReason;
use crate::time::CallTime;

impl LlmDialogue {
    pub(super) fn connected(&mut self, now: CallTime, actions: &mut Vec<Action>) {
        if self.resumes {
            self.reconnected(now, actions);
        } else if let Some(greeting) = self.greeting.clone() {
            self.say(greeting, actions);
        } else {
            self.respond(actions);
        }
    }

    /// The caller said this, or pressed keys.
    pub(super) fn heard(&mut self, text: &str, now: CallTime, actions: &mut Vec<Action>) {
        self.state.listening = false;
        let text = text.trim();
        if text.is_empty() {
            // A question of ours that was not heard to its end is asked again.
            let asks_again = self.state.confirming.take_if(|confirming| !confirming.heard).is_some();
            if asks_again || self.state.owed {
                self.proceed(now, actions);
            } else if self.state.writing.is_none() && self.state.running.is_empty() {
                self.say(self.phrases.not_understood.clone(), actions);
            }
            return;
        }
        self.state.rounds = 0;
        self.state.owed = true;
        self.state.words.push(text.to_owned());
        self.judge_confirmation(text, now, actions);
        self.cancel_running(actions);
        self.proceed(now, actions);
    }

    /// Does what can be done next: asks for a confirmation, or answers when nothing has to be finished before.
    pub(super) fn proceed(&mut self, now: CallTime, actions: &mut Vec<Action>) {
        if self.state.writing.is_some() || self.state.ending || self.run_calls(now, actions) {
            return;
        }
        for words in std::mem::take(&mut self.state.words) {
            self.history.caller(words);
        }
        if self.state.owed && !self.state.listening {
            self.respond(actions);
        }
    }

    pub(super) fn key(&mut self, key: char, now: CallTime, actions: &mut Vec<Action>) {
        let (keys, until) = self.state.keys.get_or_insert_with(|| (String::new(), now));
        keys.push(key);
        *until = now + BETWEEN_KEYS;
        if key == '#' || keys.len() >= 32 {
            self.take_keys(now, actions);
        }
    }

    fn take_keys(&mut self, now: CallTime, actions: &mut Vec<Action>) {
        if let Some((keys, _)) = self.state.keys.take() {
            self.heard(&format!("[keys pressed: {keys}]"), now, actions);
        }
    }

    pub(super) fn wake(&mut self, now: CallTime, actions: &mut Vec<Action>) {
        let due = |running: &mut super::Running| Some(running.filler.take_if(|(at, _)| *at <= now)?.1);
        let fillers: Vec<String> = self.state.running.iter_mut().filter_map(due).collect();
        for filler in fillers {
            self.say_aside(filler, actions);
        }
        if self.state.keys.as_ref().is_some_and(|(_, until)| *until <= now) {
            self.take_keys(now, actions);
        }
    }

    pub(super) fn silent(&mut self, count: u32, actions: &mut Vec<Action>) {
        let at = usize::try_from(count).unwrap_or(usize::MAX).saturating_sub(1);
        match self.prompts.get(at).cloned() {
            Some(prompt) => {
                self.say(prompt, actions);
            }
            None => self.end(self.phrases.goodbye.clone(), EndReason::NoResponse, actions),
        }
    }

    pub(super) fn spoken(&mut self, utterance: UtteranceId) {
        if let Some(confirming) = self.state.confirming.as_mut().filter(|asked| asked.utterance == utterance) {
            confirming.heard = true;
        }
    }

    /// What was not heard was not said.
    pub(super) fn interrupted(&mut self, utterance: UtteranceId, heard: &str) {
        self.state.listening = true;
        self.history.reword(utterance, heard);
        self.history.unsay_after(utterance);
        if let Some(writing) = self.state.writing.take_if(|writing| *writing >= utterance) {
            self.history.drop_calls(writing);
        }
        if std::mem::take(&mut self.state.transferring) {
            self.state.words.push("[the caller spoke before the transfer, which was dropped]".to_owned());
        }
    }

    /// The model has written all it will.
    pub(super) fn written(&mut self, utterance: UtteranceId, text: &str, now: CallTime, actions: &mut Vec<Action>) {
        if self.state.writing.take_if(|writing| *writing == utterance).is_none() {
            return;
        }
        self.history.reword(utterance, text);
        let has_words = text.chars().any(char::is_alphanumeric);
        if self.history.has_calls(utterance) {
            self.state.failures = 0;
            self.take_calls(has_words, actions);
        } else if has_words {
            self.state.failures = 0;
        } else {
            self.history.reword(utterance, "");
            self.say_apology(actions);
        }
        self.proceed(now, actions);
    }

    /// Nothing more comes of a response.
    pub(super) fn failed(&mut self, utterance: UtteranceId, text: &str, now: CallTime, actions: &mut Vec<Action>) {
        self.history.reword(utterance, text);
        if let Some(writing) = self.state.writing.take_if(|writing| *writing == utterance) {
            self.history.drop_calls(writing);
        }
        // What the caller said meanwhile is asked anew; without it they are told.
        if self.state.owed && self.state.failures == 0 {
            self.state.failures += 1;
        } else {
            self.say_apology(actions);
        }
        self.proceed(now, actions);
    }

    /// The model has no words. At the second time in a row the call ends.
    fn say_apology(&mut self, actions: &mut Vec<Action>) {
        self.state.failures += 1;
        if self.state.failures > 1 {
            self.end(self.phrases.broken.clone(), EndReason::TechnicalFailure, actions);
        } else {
            self.say(self.phrases.no_answer.clone(), actions);
        }
    }

    pub(super) fn not_transferred(&mut self, to: &str, now: CallTime, actions: &mut Vec<Action>) {
        self.state.transferring = false;
        self.state.words.push(format!("[the call could not be transferred to {to}]"));
        self.state.owed = true;
        self.proceed(now, actions);
    }
}
