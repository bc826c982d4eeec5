//! One answer of a dialogue in text: what it wants done is done at once, until nothing is left to wait for.

mod journal;
mod requests;

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

pub(crate) use journal::TurnJournal;
use requests::{Done, Requests};
use tracing::debug;
use voicecall_core::dialogue::{Action, Dialogue, DialogueEvent, UtteranceId};
use voicecall_core::journal::Fact;
use voicecall_core::model::LanguageModel;
use voicecall_core::store::EndReason;
use voicecall_core::tool::{Tool, ToolCallId, ToolContext, ToolEffect, ToolOutcome};
use voicecall_core::{Error, ErrorKind, Result};

/// Events one answer may come to: whatever a dialogue does, it ends.
const MOST_EVENTS: usize = 512;

/// What a dialogue answered.
#[derive(Debug, Default)]
pub(crate) struct Reply {
    /// The words; empty if it said nothing.
    pub(crate) text: String,
    /// Why the session is over, if the dialogue ended it.
    pub(crate) ended: Option<EndReason>,
}

/// How the model's failures are taken.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Patience {
    /// How long it may say nothing.
    pub(crate) silence: Duration,
    /// Whether a failure that may pass ends the turn, because that is tried again; otherwise the dialogue is told.
    pub(crate) tries_again: bool,
}

pub(crate) struct Turn<'a> {
    dialogue: Box<dyn Dialogue>,
    journal: &'a mut TurnJournal,
    requests: Requests,
    patience: Patience,
    events: VecDeque<DialogueEvent>,
    said: Vec<(UtteranceId, String)>,
    tools: Vec<Running>,
    facts: u64,
    ended: Option<EndReason>,
}

/// A tool that runs.
struct Running {
    call: ToolCallId,
    effect: ToolEffect,
}

impl<'a> Turn<'a> {
    pub(crate) fn new(
        dialogue: Box<dyn Dialogue>,
        model: Arc<dyn LanguageModel>,
        patience: Patience,
        journal: &'a mut TurnJournal,
    ) -> Self {
        Self {
            dialogue,
            journal,
            requests: Requests::new(model, patience.silence),
            patience,
            events: VecDeque::new(),
            said: Vec::new(),
            tools: Vec::new(),
            facts: 0,
            ended: None,
        }
    }

    /// Tells the dialogue these events and does what it wants, up to its answer.
    ///
    /// # Errors
    /// What the store reports; what the model reports, if that is tried again; `Internal` for a dialogue that comes to no end.
    pub(crate) async fn run(mut self, events: impl IntoIterator<Item = DialogueEvent>) -> Result<Reply> {
        self.events.extend(events);
        for _ in 0..MOST_EVENTS {
            let event = match self.events.pop_front() {
                Some(event) => event,
                None => match self.requests.next().await {
                    Some(done) => {
                        self.done(done).await?;
                        continue;
                    }
                    None => return self.finish(),
                },
            };
            let mut actions = Vec::new();
            self.dialogue.handle(&event, self.journal.now(), &mut actions);
            for action in actions {
                self.act(action).await?;
            }
            if self.ended.is_some() && self.requests.is_idle() && self.events.is_empty() {
                return self.finish();
            }
        }
        Err(Error::new(ErrorKind::Internal, "answer messages").with_message("the dialogue comes to no end"))
    }

    fn finish(mut self) -> Result<Reply> {
        self.said.sort_by_key(|(utterance, _)| *utterance);
        for (utterance, text) in &self.said {
            self.journal.said(*utterance, text);
        }
        let words = self.said.iter().map(|(_, text)| text.trim()).filter(|text| !text.is_empty());
        Ok(Reply { text: words.collect::<Vec<_>>().join("\n\n"), ended: self.ended })
    }

    fn say(&mut self, utterance: UtteranceId, text: String) {
        self.said.push((utterance, text));
        // What is written is read whole.
        self.events.push_back(DialogueEvent::Spoken(utterance));
    }

