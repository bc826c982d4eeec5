//! The pieces of a streamed chat answer, in the shapes that servers give them.
//!
//! The words are read wherever they stand; a field beside them that has another type than expected is left out.

use serde_json::Value;
use voicecall_core::model::TokenUsage;

use super::failure::Failure;

/// One piece of an answer.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(crate) struct Chunk {
    pub(crate) words: Words,
    /// Whether the model says here why it does not answer.
    pub(crate) refused: bool,
    pub(crate) calls: Vec<CallPiece>,
    pub(crate) finish_reason: Option<String>,
    pub(crate) usage: Option<TokenUsage>,
}

/// The text of a piece.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Words {
    /// What follows the text so far.
    More(String),
    /// The text from its beginning, as servers send it that do not stream or repeat everything at the end.
    All(String),
}

impl Default for Words {
    fn default() -> Self {
        Self::More(String::new())
    }
}

/// A tool call or a part of one.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(crate) struct CallPiece {
    pub(crate) index: Option<u64>,
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) arguments: String,
}

impl Chunk {
    /// Reads a piece; `None` if it is not one.
    pub(crate) fn read(value: &Value) -> Option<Self> {
        let piece = value.as_object()?;
        let usage = piece.get("usage").and_then(usage);
        let choice = match piece.get("choices") {
            None | Some(Value::Null) => None,
            Some(choices) => choice(choices.as_array()?),
        };
        let Some(choice) = choice else { return Some(Self { usage, ..Self::default() }) };
        let delta = choice.get("delta").filter(|delta| delta.is_object());
        let message = delta.or_else(|| choice.get("message"));
        let text = message.map(|message| message.get("content")).unwrap_or_else(|| choice.get("text"));
        let text = text.map(words).unwrap_or_default();
        Some(Self {
            words: if delta.is_none() && message.is_some() { Words::All(text) } else { Words::More(text) },
            refused: message.and_then(|message| message.get("refusal")?.as_str()).is_some_and(|text| !text.is_empty()),
            calls: message.map(calls).unwrap_or_default(),
            finish_reason: choice.get("finish_reason").and_then(Value::as_str).map(str::to_owned),
            usage,
        })
    }
}

/// The failure that a piece of an answer tells, if it does: beside the choices or in one of them.
pub(crate) fn failure(value: &Value) -> Option<Failure> {
    let has_error = |value: &Value| value.get("error").is_some_and(says_something);
    let choice = value.get("choices").and_then(Value::as_array).and_then(|choices| choice(choices));
    if has_error(value) || value.get("object").is_some_and(|object| object == "error") {
        return Some(Failure::read(value));
    }
    choice.filter(|choice| has_error(choice)).map(Failure::read)
}

/// Servers that always send an error field leave it empty when there is none.
fn says_something(error: &Value) -> bool {
    match error {
        Value::Null => false,
        Value::Bool(flag) => *flag,
        Value::Number(number) => number.as_f64() != Some(0.0),
        Value::String(text) => !text.is_empty(),
        Value::Array(list) => !list.is_empty(),
        Value::Object(fields) => !fields.is_empty(),
    }
}

/// One answer is asked for, so whatever a server numbers, it is the first.
fn choice(choices: &[Value]) -> Option<&Value> {
    let is_first = |choice: &&Value| choice.get("index").is_some_and(|index| index == 0);
    choices.iter().find(is_first).or_else(|| choices.first())
}

