//! A call that broke off goes on: the conversation is read back from the journal, and what was under way is settled.

use super::calls::ASKED;
use super::history::Call;
use super::{LlmDialogue, persona};
use crate::dialogue::Action;
use crate::journal::{Fact, JournalEntry, open_offer};
use crate::time::CallTime;
use crate::tool::{ToolCallId, ToolEffect, ToolOutcome, ToolState};

impl LlmDialogue {
    /// Goes on where the calls of a session with this journal stopped. Does nothing if there was none.
    ///
    /// A tool that had not returned runs again with the same key, unless its effect is [`ToolEffect::Once`] or its
    /// arguments were not kept: then nobody knows whether it ran, which model and caller are told. Of a journal without
    /// content only that remains.
    pub(super) fn read_back(&mut self, journal: &[JournalEntry]) {
        self.resumes = journal.iter().any(|entry| entry.fact == Fact::Connected);
        self.returns = open_offer(journal).is_some();
        for entry in journal {
            match &entry.fact {
                Fact::Heard(turn) => {
                    let text = turn.text.as_deref().unwrap_or("").trim();
                    if !text.is_empty() {
                        self.history.caller(text);
                        self.restore_answer(text);
                    }
                }
                Fact::Said { utterance, heard, .. } => {
                    self.utterances = self.utterances.max(utterance.0);
                    self.untold &= *heard != self.phrases.outcome_unknown;
                    if let Some(asked) = self.state.confirming.as_mut().filter(|asked| asked.question == *heard) {
                        asked.heard = true;
                    }
                    self.history.agent(None, heard, Vec::new());
                }
                Fact::Custom { kind, data, .. } if kind == ASKED => self.restore_question(data),
                Fact::ToolCalled { call, name, effect, arguments, .. } => {
                    self.calls = self.calls.max(call.0);
                    self.state.confirming.take_if(|confirming| confirming.call == *call);
                    let lost = arguments.is_none() || *effect == ToolEffect::Once;
                    if self.history.open_calls().any(|open| open.id == *call) {
                        if lost && !self.lost.contains(call) {
                            self.lost.push(*call);
                        }
                        continue;
                    }
                    let arguments = arguments.clone().unwrap_or_else(|| serde_json::json!({}));
                    if let Some(to) = persona::hand_off_of(name, &arguments) {
                        self.switch(&to);
                    }
                    self.lost.extend(lost.then_some(*call));
                    let call = Call { id: *call, name: name.clone(), arguments: arguments.to_string(), result: None };
                    self.history.agent(None, "", vec![call]);
                }
                Fact::ToolReturned { call, state, outcome } => {
                    self.lost.retain(|lost| lost != call);
                    self.untold |= *state == ToolState::Unknown;
                    let result = outcome.as_ref().map_or_else(|| without_content(*state), ToolOutcome::for_model);
                    self.history.result(*call, result);
                }
                _ => {}
            }
        }
    }

    pub(super) fn reconnected(&mut self, now: CallTime, actions: &mut Vec<Action>) {
        let why = if self.returns { &self.phrases.not_transferred } else { &self.phrases.resumed };
        self.say_aside(why.clone(), actions);
        let lost = std::mem::take(&mut self.lost);
        // Also when the call broke off once more before they had heard it.
        if !lost.is_empty() || std::mem::take(&mut self.untold) {
            self.say(self.phrases.outcome_unknown.clone(), actions);
        }
        for call in lost {
            self.settle(call, actions);
        }
        // A question of ours that was not answered is asked again.
        let asked = self.state.confirming.take().map(|asked| asked.call);
        for call in self.unasked_calls().into_iter().filter(|call| asked != Some(*call)) {
            self.run(call, now, actions);
        }
        // The model learns of a transfer that came to nothing by the event that follows.
        if !std::mem::take(&mut self.returns) {
            self.state.words.push("[the call was cut off and is connected again]".to_owned());
            self.state.owed = true;
            self.proceed(now, actions);
        }
    }

    /// Messages are to be answered. What was under way when an earlier answer broke off is settled before that, as after a
    /// call that broke off.
    pub(super) fn messaging(&mut self, heard_follows: bool, now: CallTime, actions: &mut Vec<Action>) {
        let broke_off = self.history.wants_answer();
        let lost = std::mem::take(&mut self.lost);
        if !lost.is_empty() || std::mem::take(&mut self.untold) {
            self.say(self.phrases.outcome_unknown.clone(), actions);
        }
        for call in lost {
            self.settle(call, actions);
        }
        for call in self.unasked_calls() {
            self.run(call, now, actions);
        }
        if !heard_follows {
            self.state.owed = broke_off;
            self.proceed(now, actions);
        }
    }

    /// Calls that began before: the caller has confirmed them, if that was asked for.
    fn unasked_calls(&self) -> Vec<ToolCallId> {
        let asked = self.state.confirming.as_ref().map(|asked| asked.call);
        self.history.open_calls().map(|call| call.id).filter(|call| asked != Some(*call)).collect()
    }

    /// Nobody knows what came of a call, and nobody is to ask again.
    fn settle(&mut self, call: ToolCallId, actions: &mut Vec<Action>) {
        let outcome = ToolOutcome::Unknown;
        self.history.result(call, outcome.for_model());
        actions.push(Action::Journal(Fact::ToolReturned { call, state: outcome.state(), outcome: Some(outcome) }));
    }
}

/// A result of which only its state was kept.
fn without_content(state: ToolState) -> String {
    serde_json::json!({ "state": state, "note": "what it returned was not kept" }).to_string()
}
