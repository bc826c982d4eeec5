//! Tool calls of the model: checked, confirmed by the caller where that is asked for, run, and answered to the model.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::history::Call;
use super::persona::Builtin;
use super::{Confirming, FILLER_AFTER, LlmDialogue, Running};
use crate::dialogue::yes_no::yes_or_no;
use crate::dialogue::{Action, UtteranceId};
use crate::journal::Fact;
use crate::model::ToolCall;
use crate::store::EndReason;
use crate::time::CallTime;
use crate::tool::{ToolCallId, ToolEffect, ToolOutcome, reason};

/// What is journaled when the caller is asked to confirm a call.
pub(super) const ASKED: &str = "llm.asked_to_confirm";

/// A call that waits for the caller's yes.
#[derive(Serialize, Deserialize)]
struct Asked {
    call: ToolCallId,
    name: String,
    arguments: String,
    question: String,
}

fn asked(call: &Call, question: &str) -> Fact {
    let Call { id, name, arguments, .. } = call.clone();
    let data = json!(Asked { call: id, name, arguments, question: question.to_owned() });
    Fact::Custom { kind: ASKED.into(), data, personal: true }
}

/// What a model may call in one answer. What goes beyond is answered with an error.
const MOST_CALLS: usize = 8;

impl LlmDialogue {
    /// The model calls a tool. Nothing is done before the answer is complete: an answer that is broken off has no effect.
    pub(super) fn called(&mut self, utterance: UtteranceId, call: &ToolCall) {
        if self.state.writing != Some(utterance) {
            return;
        }
        self.calls += 1;
        let id = ToolCallId(self.calls);
        // What is no JSON would make a later request invalid.
        let is_json = serde_json::from_str::<Value>(&call.arguments).is_ok_and(|value| value.is_object());
        let arguments = if is_json { call.arguments.clone() } else { "{}".to_owned() };
        let result = if !is_json && !call.arguments.trim().is_empty() {
            Some(failed("the arguments are not a JSON object"))
        } else if self.history.open_calls().count() >= MOST_CALLS {
            Some(failed("too many calls at once"))
        } else {
            None
        };
        self.history.call(utterance, Call { id, name: call.name.clone(), arguments, result });
    }

    /// Begins the calls of a complete answer that has `words` to be heard, or answers them with an error.
    pub(super) fn take_calls(&mut self, words: bool, actions: &mut Vec<Action>) {
        let open: Vec<Call> = self.history.open_calls().cloned().collect();
        // Whatever comes of them, the model is to know.
        self.state.owed = true;
        for call in open {
            match self.persona().builtin(&call, &self.others(), &self.phrases) {
                Some(Ok(builtin)) => self.do_builtin(&call, builtin, words, actions),
                Some(Err(error)) => self.refuse(call.id, &reason(&error)),
                None => match self.persona().tool(&call.name).map(|tool| tool.validate(&call.arguments)) {
                    None => self.refuse(call.id, "there is no such tool"),
                    Some(Err(error)) => self.refuse(call.id, &reason(&error)),
                    Some(Ok(_)) => {}
                },
            }
        }
    }

    /// Runs, or asks the caller about, what has not begun. Returns whether something has to be finished first.
    pub(super) fn run_calls(&mut self, now: CallTime, actions: &mut Vec<Action>) -> bool {
        let open: Vec<Call> = self.history.open_calls().cloned().collect();
        for call in &open {
            let begun = self.state.running.iter().any(|running| running.call == call.id)
                || self.state.confirming.as_ref().is_some_and(|confirming| confirming.call == call.id);
            if begun {
                continue;
            }
            let arguments: Value = serde_json::from_str(&call.arguments).unwrap_or_default();
            match self.persona().tool(&call.name).map(|tool| tool.confirmation(&arguments)) {
                None => self.refuse(call.id, "there is no such tool"),
                Some(None) => self.run(call.id, now, actions),
                // One question at a time, and none while the caller speaks.
                Some(Some(question)) if self.state.confirming.is_none() && !self.state.listening => {
                    // The answer may come when this dialogue is gone, and another goes on with its journal.
                    actions.push(Action::Journal(asked(call, &question)));
                    let utterance = self.say_aside(question.clone(), actions);
                    self.state.confirming = Some(Confirming { call: call.id, question, utterance, heard: false });
                }
                Some(Some(_)) => {}
            }
        }
        self.history.open_calls().next().is_some()
    }

