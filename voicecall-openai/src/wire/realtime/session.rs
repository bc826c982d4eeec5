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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_shapes_say_the_same() {
        let expected = TranscriptionOptions { language: Some("sv".into()), keywords: vec!["Åsa".into()] };
        let setup = |transcription_model| Setup {
            transcription_model,
            expected: &expected,
            voice: "marin",
            noise_reduction: None,
            reasoning_effort: Some("low"),
        };
        let current = setup("gpt-transcribe").update(RealtimeShape::Current);
        let input = &current["session"]["audio"]["input"];
        assert_eq!(input["transcription"], json!({ "model": "gpt-transcribe", "language": "sv", "keywords": ["Åsa"] }));
        assert_eq!((&input["turn_detection"], &input["noise_reduction"]), (&Value::Null, &Value::Null));
        assert_eq!(current["session"]["reasoning"]["effort"], "low");
        let beta = setup("whisper-1").update(RealtimeShape::Beta);
        let session = beta["session"].as_object().unwrap();
        assert_eq!(
            session["input_audio_transcription"],
            json!({ "model": "whisper-1", "language": "sv", "prompt": "Åsa" })
        );
        assert_eq!((&session["output_audio_format"], session.get("type")), (&json!("g711_ulaw"), None));
        assert_eq!(session["turn_detection"], Value::Null);
        let bare = setup("gpt-realtime-whisper").update(RealtimeShape::Current);
        let bare = bare["session"]["audio"]["input"]["transcription"].as_object().unwrap();
        assert!(!bare.contains_key("prompt") && !bare.contains_key("keywords"), "that model takes neither");
    }
}
