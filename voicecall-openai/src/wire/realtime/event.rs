//! The server's events, read leniently: by the names of today and by those of the beta, and whatever is new is skipped.

use base64::Engine as _;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use serde_json::Value;
use voicecall_core::model::{SoundUsage, TokenUsage, ToolCall};

use crate::wire::failure::Failure;

/// Base64 with or without its padding.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// What a message of the server says, as far as it matters.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Event {
    SessionCreated,
    SessionUpdated,
    Committed {
        item: String,
    },
    Transcribing {
        item: String,
        delta: String,
    },
    Transcribed {
        item: String,
        transcript: String,
        language: Option<String>,
        confidence: Option<f32>,
    },
    NotTranscribed {
        item: String,
        failure: Failure,
    },
    ResponseCreated {
        response: String,
    },
    /// An item of a response begins.
    Item {
        response: Option<String>,
        item: String,
        is_message: bool,
    },
    Text {
        response: Option<String>,
        delta: String,
    },
    Audio {
        response: Option<String>,
        audio: Vec<u8>,
    },
    /// A tool call of a response is whole.
    Called {
        response: Option<String>,
        call: Called,
    },
    ResponseDone(Done),
    Error {
        about: Option<String>,
        failure: Failure,
    },
    /// Nothing that matters here.
    Other,
}

/// A tool call and the item it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Called {
    pub(crate) item: String,
    pub(crate) call: ToolCall,
}

/// How a response ended.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Done {
    pub(crate) response: Option<String>,
    pub(crate) status: String,
    /// Why it is not whole.
    pub(crate) reason: Option<String>,
    pub(crate) failure: Failure,
    pub(crate) calls: Vec<Called>,
    pub(crate) usage: Option<TokenUsage>,
}

impl Event {
    /// Reads a message; `None` if it is no event at all.
    pub(crate) fn read(message: &str) -> Option<Self> {
        let value: Value = serde_json::from_str(message).ok()?;
        let text = |name: &str| value.get(name).and_then(Value::as_str).map(str::to_owned);
        let (item, response) = (text("item_id").unwrap_or_default(), text("response_id"));
        let delta = text("delta").unwrap_or_default();
        Some(match value.get("type")?.as_str()? {
            "session.created" => Self::SessionCreated,
            "session.updated" => Self::SessionUpdated,
            "input_audio_buffer.committed" => Self::Committed { item },
            "conversation.item.input_audio_transcription.delta" => Self::Transcribing { item, delta },
            "conversation.item.input_audio_transcription.completed" => Self::Transcribed {
                item,
                transcript: text("transcript").unwrap_or_default(),
                language: value.pointer("/languages/0/code").and_then(Value::as_str).map(str::to_owned),
                confidence: confidence(value.get("logprobs")),
            },
            "conversation.item.input_audio_transcription.failed" => {
                Self::NotTranscribed { item, failure: Failure::read(&value) }
            }
            "response.created" => Self::ResponseCreated { response: id(value.get("response"))? },
            "response.output_item.added" => {
                let begun = value.get("item");
                let is_message = kind(begun) == Some("message");
                Self::Item { response, item: id(begun)?, is_message }
            }
            "response.output_item.done" => match called(value.get("item")) {
                Some(call) => Self::Called { response, call },
                None => Self::Other,
            },
            "response.output_audio_transcript.delta"
            | "response.output_text.delta"
            | "response.audio_transcript.delta"
            | "response.text.delta" => Self::Text { response, delta },
            "response.output_audio.delta" | "response.audio.delta" => {
                Self::Audio { response, audio: BASE64.decode(delta).ok()? }
            }
            "response.done" => Self::ResponseDone(Done::read(value.get("response")?)),
            "error" => Self::Error {
                about: value.pointer("/error/event_id").and_then(Value::as_str).map(str::to_owned),
                failure: Failure::read(&value),
            },
            _ => Self::Other,
        })
    }
}

impl Done {
    fn read(response: &Value) -> Self {
        let text = |place: &str| response.pointer(place).and_then(Value::as_str).map(str::to_owned);
        let output = response.get("output").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
        Self {
            response: text("/id"),
            status: text("/status").unwrap_or_default(),
            reason: text("/status_details/reason"),
            failure: response.get("status_details").map(Failure::read).unwrap_or_default(),
            calls: output.iter().filter_map(|item| called(Some(item))).collect(),
            usage: response.get("usage").filter(|usage| usage.is_object()).map(usage),
        }
    }
}

fn id(of: Option<&Value>) -> Option<String> {
    of?.get("id")?.as_str().map(str::to_owned)
}

