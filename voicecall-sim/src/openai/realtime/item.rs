//! The items of a conversation: what was said, which tools were called, and what they answered.

use serde_json::{Value, json};
use voicecall_core::audio::SAMPLE_RATE;

use super::super::Heard;
use super::format::{self, Format};
use crate::clips::Word;

/// One item.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Item {
    pub(super) id: String,
    pub(super) status: Status,
    pub(super) body: Body,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Status {
    InProgress,
    Completed,
    Incomplete,
}

#[derive(Debug, Clone, PartialEq)]
pub(super) enum Body {
    Message { role: Role, content: Vec<Part> },
    Call { call_id: String, name: String, arguments: String },
    Result { call_id: String, output: String },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Role {
    System,
    User,
    Assistant,
}

/// A part of a message.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Part {
    /// Text of the client, or of the system.
    Input(String),
    /// Text of the model.
    Output(String),
    Caller(CallerAudio),
    Model(ModelAudio),
}

/// What the caller said.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct CallerAudio {
    pub(super) format: Format,
    pub(super) audio: Vec<u8>,
    /// As the client was told it, or told it.
    pub(super) transcript: Option<String>,
    /// What the ears make of it, once they were asked.
    pub(super) heard: Option<Heard>,
}

/// What the model said.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct ModelAudio {
    pub(super) format: Format,
    /// As much of it as was made so far.
    pub(super) audio: Vec<u8>,
    /// None any more once it was cut.
    pub(super) transcript: Option<String>,
    /// Where the words lie in the whole of it, made or not.
    pub(super) words: Vec<Word>,
}

impl Item {
    /// The item as it is told, its audio only to whoever asks for it.
    pub(super) fn json(&self, with_audio: bool) -> Value {
        let mut item = json!({
            "id": self.id,
            "object": "realtime.item",
            "status": match self.status {
                Status::InProgress => "in_progress",
                Status::Completed => "completed",
                Status::Incomplete => "incomplete",
            },
        });
        match &self.body {
            Body::Message { role, content } => {
                item["type"] = json!("message");
                item["role"] = json!(role.name());
                item["content"] = content.iter().map(|part| part.json(with_audio)).collect();
            }
            Body::Call { call_id, name, arguments } => {
                item["type"] = json!("function_call");
                (item["call_id"], item["name"]) = (json!(call_id), json!(name));
                item["arguments"] = json!(arguments);
            }
            Body::Result { call_id, output } => {
                item["type"] = json!("function_call_output");
                (item["call_id"], item["output"]) = (json!(call_id), json!(output));
            }
        }
        item
    }

    /// The audio of the model, if it is its message and spoken.
    pub(super) fn model_audio(&mut self) -> Option<&mut ModelAudio> {
        match &mut self.body {
            Body::Message { content, .. } => match content.first_mut() {
                Some(Part::Model(audio)) => Some(audio),
                _ => None,
            },
            _ => None,
        }
    }

    /// The audio of the caller in the item, with its place.
    pub(super) fn caller_audio(&mut self) -> impl Iterator<Item = (usize, &mut CallerAudio)> {
        let content = match &mut self.body {
            Body::Message { content, .. } => content.as_mut_slice(),
            _ => &mut [],
        };
        content.iter_mut().enumerate().filter_map(|(at, part)| match part {
            Part::Caller(audio) => Some((at, audio)),
            _ => None,
        })
    }

    /// The model goes on writing.
    pub(super) fn write(&mut self, text: &str) {
        match &mut self.body {
            Body::Call { arguments, .. } => arguments.push_str(text),
            Body::Message { content, .. } => match content.first_mut() {
                Some(Part::Output(written)) => written.push_str(text),
                // What was cut stays as it was cut.
                Some(Part::Model(ModelAudio { transcript: Some(written), .. })) => written.push_str(text),
                _ => {}
            },
            Body::Result { .. } => {}
        }
    }

    /// The model goes on speaking.
    pub(super) fn speak(&mut self, piece: &[u8]) {
        if let Some(ModelAudio { audio, transcript: Some(_), .. }) = self.model_audio() {
            audio.extend_from_slice(piece);
        }
    }

    /// What the model has written in it: text, transcript or arguments.
    pub(super) fn written(&self) -> &str {
        match &self.body {
            Body::Call { arguments, .. } => arguments,
            Body::Message { content, .. } => match content.first() {
                Some(Part::Output(text)) => text,
                Some(Part::Model(audio)) => audio.transcript.as_deref().unwrap_or_default(),
                _ => "",
            },
            Body::Result { .. } => "",
        }
    }
}

impl Role {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::System => "system",
            Self::User => "user",
            Self::Assistant => "assistant",
        }
    }
}

impl Part {
    fn json(&self, with_audio: bool) -> Value {
        let sound = |kind: &str, audio: &[u8], transcript: &Option<String>| {
            let mut part = json!({ "type": kind, "transcript": transcript });
            if with_audio {
                part["audio"] = json!(format::encode(audio));
            }
            part
        };
        match self {
            Self::Input(text) => json!({ "type": "input_text", "text": text }),
            Self::Output(text) => json!({ "type": "output_text", "text": text }),
            Self::Caller(caller) => sound("input_audio", &caller.audio, &caller.transcript),
            Self::Model(model) => sound("output_audio", &model.audio, &model.transcript),
        }
    }
}

impl ModelAudio {
    pub(super) fn milliseconds(&self) -> f64 {
        self.format.milliseconds(self.audio.len())
    }

    /// The transcript; of audio that was cut, the words that are wholly in what is left.
    pub(super) fn text(&self) -> String {
        if let Some(transcript) = &self.transcript {
            return transcript.clone();
        }
        let left = self.milliseconds() * f64::from(SAMPLE_RATE) / 1000.0;
        let words = self.words.iter().take_while(|word| word.end as f64 <= left);
        words.map(|word| word.text.as_str()).collect::<Vec<_>>().join(" ")
    }
}
