//! Voices: what is read and what is written.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::settings::VoiceSettings;

/// A voice. Anything but its id may be absent.
#[derive(Debug, Deserialize)]
pub(crate) struct Voice {
    pub(crate) voice_id: String,
    pub(crate) name: Option<String>,
    pub(crate) category: Option<String>,
    pub(crate) description: Option<String>,
    pub(crate) labels: Option<BTreeMap<String, Option<String>>>,
    pub(crate) preview_url: Option<String>,
    pub(crate) settings: Option<VoiceSettings>,
}

/// A page of `GET /v2/voices`.
#[derive(Debug, Deserialize)]
pub(crate) struct Page {
    pub(crate) voices: Vec<Voice>,
    #[serde(default)]
    pub(crate) has_more: bool,
    pub(crate) next_page_token: Option<String>,
}

/// The answer to an instant clone.
#[derive(Debug, Deserialize)]
pub(crate) struct Cloned {
    pub(crate) voice_id: String,
    #[serde(default)]
    pub(crate) requires_verification: bool,
}

/// The body of `POST /v1/text-to-voice/design`.
#[derive(Debug, Serialize)]
pub(crate) struct Design<'a> {
    pub(crate) voice_description: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) model_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) text: Option<&'a str>,
    pub(crate) auto_generate_text: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) loudness: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) guidance_scale: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) seed: Option<u32>,
}

/// Its answer.
#[derive(Debug, Deserialize)]
pub(crate) struct Previews {
    pub(crate) previews: Vec<Preview>,
    pub(crate) text: String,
}

#[derive(Debug, Deserialize)]
pub(crate) struct Preview {
    pub(crate) audio_base_64: String,
    pub(crate) generated_voice_id: String,
    pub(crate) media_type: String,
    pub(crate) duration_secs: f64,
}

/// The body of `POST /v1/text-to-voice`.
#[derive(Debug, Serialize)]
pub(crate) struct Create<'a> {
    pub(crate) voice_name: &'a str,
    pub(crate) voice_description: &'a str,
    pub(crate) generated_voice_id: &'a str,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) labels: &'a BTreeMap<String, String>,
}
