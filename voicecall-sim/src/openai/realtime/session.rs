//! One session: events of the client and the time in, events of the server out. It waits for nothing.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};

use super::super::server::Services;
use super::context::Context;
use super::conversation::Conversation;
use super::error::EventError;
use super::fields::Fields;
use super::format;
use super::ids::Ids;
use super::input::InputBuffer;
use super::item::{Body, Item, Part, Role, Status};
use super::response::Response;
use super::settings::Settings;
use super::transcription::Transcription;
use crate::fault::{Rng, Site};

/// The longest name of a client's event, in characters.
const LONGEST_EVENT_ID: usize = 512;

/// What is told when a session has lasted as long as it may.
const EXPIRED: &str = "Your session hit the maximum duration of 60 minutes.";

/// What a session sends.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Out {
    Event(Value),
    /// The socket is closed, and nothing follows.
    Close {
        code: u16,
        reason: &'static str,
    },
    /// The connection breaks, and nothing follows.
    Drop,
}

/// A session from its first event to its end.
pub(in super::super) struct Session {
    pub(super) services: Arc<Services>,
    pub(super) ids: Ids,
    id: String,
    pub(super) conversation_id: String,
    pub(super) settings: Settings,
    limit: Duration,
    expires_at: i64,
    pub(super) conversation: Conversation,
    input: InputBuffer,
    /// Audio of the caller so far, in 20 ms frames.
    frames: f64,
    pub(super) responses: Vec<Response>,
    /// How many responses there were.
    pub(super) asked: u64,
    pub(super) transcriptions: Vec<Transcription>,
    /// Whether the model has spoken.
    pub(super) has_spoken: bool,
    /// What the last response answered, which is in a cache.
    pub(super) last_context: Context,
    out: VecDeque<Out>,
    is_over: bool,
}

impl Session {
    /// A session with this model, which lasts so long. Its names come from `ids`.
    pub(super) fn new(services: Arc<Services>, model: &str, limit: Duration, ids: Rng) -> Self {
        let lasts = i64::try_from(limit.as_secs()).unwrap_or(i64::MAX);
        let mut session = Self {
            services,
            ids: Ids(ids),
            id: String::new(),
            conversation_id: String::new(),
            settings: Settings::new(model),
            limit,
            expires_at: jiff::Timestamp::now().as_second().saturating_add(lasts),
            conversation: Conversation::default(),
            input: InputBuffer::default(),
            frames: 0.0,
            responses: Vec::new(),
            asked: 0,
            transcriptions: Vec::new(),
            has_spoken: false,
            last_context: Context::default(),
            out: VecDeque::new(),
            is_over: false,
        };
        (session.id, session.conversation_id) = (session.ids.next("sess"), session.ids.next("conv"));
        session
    }

    /// Greets the client; one that asks for the shape of the beta is told that there is none, and closed.
    pub(super) fn open(&mut self, asks_for_beta: bool) {
        if !asks_for_beta {
            return self.emit("session.created", json!({ "session": self.settings() }));
        }
        let message = "The Realtime Beta API is no longer supported. Please use /v1/realtime for the GA API.";
        self.complain(&EventError::conflict("beta_api_shape_disabled", message), None);
        self.close(4000, "beta_api_shape_disabled");
    }

    /// Takes a message of the client. Takes a while where something is to be heard or spoken: not for an async task.
    pub(super) fn receive(&mut self, now: Duration, message: &str) {
        if self.is_over {
            return;
        }
        let Ok(event) = serde_json::from_str::<Value>(message) else {
            return self.complain(&EventError::malformed("Could not parse your input as JSON."), None);
        };
        let event_id = event["event_id"].as_str();
        if let Err(error) = self.carry_out(now, &event) {
            self.complain(&error, event_id);
        }
    }

    /// A message that is no text.
    pub(super) fn receive_binary(&mut self) {
        self.complain(&EventError::malformed("Events are text messages; this one is binary."), None);
    }

    fn carry_out(&mut self, now: Duration, event: &Value) -> Result<(), EventError> {
        let kind = event.get("type").ok_or_else(|| EventError::missing("type"))?;
        let kind = kind.as_str().ok_or_else(|| EventError::wrong_type("type", "a string"))?;
        let read = |known: &[&str]| {
            let fields = Fields::of("", event, &[&["type", "event_id"], known].concat())?;
            match fields.text("event_id")? {
                Some(id) if id.chars().count() > LONGEST_EVENT_ID => {
                    Err(fields.invalid("event_id", format!("Expected at most {LONGEST_EVENT_ID} characters.")))
                }
                _ => Ok(fields),
            }
        };
        match kind {
            "session.update" => self.update(&read(&["session"])?),
            "input_audio_buffer.append" => self.append(&read(&["audio"])?),
            "input_audio_buffer.commit" => read(&[]).and_then(|_| self.commit(now)),
            "input_audio_buffer.clear" => read(&[]).map(|_| self.clear()),
            "conversation.item.create" => self.create_item(&read(&["previous_item_id", "item"])?),
            "conversation.item.retrieve" => self.retrieve_item(&read(&["item_id"])?),
            "conversation.item.truncate" => self.truncate_item(&read(&["item_id", "content_index", "audio_end_ms"])?),
            "conversation.item.delete" => self.delete_item(&read(&["item_id"])?),
            "response.create" => self.create_response(now, &read(&["response"])?),
            "response.cancel" => self.cancel_response(&read(&["response_id"])?),
            "output_audio_buffer.clear" => {
                Err(EventError::not_simulated("type", "keep audio that waits to be played: a WebSocket has none"))
            }
            other => Err(EventError::invalid("type", format!("Invalid value: '{other}'. It is no event of a client."))),
        }
    }

