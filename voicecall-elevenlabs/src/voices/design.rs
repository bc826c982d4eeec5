//! Voices made of a description.

use std::collections::BTreeMap;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use reqwest::Method;
use voicecall_core::{Error, ErrorKind, Result};

use super::{ElevenLabsVoices, Voice};
use crate::PROVIDER;
use crate::identifier::checked;
use crate::wire;

const DESIGN: &str = "design voice";

/// A voice as it should be.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct VoiceDesign {
    /// What it should be like: 20 to 1,000 characters.
    pub description: String,
    /// What the previews say: 100 to 1,000 characters. Something that fits if absent.
    pub text: Option<String>,
    /// The model that designs, such as `eleven_ttv_v3`; ElevenLabs's default if absent.
    pub model: Option<String>,
    /// How loud: -1 to 1.
    pub loudness: Option<f64>,
    /// How closely to keep to the description; more is closer and sounds less natural. Not below 0.
    pub guidance_scale: Option<f64>,
    /// The same previews for the same design each time, as far as the service can.
    pub seed: Option<u32>,
}

impl VoiceDesign {
    /// A voice of this description.
    pub fn new(description: impl Into<String>) -> Self {
        let (text, model, loudness, guidance_scale, seed) = (None, None, None, None, None);
        Self { description: description.into(), text, model, loudness, guidance_scale, seed }
    }

    /// Replaces what the previews say.
    #[must_use]
    pub fn with_text(mut self, text: impl Into<String>) -> Self {
        self.text = Some(text.into());
        self
    }

    /// Replaces the model.
    #[must_use]
    pub fn with_model(mut self, model: impl Into<String>) -> Self {
        self.model = Some(model.into());
        self
    }

    /// Replaces how loud it is.
    #[must_use]
    pub fn with_loudness(mut self, loudness: f64) -> Self {
        self.loudness = Some(loudness);
        self
    }

    /// Replaces how closely the description is kept to.
    #[must_use]
    pub fn with_guidance_scale(mut self, guidance_scale: f64) -> Self {
        self.guidance_scale = Some(guidance_scale);
        self
    }

    /// Asks for the same previews each time.
    #[must_use]
    pub fn with_seed(mut self, seed: u32) -> Self {
        self.seed = Some(seed);
        self
    }

    fn check(&self) -> Result<()> {
        let is_long = |text: &str, least: usize| (least..=1000).contains(&text.chars().count());
        if !is_long(&self.description, 20) {
            return Err(Error::invalid("description", "20 to 1,000 characters"));
        }
        if self.text.as_deref().is_some_and(|text| !is_long(text, 100)) {
            return Err(Error::invalid("text", "100 to 1,000 characters"));
        }
        if self.loudness.is_some_and(|loudness| !(-1.0..=1.0).contains(&loudness)) {
            return Err(Error::invalid("loudness", "-1 to 1"));
        }
        if self.guidance_scale.is_some_and(|scale| !(scale.is_finite() && scale >= 0.0)) {
            return Err(Error::invalid("guidance_scale", "a number not below 0"));
        }
        Ok(())
    }
}

/// Voices to choose from.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct DesignPreviews {
    /// What they say.
    pub text: String,
    /// The voices.
    pub previews: Vec<VoicePreview>,
}

/// A voice that can be kept.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct VoicePreview {
    /// The id by which it is kept; no voice speaks by it.
    pub generated_id: String,
    /// What it sounds like, in the form of `media_type`.
    pub audio: Bytes,
    /// The form of the audio, such as `audio/mpeg`.
    pub media_type: String,
    /// How long the audio is.
    pub duration: Duration,
}

/// A preview to be kept as a voice.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct NewDesignedVoice {
    /// The name of the voice.
    pub name: String,
    /// What it is like: 20 to 1,000 characters.
    pub description: String,
    /// The preview's [`generated_id`](VoicePreview::generated_id).
    pub generated_id: String,
    /// More of what it is like, such as `language` and `accent`.
    pub labels: BTreeMap<String, String>,
}

impl NewDesignedVoice {
    /// A voice of this name, description and preview.
    pub fn new(name: impl Into<String>, description: impl Into<String>, generated_id: impl Into<String>) -> Self {
        let (description, generated_id) = (description.into(), generated_id.into());
        Self { name: name.into(), description, generated_id, labels: BTreeMap::new() }
    }

    /// Adds a label.
    #[must_use]
    pub fn with_label(mut self, name: impl Into<String>, label: impl Into<String>) -> Self {
        self.labels.insert(name.into(), label.into());
        self
    }
}

impl ElevenLabsVoices {
    /// Designs voices to choose from. Costs credits each time, and keeps nothing.
    ///
    /// # Errors
    /// `Invalid` naming the field that is wrong; `Protocol` for audio that is no base64; what the service reports.
    pub async fn design(&self, design: &VoiceDesign) -> Result<DesignPreviews> {
        design.check()?;
        let body = wire::voices::Design {
            voice_description: &design.description,
            model_id: design.model.as_deref(),
            text: design.text.as_deref(),
            auto_generate_text: design.text.is_none(),
            loudness: design.loudness,
            guidance_scale: design.guidance_scale,
            seed: design.seed,
        };
        let request = self.client.request(Method::POST, &["v1", "text-to-voice", "design"]).json(&body);
        let read: wire::voices::Previews = self.ask(DESIGN, request).await?;
        let previews = read.previews.into_iter().map(preview).collect::<Result<_>>()?;
        Ok(DesignPreviews { text: read.text, previews })
    }

    /// Keeps a preview as a voice.
    ///
    /// # Errors
    /// `Invalid` naming `name`, `description` or `generated_id`; `UnknownOutcome` if it is not known whether the voice was
    /// made; what the service reports.
    pub async fn keep_designed(&self, voice: &NewDesignedVoice) -> Result<Voice> {
        if voice.name.trim().is_empty() {
            return Err(Error::invalid("name", "a name"));
        }
        if !(20..=1000).contains(&voice.description.chars().count()) {
            return Err(Error::invalid("description", "20 to 1,000 characters"));
        }
        let body = wire::voices::Create {
            voice_name: &voice.name,
            voice_description: &voice.description,
            generated_voice_id: checked("generated_id", &voice.generated_id)?,
            labels: &voice.labels,
        };
        let request = self.client.request(Method::POST, &["v1", "text-to-voice"]).json(&body);
        let made: wire::voices::Voice = self.make("keep designed voice", request).await?;
        Ok(made.into())
    }
}

fn preview(read: wire::voices::Preview) -> Result<VoicePreview> {
    let broken = |message| Error::new(ErrorKind::Protocol, DESIGN).with_provider(PROVIDER).with_message(message);
    let audio = STANDARD.decode(read.audio_base_64).map_err(|_| broken("a preview's audio is no base64"))?;
    let duration = Duration::try_from_secs_f64(read.duration_secs);
    Ok(VoicePreview {
        generated_id: read.generated_voice_id,
        audio: audio.into(),
        media_type: read.media_type,
        duration: duration.map_err(|_| broken("a preview's length is none"))?,
    })
}
