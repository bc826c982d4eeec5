//! Services of an agent that never run out: every turn is understood, every line takes the same time.

use std::sync::Arc;
use std::time::Duration;

use futures_util::stream::{self, BoxStream, StreamExt};
use voicecall::agent::{Cascade, VoiceAgent};
use voicecall::audio::{Frame, g711};
use voicecall::model::{
    ResultStream, SpeechChunk, SpeechOptions, SpeechToText, TextToSpeech, Transcript, TranscriptionOptions,
};
use voicecall_core::testing::ScriptedModel;

/// How long every line takes to say.
pub const LINE: Duration = Duration::from_millis(300);

/// Hears what was said, and speaks.
pub fn agent() -> Arc<dyn VoiceAgent> {
    agent_that_hears(hears("Good."))
}

/// An ear that understands this in every turn.
pub fn hears(words: &'static str) -> Arc<dyn SpeechToText> {
    Arc::new(Ear(words))
}

/// The same with another ear.
pub fn agent_that_hears(ear: Arc<dyn SpeechToText>) -> Arc<dyn VoiceAgent> {
    Arc::new(Cascade::new(ear, Arc::new(ScriptedModel::new()), Arc::new(Voice)))
}

/// Understands the same in every turn.
#[derive(Debug)]
struct Ear(&'static str);

impl SpeechToText for Ear {
    fn name(&self) -> &'static str {
        "steady"
    }

    fn transcribe(&self, audio: BoxStream<'static, Frame>, _: &TranscriptionOptions) -> ResultStream<Transcript> {
        let understood = Transcript { text: self.0.to_owned(), confidence: None, language: None, is_final: true };
        let heard = async move {
            audio.for_each(|_| async {}).await;
            Ok(understood)
        };
        stream::once(heard).boxed()
    }
}

/// Says every line in the same time.
#[derive(Debug)]
struct Voice;

impl TextToSpeech for Voice {
    fn name(&self) -> &'static str {
        "steady"
    }

    fn synthesize(&self, _: String, _: &SpeechOptions) -> ResultStream<SpeechChunk> {
        let samples = usize::try_from(LINE.as_millis() * 8).unwrap();
        let audio = vec![g711::mulaw::SILENCE; samples].into();
        stream::iter([Ok(SpeechChunk { audio, words: Vec::new() })]).boxed()
    }
}