fn kind(of: Option<&Value>) -> Option<&str> {
    of?.get("type")?.as_str()
}

/// The tool call that an item is, if it is one.
fn called(item: Option<&Value>) -> Option<Called> {
    let item = item.filter(|item| kind(Some(item)) == Some("function_call"))?;
    let text = |name: &str| item.get(name).and_then(Value::as_str).map(str::to_owned);
    let call = ToolCall { id: text("call_id")?, name: text("name")?, arguments: text("arguments").unwrap_or_default() };
    Some(Called { item: id(Some(item))?, call })
}

fn usage(usage: &Value) -> TokenUsage {
    let number = |place: &str| usage.pointer(place).and_then(Value::as_u64).unwrap_or(0);
    TokenUsage {
        input: number("/input_tokens"),
        cached: number("/input_token_details/cached_tokens"),
        output: number("/output_tokens"),
        sound: SoundUsage {
            input: number("/input_token_details/audio_tokens"),
            cached: number("/input_token_details/cached_tokens_details/audio_tokens"),
            output: number("/output_token_details/audio_tokens"),
        },
    }
}

/// The geometric mean of the tokens' probabilities.
fn confidence(logprobs: Option<&Value>) -> Option<f32> {
    let logprobs = logprobs?.as_array()?;
    let values: Vec<f64> = logprobs.iter().filter_map(|token| token.get("logprob")?.as_f64()).collect();
    let mean = values.iter().sum::<f64>() / values.len() as f64;
    mean.is_finite().then(|| mean.exp().clamp(0.0, 1.0) as f32)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn read(value: &Value) -> Event {
        Event::read(&value.to_string()).unwrap()
    }

    #[test]
    fn names_of_today_and_of_the_beta_mean_the_same() {
        for name in ["response.output_audio.delta", "response.audio.delta"] {
            let audio = read(&json!({ "type": name, "response_id": "r", "delta": "//8" }));
            assert_eq!(audio, Event::Audio { response: Some("r".into()), audio: vec![0xff, 0xff] });
        }
        for name in
            ["response.output_audio_transcript.delta", "response.audio_transcript.delta", "response.output_text.delta"]
        {
            assert_eq!(
                read(&json!({ "type": name, "delta": "Hi" })),
                Event::Text { response: None, delta: "Hi".into() }
            );
        }
    }

    #[test]
    fn a_response_tells_its_calls_and_what_it_used() {
        let call = json!({ "id": "i", "type": "function_call", "call_id": "c", "name": "book", "arguments": "{}" });
        let usage = json!({
            "input_tokens": 100, "output_tokens": 50,
            "input_token_details": { "cached_tokens": 60, "audio_tokens": 80, "cached_tokens_details": { "audio_tokens": 40 } },
            "output_token_details": { "audio_tokens": 45 },
        });
        let done = json!({ "id": "r", "status": "completed", "output": [{ "type": "message", "id": "m" }, call], "usage": usage });
        let Event::ResponseDone(done) = read(&json!({ "type": "response.done", "response": done })) else { panic!() };
        let call = ToolCall { id: "c".into(), name: "book".into(), arguments: "{}".into() };
        assert_eq!(done.calls, [Called { item: "i".into(), call }]);
        let sound = SoundUsage { input: 80, cached: 40, output: 45 };
        assert_eq!(done.usage, Some(TokenUsage { input: 100, cached: 60, output: 50, sound }));
    }

    #[test]
    fn what_is_new_is_skipped_and_what_is_no_event_is_told() {
        assert_eq!(read(&json!({ "type": "response.mcp_call.in_progress" })), Event::Other);
        for message in ["", "{", "[]", "{}", r#"{"type":7}"#, r#"{"type":"response.audio.delta","delta":"%"}"#] {
            assert_eq!(Event::read(message), None, "{message}");
        }
    }

    #[test]
    fn confidence_is_worked_out_where_there_are_probabilities() {
        let of = |logprobs: Value| {
            let event =
                read(&json!({ "type": "conversation.item.input_audio_transcription.completed", "logprobs": logprobs }));
            let Event::Transcribed { confidence, .. } = event else { panic!() };
            confidence
        };
        assert_eq!(of(json!([])), None);
        let sure = of(json!([{ "logprob": 0.0 }, { "logprob": -0.2 }])).unwrap();
        assert!((0.90..0.91).contains(&sure), "{sure}");
    }

    proptest! {
        #[test]
        fn no_message_panics(name in "[a-z_.]{0,30}", text in ".{0,40}") {
            let _ = Event::read(&text);
            let _ = Event::read(&json!({ "type": name, "delta": text, "response": text, "item": text }).to_string());
        }
    }
}
