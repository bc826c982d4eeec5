//! Hearing: telephone audio to text.

use std::fmt::Debug;

use futures_core::stream::BoxStream;
use serde::{Deserialize, Serialize};

use super::ResultStream;
use crate::audio::Frame;

/// What was understood of one turn of the caller.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Transcript {
    /// The text so far; empty if nothing was understood.
    pub text: String,
    /// From 0 to 1, if the provider tells. Not comparable between providers.
    pub confidence: Option<f32>,
    /// The language as an ISO 639-1 code, if the provider tells.
    pub language: Option<String>,
    /// Whether the text will not change any more.
    pub is_final: bool,
}

/// How to listen.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct TranscriptionOptions {
    /// The language expected, as an ISO 639-1 code.
    pub language: Option<String>,
    /// Names and words that are likely.
    pub keywords: Vec<String>,
}

/// A transcriber.
///
/// One stream of audio is one turn of the caller: its end is the end of the turn. Contract: the last item is the
/// final transcript (or an error); streaming providers give partial ones before, providers that take a whole
/// file give none. A turn in which nothing was understood is a final transcript with an empty text.
pub trait SpeechToText: Send + Sync + Debug + 'static {
    /// The provider's name, for logs and prices.
    fn name(&self) -> &'static str;

    /// Transcribes one turn.
    fn transcribe(&self, audio: BoxStream<'static, Frame>, options: &TranscriptionOptions) -> ResultStream<Transcript>;
}
