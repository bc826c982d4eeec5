//! The wire form of chat completions: the request as it is checked, the answer whole and in chunks.

use std::time::Duration;

use serde_json::{Value, json};

use super::json::{Members, is_name, wrong_type};
use super::messages::{self, Message};
use super::{ApiError, Reply, schema, tools};
use crate::scenario::Question;

/// The parameters of the endpoint.
const KNOWN: &[&str] = &[
    "audio",
    "frequency_penalty",
    "function_call",
    "functions",
    "logit_bias",
    "logprobs",
    "max_completion_tokens",
    "max_tokens",
    "messages",
    "metadata",
    "modalities",
    "model",
    "n",
    "parallel_tool_calls",
    "prediction",
    "presence_penalty",
    "prompt_cache_key",
    "prompt_cache_retention",
    "reasoning_effort",
    "response_format",
    "safety_identifier",
    "seed",
    "service_tier",
    "stop",
    "store",
    "stream",
    "stream_options",
    "temperature",
    "tool_choice",
    "tools",
    "top_logprobs",
    "top_p",
    "user",
    "verbosity",
    "web_search_options",
];

/// Those of them the simulated model cannot honour; ignoring them would pretend.
const UNSUPPORTED: &[&str] =
    &["audio", "function_call", "functions", "logit_bias", "logprobs", "prediction", "web_search_options"];

/// A checked request.
#[derive(Debug)]
pub(super) struct ChatCall {
    pub(super) model: String,
    pub(super) stream: bool,
    pub(super) include_usage: bool,
    pub(super) max_tokens: usize,
    messages: Vec<Message>,
    /// The names of the tools on offer.
    tools: Vec<String>,
    format: Format,
}

#[derive(Debug)]
enum Format {
    Text,
    Object,
    Schema { name: String, schema: Value },
}

impl ChatCall {
    pub(super) fn read(body: &[u8]) -> Result<Self, ApiError> {
        let members = Members::read(body, KNOWN)?;
        if let Some(name) = UNSUPPORTED.iter().find(|name| members.get(name).is_some_and(|value| value != false)) {
            return Err(ApiError::invalid(*name, format!("the simulated model does not support '{name}'")));
        }
        if members.count("n")?.is_some_and(|n| n != 1) {
            return Err(ApiError::invalid("n", "the simulated model gives one choice"));
        }
        let stream = members.flag("stream")?;
        Ok(Self {
            model: members.model()?.to_owned(),
            stream,
            include_usage: read_stream_options(members.get("stream_options"), stream)?,
            max_tokens: members.count("max_completion_tokens")?.or(members.count("max_tokens")?).unwrap_or(usize::MAX),
            messages: messages::read(members.get("messages"))?,
            tools: tools::read(members.get("tools"), members.get("tool_choice"))?,
            format: read_format(members.get("response_format"))?,
        })
    }

    /// What is asked, as far as a scenario's rules look at it.
    pub(super) fn question(&self) -> Question<'_> {
        Question {
            schema: match &self.format {
                Format::Schema { name, .. } => Some(name),
                Format::Text | Format::Object => None,
            },
            messages: self.messages.iter().map(|message| message.text.as_str()).collect(),
            caller: self
                .messages
                .iter()
                .rev()
                .find(|message| message.role == "user")
                .map(|message| message.text.as_str()),
            result: self.messages.last().filter(|last| last.role == "tool").map(|last| last.text.as_str()),
        }
    }

    /// Whether an answer calls only what is offered and has the form asked for; one that calls tools or was cut off need not.
    pub(super) fn check(&self, reply: &Reply) -> Result<(), ApiError> {
        if let Some(call) = reply.calls.iter().find(|call| !self.tools.contains(&call.name)) {
            return Err(ApiError::server(format!(
                "the scenario calls `{}`, which the request does not offer",
                call.name
            )));
        }
        if reply.cut_off || !reply.calls.is_empty() {
            return Ok(());
        }
        let any_object = json!({});
        let (name, schema) = match &self.format {
            Format::Text => return Ok(()),
            Format::Object => ("json_object", &any_object),
            Format::Schema { name, schema } => (name.as_str(), schema),
        };
        schema::conformance(&reply.text(), schema).map_err(|reason| {
            ApiError::server(format!("the scenario's reply to `{name}` is not of its schema: {reason}"))
        })
    }
}

