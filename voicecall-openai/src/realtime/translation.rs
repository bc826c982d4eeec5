//! What the server's events mean to whoever asked. It never waits.

use std::collections::{HashMap, VecDeque};

use bytes::Bytes;
use voicecall_core::model::{ItemId, RealtimeEvent, Transcript};
use voicecall_core::{Error, ErrorKind, Result};

use super::OPERATION;
use crate::failure;
use crate::wire::failure::Failure;
use crate::wire::realtime::about;
use crate::wire::realtime::event::{Called, Done, Event};

/// Cancelling an answer that is over is no mistake: both were on their way.
const HARMLESS: [&str; 2] = ["response_cancel_not_active", "conversation_already_has_active_response"];

#[derive(Debug, Default)]
pub(super) struct Translation {
    ready: VecDeque<RealtimeEvent>,
    /// The answer under way; what belongs to another is left out.
    response: Option<String>,
    /// What of each turn was written down so far.
    heard: HashMap<String, String>,
    /// The tools that the answer under way calls.
    calls: Vec<Called>,
}

impl Translation {
    pub(super) fn next_event(&mut self) -> Option<RealtimeEvent> {
        self.ready.pop_front()
    }

    /// Takes in what the server says.
    ///
    /// # Errors
    /// What the connection cannot go on with.
    pub(super) fn take(&mut self, event: Event) -> Result<()> {
        match event {
            Event::Committed { item } => self.ready.push_back(RealtimeEvent::Heard(ItemId(item))),
            Event::Transcribing { item, delta } => {
                let text = self.heard.entry(item.clone()).or_default();
                text.push_str(&delta);
                let transcript = Transcript { text: text.clone(), confidence: None, language: None, is_final: false };
                self.ready.push_back(RealtimeEvent::Transcript { item: ItemId(item), transcript });
            }
            Event::Transcribed { item, transcript, language, confidence } => {
                self.heard.remove(&item);
                let transcript = Transcript { text: transcript, confidence, language, is_final: true };
                self.ready.push_back(RealtimeEvent::Transcript { item: ItemId(item), transcript });
            }
            Event::NotTranscribed { item, failure } => {
                self.heard.remove(&item);
                let error = failure::in_stream("transcribe", &failure);
                self.ready.push_back(RealtimeEvent::NotTranscribed { item: Some(ItemId(item)), error });
            }
            Event::Error { about, failure } => return self.failed(about.as_deref(), &failure),
            Event::ResponseCreated { response } => {
                self.response = Some(response);
                self.calls.clear();
            }
            Event::ResponseDone(done) => self.done(done),
            event => self.answered(event),
        }
        Ok(())
    }

    /// More of the answer under way.
    fn answered(&mut self, event: Event) {
        match event {
            Event::Item { response, item, is_message: true } if self.is_current(response.as_deref()) => {
                self.ready.push_back(RealtimeEvent::Speaking(ItemId(item)));
            }
            Event::Text { response, delta } if self.is_current(response.as_deref()) => {
                self.ready.push_back(RealtimeEvent::Text(delta));
            }
            Event::Audio { response, audio } if self.is_current(response.as_deref()) => {
                self.ready.push_back(RealtimeEvent::Audio(Bytes::from(audio)));
            }
            Event::Called { response, call } if self.is_current(response.as_deref()) => self.calls.push(call),
            _ => {}
        }
    }

    fn is_current(&self, response: Option<&str>) -> bool {
        self.response.is_some() && (response.is_none() || response == self.response.as_deref())
    }

    fn done(&mut self, done: Done) {
        if !self.is_current(done.response.as_deref()) {
            return;
        }
        self.response = None;
        let mut calls = std::mem::take(&mut self.calls);
        calls.extend(done.calls);
        let end = outcome(&done.status, done.reason.as_deref(), &done.failure);
        if end.is_ok() {
            let mut told: Vec<String> = Vec::new();
            for Called { item, call } in calls {
                // Servers tell of a call twice, in the middle and at the end; some only once.
                if !told.contains(&item) {
                    told.push(item.clone());
                    self.ready.push_back(RealtimeEvent::ToolCall { item: ItemId(item), call });
                }
            }
        }
        self.ready.extend(done.usage.map(RealtimeEvent::Usage));
        self.ready.push_back(RealtimeEvent::Finished(end));
    }

    /// An error is about something that was asked, or of the server itself.
    fn failed(&mut self, about: Option<&str>, failure: &Failure) -> Result<()> {
        let code = failure.code.as_deref().unwrap_or_default();
        if HARMLESS.contains(&code) && about != Some(about::RESPONSE) {
            return Ok(());
        }
        let error = failure::in_stream(OPERATION, failure);
        match about {
            Some(about::RESPONSE) => self.ready.push_back(RealtimeEvent::Finished(Err(error))),
            Some(about::COMMIT) => self.ready.push_back(RealtimeEvent::NotTranscribed { item: None, error }),
            Some(about::CANCEL) => {}
            // The conversation is not what we take it for, or the session has ended.
            Some(about::ITEM | about::SESSION) => return Err(error),
            _ if code == "session_expired" => return Err(error),
            // Of an answer that fails by it, its end will tell.
            _ => tracing::warn!(%error, "a realtime session tells of an error"),
        }
        Ok(())
    }
}