    /// When something happens by itself.
    pub(super) fn due(&self) -> Option<Duration> {
        let responses = self.responses.iter().filter_map(Response::due);
        let transcriptions = self.transcriptions.iter().filter_map(Transcription::due);
        (!self.is_over).then(|| responses.chain(transcriptions).fold(self.limit, Duration::min))
    }

    /// Does what is due, in its order.
    pub(super) fn advance(&mut self, now: Duration) {
        while let Some(due) = self.due().filter(|due| *due <= now) {
            if let Some(at) = self.responses.iter().position(|response| response.due() == Some(due)) {
                self.step(at);
            } else if let Some(at) = self.transcriptions.iter().position(|it| it.due() == Some(due)) {
                self.tell(at);
            } else {
                self.complain(&EventError::conflict("session_expired", EXPIRED), None);
                self.close(1001, EXPIRED);
            }
        }
    }

    /// The next thing to be sent.
    pub(super) fn next(&mut self) -> Option<Out> {
        self.out.pop_front()
    }

    /// The session as it is told.
    pub(super) fn settings(&self) -> Value {
        self.settings.json(&self.id, self.expires_at)
    }

    /// The items as they are told, with their audio.
    pub(super) fn items(&self) -> Vec<Value> {
        self.conversation.items().iter().map(|item| item.json(true)).collect()
    }

    /// How many whole 20 ms frames of the caller there were.
    pub(super) fn frames(&self) -> u64 {
        self.frames as u64
    }

    fn update(&mut self, fields: &Fields<'_>) -> Result<(), EventError> {
        let new = self.settings.patched(fields.required("session")?, self.has_spoken)?;
        if new.input.format != self.settings.input.format && !self.input.is_empty() {
            let reason = "Cannot update the format while the input audio buffer holds audio.";
            return Err(EventError::invalid("session.audio.input.format", reason));
        }
        self.settings = new;
        self.emit("session.updated", json!({ "session": self.settings() }));
        Ok(())
    }

    fn append(&mut self, fields: &Fields<'_>) -> Result<(), EventError> {
        let audio = format::decode(fields, "audio")?;
        if !self.settings.input.manual_turns {
            let param = "session.audio.input.turn_detection";
            return Err(EventError::not_simulated(
                param,
                "detect turns; set 'turn_detection' to null before any audio",
            ));
        }
        self.frames += self.settings.input.format.milliseconds(audio.len()) / 20.0;
        self.input.append(&audio)
    }

    fn clear(&mut self) {
        self.input.clear();
        self.emit("input_audio_buffer.cleared", json!({}));
    }

    fn commit(&mut self, now: Duration) -> Result<(), EventError> {
        let mut audio = self.input.commit(self.settings.input.format)?;
        let id = self.ids.next("item");
        let transcriber = self.settings.input.transcription.clone();
        if let Some(transcriber) = &transcriber {
            let (samples, rate) = audio.format.samples(&audio.audio);
            match self.services.ear.hear(&samples, rate) {
                Ok(heard) => {
                    let fault = self.services.draw(Site::OpenaiRealtimeTranscription);
                    let model = transcriber["model"].as_str().unwrap_or_default();
                    self.transcriptions.push(Transcription::new(&id, now, &heard, model, fault.as_ref()));
                    audio.heard = Some(heard);
                }
                // Rates are those of formats, which can be resampled.
                Err(error) => tracing::error!(%error, "cannot hear"),
            }
        }
        let before = self.conversation.last().map(str::to_owned);
        self.emit("input_audio_buffer.committed", json!({ "previous_item_id": before, "item_id": id }));
        let body = Body::Message { role: Role::User, content: vec![Part::Caller(audio)] };
        self.conversation.append(Item { id: id.clone(), status: Status::Completed, body });
        self.tell_item(&id);
        Ok(())
    }

    pub(super) fn emit(&mut self, kind: &str, mut event: Value) {
        event["type"] = json!(kind);
        event["event_id"] = json!(self.ids.next("event"));
        self.out.push_back(Out::Event(event));
    }

    pub(super) fn complain(&mut self, error: &EventError, event_id: Option<&str>) {
        self.emit("error", json!({ "error": error.json(event_id) }));
    }

    /// Breaks the connection.
    pub(super) fn drop_connection(&mut self) {
        self.is_over = true;
        self.out.push_back(Out::Drop);
    }

    fn close(&mut self, code: u16, reason: &'static str) {
        self.is_over = true;
        self.out.push_back(Out::Close { code, reason });
    }
}

impl std::fmt::Debug for Session {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Session").field("id", &self.id).field("is_over", &self.is_over).finish_non_exhaustive()
    }
}
