//! How a session answers: a response is planned whole when it is asked for, and given step by step.

use std::time::Duration;

use serde_json::json;

use super::super::{ApiError, Reply};
use super::context::Context;
use super::error::{self, EventError};
use super::fields::Fields;
use super::format;
use super::item::{Body, Item, Status};
use super::plan::{self, Ending, Plan, Spoken, Step};
use super::request::Request;
use super::response::{Kind, Response};
use super::session::Session;
use super::settings::{Modality, Tools};
use super::strike::strike;
use crate::fault::Site;

/// How many responses may be given beside the conversation at once.
const MOST_ASIDE: usize = 16;

/// What an account may ask for in a minute, as `rate_limits.updated` tells it: more than any test does.
const REQUESTS_A_MINUTE: u64 = 20_000;

impl Session {
    pub(super) fn create_response(&mut self, now: Duration, fields: &Fields<'_>) -> Result<(), EventError> {
        let Self { settings, conversation, ids, .. } = self;
        let response = fields.some("response");
        let request = Request::read(response, settings, conversation, self.has_spoken, |kind| ids.next(kind))?;
        self.check_room(request.is_aside)?;
        let (mut plan, context) = match self.plan(&request) {
            Ok(planned) => planned,
            Err(error) => {
                tracing::warn!(%error, "a response fails");
                (plan::failure(error::failure(&error)), Context::default())
            }
        };
        if let Some(fault) = self.services.draw(Site::OpenaiRealtimeResponse) {
            plan = strike(plan, &fault);
        }
        let id = self.ids.next("resp");
        self.responses.push(Response::new(
            id,
            request,
            now,
            plan,
            context.tokens(),
            context.cached(&self.last_context),
        ));
        self.last_context = context;
        Ok(())
    }

    /// One response at a time goes into the conversation, and a few go beside it.
    fn check_room(&self, is_aside: bool) -> Result<(), EventError> {
        let mut active = self.responses.iter().filter(|response| response.request.is_aside == is_aside);
        if is_aside {
            let message = format!("the simulated service gives at most {MOST_ASIDE} responses beside the conversation");
            return match active.count() {
                MOST_ASIDE.. => Err(EventError::conflict("too_many_responses", message)),
                _ => Ok(()),
            };
        }
        let Some(active) = active.next() else { return Ok(()) };
        let message = format!(
            "Conversation already has an active response in progress: {}. \
             Wait until the response is finished before creating a new one.",
            active.id
        );
        Err(EventError::conflict("conversation_already_has_active_response", message))
    }

    /// What the model answers, and to what.
    fn plan(&mut self, request: &Request) -> Result<(Plan, Context), ApiError> {
        let Request { instructions, tools, .. } = request;
        let ear = &self.services.ear;
        let context = match &request.input {
            Some(items) => Context::new(instructions, tools, &mut items.clone(), ear)?,
            None => Context::new(instructions, tools, self.conversation.items_mut(), ear)?,
        };
        let reply = self.services.llm().answer(&context.question(), usize::MAX)?;
        check(&reply, tools)?;
        let spoken = match request.modality {
            Modality::Audio if !reply.tokens.is_empty() => {
                let mut voice = self.services.voice();
                let (speech, first_after) = voice.say(&reply.text())?;
                Some(Spoken { speech, format: request.output.format, first_after, pace: voice.pace() })
            }
            Modality::Audio | Modality::Text => None,
        };
        Ok((plan::reply(&reply, spoken, request.max_tokens.0)?, context))
    }

    /// Does the next step of a response.
    pub(super) fn step(&mut self, at: usize) {
        let Some(response) = self.responses.get_mut(at) else { return };
        let Some((_, step)) = response.plan.pop_front() else { return };
        match step {
            Step::Begin => self.begin(at),
            Step::Open(body) => self.open_item(at, body),
            Step::Write(text) => self.write(at, &text),
            Step::Speak(piece) => self.speak(at, &piece),
            Step::Close(status) => self.close_item(at, status),
            Step::Stumble(error) => self.complain(&error, None),
            Step::Finish(ending) => self.finish(at, &ending),
            Step::Drop => self.drop_connection(),
        }
    }

    fn begin(&mut self, at: usize) {
        let response = self.responses[at].json(&self.conversation_id, None);
        self.asked += 1;
        self.emit("response.created", json!({ "response": response }));
        let left = REQUESTS_A_MINUTE.saturating_sub(self.asked);
        let limits =
            json!([{ "name": "requests", "limit": REQUESTS_A_MINUTE, "remaining": left, "reset_seconds": 0.0 }]);
        self.emit("rate_limits.updated", json!({ "rate_limits": limits }));
    }

