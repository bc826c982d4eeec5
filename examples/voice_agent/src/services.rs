//! Who listens, thinks and speaks.

use std::sync::Arc;

use voicecall::agent::Cascade;
use voicecall::deepgram::DeepgramTranscription;
use voicecall::elevenlabs::ElevenLabsSpeech;
use voicecall::model::{SpeechToText, TextToSpeech};
use voicecall::openai::{OpenAiChat, OpenAiSpeech, OpenAiTranscription};

/// The agent of the services that there are keys of.
pub(crate) fn from_env() -> voicecall::Result<Arc<Cascade>> {
    let ear: Arc<dyn SpeechToText> = match has("DEEPGRAM_API_KEY") {
        true => Arc::new(DeepgramTranscription::from_env()?),
        false => Arc::new(OpenAiTranscription::from_env()?),
    };
    let voice: Arc<dyn TextToSpeech> = match has("ELEVENLABS_API_KEY") {
        true => Arc::new(ElevenLabsSpeech::from_env()?),
        false => Arc::new(OpenAiSpeech::from_env()?),
    };
    Ok(Arc::new(Cascade::new(ear, Arc::new(OpenAiChat::from_env()?), voice).with_breakers()))
}

fn has(key: &str) -> bool {
    std::env::var(key).is_ok_and(|value| !value.is_empty())
}
