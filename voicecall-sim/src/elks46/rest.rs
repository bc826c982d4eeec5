//! The REST API: orders, lists and settings of the account. Errors are sentences in plain text.

use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use serde_json::{Value, json};

use super::line::Ordered;
use super::rest_messages::image;
use super::server::{NewCall, Shared};
use super::{ElksNumber, SocketField};
use crate::fault::{Fault, Site};
use crate::phone::Ring;
use crate::rest_server::{HttpReply, RestRequest};

/// The most entries of a page.
const LARGEST_PAGE: usize = 100;

impl HttpReply {
    /// The refusal of a request because too many are being answered. Nothing was done.
    pub(super) fn too_many(is_json: bool) -> Self {
        Self::error(429, "Too many requests", is_json)
    }

    pub(super) fn json(value: &Value) -> Self {
        Self::new(200, "application/json", value.to_string())
    }

    fn error(status: u16, text: &str, is_json: bool) -> Self {
        if is_json {
            return Self::new(status, "application/json", json!({ "error": text }).to_string());
        }
        Self::new(status, "text/plain; charset=utf-8", text)
    }

    pub(super) fn new(status: u16, content_type: &'static str, body: impl Into<Vec<u8>>) -> Self {
        Self { status, content_type, body: body.into(), retry_after: None, delay: Duration::ZERO }
    }
}

/// Why nothing was done.
pub(super) type Refusal = (u16, String);

impl RestRequest {
    /// Carries the request out, with the fault that strikes it. None if its answer is lost.
    pub(super) fn carry_out(&self, shared: &Arc<Shared>) -> Option<HttpReply> {
        let site = match (&*self.method, &*self.path.to_ascii_lowercase()) {
            ("POST", "/a1/calls" | "/a1/sms" | "/a1/mms") => Site::RestCreate,
            ("POST" | "DELETE", _) => Site::RestUpdate,
            _ => Site::RestFetch,
        };
        let error = |status, text: &str| HttpReply::error(status, text, shared.options.unconfirmed.json_errors);
        let reply = || self.reply(shared).unwrap_or_else(|(status, text)| error(status, &text));
        match shared.draw(site) {
            None => Some(reply()),
            Some(Fault::Latency { delay, .. } | Fault::Stall { length: delay, .. }) => {
                Some(HttpReply { delay, ..reply() })
            }
            Some(Fault::AcceptThenDrop) => {
                reply();
                None
            }
            Some(Fault::Error { status, accepted }) => {
                if accepted {
                    reply();
                }
                Some(error(status, if status == 403 { "Not enough credits" } else { "Something went wrong" }))
            }
            Some(Fault::RateLimit { retry_after }) => {
                Some(HttpReply { retry_after, ..HttpReply::too_many(shared.options.unconfirmed.json_errors) })
            }
            Some(_) => None,
        }
    }

    fn reply(&self, shared: &Arc<Shared>) -> Result<HttpReply, Refusal> {
        let credentials = format!("{}:{}", shared.options.username, shared.options.password);
        if self.authorization.as_deref() != Some(&format!("Basic {}", STANDARD.encode(credentials))) {
            let text = "API access requires Basic HTTP authentication. Read documentation or examples.";
            return Err((401, text.to_owned()));
        }
        let parts: Vec<&str> = self.path.split('/').filter(|part| !part.is_empty()).collect();
        // Only ids have a case.
        let resource = parts.get(1).map(|name| name.to_ascii_lowercase());
        match (&*self.method, resource.as_deref(), parts.get(2)) {
            ("GET", Some("me"), None) => Ok(HttpReply::json(&json!({
                "id": shared.options.username, "displayname": "Simulated", "currency": "SEK", "balance": 1_000_000
            }))),
            ("POST", Some("calls"), None) => self.place(shared),
            ("GET", Some("calls"), None) => Ok(self.calls(shared)),
            ("GET", Some("calls"), Some(id)) => {
                let now = Timestamp::now();
                let found = shared.with(|state| {
                    let call = state.calls.iter().find(|call| call.id == *id)?;
                    Some(call.json(now, &shared.options.unconfirmed))
                });
                found.map(|call| HttpReply::json(&call)).ok_or_else(not_found)
            }
            ("GET", Some("numbers"), None) => {
                Ok(self.page(shared.with(|state| state.numbers.iter().map(|number| number.json()).collect())))
            }
            ("POST", Some("numbers"), None) => self.allocate(shared),
            ("POST", Some("numbers"), Some(id)) => self.configure(shared, id),
            ("GET", Some("recordings"), None) => Ok(self
                .page(shared.with(|state| state.recordings.iter().rev().map(|recording| recording.json()).collect()))),
            ("GET", Some("recordings"), Some(id)) => recording(shared, id),
            (_, Some(kind @ ("sms" | "mms")), id) => self.messages(shared, kind, id.copied()),
            ("GET", Some("images"), Some(name)) => image(shared, name),
            _ => Err(not_found()),
        }
    }

    /// A field of the form, which has to be there.
    pub(super) fn field(&self, name: &str) -> Result<String, Refusal> {
        let found = self.form.iter().find(|(known, value)| known == name && !value.is_empty());
        found.map(|(_, value)| value.clone()).ok_or_else(|| (403, format!("Missing key {name}")))
    }