fn read_stream_options(value: Option<&Value>, stream: bool) -> Result<bool, ApiError> {
    let Some(value) = value else { return Ok(false) };
    if !stream {
        return Err(ApiError::invalid("stream_options", "'stream_options' is only allowed when 'stream' is enabled."));
    }
    let options = value.as_object().ok_or_else(|| wrong_type("stream_options", "an object"))?;
    match options.get("include_usage") {
        None | Some(Value::Null) => Ok(false),
        Some(flag) => flag.as_bool().ok_or_else(|| wrong_type("stream_options.include_usage", "a boolean")),
    }
}

fn read_format(value: Option<&Value>) -> Result<Format, ApiError> {
    let Some(value) = value else { return Ok(Format::Text) };
    match value.get("type").and_then(Value::as_str) {
        Some("text") => Ok(Format::Text),
        Some("json_object") => Ok(Format::Object),
        Some("json_schema") => read_schema(value.get("json_schema").unwrap_or(&Value::Null)),
        _ => Err(ApiError::invalid(
            "response_format.type",
            "Invalid value. Supported values are: 'json_object', 'json_schema', and 'text'.",
        )),
    }
}

fn read_schema(value: &Value) -> Result<Format, ApiError> {
    let path = "response_format.json_schema";
    let name = value.get("name").and_then(Value::as_str).ok_or_else(|| ApiError::missing(&format!("{path}.name")))?;
    if !is_name(name) {
        return Err(ApiError::invalid(
            format!("{path}.name"),
            "Expected a string that matches '^[a-zA-Z0-9_-]{1,64}$'.",
        ));
    }
    let schema = value.get("schema").cloned().unwrap_or_else(|| json!({}));
    if value.get("strict").is_some_and(|strict| strict == true) {
        schema::strictness(&schema).map_err(|reason| {
            ApiError::invalid("response_format", format!("Invalid schema for response_format '{name}': {reason}."))
        })?;
    }
    Ok(Format::Schema { name: name.to_owned(), schema })
}

/// One answer being written: what all its chunks have in common.
pub(super) struct Completion<'a> {
    pub(super) id: String,
    pub(super) created: i64,
    pub(super) call: &'a ChatCall,
    pub(super) reply: &'a Reply,
}