/// Whether an answer is whole.
fn outcome(status: &str, reason: Option<&str>, failure: &Failure) -> Result<()> {
    let (kind, message) = match (status, reason) {
        ("completed", _) => return Ok(()),
        ("cancelled", _) => (ErrorKind::Closed, "it was given up"),
        ("incomplete", Some("content_filter")) => (ErrorKind::Rejected, "the service refused it"),
        ("incomplete", _) => (ErrorKind::Unavailable, "it was cut off"),
        ("failed", _) => return Err(failure::in_stream("respond", failure)),
        _ => (ErrorKind::Protocol, "an unknown end"),
    };
    Err(Error::new(kind, "respond").with_message(message))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn told(translation: &mut Translation, value: &Value) -> Vec<String> {
        translation.take(Event::read(&value.to_string()).unwrap()).unwrap();
        std::iter::from_fn(|| translation.next_event()).map(|event| format!("{event:?}")).collect()
    }

    fn error(about: Option<&str>, code: &str) -> Event {
        let error = json!({ "type": "invalid_request_error", "code": code, "message": "canary", "event_id": about });
        Event::read(&json!({ "type": "error", "error": error }).to_string()).unwrap()
    }

    #[test]
    fn what_comes_late_of_an_answer_that_is_over_is_left_out() {
        let mut translation = Translation::default();
        let text =
            |response: &str| json!({ "type": "response.output_text.delta", "response_id": response, "delta": "x" });
        assert!(told(&mut translation, &text("r1")).is_empty(), "none was asked for");
        told(&mut translation, &json!({ "type": "response.created", "response": { "id": "r1" } }));
        assert_eq!(told(&mut translation, &text("r1")), [r#"Text("x")"#]);
        let done =
            |id: &str, status: &str| json!({ "type": "response.done", "response": { "id": id, "status": status } });
        assert!(told(&mut translation, &done("r0", "completed")).is_empty());
        assert!(told(&mut translation, &done("r1", "cancelled"))[0].starts_with("Finished(Err("));
        assert!(told(&mut translation, &text("r1")).is_empty());
    }

    #[test]
    fn a_call_is_told_once_and_only_of_a_whole_answer() {
        let call = json!({ "id": "i", "type": "function_call", "call_id": "c", "name": "book", "arguments": "{}" });
        for (status, calls) in [("completed", 1), ("incomplete", 0), ("cancelled", 0), ("failed", 0)] {
            let mut translation = Translation::default();
            told(&mut translation, &json!({ "type": "response.created", "response": { "id": "r" } }));
            told(&mut translation, &json!({ "type": "response.output_item.done", "response_id": "r", "item": call }));
            let response = json!({ "id": "r", "status": status, "output": [call] });
            let told = told(&mut translation, &json!({ "type": "response.done", "response": response }));
            assert_eq!(told.iter().filter(|event| event.starts_with("ToolCall")).count(), calls, "{status}");
            assert_eq!(told.last().unwrap() == "Finished(Ok(()))", status == "completed", "{status}");
        }
    }

    #[test]
    fn an_error_is_about_what_was_asked_or_ends_the_connection() {
        let about = |event: Event| {
            let mut translation = Translation::default();
            let taken = translation.take(event).map_err(|error| error.kind());
            (taken, translation.next_event().map(|event| format!("{event:?}")))
        };
        assert_eq!(about(error(Some("cancel"), "response_cancel_not_active")), (Ok(()), None));
        assert_eq!(about(error(None, "conversation_already_has_active_response")), (Ok(()), None));
        assert_eq!(about(error(None, "something_new")), (Ok(()), None));
        assert!(about(error(None, "session_expired")).0.is_err());
        assert!(about(error(Some("item"), "item_delete_invalid_item_id")).0.is_err());
        let refused = about(error(Some("response"), "conversation_already_has_active_response")).1.unwrap();
        assert!(refused.starts_with("Finished(Err(") && !refused.contains("canary"), "{refused}");
        let empty = about(error(Some("commit"), "input_audio_buffer_commit_empty")).1.unwrap();
        assert!(empty.starts_with("NotTranscribed { item: None"), "{empty}");
    }

    #[test]
    fn words_are_told_as_they_are_written_down() {
        let mut translation = Translation::default();
        let name = |what: &str| format!("conversation.item.input_audio_transcription.{what}");
        for (delta, so_far) in [("On ", "On "), ("Sunday", "On Sunday")] {
            let told = told(&mut translation, &json!({ "type": name("delta"), "item_id": "i", "delta": delta }));
            assert!(told[0].contains(&format!("{so_far:?}")) && told[0].contains("is_final: false"), "{told:?}");
        }
        let whole = json!({ "type": name("completed"), "item_id": "i", "transcript": "On Sunday.", "languages": [{ "code": "en" }] });
        let told = told(&mut translation, &whole);
        assert!(
            told[0].contains("On Sunday.") && told[0].contains("is_final: true") && told[0].contains("en"),
            "{told:?}"
        );
        assert!(translation.heard.is_empty());
    }
}
