//! What holds in a session, as `session.created` and `session.updated` tell it.

use serde_json::{Value, json};

use super::format::Format;

/// The effective settings of a session.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Settings {
    pub(super) model: String,
    pub(super) modality: Modality,
    pub(super) instructions: String,
    pub(super) input: InputSettings,
    pub(super) output: OutputSettings,
    /// Whether transcripts of the caller come with the probabilities of their words.
    pub(super) logprobs: bool,
    pub(super) tools: Tools,
    pub(super) max_tokens: MaxTokens,
    /// What only stands in the session and is passed over by the simulated model, as it was given.
    pub(super) noted: Noted,
}

/// What a response consists of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Modality {
    Audio,
    Text,
}

/// How the caller is heard.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct InputSettings {
    pub(super) format: Format,
    /// The transcriber, as it was given.
    pub(super) transcription: Option<Value>,
    pub(super) noise_reduction: Option<&'static str>,
    /// Whether the client decides when a turn ends: `turn_detection` is null. It is not at first.
    pub(super) manual_turns: bool,
}

/// How the model speaks.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct OutputSettings {
    pub(super) format: Format,
    /// A name, or an object with an `id`.
    pub(super) voice: Value,
}

/// The tools on offer.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Tools {
    /// As they were given.
    pub(super) given: Vec<Value>,
    /// Whether the model may call them: `tool_choice` is `auto` and not `none`.
    pub(super) may_call: bool,
    pub(super) parallel: bool,
}

/// How long a response may be, in tokens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct MaxTokens(pub(super) Option<usize>);

/// Settings without an effect on the simulated model.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Noted {
    pub(super) include: Value,
    pub(super) reasoning: Value,
    pub(super) tracing: Value,
    pub(super) truncation: Value,
}

impl Settings {
    /// What holds before the client says anything.
    pub(super) fn new(model: &str) -> Self {
        Self {
            model: model.to_owned(),
            modality: Modality::Audio,
            instructions: String::new(),
            input: InputSettings {
                format: Format::Pcm,
                transcription: None,
                noise_reduction: None,
                manual_turns: false,
            },
            output: OutputSettings { format: Format::Pcm, voice: json!("alloy") },
            logprobs: false,
            tools: Tools { given: Vec::new(), may_call: true, parallel: true },
            max_tokens: MaxTokens(None),
            noted: Noted {
                include: Value::Null,
                reasoning: Value::Null,
                tracing: Value::Null,
                truncation: json!("auto"),
            },
        }
    }

    /// The session of this id, which ends at this second since 1970.
    pub(super) fn json(&self, id: &str, expires_at: i64) -> Value {
        let mut session = json!({
            "type": "realtime",
            "object": "realtime.session",
            "id": id,
            "model": self.model,
            "output_modalities": self.modality.json(),
            "instructions": self.instructions,
            "audio": { "input": self.input.json(), "output": {
                "format": self.output.format.json(), "voice": self.output.voice, "speed": 1.0,
            } },
            "include": self.noted.include,
            "tools": self.tools.given,
            "tool_choice": self.tools.choice(),
            "parallel_tool_calls": self.tools.parallel,
            "max_output_tokens": self.max_tokens.json(),
            "tracing": self.noted.tracing,
            "truncation": self.noted.truncation,
            "prompt": null,
            "expires_at": expires_at,
        });
        if !self.noted.reasoning.is_null() {
            session["reasoning"] = self.noted.reasoning.clone();
        }
        session
    }
}

impl Modality {
    pub(super) fn json(self) -> Value {
        match self {
            Self::Audio => json!(["audio"]),
            Self::Text => json!(["text"]),
        }
    }
}

impl InputSettings {
    fn json(&self) -> Value {
        let turn_detection = if self.manual_turns {
            Value::Null
        } else {
            json!({
                "type": "server_vad", "threshold": 0.5, "prefix_padding_ms": 300, "silence_duration_ms": 500,
                "idle_timeout_ms": null, "create_response": true, "interrupt_response": true,
            })
        };
        json!({
            "format": self.format.json(),
            "transcription": self.transcription,
            "noise_reduction": self.noise_reduction.map(|kind| json!({ "type": kind })),
            "turn_detection": turn_detection,
        })
    }
}

impl Tools {
    fn choice(&self) -> &'static str {
        if self.may_call { "auto" } else { "none" }
    }

    /// Whether the model may call the tool of this name.
    pub(super) fn offers(&self, name: &str) -> bool {
        self.may_call && self.given.iter().any(|tool| tool["name"] == name)
    }
}

impl MaxTokens {
    pub(super) fn json(self) -> Value {
        self.0.map_or_else(|| json!("inf"), |count| json!(count))
    }
}
