//! The messages of a chat request, checked as OpenAI checks them: also that every tool call has its result.

use serde_json::Value;

use super::ApiError;
use super::json::wrong_type;

const ROLES: &[&str] = &["assistant", "developer", "function", "system", "tool", "user"];

/// One message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Message {
    pub(super) role: String,
    /// The text; empty if the message only calls tools.
    pub(super) text: String,
    /// The ids of the tool calls.
    calls: Vec<String>,
    /// The id of the call whose result this is.
    result_of: Option<String>,
}

pub(super) fn read(value: Option<&Value>) -> Result<Vec<Message>, ApiError> {
    let messages = value.ok_or_else(|| ApiError::missing("messages"))?;
    let messages = messages.as_array().ok_or_else(|| wrong_type("messages", "an array of objects"))?;
    if messages.is_empty() {
        return Err(ApiError::invalid("messages", "Invalid 'messages': empty array."));
    }
    let read = |(index, message)| read_message(&format!("messages[{index}]"), message);
    let messages: Vec<_> = messages.iter().enumerate().map(read).collect::<Result<_, _>>()?;
    check_results(&messages)?;
    Ok(messages)
}

fn read_message(path: &str, message: &Value) -> Result<Message, ApiError> {
    let role = message.get("role").and_then(Value::as_str).unwrap_or_default();
    if !ROLES.contains(&role) {
        let message = format!("Invalid value: '{role}'. Supported values are: {ROLES:?}.");
        return Err(ApiError::invalid(format!("{path}.role"), message));
    }
    let calls = match message.get("tool_calls") {
        Some(calls) if role == "assistant" && !calls.is_null() => read_calls(&format!("{path}.tool_calls"), calls)?,
        _ => Vec::new(),
    };
    let result_of = match message.get("tool_call_id").and_then(Value::as_str) {
        Some(id) => Some(id.to_owned()),
        None if role == "tool" => return Err(ApiError::missing(&format!("{path}.tool_call_id"))),
        None => None,
    };
    let wrong = || wrong_type(&format!("{path}.content"), "a string or an array of text parts");
    let text = match message.get("content") {
        Some(Value::String(text)) => text.clone(),
        Some(Value::Array(parts)) => {
            let text = |part: &Value| Some(part.get("text")?.as_str()?.to_owned());
            parts.iter().map(text).collect::<Option<Vec<_>>>().ok_or_else(wrong)?.concat()
        }
        None | Some(Value::Null) if !calls.is_empty() => String::new(),
        _ => return Err(wrong()),
    };
    Ok(Message { role: role.to_owned(), text, calls, result_of })
}

/// The ids of the calls of a message.
fn read_calls(path: &str, calls: &Value) -> Result<Vec<String>, ApiError> {
    let calls = calls.as_array().filter(|calls| !calls.is_empty());
    let calls = calls.ok_or_else(|| wrong_type(path, "a non-empty array of objects"))?;
    let read = |(index, call): (usize, &Value)| {
        let text = |pointer: &str, name: &str| {
            let text = call.pointer(pointer).and_then(Value::as_str);
            text.ok_or_else(|| wrong_type(&format!("{path}[{index}].{name}"), "a string"))
        };
        if text("/type", "type")? != "function" {
            return Err(ApiError::invalid(
                format!("{path}[{index}].type"),
                "Invalid value. Supported values are: 'function'.",
            ));
        }
        text("/function/name", "function.name")?;
        text("/function/arguments", "function.arguments")?;
        text("/id", "id").map(str::to_owned)
    };
    calls.iter().enumerate().map(read).collect()
}

/// Every call is followed by its result, and every result follows its call.
fn check_results(messages: &[Message]) -> Result<(), ApiError> {
    let mut open: Vec<&str> = Vec::new();
    let mut caller = 0;
    for (index, message) in messages.iter().enumerate() {
        if message.role != "tool" {
            check_none_open(caller, &open)?;
            (caller, open) = (index, message.calls.iter().map(String::as_str).collect());
            continue;
        }
        let id = message.result_of.as_deref().unwrap_or_default();
        let Some(at) = open.iter().position(|open| *open == id) else {
            let reason = "Invalid parameter: messages with role 'tool' must be a response to a preceding message with 'tool_calls'.";
            return Err(ApiError::invalid(format!("messages[{index}].role"), reason));
        };
        open.remove(at);
    }
    check_none_open(caller, &open)
}

fn check_none_open(caller: usize, open: &[&str]) -> Result<(), ApiError> {
    if open.is_empty() {
        return Ok(());
    }
    let reason = format!(
        "An assistant message with 'tool_calls' must be followed by tool messages responding to each 'tool_call_id'. \
         The following tool_call_ids did not have response messages: {}",
        open.join(", ")
    );
    Err(ApiError::invalid(format!("messages[{caller}].role"), reason))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn calling(ids: &[&str]) -> Value {
        let call =
            |id: &&str| json!({ "id": id, "type": "function", "function": { "name": "book", "arguments": "{}" } });
        json!({ "role": "assistant", "content": null, "tool_calls": ids.iter().map(call).collect::<Vec<_>>() })
    }

    fn result(id: &str) -> Value {
        json!({ "role": "tool", "tool_call_id": id, "content": "booked" })
    }

    fn user() -> Value {
        json!({ "role": "user", "content": "Boka." })
    }

    fn wrong(messages: Value) -> String {
        let error = read(Some(&messages)).unwrap_err();
        assert_eq!(error.status(), 400, "{error}");
        error.body()["error"]["param"].as_str().unwrap().to_owned()
    }

    #[test]
    fn calls_with_their_results_in_any_order_are_accepted() {
        let messages =
            json!([user(), calling(&["a", "b"]), result("b"), result("a"), calling(&["a"]), result("a"), user()]);
        let read = read(Some(&messages)).unwrap();
        assert_eq!((read[1].text.as_str(), read[2].text.as_str()), ("", "booked"));
    }

    #[test]
    fn an_orphan_is_refused_where_it_stands() {
        for (messages, param) in [
            (json!([user(), result("a")]), "messages[1].role"),
            (json!([user(), calling(&["a"]), result("b")]), "messages[2].role"),
            (json!([user(), calling(&["a"]), result("a"), result("a")]), "messages[3].role"),
            (json!([user(), calling(&["a"]), user(), result("a")]), "messages[1].role"),
            (json!([user(), calling(&["a", "b"]), result("a")]), "messages[1].role"),
        ] {
            assert_eq!(wrong(messages.clone()), param, "{messages}");
        }
    }

    #[test]
    fn a_malformed_call_is_refused_by_name() {
        for (pointer, value, param) in [
            ("/tool_calls", json!([]), "messages[0].tool_calls"),
            ("/tool_calls/0/id", json!(1), "messages[0].tool_calls[0].id"),
            ("/tool_calls/0/type", json!("tool"), "messages[0].tool_calls[0].type"),
            ("/tool_calls/0/function/arguments", json!({}), "messages[0].tool_calls[0].function.arguments"),
        ] {
            let mut message = calling(&["a"]);
            *message.pointer_mut(pointer).unwrap() = value;
            assert_eq!(wrong(json!([message, result("a")])), param);
        }
        assert_eq!(wrong(json!([{ "role": "tool", "content": "x" }])), "messages[0].tool_call_id");
    }
}
