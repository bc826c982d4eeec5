//! What a carrier says by itself when nobody else can.

use url::Url;

use super::{CallFlow, VoiceBackend};
use crate::error::Result;

/// A sentence for somebody whose call cannot be conducted: the carrier says it, and ends the call.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Announcement {
    /// The sentence.
    pub text: String,
    /// Its language, as a BCP 47 tag.
    pub language: String,
    /// The same as a sound file, at an address the carrier reaches: for carriers whose own voice does not speak the language.
    pub audio: Option<Url>,
}

impl Announcement {
    /// A sentence in the carrier's own voice.
    pub fn new(text: impl Into<String>, language: impl Into<String>) -> Self {
        Self { text: text.into(), language: language.into(), audio: None }
    }

    /// The same, played from a file where the carrier's own voice cannot say it.
    #[must_use]
    pub fn with_audio(mut self, audio: Url) -> Self {
        self.audio = Some(audio);
        self
    }

    /// The steps by which `carrier` says it.
    ///
    /// # Errors
    /// What the carrier reports if it can neither say nor play it.
    pub fn flow(&self, carrier: &dyn VoiceBackend) -> Result<CallFlow> {
        let spoken = CallFlow::farewell(&self.text, &self.language);
        let (error, audio) = match (carrier.reply(&spoken), &self.audio) {
            (Ok(_), _) => return Ok(spoken),
            (Err(error), None) => return Err(error),
            (Err(error), Some(audio)) => (error, audio),
        };
        let played = CallFlow::play_and_hang_up(audio.clone());
        carrier.reply(&played).map(|_| played).map_err(|refused| refused.with_source(error))
    }
}