    fn open_item(&mut self, at: usize, body: Body) {
        let item = Item { id: self.ids.next("item"), status: Status::InProgress, body };
        let mut told = item.clone();
        if let Body::Message { content, .. } = &mut told.body {
            // The part is told of by itself.
            content.clear();
        }
        let response = &mut self.responses[at];
        response.open = Some(item.clone());
        let (place, is_aside) = (response.item_place(), response.request.is_aside);
        self.emit("response.output_item.added", place.with(json!({ "item": told.json(false) })));
        let is_message = matches!(item.body, Body::Message { .. });
        if !is_aside {
            let before = self.conversation.last().map(str::to_owned);
            self.conversation.append(item);
            self.emit("conversation.item.added", json!({ "previous_item_id": before, "item": told.json(false) }));
        }
        if is_message {
            let place = self.responses[at].part_place();
            let part = self.responses[at].part("");
            self.emit("response.content_part.added", place.with(json!({ "part": part })));
        }
    }

    fn write(&mut self, at: usize, text: &str) {
        let response = &mut self.responses[at];
        response.written += 1;
        let Some(item) = &mut response.open else { return };
        item.write(text);
        let id = item.id.clone();
        let (kind, place) = match response.kind() {
            Kind::Text => ("response.output_text.delta", response.part_place()),
            Kind::Audio => ("response.output_audio_transcript.delta", response.part_place()),
            Kind::Call => ("response.function_call_arguments.delta", response.call_place()),
        };
        if let Some(item) = self.conversation.find_mut(&id) {
            item.write(text);
        }
        self.emit(kind, place.with(json!({ "delta": text })));
    }

    fn speak(&mut self, at: usize, piece: &[u8]) {
        self.has_spoken = true;
        let response = &mut self.responses[at];
        response.spoken += response.request.output.format.milliseconds(piece.len());
        let place = response.part_place();
        let id = response.open.as_ref().map(|item| item.id.clone()).unwrap_or_default();
        if let Some(item) = self.conversation.find_mut(&id) {
            item.speak(piece);
        }
        self.emit("response.output_audio.delta", place.with(json!({ "delta": format::encode(piece) })));
    }

    /// Ends the item that is being written, if one is.
    fn close_item(&mut self, at: usize, status: Status) {
        let response = &mut self.responses[at];
        let Some(item) = &mut response.open else { return };
        item.status = status;
        let (id, written, told) = (item.id.clone(), item.written().to_owned(), item.json(false));
        let (kind, place) = (response.kind(), response.item_place());
        self.tell_written(at, kind, &written);
        self.emit("response.output_item.done", place.with(json!({ "item": told })));
        if let Some(item) = self.conversation.find_mut(&id) {
            item.status = status;
            self.emit_item("conversation.item.done", &id);
        }
        let response = &mut self.responses[at];
        response.open = None;
        response.output.push(told);
    }

    /// Tells all that was written in an item, once more.
    fn tell_written(&mut self, at: usize, kind: Kind, written: &str) {
        let response = &self.responses[at];
        if kind == Kind::Call {
            let place = response.call_place();
            let told = json!({ "name": response.call_name(), "arguments": written });
            return self.emit("response.function_call_arguments.done", place.with(told));
        }
        let (place, part) = (response.part_place(), response.part(written));
        if kind == Kind::Audio {
            self.emit("response.output_audio.done", place.clone().with(json!({})));
            self.emit("response.output_audio_transcript.done", place.clone().with(json!({ "transcript": written })));
        } else {
            self.emit("response.output_text.done", place.clone().with(json!({ "text": written })));
        }
        self.emit("response.content_part.done", place.with(json!({ "part": part })));
    }

    fn finish(&mut self, at: usize, ending: &Ending) {
        let response = self.responses.remove(at).json(&self.conversation_id, Some(ending));
        self.emit("response.done", json!({ "response": response }));
    }

    /// Cancels the response of this id; without one, that of the conversation.
    pub(super) fn cancel_response(&mut self, fields: &Fields<'_>) -> Result<(), EventError> {
        let id = fields.some("response_id").map(|_| fields.required_text("response_id")).transpose()?;
        let is_meant = |response: &Response| match id {
            Some(id) => response.id == id,
            None => !response.request.is_aside,
        };
        let at = self.responses.iter().position(is_meant).ok_or_else(|| {
            EventError::conflict("response_cancel_not_active", "Cancellation failed: no active response found")
        })?;
        self.close_item(at, Status::Incomplete);
        self.finish(at, &Ending::Cancelled);
        Ok(())
    }
}

/// Whether a reply calls only what is offered, and as many tools at once as it may.
fn check(reply: &Reply, tools: &Tools) -> Result<(), ApiError> {
    if let Some(call) = reply.calls.iter().find(|call| !tools.offers(&call.name)) {
        let message = format!("the scenario calls `{}`, which the response does not offer", call.name);
        return Err(ApiError::server(message));
    }
    if reply.calls.len() > 1 && !tools.parallel {
        return Err(ApiError::server("the scenario calls several tools at once, which the response does not allow"));
    }
    Ok(())
}