impl Completion<'_> {
    /// The answer to a request that did not ask for a stream.
    pub(super) fn whole(&self) -> Value {
        let mut message =
            json!({ "role": "assistant", "content": self.reply.text(), "refusal": null, "annotations": [] });
        if !self.reply.calls.is_empty() {
            message["tool_calls"] = self.reply.calls.iter().map(tools::whole).collect();
            if self.reply.tokens.is_empty() {
                message["content"] = Value::Null;
            }
        }
        json!({
            "id": self.id,
            "object": "chat.completion",
            "created": self.created,
            "model": self.call.model,
            "choices": [{
                "index": 0,
                "message": message,
                "logprobs": null,
                "finish_reason": self.finish_reason(),
            }],
            "usage": self.usage(),
            "service_tier": "default",
            "system_fingerprint": null,
        })
    }

    /// The chunk that opens a stream: the role, and no text yet.
    pub(super) fn opening(&self) -> Value {
        self.chunk(json!({ "role": "assistant", "content": "", "refusal": null }), Value::Null)
    }

    /// The chunk of one token.
    pub(super) fn token(&self, text: &str) -> Value {
        self.chunk(json!({ "content": text }), Value::Null)
    }

    /// The chunks of all tool calls, each with the time of its token.
    pub(super) fn calls(&self) -> impl Iterator<Item = (Duration, Value)> {
        self.reply.calls.iter().enumerate().flat_map(move |(index, call)| {
            let timed = move |(at, calls): (usize, Value)| {
                let after = call.pieces.get(at).map_or(Duration::ZERO, |token| token.after);
                (after, self.chunk(json!({ "tool_calls": calls }), Value::Null))
            };
            tools::chunks(index, call, self.reply.call_shape).into_iter().map(timed)
        })
    }

    /// The chunk that says why the answer ends.
    pub(super) fn closing(&self) -> Value {
        self.chunk(json!({}), self.finish_reason().into())
    }

    /// The last chunk of a stream that asked for usage: no choice, the totals.
    pub(super) fn totals(&self) -> Value {
        let mut chunk = self.frame();
        chunk["choices"] = json!([]);
        chunk["usage"] = self.usage();
        chunk
    }

    fn chunk(&self, delta: Value, finish_reason: Value) -> Value {
        let mut chunk = self.frame();
        chunk["choices"] = json!([{ "index": 0, "delta": delta, "logprobs": null, "finish_reason": finish_reason }]);
        if self.call.include_usage {
            chunk["usage"] = Value::Null;
        }
        chunk
    }

    fn frame(&self) -> Value {
        json!({
            "id": self.id,
            "object": "chat.completion.chunk",
            "created": self.created,
            "model": self.call.model,
            "service_tier": "default",
            "system_fingerprint": null,
        })
    }

    fn finish_reason(&self) -> &'static str {
        match self.reply.cut_off {
            true => "length",
            false if self.reply.calls.is_empty() => "stop",
            false => "tool_calls",
        }
    }

    fn usage(&self) -> Value {
        let (input, output) = (self.reply.input_tokens, self.reply.all_tokens().count());
        json!({
            "prompt_tokens": input,
            "completion_tokens": output,
            "total_tokens": input + output,
            "prompt_tokens_details": { "cached_tokens": 0, "audio_tokens": 0 },
            "completion_tokens_details": {
                "reasoning_tokens": 0, "audio_tokens": 0, "accepted_prediction_tokens": 0, "rejected_prediction_tokens": 0,
            },
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn request() -> Value {
        json!({
            "model": "gpt-6-luna",
            "messages": [
                { "role": "system", "content": "Hur nöjd är du?" },
                { "role": "user", "content": [{ "type": "text", "text": "Mycket " }, { "type": "text", "text": "nöjd." }] },
            ],
            "stream": true,
            "stream_options": { "include_usage": true },
            "max_completion_tokens": 50,
            "response_format": { "type": "json_schema", "json_schema": { "name": "answer", "strict": true, "schema": {
                "type": "object", "properties": { "x": { "type": "string" } }, "required": ["x"], "additionalProperties": false,
            } } },
        })
    }

    fn read(request: &Value) -> Result<ChatCall, ApiError> {
        ChatCall::read(request.to_string().as_bytes())
    }

    #[test]
    fn a_request_is_read_as_its_question() {
        let call = read(&request()).unwrap();
        let question = call.question();
        assert_eq!(question.schema, Some("answer"));
        assert_eq!(question.messages, ["Hur nöjd är du?", "Mycket nöjd."]);
        assert_eq!(question.caller, Some("Mycket nöjd."));
        assert!(call.stream && call.include_usage);
        assert_eq!(call.max_tokens, 50);
    }

    #[test]
    fn every_mistake_is_refused_by_name() {
        for (pointer, value, param) in [
            ("model", Value::Null, "model"),
            ("model", json!("gpt 6"), "model"),
            ("model", json!(6), "model"),
            ("messages", Value::Null, "messages"),
            ("messages", json!([]), "messages"),
            ("messages", json!([{ "role": "boss", "content": "x" }]), "messages[0].role"),
            ("messages", json!([{ "role": "user", "content": 3 }]), "messages[0].content"),
            ("messages", json!([{ "role": "user" }]), "messages[0].content"),
            ("stream", json!(false), "stream_options"),
            ("stream", json!("yes"), "stream"),
            ("stream_options", json!({ "include_usage": 1 }), "stream_options.include_usage"),
            ("max_completion_tokens", json!(0), "max_completion_tokens"),
            ("n", json!(2), "n"),
            ("tools", json!([{}]), "tools[0].type"),
            ("tool_choice", json!("auto"), "tool_choice"),
            ("temprature", json!(0.2), "temprature"),
            ("response_format", json!({ "type": "yaml" }), "response_format.type"),
            ("response_format", json!({ "type": "json_schema" }), "response_format.json_schema.name"),
            (
                "response_format",
                json!({ "type": "json_schema", "json_schema": { "name": "a b", "schema": {} } }),
                "response_format.json_schema.name",
            ),
            (
                "response_format",
                json!({ "type": "json_schema", "json_schema": { "name": "a", "strict": true, "schema": {} } }),
                "response_format",
            ),
        ] {
            let mut wrong = request();
            wrong[pointer] = value;
            let error = read(&wrong).unwrap_err();
            assert_eq!(error.status(), 400, "{error}");
            assert_eq!(error.body()["error"]["param"], param, "{error}");
        }
        assert_eq!(ChatCall::read(b"{").unwrap_err().status(), 400);
        assert_eq!(ChatCall::read(b"[]").unwrap_err().status(), 400);
    }

    proptest! {
        #[test]
        fn no_body_makes_the_reader_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = ChatCall::read(&bytes);
        }

        #[test]
        fn no_damage_to_a_real_body_makes_the_reader_panic(at in 0_usize..600, value in any::<u8>()) {
            let mut body = request().to_string().into_bytes();
            let at = at.min(body.len() - 1);
            body[at] = value;
            let _ = ChatCall::read(&body);
        }
    }
}
