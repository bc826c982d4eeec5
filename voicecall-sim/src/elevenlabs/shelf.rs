//! The voices of the emulated account.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::{ApiError, VOICE};

/// The settings of a voice that has none of its own.
pub(super) fn default_settings() -> Value {
    json!({ "stability": 0.5, "similarity_boost": 0.75, "style": 0.0, "use_speaker_boost": true, "speed": 1.0 })
}

#[derive(Debug, Clone)]
pub(super) struct Voice {
    pub(super) name: String,
    pub(super) category: &'static str,
    pub(super) description: Option<String>,
    pub(super) labels: BTreeMap<String, String>,
    pub(super) settings: Value,
    pub(super) samples: usize,
}

impl Voice {
    pub(super) fn new(name: String, category: &'static str) -> Self {
        let settings = default_settings();
        Self { name, category, description: None, labels: BTreeMap::new(), settings, samples: 0 }
    }

    pub(super) fn json(&self, id: &str) -> Value {
        let samples: Vec<_> = (0..self.samples).map(|nth| json!({ "sample_id": format!("sample{nth}") })).collect();
        json!({ "voice_id": id, "name": self.name, "category": self.category, "description": self.description,
            "labels": self.labels, "settings": self.settings, "samples": samples, "preview_url": null })
    }
}

/// Voices by id, in the order in which they were made.
#[derive(Debug)]
pub(super) struct Shelf {
    voices: Vec<(String, Voice)>,
    /// Previews that can be kept.
    previews: Vec<String>,
    made: u32,
}

impl Shelf {
    pub(super) fn new() -> Self {
        let vera = Voice::new("Vera".to_owned(), "premade");
        Self { voices: vec![(VOICE.to_owned(), vera)], previews: Vec::new(), made: 0 }
    }

    pub(super) fn all(&self) -> impl Iterator<Item = &(String, Voice)> {
        self.voices.iter()
    }

    pub(super) fn get(&self, id: &str) -> Result<&Voice, ApiError> {
        let found = self.voices.iter().find(|(known, _)| known == id);
        found.map(|(_, voice)| voice).ok_or_else(ApiError::voice_not_found)
    }

    pub(super) fn change(&mut self, id: &str) -> Result<&mut Voice, ApiError> {
        let found = self.voices.iter_mut().find(|(known, _)| known == id);
        found.map(|(_, voice)| voice).ok_or_else(ApiError::voice_not_found)
    }

    pub(super) fn add(&mut self, voice: Voice) -> String {
        let id = self.next_id("Voice");
        self.voices.push((id.clone(), voice));
        id
    }

    pub(super) fn delete(&mut self, id: &str) -> Result<(), ApiError> {
        self.get(id)?;
        self.voices.retain(|(known, _)| known != id);
        Ok(())
    }

    pub(super) fn preview(&mut self) -> String {
        let id = self.next_id("Preview");
        self.previews.push(id.clone());
        id
    }

    /// Whether there was a preview of this id; there is none any more.
    pub(super) fn take_preview(&mut self, id: &str) -> bool {
        let before = self.previews.len();
        self.previews.retain(|known| known != id);
        self.previews.len() < before
    }

    fn next_id(&mut self, of: &str) -> String {
        self.made += 1;
        format!("{of}Simulated{:06}", self.made)
    }
}
