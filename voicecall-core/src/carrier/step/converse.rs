//! Conversing with the caller in text: the carrier hears and speaks, and exchanges words over a socket.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use url::Url;

/// A conversation for which the carrier hears and speaks by itself.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Converse {
    /// The `wss` address of the socket.
    pub url: Url,
    /// Who is asked for the next steps once the conversation is over, or its socket lost.
    pub next: Url,
    /// Handed to the socket in its first message.
    pub parameters: BTreeMap<String, String>,
    /// What the carrier says first, by itself. The socket is not told of it.
    pub greeting: Option<String>,
    /// How it hears and speaks.
    pub settings: ConverseSettings,
}

impl Converse {
    /// A conversation over the socket at `url`; `next` is asked what follows.
    #[must_use]
    pub const fn new(url: Url, next: Url, settings: ConverseSettings) -> Self {
        Self { url, next, parameters: BTreeMap::new(), greeting: None, settings }
    }
}

/// How a carrier hears and speaks in a conversation. What is absent is the carrier's choice; configurations need a `language`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct ConverseSettings {
    /// The language that is spoken and understood, as a BCP 47 tag such as `sv-SE`.
    pub language: String,
    /// Whose voice speaks, by the carrier's name of the provider.
    pub speech_provider: Option<String>,
    /// The voice, by that provider's name of it.
    pub voice: Option<String>,
    /// Who understands what is said, by the carrier's name of the provider.
    pub transcription_provider: Option<String>,
    /// With which model, by that provider's name of it.
    pub transcription_model: Option<String>,
    /// Words and phrases that are likely to be said.
    #[serde(default)]
    pub hints: Vec<String>,
    /// What interrupts what is being said; anything unless it is said.
    #[serde(default)]
    pub interrupted_by: InterruptedBy,
    /// What the carrier says to the end before each connection to the socket: that somebody who is on the line hears first of all
    /// that the call is kept. Without it nothing that is said may be kept.
    pub announcement: Option<String>,
}

impl ConverseSettings {
    /// Speaks and understands `language`, a BCP 47 tag, with the carrier's choice of everything else.
    pub fn new(language: impl Into<String>) -> Self {
        Self {
            language: language.into(),
            speech_provider: None,
            voice: None,
            transcription_provider: None,
            transcription_model: None,
            hints: Vec::new(),
            interrupted_by: InterruptedBy::default(),
            announcement: None,
        }
    }

    /// The same with this voice of this provider, both by the carrier's names.
    #[must_use]
    pub fn with_voice(mut self, provider: impl Into<String>, voice: impl Into<String>) -> Self {
        (self.speech_provider, self.voice) = (Some(provider.into()), Some(voice.into()));
        self
    }

    /// The same with this model of this provider to understand what is said, both by the carrier's names.
    #[must_use]
    pub fn with_transcription(mut self, provider: impl Into<String>, model: impl Into<String>) -> Self {
        (self.transcription_provider, self.transcription_model) = (Some(provider.into()), Some(model.into()));
        self
    }

    /// The same with one more word or phrase that is likely to be said.
    #[must_use]
    pub fn with_hint(mut self, hint: impl Into<String>) -> Self {
        self.hints.push(hint.into());
        self
    }

    /// The same with this to interrupt what is being said.
    #[must_use]
    pub const fn with_interrupted_by(mut self, interrupted_by: InterruptedBy) -> Self {
        self.interrupted_by = interrupted_by;
        self
    }

    /// The same with this said before each connection.
    #[must_use]
    pub fn with_announcement(mut self, text: impl Into<String>) -> Self {
        self.announcement = Some(text.into());
        self
    }
}

/// What interrupts what a carrier is saying.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum InterruptedBy {
    /// Nothing: the caller hears it to its end.
    Nothing,
    /// A key.
    Keys,
    /// Whatever the caller says.
    Speech,
    /// Speech and keys.
    #[default]
    Anything,
}