    fn place(&self, shared: &Arc<Shared>) -> Result<HttpReply, Refusal> {
        let field = |name: &str| self.field(name);
        let (from, to, voice_start) = (field("from")?, field("to")?, field("voice_start")?);
        let is_ours = |state: &mut super::server::State| {
            state.numbers.iter().any(|number| number.number == from && !number.is_websocket && !number.is_deallocated)
        };
        if !shared.with(is_ours) {
            return Err((403, format!("You are not allowed to use {from} as from")));
        }
        if !to.starts_with('+') {
            return Err((403, format!("Invalid to number {to}")));
        }
        let rings = match field("timeout") {
            Ok(text) => Duration::from_secs(text.parse().map_err(|_| (403, format!("Invalid timeout {text}")))?),
            Err(_) => shared.options.rings,
        };
        let party = shared.person(&Ring::new(&to, &from, 0));
        let order = Ordered { voice_start, whenhangup: field("whenhangup").ok(), rings };
        let id = shared.begin(NewCall { from: Some(from), to, order: Some(order) }, party);
        let (now, unconfirmed) = (Timestamp::now(), &shared.options.unconfirmed);
        let call = shared.with(|state| {
            let call = state.calls.iter().find(|call| call.id == id)?;
            Some(call.json(now, unconfirmed))
        });
        call.map(|call| HttpReply::json(&call)).ok_or_else(not_found)
    }

    fn calls(&self, shared: &Arc<Shared>) -> HttpReply {
        let (now, unconfirmed) = (Timestamp::now(), &shared.options.unconfirmed);
        self.page(shared.with(|state| state.calls.iter().rev().map(|call| call.json(now, unconfirmed)).collect()))
    }

    /// A page of entries, newest first: older than `start`, newer than `end`.
    pub(super) fn page(&self, entries: Vec<Value>) -> HttpReply {
        let parameter = |name: &str| self.query.iter().find(|(known, _)| known == name).map(|(_, value)| &**value);
        let (start, end) = (parameter("start"), parameter("end"));
        // The format sorts as the times do.
        let is_within = |entry: &Value| {
            let created = entry.get("created").and_then(Value::as_str).unwrap_or_default();
            start.is_none_or(|start| created < start) && end.is_none_or(|end| created > end)
        };
        let limit =
            parameter("limit").and_then(|text| text.parse().ok()).unwrap_or(LARGEST_PAGE).clamp(1, LARGEST_PAGE);
        let matching: Vec<Value> = entries.into_iter().filter(is_within).collect();
        let mut page = json!({ "data": matching[..matching.len().min(limit)] });
        if matching.len() > limit {
            page["next"] = matching[limit - 1]["created"].clone();
        }
        HttpReply::json(&page)
    }

    /// Gives the account the next number that nobody has.
    fn allocate(&self, shared: &Arc<Shared>) -> Result<HttpReply, Refusal> {
        let (country, capabilities) = (self.field("country")?, self.field("capabilities")?);
        if country != "se" {
            return Err((403, format!("No numbers in {country}")));
        }
        if let Some(other) = capabilities.split(',').find(|name| !["sms", "mms", "voice"].contains(name)) {
            return Err((403, format!("Unknown capability {other}")));
        }
        shared.with(|state| {
            let has = |number: &str| state.numbers.iter().any(|known| known.number == number);
            let next = shared.options.unallocated.iter().find(|number| !has(number));
            let number = ElksNumber::new(next.ok_or_else(|| (403, "No numbers available".to_owned()))?);
            let told = number.json();
            state.numbers.push(number);
            Ok(HttpReply::json(&told))
        })
    }

    fn configure(&self, shared: &Arc<Shared>, id: &str) -> Result<HttpReply, Refusal> {
        let field = shared.options.unconfirmed.socket_field;
        shared.with(|state| {
            let number = state
                .numbers
                .iter_mut()
                .find(|number| number.id() == id && !number.is_deallocated)
                .ok_or_else(not_found)?;
            for (name, value) in &self.form {
                let value = Some(value.trim().to_owned()).filter(|value| !value.is_empty() && value != "none");
                match &**name {
                    "voice_start" => number.voice_start = value,
                    "websocket_url" if number.is_websocket && field == SocketField::WebsocketUrl => {
                        number.websocket_url = value;
                    }
                    "sms_url" => number.sms_url = value,
                    "mms_url" => number.mms_url = value,
                    "active" if value.as_deref() == Some("no") => number.is_deallocated = true,
                    "name" => {}
                    other => return Err((403, format!("Unknown key {other}"))),
                }
            }
            Ok(HttpReply::json(&number.json()))
        })
    }
}

fn recording(shared: &Arc<Shared>, name: &str) -> Result<HttpReply, Refusal> {
    let (id, is_audio) = name.strip_suffix(".wav").map_or((name, false), |id| (id, true));
    let found = shared.with(|state| state.recordings.iter().find(|recording| recording.id == id).cloned());
    let found = found.ok_or_else(not_found)?;
    Ok(if is_audio { HttpReply::new(200, "audio/wav", found.wav) } else { HttpReply::json(&found.json()) })
}

pub(super) fn not_found() -> Refusal {
    (404, "Not found".to_owned())
}