    pub(super) fn run(&mut self, id: ToolCallId, now: CallTime, actions: &mut Vec<Action>) {
        let Some(call) = self.history.open_calls().find(|call| call.id == id).cloned() else { return };
        let arguments: Value = serde_json::from_str(&call.arguments).unwrap_or_default();
        let Some(tool) = self.persona().tool(&call.name) else { return self.refuse(id, "there is no such tool") };
        let filler = tool.filler_text().map(|text| (now + FILLER_AFTER, text.to_owned()));
        let (effect, is_cancelled_by_speech) = (tool.effects(), tool.is_cancelled_by_speech());
        self.state.running.push(Running { call: id, is_cancelled_by_speech, filler });
        actions.push(Action::CallTool { call: id, name: call.name, arguments, effect });
    }

    /// Goes on waiting for the answer to a question that was asked before, about a call of the model's.
    pub(super) fn restore_question(&mut self, data: &Value) {
        let Ok(Asked { call, name, arguments, question }) = serde_json::from_value(data.clone()) else { return };
        self.calls = self.calls.max(call.0);
        self.history.agent(None, "", vec![Call { id: call, name, arguments, result: None }]);
        self.state.confirming = Some(Confirming { call, question, utterance: UtteranceId(0), heard: false });
    }

    /// What the caller answered to it, before this dialogue began.
    pub(super) fn restore_answer(&mut self, text: &str) {
        let Some(confirming) = self.state.confirming.take() else { return };
        if !(confirming.heard && yes_or_no(text) == Some(true)) {
            self.not_confirmed(&confirming, text);
        }
    }

    fn not_confirmed(&mut self, confirming: &Confirming, answer: &str) {
        let result = json!({ "error": "the caller did not say yes", "asked": confirming.question, "answer": answer });
        self.history.result(confirming.call, result.to_string());
    }

    /// The caller spoke: was it the yes that a tool waits for? Only to a question that was heard to its end.
    pub(super) fn judge_confirmation(&mut self, text: &str, now: CallTime, actions: &mut Vec<Action>) {
        let Some(confirming) = self.state.confirming.take() else { return };
        if confirming.heard && yes_or_no(text) == Some(true) {
            self.run(confirming.call, now, actions);
        } else {
            self.not_confirmed(&confirming, text);
        }
    }

    /// The caller spoke: what is not to be finished is given up.
    pub(super) fn cancel_running(&mut self, actions: &mut Vec<Action>) {
        for running in self.state.running.extract_if(.., |running| running.is_cancelled_by_speech) {
            actions.push(Action::CancelTool(running.call));
            self.history.result(running.call, ToolOutcome::Cancelled.for_model());
        }
    }

    pub(super) fn returned(
        &mut self,
        call: ToolCallId,
        outcome: &ToolOutcome,
        now: CallTime,
        actions: &mut Vec<Action>,
    ) {
        self.state.running.retain(|running| running.call != call);
        if self.history.result(call, outcome.for_model()) {
            self.proceed(now, actions);
        }
    }

    /// Does what the model wants of the dialogue itself. Journaled like any tool, so that a call that breaks off goes on with
    /// whom it was handed to.
    fn do_builtin(&mut self, call: &Call, builtin: Builtin, words: bool, actions: &mut Vec<Action>) {
        let outcome = ToolOutcome::Returned(json!("ok"));
        actions.push(Action::Journal(Fact::ToolCalled {
            call: call.id,
            key: String::new(),
            name: call.name.clone(),
            effect: ToolEffect::None,
            arguments: serde_json::from_str(&call.arguments).ok(),
        }));
        let (state, told) = (outcome.state(), Some(outcome.clone()));
        actions.push(Action::Journal(Fact::ToolReturned { call: call.id, state, outcome: told }));
        self.history.result(call.id, outcome.for_model());
        match builtin {
            Builtin::EndCall if words => {
                self.state.ending = true;
                actions.push(Action::End(EndReason::Completed));
            }
            Builtin::EndCall => self.end(self.phrases.goodbye.clone(), EndReason::Completed, actions),
            Builtin::Transfer { to, announcement } => {
                if !words {
                    self.say(self.phrases.transferring.clone(), actions);
                }
                (self.state.transferring, self.state.owed) = (true, false);
                actions.push(Action::Transfer { to, announcement });
            }
            Builtin::HandOff(to) => self.switch(&to),
            Builtin::PressKeys(keys) => actions.push(Action::PressKeys(keys)),
        }
    }

    /// Another persona goes on.
    pub(super) fn switch(&mut self, to: &str) {
        if let Some(at) = self.personas.iter().position(|persona| !to.is_empty() && persona.name == to) {
            self.current = at;
        }
    }

    fn refuse(&mut self, call: ToolCallId, why: &str) {
        self.history.result(call, failed(why));
    }
}

fn failed(reason: &str) -> String {
    ToolOutcome::Failed(reason.to_owned()).for_model()
}
