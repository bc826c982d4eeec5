//! Reads the items that a client creates, and checks them as OpenAI does.

use serde_json::Value;

use super::error::EventError;
use super::fields::Fields;
use super::format::{self, Format};
use super::item::{Body, CallerAudio, Item, Part, Role, Status};

const KNOWN: &[&str] = &["id", "object", "type", "status", "role", "content", "call_id", "name", "arguments", "output"];
const PART: &[&str] = &["type", "text", "audio", "transcript", "image_url", "detail"];

/// The longest name of an item, in characters.
const LONGEST_ID: usize = 32;

/// Reads the item at `path`, whose audio is of this format. `new_id` names what the client has not named.
pub(super) fn read(
    path: &str,
    item: &Value,
    format: Format,
    mut new_id: impl FnMut(&str) -> String,
) -> Result<Item, EventError> {
    let fields = Fields::of(path, item, KNOWN)?;
    let id = match fields.text("id")? {
        Some(id) if id.is_empty() || id.chars().count() > LONGEST_ID => {
            return Err(fields.invalid("id", format!("Expected a string of 1 to {LONGEST_ID} characters.")));
        }
        Some(id) => id.to_owned(),
        None => new_id("item"),
    };
    fields.one_of("object", &["realtime.item"])?;
    let status = match fields.one_of("status", &["completed", "incomplete", "in_progress"])? {
        Some("incomplete") => Status::Incomplete,
        // Nobody goes on with it: what a client creates is there.
        _ => Status::Completed,
    };
    let body = match fields.required_text("type")? {
        "message" => message(&fields, format)?,
        "function_call" => Body::Call {
            call_id: fields.text("call_id")?.map_or_else(|| new_id("call"), str::to_owned),
            name: fields.required_text("name")?.to_owned(),
            arguments: fields.required_text("arguments")?.to_owned(),
        },
        "function_call_output" => Body::Result {
            call_id: fields.required_text("call_id")?.to_owned(),
            output: fields.required_text("output")?.to_owned(),
        },
        kind if kind.starts_with("mcp_") => return Err(fields.not_simulated("type", "call tools of MCP servers")),
        other => return Err(fields.not_among("type", other, &["message", "function_call", "function_call_output"])),
    };
    Ok(Item { id, status, body })
}

fn message(fields: &Fields<'_>, format: Format) -> Result<Body, EventError> {
    let role = match fields.required_text("role")? {
        "system" => Role::System,
        "user" => Role::User,
        "assistant" => Role::Assistant,
        other => return Err(fields.not_among("role", other, &["system", "user", "assistant"])),
    };
    let parts = fields.list("content")?.ok_or_else(|| EventError::missing(&fields.path("content")))?;
    let content = parts.iter().map(|(path, part)| read_part(path, part, role, format)).collect::<Result<_, _>>()?;
    Ok(Body::Message { role, content })
}

fn read_part(path: &str, part: &Value, role: Role, format: Format) -> Result<Part, EventError> {
    let fields = Fields::of(path, part, PART)?;
    let only = |known: &[&str]| Fields::of(path, part, known).map(drop);
    let text = || only(&["type", "text"]).and_then(|()| fields.required_text("text").map(str::to_owned));
    match (fields.required_text("type")?, role) {
        ("input_text", Role::System | Role::User) => Ok(Part::Input(text()?)),
        ("output_text", Role::Assistant) => Ok(Part::Output(text()?)),
        ("input_audio", Role::User) => {
            only(&["type", "audio", "transcript"])?;
            let audio = format::decode(&fields, "audio")?;
            let transcript = fields.text("transcript")?.map(str::to_owned);
            Ok(Part::Caller(CallerAudio { format, audio, transcript, heard: None }))
        }
        ("input_image", Role::User) => Err(fields.not_simulated("type", "see")),
        (other, Role::System) => Err(fields.not_among("type", other, &["input_text"])),
        (other, Role::User) => Err(fields.not_among("type", other, &["input_text", "input_audio"])),
        // Audio of the model cannot be created by a client.
        (other, Role::Assistant) => Err(fields.not_among("type", other, &["output_text"])),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read(item: &Value) -> Result<Value, EventError> {
        super::read("item", item, Format::Mulaw, |kind| format!("{kind}_new")).map(|item| item.json(true))
    }

    fn message(role: &str, part: Value) -> Value {
        json!({ "type": "message", "role": role, "content": [part] })
    }

    #[test]
    fn each_kind_of_item_is_told_as_it_was_created() {
        let text = json!({ "type": "input_text", "text": "Hej" });
        for item in [
            message("system", text.clone()),
            message("user", text),
            message("user", json!({ "type": "input_audio", "audio": "/////w==", "transcript": "Hej" })),
            message("assistant", json!({ "type": "output_text", "text": "Hej" })),
            json!({ "type": "function_call", "call_id": "call_1", "name": "book", "arguments": "{}" }),
            json!({ "type": "function_call_output", "call_id": "call_1", "output": "done" }),
        ] {
            let mut expected = item.clone();
            let extra = json!({ "id": "item_new", "object": "realtime.item", "status": "completed" });
            expected.as_object_mut().unwrap().extend(extra.as_object().unwrap().clone());
            assert_eq!(read(&item).unwrap(), expected);
        }
        let mut named = message("user", json!({ "type": "input_text", "text": "Hej" }));
        (named["id"], named["status"]) = (json!("mine"), json!("incomplete"));
        let told = read(&named).unwrap();
        assert_eq!((&told["id"], &told["status"]), (&json!("mine"), &json!("incomplete")));
    }

    #[test]
    fn every_mistake_is_refused_by_its_place() {
        let text = |kind: &str| json!({ "type": kind, "text": "Hej" });
        for (wrong, param) in [
            (json!("Hej"), "item"),
            (json!({}), "item.type"),
            (json!({ "type": "mcp_call" }), "item.type"),
            (json!({ "type": "message", "content": [] }), "item.role"),
            (json!({ "type": "message", "role": "user" }), "item.content"),
            (json!({ "type": "message", "role": "user", "content": "Hej" }), "item.content"),
            (json!({ "type": "message", "role": "user", "content": [], "mood": 1 }), "item.mood"),
            (json!({ "type": "message", "role": "user", "content": [], "id": "a".repeat(33) }), "item.id"),
            (message("boss", text("input_text")), "item.role"),
            (message("user", text("text")), "item.content[0].type"),
            (message("user", text("output_text")), "item.content[0].type"),
            (message("assistant", text("input_text")), "item.content[0].type"),
            (message("assistant", json!({ "type": "output_audio", "audio": "" })), "item.content[0].type"),
            (message("system", json!({ "type": "input_audio", "audio": "" })), "item.content[0].type"),
            (message("user", json!({ "type": "input_text" })), "item.content[0].text"),
            (message("user", json!({ "type": "input_text", "text": "", "audio": "" })), "item.content[0].audio"),
            (message("user", json!({ "type": "input_audio", "audio": "?" })), "item.content[0].audio"),
            (message("user", json!({ "type": "input_image", "image_url": "data:" })), "item.content[0].type"),
            (json!({ "type": "function_call", "name": "book" }), "item.arguments"),
            (json!({ "type": "function_call_output", "call_id": "a", "output": {} }), "item.output"),
        ] {
            let error = read(&wrong).unwrap_err();
            assert_eq!(error.json(None)["param"], param, "{wrong}: {error}");
        }
    }
}
