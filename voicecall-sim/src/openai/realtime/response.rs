//! A response that is being given: what has come of it so far, and how it is told.

use std::time::Duration;

use serde_json::{Value, json};

use super::context::{self, Tokens, model_tokens};
use super::item::{Body, Item, Part};
use super::plan::{Ending, Plan};
use super::request::Request;

/// A response from its request to its end.
#[derive(Debug)]
pub(super) struct Response {
    pub(super) id: String,
    pub(super) request: Request,
    /// When it was asked for.
    asked: Duration,
    /// What is still to come.
    pub(super) plan: Plan,
    /// The item that is being written, without its audio.
    pub(super) open: Option<Item>,
    /// The items that have ended, as they are told.
    pub(super) output: Vec<Value>,
    /// What it answers.
    input: Tokens,
    /// What of that was in a cache.
    cached: Tokens,
    /// Tokens of text so far.
    pub(super) written: usize,
    /// Milliseconds of speech so far.
    pub(super) spoken: f64,
}

/// What an item of a response is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Text,
    Audio,
    Call,
}

/// The members of an event that say which part of which response it is about.
#[derive(Debug, Clone)]
pub(super) struct Place(Value);

impl Response {
    pub(super) fn new(
        id: String,
        request: Request,
        asked: Duration,
        plan: Plan,
        input: Tokens,
        cached: Tokens,
    ) -> Self {
        let (open, output) = (None, Vec::new());
        Self { id, request, asked, plan, open, output, input, cached, written: 0, spoken: 0.0 }
    }

    /// When its next step is due.
    pub(super) fn due(&self) -> Option<Duration> {
        self.plan.front().map(|(after, _)| self.asked.saturating_add(*after))
    }

    /// What is being written.
    pub(super) fn kind(&self) -> Kind {
        match self.open.as_ref().map(|item| &item.body) {
            Some(Body::Call { .. }) => Kind::Call,
            Some(Body::Message { content, .. }) if matches!(content.first(), Some(Part::Model(_))) => Kind::Audio,
            _ => Kind::Text,
        }
    }

    /// The part that is being written, with this in it.
    pub(super) fn part(&self, written: &str) -> Value {
        match self.kind() {
            Kind::Audio => json!({ "type": "audio", "transcript": written }),
            Kind::Text | Kind::Call => json!({ "type": "text", "text": written }),
        }
    }

    /// The name of the tool that is being called.
    pub(super) fn call_name(&self) -> &str {
        match self.open.as_ref().map(|item| &item.body) {
            Some(Body::Call { name, .. }) => name,
            _ => "",
        }
    }

    /// Where the item that is being written stands.
    pub(super) fn item_place(&self) -> Place {
        Place(json!({ "response_id": self.id, "output_index": self.output.len() }))
    }

    /// Where the part that is being written stands.
    pub(super) fn part_place(&self) -> Place {
        self.item_place().with_item(self.open.as_ref()).and("content_index", json!(0))
    }

    /// Where the call that is being written stands.
    pub(super) fn call_place(&self) -> Place {
        let call_id = match self.open.as_ref().map(|item| &item.body) {
            Some(Body::Call { call_id, .. }) => json!(call_id),
            _ => Value::Null,
        };
        self.item_place().with_item(self.open.as_ref()).and("call_id", call_id)
    }

    /// The response as it is told, in progress or ended.
    pub(super) fn json(&self, conversation: &str, ending: Option<&Ending>) -> Value {
        let output = &self.request.output;
        let (status, details) = ending.map_or(("in_progress", Value::Null), Ending::json);
        let tokens = Tokens { text: self.written, audio: model_tokens(self.spoken) };
        json!({
            "object": "realtime.response",
            "id": self.id,
            "status": status,
            "status_details": details,
            "output": self.output,
            "conversation_id": if self.request.is_aside { Value::Null } else { json!(conversation) },
            "output_modalities": self.request.modality.json(),
            "max_output_tokens": self.request.max_tokens.json(),
            "audio": { "output": { "format": output.format.json(), "voice": output.voice } },
            "usage": ending.map(|_| context::usage(self.input, self.cached, tokens)),
            "metadata": self.request.metadata,
        })
    }
}

impl Place {
    fn and(mut self, name: &str, value: Value) -> Self {
        self.0[name] = value;
        self
    }

    fn with_item(self, item: Option<&Item>) -> Self {
        self.and("item_id", json!(item.map(|item| item.id.as_str())))
    }

    /// An event about this place, with these members.
    pub(super) fn with(self, members: Value) -> Value {
        let Value::Object(members) = members else { return self.0 };
        members.into_iter().fold(self, |place, (name, value)| place.and(&name, value)).0
    }
}

impl Ending {
    /// The status, and what there is to say of it.
    fn json(&self) -> (&'static str, Value) {
        match self {
            Self::Completed => ("completed", Value::Null),
            Self::Cancelled => ("cancelled", json!({ "type": "cancelled", "reason": "client_cancelled" })),
            Self::Incomplete => ("incomplete", json!({ "type": "incomplete", "reason": "max_output_tokens" })),
            Self::Failed(error) => ("failed", json!({ "type": "failed", "error": error })),
        }
    }
}
