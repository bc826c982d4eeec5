//! One voice.

use std::collections::BTreeMap;

use crate::settings::VoiceSettings;
use crate::wire;

/// A voice as the account has it.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Voice {
    /// The id by which it is asked to speak.
    pub id: String,
    /// The name; empty if it has none.
    pub name: String,
    /// Where it comes from: `premade`, `cloned`, `generated`, `professional`, or what is new.
    pub category: Option<String>,
    /// What it is like.
    pub description: Option<String>,
    /// More of that, such as `language`, `accent` and `gender`.
    pub labels: BTreeMap<String, String>,
    /// Where it can be listened to.
    pub preview_url: Option<String>,
    /// Its settings, where the answer tells them.
    pub settings: Option<VoiceSettings>,
}

impl From<wire::voices::Voice> for Voice {
    fn from(read: wire::voices::Voice) -> Self {
        let labels = read.labels.unwrap_or_default();
        Self {
            id: read.voice_id,
            name: read.name.unwrap_or_default(),
            category: read.category,
            description: read.description,
            labels: labels.into_iter().filter_map(|(name, label)| Some((name, label?))).collect(),
            preview_url: read.preview_url,
            settings: read.settings,
        }
    }
}
