//! The wire form of tools: what a request offers, and how a reply's calls are written in each shape servers have.

use serde_json::{Value, json};

use super::json::{is_name, wrong_type};
use super::{ApiError, RepliedCall};
use crate::scenario::CallShape;

/// The names of the tools a request offers.
pub(super) fn read(tools: Option<&Value>, choice: Option<&Value>) -> Result<Vec<String>, ApiError> {
    let Some(tools) = tools else {
        let reason = "Invalid value for 'tool_choice': 'tool_choice' is only allowed when 'tools' are specified.";
        return choice.map_or(Ok(Vec::new()), |_| Err(ApiError::invalid("tool_choice", reason)));
    };
    if choice.is_some_and(|choice| choice != "auto") {
        return Err(ApiError::invalid("tool_choice", "the simulated model calls tools by its rules alone"));
    }
    let tools = tools.as_array().filter(|tools| !tools.is_empty());
    let tools = tools.ok_or_else(|| wrong_type("tools", "a non-empty array of objects"))?;
    tools.iter().enumerate().map(|(index, tool)| read_tool(&format!("tools[{index}]"), tool)).collect()
}

fn read_tool(path: &str, tool: &Value) -> Result<String, ApiError> {
    if tool.get("type").is_none_or(|kind| kind != "function") {
        return Err(ApiError::invalid(format!("{path}.type"), "Invalid value. Supported values are: 'function'."));
    }
    let name = tool.pointer("/function/name").and_then(Value::as_str).unwrap_or_default();
    if !is_name(name) {
        let reason = "Expected a string that matches '^[a-zA-Z0-9_-]{1,64}$'.";
        return Err(ApiError::invalid(format!("{path}.function.name"), reason));
    }
    let parameters = tool.pointer("/function/parameters");
    if parameters.is_some_and(|parameters| !parameters.is_object()) {
        return Err(wrong_type(&format!("{path}.function.parameters"), "an object"));
    }
    Ok(name.to_owned())
}

/// A call as it stands in an answer that is not streamed.
pub(super) fn whole(call: &RepliedCall) -> Value {
    json!({ "id": call.id, "type": "function", "function": { "name": call.name, "arguments": call.arguments() } })
}

/// The `tool_calls` of the chunks in which a call is streamed, with the number of its token for each.
pub(super) fn chunks(index: usize, call: &RepliedCall, shape: CallShape) -> Vec<(usize, Value)> {
    let last = call.pieces.len().saturating_sub(1);
    let (name, arguments) = (&call.name, call.arguments());
    let one = match shape {
        CallShape::Pieces => return pieces(index, call),
        CallShape::Whole => {
            json!({ "index": 0, "id": call.id, "type": "function", "function": { "name": name, "arguments": arguments } })
        }
        CallShape::WithoutIds => json!({ "function": { "name": name, "arguments": arguments } }),
        CallShape::Objects => {
            let arguments: Value = serde_json::from_str(&arguments).unwrap_or(Value::Null);
            json!({ "index": index, "id": "", "function": { "name": name, "arguments": arguments } })
        }
    };
    vec![(last, json!([one]))]
}

fn pieces(index: usize, call: &RepliedCall) -> Vec<(usize, Value)> {
    let opening = json!({ "index": index, "id": call.id, "type": "function", "function": { "name": call.name, "arguments": "" } });
    let piece = |(at, token): (usize, &super::Token)| {
        (at, json!([{ "index": index, "function": { "arguments": token.text } }]))
    };
    std::iter::once((0, json!([opening]))).chain(call.pieces.iter().enumerate().map(piece)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn offered() -> Value {
        json!([{ "type": "function", "function": { "name": "book", "parameters": { "type": "object" } } }])
    }

    #[test]
    fn tools_are_read_by_name() {
        assert_eq!(read(Some(&offered()), Some(&json!("auto"))).unwrap(), ["book"]);
        assert!(read(None, None).unwrap().is_empty());
    }

    #[test]
    fn every_mistake_is_refused_by_name() {
        for (tools, choice, param) in [
            (json!([]), Value::Null, "tools"),
            (json!([{}]), Value::Null, "tools[0].type"),
            (json!([{ "type": "function", "function": { "name": "a b" } }]), Value::Null, "tools[0].function.name"),
            (
                json!([{ "type": "function", "function": { "name": "a", "parameters": [] } }]),
                Value::Null,
                "tools[0].function.parameters",
            ),
            (offered(), json!("required"), "tool_choice"),
        ] {
            let error = read(Some(&tools), Some(&choice).filter(|choice| !choice.is_null())).unwrap_err();
            assert_eq!((error.status(), &error.body()["error"]["param"]), (400, &json!(param)), "{error}");
        }
        assert!(read(None, Some(&json!("auto"))).is_err());
    }
}
