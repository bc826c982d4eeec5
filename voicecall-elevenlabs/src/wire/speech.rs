//! Speech with timestamps: the request, and the lines of its answer.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::settings::VoiceSettings;

/// The body of `POST /v1/text-to-speech/{voice_id}/stream/with-timestamps`.
#[derive(Debug, Serialize)]
pub(crate) struct Request<'a> {
    pub(crate) text: &'a str,
    pub(crate) model_id: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) language_code: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) voice_settings: Option<VoiceSettings>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) seed: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) apply_text_normalization: Option<&'static str>,
}

/// One line of the answer. What is of another type than expected is kept as it came, for whoever reads it to judge.
#[derive(Debug, Default)]
pub(crate) struct Line {
    pub(crate) audio_base64: Value,
    pub(crate) alignment: Value,
    /// What went wrong, in the place of speech.
    pub(crate) detail: Option<Value>,
}

impl Line {
    /// Reads a line; `None` if it is no JSON object.
    pub(crate) fn read(line: &[u8]) -> Option<Self> {
        let mut members: Map<String, Value> = serde_json::from_slice(line).ok()?;
        let mut take = |name: &str| members.remove(name);
        let (audio_base64, alignment) = (take("audio_base64"), take("alignment"));
        Some(Self {
            audio_base64: audio_base64.unwrap_or_default(),
            alignment: alignment.unwrap_or_default(),
            detail: take("detail"),
        })
    }
}

/// Where characters of the text lie in the audio; the three lists belong together entry by entry.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct Alignment {
    pub(crate) characters: Vec<String>,
    pub(crate) character_start_times_seconds: Vec<f64>,
    pub(crate) character_end_times_seconds: Vec<f64>,
}

impl Alignment {
    /// The alignment of a line; `None` if it has none, or one that cannot be read.
    pub(crate) fn read(value: Value) -> Option<Self> {
        serde_json::from_value(value).ok().filter(|alignment: &Self| !alignment.characters.is_empty())
    }

    /// Each character with its beginning and end in seconds; those without a time are left out.
    pub(crate) fn characters(&self) -> impl Iterator<Item = (&str, f64, f64)> {
        let times = self.character_start_times_seconds.iter().zip(&self.character_end_times_seconds);
        self.characters.iter().zip(times).map(|(character, (&start, &end))| (character.as_str(), start, end))
    }
}
