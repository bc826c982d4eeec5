//! How a voice sounds.

use serde::{Deserialize, Serialize};
use voicecall_core::{Error, Result};

/// The settings of a voice. What is absent is left to the voice's own settings, or to ElevenLabs's defaults.
///
/// The ranges are checked where settings are used: by
/// [`ElevenLabsSpeech::with_settings`](crate::ElevenLabsSpeech::with_settings) and
/// [`ElevenLabsVoices::set_settings`](crate::ElevenLabsVoices::set_settings).
///
/// ```
/// use voicecall_elevenlabs::VoiceSettings;
///
/// let calm = VoiceSettings::default().with_stability(0.8).with_speed(0.95);
/// assert_eq!(calm.stability, Some(0.8));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize)]
#[non_exhaustive]
pub struct VoiceSettings {
    /// From 0, which varies most, to 1, which is most alike from one utterance to the next.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stability: Option<f64>,
    /// How closely to keep to the original voice: 0 to 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub similarity_boost: Option<f64>,
    /// How much of the original's style to exaggerate: 0 to 1. Anything but 0 costs time.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub style: Option<f64>,
    /// Whether to be more like the original at the cost of time.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub use_speaker_boost: Option<bool>,
    /// How fast, 1 being usual: 0.7 to 1.2.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub speed: Option<f64>,
}

impl VoiceSettings {
    /// Replaces the stability, 0 to 1.
    #[must_use]
    pub fn with_stability(mut self, stability: f64) -> Self {
        self.stability = Some(stability);
        self
    }

    /// Replaces how closely to keep to the original voice, 0 to 1.
    #[must_use]
    pub fn with_similarity_boost(mut self, similarity_boost: f64) -> Self {
        self.similarity_boost = Some(similarity_boost);
        self
    }

    /// Replaces how much style is exaggerated, 0 to 1.
    #[must_use]
    pub fn with_style(mut self, style: f64) -> Self {
        self.style = Some(style);
        self
    }

    /// Replaces whether the likeness is boosted.
    #[must_use]
    pub fn with_speaker_boost(mut self, use_speaker_boost: bool) -> Self {
        self.use_speaker_boost = Some(use_speaker_boost);
        self
    }

    /// Replaces the speed, 0.7 to 1.2.
    #[must_use]
    pub fn with_speed(mut self, speed: f64) -> Self {
        self.speed = Some(speed);
        self
    }

    /// The settings, if each is within its range.
    pub(crate) fn checked(self) -> Result<Self> {
        let ranges = [
            ("stability", self.stability, 0.0..=1.0, "0 to 1"),
            ("similarity_boost", self.similarity_boost, 0.0..=1.0, "0 to 1"),
            ("style", self.style, 0.0..=1.0, "0 to 1"),
            ("speed", self.speed, 0.7..=1.2, "0.7 to 1.2"),
        ];
        let wrong = ranges.into_iter().find(|(_, value, range, _)| value.is_some_and(|value| !range.contains(&value)));
        match wrong {
            Some((field, _, _, expected)) => Err(Error::config(field, expected)),
            None => Ok(self),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_setting_has_its_range_and_its_name() {
        let settings = VoiceSettings::default();
        for (wrong, field) in [
            (settings.with_stability(1.01), "stability"),
            (settings.with_similarity_boost(-0.1), "similarity_boost"),
            (settings.with_style(f64::NAN), "style"),
            (settings.with_speed(0.69), "speed"),
            (settings.with_speed(1.21), "speed"),
        ] {
            assert_eq!(wrong.checked().unwrap_err().field(), Some(field));
        }
        let edges = settings.with_stability(0.0).with_similarity_boost(1.0).with_style(1.0).with_speed(0.7);
        assert_eq!(edges.checked().unwrap(), edges);
    }

    #[test]
    fn what_is_absent_is_not_sent_and_what_is_new_is_not_read() {
        assert_eq!(serde_json::to_string(&VoiceSettings::default()).unwrap(), "{}");
        let read: VoiceSettings = serde_json::from_str(r#"{"stability":0.5,"style":null,"clone_strength":1}"#).unwrap();
        assert_eq!(read, VoiceSettings::default().with_stability(0.5));
    }
}
