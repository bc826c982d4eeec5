//! Conversations in text, with the real dialogue of a model: what goes out, what the model is shown, what is kept.

mod ends;
mod talk;

use serde_json::json;

use super::super::Conversation;
use super::hearing::LONGEST_TURN;
use super::*;
use crate::agent::{AgentTask, Respond};
use crate::call::CallLogic as _;
use crate::call::Keep;
use crate::dialogue::{Dialogue, LlmDialogue};
use crate::id::{CarrierCallId, SessionId};
use crate::media::StreamStart;
use crate::model::{ChatRole, ToolCall};
use crate::text_media::{TextCommand, TextEvent};
use crate::tool::{Tool, ToolCallId, ToolOutcome};

/// A call, with everything that came out of it.
struct Call {
    logic: Conversation<TextMachine>,
    now: CallTime,
    out: Vec<Output>,
}

fn settings() -> CallSettings {
    CallSettings::new(SessionId::new())
}

fn announced() -> CallSettings {
    CallSettings { keep: Keep::Announced("This call is kept.".into()), ..settings() }
}

fn start() -> StreamStart {
    StreamStart { stream: None, account: None, call: CarrierCallId::new("CA1"), parameters: [].into() }
}

impl Call {
    fn begun(settings: CallSettings, dialogue: impl Dialogue + 'static) -> Self {
        let machine = TextMachine::new(settings, AgentSetup::default());
        let logic = Conversation::new(machine, Box::new(dialogue));
        let mut call = Self { logic, now: CallTime::ZERO, out: Vec::new() };
        call.text(TextEvent::Started(start()));
        call
    }

    fn handle(&mut self, event: InputEvent<'static>) {
        self.logic.handle(self.now, event, &mut self.out);
    }

    fn text(&mut self, event: TextEvent) {
        self.handle(InputEvent::Text(event));
    }

    fn hears(&mut self, words: &str) {
        self.text(TextEvent::Heard { words: words.into(), language: Some("en-US".into()) });
    }

    fn interrupts(&mut self, heard: &str) {
        self.text(TextEvent::Interrupted { heard: heard.into(), after: None });
    }

    /// Lets time pass.
    fn wait(&mut self, length: Duration) {
        let until = self.now + length;
        while let Some(wake) = self.logic.wake_at().filter(|wake| *wake <= until) {
            assert!(wake > self.now, "it wakes for nothing at {wake}");
            self.now = wake;
            self.handle(InputEvent::Tick);
        }
        self.now = until;
    }

    fn wait_ms(&mut self, ms: u64) {
        self.wait(Duration::from_millis(ms));
    }

    /// What the model of the newest request writes, whole.
    fn writes(&mut self, tokens: &[&str]) {
        let op = self.requests().last().unwrap().0;
        for token in tokens {
            self.token(op, token);
        }
        self.handle(InputEvent::TextDone { op });
        self.handle(InputEvent::Done { op });
    }

    fn token(&mut self, op: OpId, text: &str) {
        self.handle(InputEvent::Token { op, text: text.into() });
    }

    /// The model of the newest request says this and calls a tool.
    fn calls(&mut self, words: &str, name: &str, arguments: &str) {
        let op = self.requests().last().unwrap().0;
        self.token(op, words);
        let call = ToolCall { id: "x".into(), name: name.into(), arguments: arguments.into() };
        self.handle(InputEvent::ToolCall { op, call });
        self.handle(InputEvent::TextDone { op });
        self.handle(InputEvent::Done { op });
    }

    fn requests(&self) -> Vec<(OpId, &Respond)> {
        let request = |output| match output {
            &Output::Start { op, task: AgentTask::Write(ref request) } => Some((op, request)),
            _ => None,
        };
        self.out.iter().filter_map(request).collect()
    }

    /// The newest request's conversation, without the instructions: who, and what.
    fn shown(&self) -> Vec<(ChatRole, String)> {
        let (_, request) = *self.requests().last().unwrap();
        request.messages[1..].iter().map(|message| (message.role, message.content.clone())).collect()
    }

    /// Everything the carrier was given to say, utterance by utterance.
    fn said(&self) -> String {
        let mut said = String::new();
        for output in &self.out {
            if let Output::SendText(TextCommand::Say { words, last, .. }) = output {
                said.push_str(words);
                said.push_str(if *last { "|" } else { "" });
            }
        }
        said
    }

    fn journal(&self) -> Vec<(u64, CallTime, &Fact)> {
        let entry = |output| match output {
            &Output::Journal { seq, at, ref fact } => Some((seq, at, fact)),
            _ => None,
        };
        self.out.iter().filter_map(entry).collect()
    }

    fn facts(&self) -> Vec<&Fact> {
        self.journal().into_iter().map(|(.., fact)| fact).collect()
    }

    fn effect(&self) -> Option<&Effect> {
        self.out.iter().find_map(|output| if let Output::Effect(effect) = output { Some(effect) } else { None })
    }
}

fn bakery() -> LlmDialogue {
    LlmDialogue::new("You are a bakery.").greeting("Hello, how can I help?")
}