/// The text of a content: plain, or in parts of which only those of text are words.
fn words(content: &Value) -> String {
    match content {
        Value::String(text) => text.clone(),
        Value::Array(parts) => parts.iter().map(words).collect(),
        Value::Object(part) => {
            let kind = part.get("type").and_then(Value::as_str);
            let is_text = kind.is_none_or(|kind| matches!(kind, "text" | "output_text"));
            part.get("text").filter(|_| is_text).and_then(Value::as_str).unwrap_or_default().to_owned()
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => String::new(),
    }
}

fn calls(message: &Value) -> Vec<CallPiece> {
    let calls = match message.get("tool_calls") {
        Some(Value::Array(calls)) => calls.iter().map(call).collect(),
        Some(lone @ Value::Object(_)) => vec![call(lone)],
        _ => Vec::new(),
    };
    // Before there were several calls there was one.
    let lone = message.get("function_call").filter(|call| calls.is_empty() && call.is_object());
    lone.map(|lone| vec![call(lone)]).unwrap_or(calls)
}

fn call(call: &Value) -> CallPiece {
    let function = call.get("function").filter(|function| function.is_object()).unwrap_or(call);
    let text = |value: Option<&Value>| value.and_then(Value::as_str).unwrap_or_default().to_owned();
    CallPiece {
        index: call.get("index").and_then(count),
        id: text(call.get("id")),
        name: text(function.get("name")),
        arguments: match function.get("arguments") {
            Some(Value::String(text)) => text.clone(),
            None | Some(Value::Null) => String::new(),
            Some(whole) => whole.to_string(),
        },
    }
}

fn usage(usage: &Value) -> Option<TokenUsage> {
    let (input, output) = (usage.get("prompt_tokens").and_then(count), usage.get("completion_tokens").and_then(count));
    input.or(output)?;
    let cached = usage.get("prompt_tokens_details").and_then(|details| details.get("cached_tokens")).and_then(count);
    Some(TokenUsage {
        input: input.unwrap_or_default(),
        cached: cached.unwrap_or_default(),
        output: output.unwrap_or_default(),
        ..TokenUsage::default()
    })
}

/// A count, as an integer, as a float that is whole, or as text.
fn count(value: &Value) -> Option<u64> {
    let whole = |number: f64| (number >= 0.0 && number.fract() == 0.0 && number < 9e15).then_some(number as u64);
    match value {
        Value::Number(number) => number.as_u64().or_else(|| number.as_f64().and_then(whole)),
        Value::String(digits) => digits.parse().ok(),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn words_of(choice: Value) -> Words {
        Chunk::read(&json!({ "choices": [choice] })).unwrap().words
    }

    #[test]
    fn words_are_found_wherever_they_stand() {
        let more = |text: &str| Words::More(text.to_owned());
        let parts = json!([
            {"type": "thinking", "thinking": [{"type": "text", "text": "hm"}]},
            {"type": "text", "text": "Hej"},
            {"type": "reference", "reference_ids": [1]},
            " ",
            {"text": "du"},
        ]);
        for (choice, expected) in [
            (json!({"delta": {"content": "Hej"}}), more("Hej")),
            (json!({"delta": {"content": parts}}), more("Hej du")),
            (json!({"delta": {"content": {"type": "text", "text": "Hej"}}}), more("Hej")),
            (json!({"delta": {"content": 7}}), more("")),
            (json!({"delta": {}, "message": {"content": "all of it"}}), more("")),
            (json!({"text": "Hej"}), more("Hej")),
            (json!({"delta": null, "message": {"content": "Hej"}}), Words::All("Hej".into())),
        ] {
            assert_eq!(words_of(choice.clone()), expected, "{choice}");
        }
    }

    #[test]
    fn the_first_choice_counts_whatever_its_number() {
        let choice = |index: Value, text: &str| json!({"index": index, "delta": {"content": text}});
        for choices in [
            json!([choice(json!(1), "other"), choice(json!(0), "Hej")]),
            json!([choice(json!(5), "Hej")]),
            json!([choice(json!(null), "Hej")]),
            json!([choice(json!("0"), "Hej")]),
        ] {
            let chunk = Chunk::read(&json!({ "choices": choices })).unwrap();
            assert_eq!(chunk.words, Words::More("Hej".into()), "{choices}");
        }
    }

    #[test]
    fn usage_is_read_as_far_as_it_can_be() {
        let usage = |usage: Value| Chunk::read(&json!({ "usage": usage })).unwrap().usage;
        let some = |input, cached, output| Some(TokenUsage { input, cached, output, ..TokenUsage::default() });
        assert_eq!(usage(json!({"prompt_tokens": 12.0, "completion_tokens": "3"})), some(12, 0, 3));
        assert_eq!(usage(json!({"prompt_tokens": 12, "completion_tokens": -1})), some(12, 0, 0));
        let details = json!({"prompt_tokens": 1, "prompt_tokens_details": {"cached_tokens": "1"}});
        assert_eq!(usage(details), some(1, 1, 0));
        for nothing in [json!(null), json!(""), json!({}), json!([]), json!({"prompt_tokens": 0.5})] {
            assert_eq!(usage(nothing.clone()), None, "{nothing}");
        }
    }

    #[test]
    fn an_empty_error_is_none() {
        for none in [json!(null), json!(""), json!({}), json!(false), json!([]), json!(0)] {
            assert_eq!(failure(&json!({ "error": none, "choices": [{ "error": none }] })), None, "{none}");
        }
        for some in [json!("out of memory"), json!({"code": 502}), json!(true)] {
            assert!(failure(&json!({ "error": some })).is_some(), "{some}");
            assert!(failure(&json!({ "choices": [{ "error": some }] })).is_some(), "{some}");
        }
    }

    proptest! {
        #[test]
        fn no_json_panics(
            field in "(choices|usage|error|delta|message|content|tool_calls|function|arguments|index|text)",
            inner in "(delta|message|content|tool_calls|function_call|function|name|text|type)",
            value in prop_oneof![Just(json!(null)), Just(json!([])), Just(json!(-1.5)), Just(json!("x")), Just(json!({}))],
        ) {
            for value in [
                json!({ field.clone(): value.clone() }),
                json!({ "choices": [{ inner.clone(): { field.clone(): value.clone() } }] }),
                json!({ "choices": [{ "delta": { inner: [{ field: value }] } }] }),
            ] {
                Chunk::read(&value);
                failure(&value);
            }
        }
    }
}
