//! Voices made of recordings, and changes of voices.

use std::collections::BTreeMap;

use bytes::Bytes;
use reqwest::Method;
use reqwest::multipart::{Form, Part};
use voicecall_core::{Error, Result};

use super::ElevenLabsVoices;
use crate::identifier::checked;
use crate::wire;

/// The most recordings that are sent of one voice.
pub const MAX_SAMPLES: usize = 25;

/// The most bytes a recording may have: 10 MiB. ElevenLabs documents no figure for its interface; this is what its pages take.
pub const MAX_SAMPLE_BYTES: usize = 10 * 1024 * 1024;

/// A recording of somebody who speaks.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Sample {
    /// The name of its file, whose ending tells its form, such as `anna.mp3`.
    pub file_name: String,
    /// The file.
    pub content: Bytes,
}

impl Sample {
    /// A recording.
    pub fn new(file_name: impl Into<String>, content: impl Into<Bytes>) -> Self {
        Self { file_name: file_name.into(), content: content.into() }
    }
}

/// A voice to be made of recordings. Whose voice it is must have agreed.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct NewClone {
    /// The name of the voice.
    pub name: String,
    /// The recordings: 1 to [`MAX_SAMPLES`], each with 1 to [`MAX_SAMPLE_BYTES`] bytes.
    pub samples: Vec<Sample>,
    /// What it is like.
    pub description: Option<String>,
    /// More of that, such as `language` and `accent`.
    pub labels: BTreeMap<String, String>,
    /// Whether to take noise out of the recordings first; not for recordings without any, which it makes worse.
    pub remove_background_noise: bool,
}

impl NewClone {
    /// A voice of this name made of these recordings.
    pub fn new(name: impl Into<String>, samples: Vec<Sample>) -> Self {
        let (description, labels) = (None, BTreeMap::new());
        Self { name: name.into(), samples, description, labels, remove_background_noise: false }
    }

    /// Says what it is like.
    #[must_use]
    pub fn with_description(mut self, description: impl Into<String>) -> Self {
        self.description = Some(description.into());
        self
    }

    /// Adds a label.
    #[must_use]
    pub fn with_label(mut self, name: impl Into<String>, label: impl Into<String>) -> Self {
        self.labels.insert(name.into(), label.into());
        self
    }

    /// Has noise taken out of the recordings first.
    #[must_use]
    pub fn without_background_noise(mut self) -> Self {
        self.remove_background_noise = true;
        self
    }
}

/// A voice made of recordings.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ClonedVoice {
    /// The id by which it is asked to speak.
    pub id: String,
    /// Whether it must be verified before it speaks.
    pub requires_verification: bool,
}

/// What becomes of a voice's name, description, labels and recordings. What is absent stays as it is, but for the name, which
/// ElevenLabs takes each time.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct VoiceChange {
    /// The name.
    pub name: String,
    /// What it is like.
    pub description: Option<String>,
    /// All its labels.
    pub labels: Option<BTreeMap<String, String>>,
    /// Further recordings: at most [`MAX_SAMPLES`], each with 1 to [`MAX_SAMPLE_BYTES`] bytes.
    pub samples: Vec<Sample>,
}

impl VoiceChange {
    /// A change that names the voice so.
    pub fn new(name: impl Into<String>) -> Self {
        Self { name: name.into(), description: None, labels: None, samples: Vec::new() }
    }

    /// Replaces what it is like.
    #[must_use]
    pub fn with_description(mut self, description: impl Into<String>) -> Self {
        self.description = Some(description.into());
        self
    }

    /// Replaces all its labels.
    #[must_use]
    pub fn with_labels(mut self, labels: BTreeMap<String, String>) -> Self {
        self.labels = Some(labels);
        self
    }

    /// Adds a recording.
    #[must_use]
    pub fn with_sample(mut self, sample: Sample) -> Self {
        self.samples.push(sample);
        self
    }
}

impl ElevenLabsVoices {
    /// Makes a voice of recordings at once (instant clone).
    ///
    /// # Errors
    /// `Invalid` naming `name` or `samples`; `UnknownOutcome` if it is not known whether the voice was made; what the
    /// service reports.
    pub async fn clone_voice(&self, voice: NewClone) -> Result<ClonedVoice> {
        if voice.samples.is_empty() {
            return Err(Error::invalid("samples", "at least one recording"));
        }
        let noise = voice.remove_background_noise.to_string();
        let labels = Some(voice.labels).filter(|labels| !labels.is_empty());
        let form = form(voice.name, voice.description, labels, voice.samples)?.text("remove_background_noise", noise);
        let request = self.client.request(Method::POST, &["v1", "voices", "add"]).multipart(form);
        let made: wire::voices::Cloned = self.make("clone voice", request).await?;
        Ok(ClonedVoice { id: made.voice_id, requires_verification: made.requires_verification })
    }

    /// Changes a voice.
    ///
    /// # Errors
    /// `Invalid` naming `voice`, `name` or `samples`; `NotFound`; what the service reports.
    pub async fn edit(&self, voice: &str, change: VoiceChange) -> Result<()> {
        let path = ["v1", "voices", checked("voice", voice)?, "edit"];
        let form = form(change.name, change.description, change.labels, change.samples)?;
        self.tell("edit voice", self.client.request(Method::POST, &path).multipart(form)).await
    }
}

/// The form of both requests.
fn form(
    name: String,
    description: Option<String>,
    labels: Option<BTreeMap<String, String>>,
    samples: Vec<Sample>,
) -> Result<Form> {
    if name.trim().is_empty() {
        return Err(Error::invalid("name", "a name"));
    }
    if samples.len() > MAX_SAMPLES {
        return Err(Error::invalid("samples", "at most 25 recordings"));
    }
    let mut form = Form::new().text("name", name);
    if let Some(description) = description {
        form = form.text("description", description);
    }
    if let Some(labels) = labels {
        form = form.text("labels", serde_json::json!(labels).to_string());
    }
    for sample in samples {
        if sample.content.is_empty() || sample.content.len() > MAX_SAMPLE_BYTES {
            return Err(Error::invalid("samples", "recordings of 1 byte to 10 MiB"));
        }
        let length = sample.content.len() as u64;
        form = form.part("files", Part::stream_with_length(sample.content, length).file_name(sample.file_name));
    }
    Ok(form)
}
