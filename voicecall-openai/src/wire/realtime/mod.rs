//! The Realtime API's messages: what we send, and what of the server's we read.

pub(crate) mod event;
pub(crate) mod session;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use voicecall_core::model::{ChatRole, RealtimeItem};

use crate::realtime::RealtimeShape;

/// What the names of our own events begin with, so that an error tells which of them it is about.
pub(crate) mod about {
    pub(crate) const SESSION: &str = "session";
    pub(crate) const COMMIT: &str = "commit";
    pub(crate) const RESPONSE: &str = "response";
    pub(crate) const CANCEL: &str = "cancel";
    pub(crate) const ITEM: &str = "item";
}

/// A piece of the caller's audio.
pub(crate) fn append(audio: &[u8]) -> String {
    // Fifty of them are sent in a second.
    format!(r#"{{"type":"input_audio_buffer.append","audio":"{}"}}"#, STANDARD.encode(audio))
}

pub(crate) fn commit() -> Value {
    json!({ "type": "input_audio_buffer.commit", "event_id": about::COMMIT })
}

pub(crate) fn clear() -> Value {
    json!({ "type": "input_audio_buffer.clear" })
}

pub(crate) fn delete(item: &str) -> Value {
    json!({ "type": "conversation.item.delete", "event_id": about::ITEM, "item_id": item })
}

pub(crate) fn truncate(item: &str, audio_end_ms: u64) -> Value {
    json!({
        "type": "conversation.item.truncate",
        "event_id": about::ITEM,
        "item_id": item,
        "content_index": 0,
        "audio_end_ms": audio_end_ms,
    })
}

pub(crate) fn respond(shape: RealtimeShape, max_tokens: u32) -> Value {
    let field = match shape {
        RealtimeShape::Current => "max_output_tokens",
        RealtimeShape::Beta => "max_response_output_tokens",
    };
    json!({ "type": "response.create", "event_id": about::RESPONSE, "response": { field: max_tokens } })
}

pub(crate) fn cancel() -> Value {
    json!({ "type": "response.cancel", "event_id": about::CANCEL })
}

/// An item in its place: behind another one, or at the front.
pub(crate) fn create(shape: RealtimeShape, id: &str, after: Option<&str>, item: &RealtimeItem) -> Option<Value> {
    let mut body = match item {
        RealtimeItem::Message { role, text } => {
            let (role, content) = match (role, shape) {
                (ChatRole::System, _) => ("system", "input_text"),
                (ChatRole::User, _) => ("user", "input_text"),
                (ChatRole::Assistant, RealtimeShape::Current) => ("assistant", "output_text"),
                (ChatRole::Assistant, RealtimeShape::Beta) => ("assistant", "text"),
                // The result of a tool is an item of its own kind.
                (ChatRole::Tool, _) => return None,
            };
            json!({ "type": "message", "role": role, "content": [{ "type": content, "text": text }] })
        }
        RealtimeItem::ToolCall(call) => {
            json!({ "type": "function_call", "call_id": call.id, "name": call.name, "arguments": call.arguments })
        }
        RealtimeItem::ToolResult { call, text } => {
            json!({ "type": "function_call_output", "call_id": call, "output": text })
        }
        _ => return None,
    };
    body["id"] = Value::from(id);
    Some(json!({
        "type": "conversation.item.create",
        "event_id": about::ITEM,
        "previous_item_id": after.unwrap_or("root"),
        "item": body,
    }))
}
