//! The ears and the voice of an agent that has none.

use futures_core::stream::BoxStream;
use futures_util::{StreamExt, stream};

use crate::audio::Frame;
use crate::error::{Error, ErrorKind};
use crate::model::{
    ResultStream, SpeechChunk, SpeechOptions, SpeechToText, TextToSpeech, Transcript, TranscriptionOptions,
};

/// Fails whatever it is asked.
#[derive(Debug)]
pub(super) struct NoVoice;

impl SpeechToText for NoVoice {
    fn name(&self) -> &'static str {
        "none"
    }

    fn transcribe(
        &self,
        _audio: BoxStream<'static, Frame>,
        _options: &TranscriptionOptions,
    ) -> ResultStream<Transcript> {
        unsupported("transcribe")
    }
}

impl TextToSpeech for NoVoice {
    fn name(&self) -> &'static str {
        "none"
    }

    fn synthesize(&self, _text: String, _options: &SpeechOptions) -> ResultStream<SpeechChunk> {
        unsupported("synthesize")
    }
}

fn unsupported<T: Send + 'static>(operation: &'static str) -> ResultStream<T> {
    stream::iter([Err(Error::new(ErrorKind::Unsupported, operation))]).boxed()
}
