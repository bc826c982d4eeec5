//! What a carrier says and plays by itself, without a media socket.

use serde::{Deserialize, Serialize};
use url::Url;

/// How often something is said or played.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Repeat {
    /// This often; zero counts as once.
    Times(u32),
    /// Until the call ends or is given other steps. Carriers may stop after a thousand times.
    Forever,
}

impl Repeat {
    /// Once.
    pub const ONCE: Self = Self::Times(1);
}

/// Speaks a text with the carrier's own voice: for menus, for whoever is to take a call, and the last resort when our voice
/// cannot.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Say {
    /// The text.
    pub text: String,
    /// Its language as a BCP 47 tag such as `sv-SE`.
    pub language: String,
    /// The carrier's name of the voice; its own choice for the language if absent.
    pub voice: Option<String>,
    /// How often.
    pub repeat: Repeat,
}

impl Say {
    /// Says `text` once, in any voice of `language`.
    #[must_use]
    pub fn new(text: impl Into<String>, language: impl Into<String>) -> Self {
        Self { text: text.into(), language: language.into(), voice: None, repeat: Repeat::ONCE }
    }
}

/// Plays a sound file.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Play {
    /// Where the carrier gets it by `GET`, and may cache it: WAV or MP3.
    pub url: Url,
    /// How often.
    pub repeat: Repeat,
}

impl Play {
    /// Plays it once.
    #[must_use]
    pub const fn new(url: Url) -> Self {
        Self { url, repeat: Repeat::ONCE }
    }
}
