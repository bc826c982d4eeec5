//! Speaking: text to telephone audio.

use std::fmt::Debug;

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use super::ResultStream;

/// Where one word lies in synthesised audio, in samples at 8 kHz from the beginning of the utterance.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WordTiming {
    /// The word with its punctuation.
    pub text: String,
    /// The first sample.
    pub start: u64,
    /// The sample behind the last.
    pub end: u64,
}

/// A piece of synthesised speech.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SpeechChunk {
    /// Mu-law, 8 kHz, mono; any length.
    pub audio: Bytes,
    /// Words whose place is now known; empty if the provider gives no alignment.
    pub words: Vec<WordTiming>,
}

/// How to speak.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
pub struct SpeechOptions {
    /// The provider's name of the voice; its default if absent.
    pub voice: Option<String>,
    /// The language as an ISO 639-1 code such as `sv`.
    pub language: Option<String>,
}

/// A synthesiser.
///
/// Contract: pieces come in order; the stream ends after the last one. Audio is produced as it is pulled, so a
/// consumer that stops pulling stops the cost.
pub trait TextToSpeech: Send + Sync + Debug + 'static {
    /// The provider's name, for logs and prices.
    fn name(&self) -> &'static str;

    /// Speaks `text`.
    fn synthesize(&self, text: String, options: &SpeechOptions) -> ResultStream<SpeechChunk>;
}