    async fn act(&mut self, action: Action) -> Result<()> {
        match action {
            Action::Say(utterance) => self.say(utterance.id, utterance.text),
            Action::Respond { utterance, request } => self.requests.respond(utterance, request),
            Action::Ask { ask, request } => self.requests.ask(ask, request),
            Action::Forget(ask) => self.requests.forget(ask),
            Action::CallTool { call, name, arguments, effect } => {
                let tool = self.dialogue.tool(&name);
                self.call_tool(call, tool, (name, arguments, effect)).await?;
            }
            Action::CancelTool(call) => {
                self.requests.cancel(call);
                self.tools.retain(|running| running.call != call);
                let (state, outcome) = (ToolOutcome::Cancelled.state(), Some(ToolOutcome::Cancelled));
                self.journal.note(Fact::ToolReturned { call, state, outcome });
            }
            Action::Journal(fact) => {
                self.journal.store(fact).await?;
                self.facts += 1;
                self.events.push_back(DialogueEvent::Stored(self.facts));
            }
            // Messages are answered in the person's own time, and by no other line.
            Action::Transfer { to, .. } => self.events.push_back(DialogueEvent::TransferFailed { to }),
            Action::End(reason) | Action::EndNow(reason) => self.ended = self.ended.or(Some(reason)),
            other => debug!(?other, "an action without a meaning for messages"),
        }
        Ok(())
    }

    async fn call_tool(
        &mut self,
        call: ToolCallId,
        tool: Option<Tool>,
        (name, arguments, effect): (String, serde_json::Value, ToolEffect),
    ) -> Result<()> {
        let context = ToolContext::new(self.journal.session(), call);
        let key = context.key().to_owned();
        let fact = Fact::ToolCalled { call, key, name, effect, arguments: Some(arguments.clone()) };
        // What has an effect runs once the call of it is stored.
        if effect == ToolEffect::None {
            self.journal.note(fact);
        } else {
            self.journal.store(fact).await?;
        }
        self.tools.push(Running { call, effect });
        match tool {
            Some(tool) => self.requests.run(call, tool, arguments, context),
            None => self.requests.refuse(call, ToolOutcome::Failed("there is no such tool".to_owned())),
        }
        Ok(())
    }

    async fn done(&mut self, done: Done) -> Result<()> {
        match done {
            Done::Tool { call, outcome } => {
                let Some(at) = self.tools.iter().position(|running| running.call == call) else { return Ok(()) };
                let effect = self.tools.swap_remove(at).effect;
                let fact = Fact::ToolReturned { call, state: outcome.state(), outcome: Some(outcome.clone()) };
                if effect == ToolEffect::None {
                    self.journal.note(fact)
                } else {
                    self.journal.store(fact).await?
                }
                self.events.push_back(DialogueEvent::ToolResult { call, outcome });
            }
            Done::Answer { ask, answer } => match self.heard_model(answer)? {
                Some(answer) => self.events.push_back(DialogueEvent::Reply { ask, text: answer.text }),
                None => self.events.push_back(DialogueEvent::NoReply { ask }),
            },
            Done::Response { utterance, answer } => match self.heard_model(answer)? {
                Some(answer) => {
                    let calls = answer.calls.into_iter();
                    self.events.extend(calls.map(|call| DialogueEvent::ToolCall { utterance, call }));
                    self.events.push_back(DialogueEvent::Written { utterance, text: answer.text.clone() });
                    self.say(utterance, answer.text);
                }
                None => {
                    self.events.push_back(DialogueEvent::ResponseFailed { utterance, text: String::new() });
                    self.events.push_back(DialogueEvent::Spoken(utterance));
                }
            },
        }
        Ok(())
    }

    /// What a model wrote; `None` if it failed and the dialogue is to know.
    fn heard_model(&mut self, answer: Result<requests::Answer>) -> Result<Option<requests::Answer>> {
        match answer {
            Ok(answer) => {
                self.journal.note_usage(answer.usage);
                Ok(Some(answer))
            }
            Err(error) if self.patience.tries_again && error.is_retryable() => Err(error),
            Err(error) => {
                tracing::warn!(%error, "the model did not answer");
                Ok(None)
            }
        }
    }
}
