//! How a session is to hear, think and speak.

use serde_json::{Value, json};
use voicecall_core::model::{ToolSpec, TranscriptionOptions};

use super::about;
use crate::realtime::RealtimeShape;

/// The settings of a session that it keeps from its beginning.
#[derive(Debug)]
pub(crate) struct Setup<'a> {
    pub(crate) transcription_model: &'a str,
    pub(crate) expected: &'a TranscriptionOptions,
    pub(crate) voice: &'a str,
    pub(crate) noise_reduction: Option<&'a str>,
    pub(crate) reasoning_effort: Option<&'a str>,
}

impl Setup<'_> {
    /// The first update of a session: mu-law both ways, and no turn detection, since turns are decided elsewhere.
    pub(crate) fn update(&self, shape: RealtimeShape) -> Value {
        let noise_reduction = self.noise_reduction.map(|kind| json!({ "type": kind }));
        let mut session = match shape {
            RealtimeShape::Current => json!({
                "type": "realtime",
                "output_modalities": ["audio"],
                "audio": {
                    "input": {
                        "format": { "type": "audio/pcmu" },
                        "transcription": self.transcription(),
                        "noise_reduction": noise_reduction,
                        "turn_detection": null,
                    },
                    "output": { "format": { "type": "audio/pcmu" }, "voice": self.voice },
                },
            }),
            RealtimeShape::Beta => json!({
                "modalities": ["audio", "text"],
                "input_audio_format": "g711_ulaw",
                "output_audio_format": "g711_ulaw",
                "input_audio_transcription": self.transcription(),
                "input_audio_noise_reduction": noise_reduction,
                "turn_detection": null,
                "voice": self.voice,
            }),
        };
        if let Some(effort) = self.reasoning_effort {
            session["reasoning"] = json!({ "effort": effort });
        }
        update(session)
    }

    fn transcription(&self) -> Value {
        let TranscriptionOptions { language, keywords } = self.expected;
        let mut transcription = json!({ "model": self.transcription_model });
        if let Some(language) = language {
            transcription["language"] = json!(language);
        }
        // Newer models take the words by themselves, older ones as a sentence, and one neither.
        if !keywords.is_empty() && self.transcription_model.ends_with("gpt-transcribe") {
            transcription["keywords"] = json!(keywords);
        } else if !keywords.is_empty() && self.transcription_model != "gpt-realtime-whisper" {
            transcription["prompt"] = json!(keywords.join(", "));
        }
        transcription
    }
}

/// By what a session answers from now on.
pub(crate) fn configure(shape: RealtimeShape, instructions: &str, tools: &[ToolSpec]) -> Value {
    let tool = |tool: &ToolSpec| json!({ "type": "function", "name": tool.name, "description": tool.description, "parameters": tool.parameters });
    let tools: Vec<_> = tools.iter().map(tool).collect();
    let mut session = json!({ "instructions": instructions, "tools": tools, "tool_choice": "auto" });
    if shape == RealtimeShape::Current {
        session["type"] = json!("realtime");
    }
    update(session)
}

fn update(session: Value) -> Value {
    json!({ "type": "session.update", "event_id": about::SESSION, "session": session })
}
