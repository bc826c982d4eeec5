//! Who listens, thinks and speaks.

use std::sync::Arc;

use clap::ValueEnum;
use voicecall::agent::{Cascade, Realtime, VoiceAgent};
use voicecall::deepgram::DeepgramTranscription;
use voicecall::elevenlabs::ElevenLabsSpeech;
use voicecall::model::{SpeechToText, TextToSpeech};
use voicecall::openai::{OpenAiChat, OpenAiRealtime, OpenAiSpeech, OpenAiTranscription};

/// How callers are answered.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub(crate) enum Engine {
    /// By three services, one after the other: one hears, one thinks, one speaks.
    Cascade,
    /// By one model that hears and speaks; the three take over if it cannot.
    Realtime,
}

impl Engine {
    /// The agent of the services that there are keys of.
    pub(crate) fn agent(self) -> voicecall::Result<Arc<dyn VoiceAgent>> {
        let cascade = cascade()?;
        Ok(match self {
            Self::Cascade => Arc::new(cascade),
            Self::Realtime => Arc::new(Realtime::new(Arc::new(OpenAiRealtime::from_env()?), cascade)),
        })
    }
}

fn cascade() -> voicecall::Result<Cascade> {
    let ear: Arc<dyn SpeechToText> = match has("DEEPGRAM_API_KEY") {
        true => Arc::new(DeepgramTranscription::from_env()?),
        false => Arc::new(OpenAiTranscription::from_env()?),
    };
    let voice: Arc<dyn TextToSpeech> = match has("ELEVENLABS_API_KEY") {
        true => Arc::new(ElevenLabsSpeech::from_env()?),
        false => Arc::new(OpenAiSpeech::from_env()?),
    };
    Ok(Cascade::new(ear, Arc::new(OpenAiChat::from_env()?), voice).with_breakers())
}

fn has(key: &str) -> bool {
    std::env::var(key).is_ok_and(|value| !value.is_empty())
}
