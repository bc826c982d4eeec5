//! The emulated service and clients of it.

use std::time::Duration;

use futures_util::StreamExt;
use voicecall_core::Error;
use voicecall_core::model::Timeouts;
use voicecall_core::model::{SpeechOptions, TextToSpeech, WordTiming};
use voicecall_elevenlabs::{ElevenLabsSpeech, ElevenLabsVoices, Endpoint};
use voicecall_sim::elevenlabs::{Server, VOICE};

pub(crate) const KEY: &str = "canary-key";

/// What the clips of the emulated voice say.
pub(crate) const TEXT: &str = "Tack. Vill du vara med?";

/// Short enough not to be waited for, long enough that a busy machine keeps it.
pub(crate) const MOMENT: Duration = Duration::from_millis(300);

const SCENARIO: &str = r#"
    name = "elevenlabs"
    seed = 1
    caller.answer = "busy"
    latency = { speech = "10 ms", speech_pace = 50.0, jitter = 0.0 }
"#;

pub(crate) async fn server() -> Server {
    Server::start(&SCENARIO.parse().unwrap(), KEY).await.unwrap()
}

/// Limits that no test reaches by accident.
pub(crate) fn patient() -> Timeouts {
    let patient = Duration::from_secs(60);
    Timeouts::default().with_first(patient).with_stall(patient).with_total(patient)
}

pub(crate) fn endpoint(server: &Server) -> Endpoint {
    Endpoint::new(KEY).unwrap().with_base_url(&server.base_url()).unwrap().with_timeouts(patient())
}

pub(crate) fn speech(server: &Server) -> ElevenLabsSpeech {
    ElevenLabsSpeech::new(endpoint(server), VOICE).unwrap()
}

pub(crate) fn voices(server: &Server) -> ElevenLabsVoices {
    ElevenLabsVoices::new(endpoint(server)).unwrap()
}

/// What was said.
#[derive(Default)]
pub(crate) struct Said {
    pub(crate) audio: Vec<u8>,
    pub(crate) words: Vec<WordTiming>,
    pub(crate) error: Option<Error>,
}

pub(crate) async fn speak(speech: &ElevenLabsSpeech, text: &str, options: &SpeechOptions) -> Said {
    let mut said = Said::default();
    let mut chunks = speech.synthesize(text.to_owned(), options);
    while let Some(chunk) = chunks.next().await {
        assert!(said.error.is_none(), "an error is the end");
        match chunk {
            Ok(chunk) => {
                said.audio.extend_from_slice(&chunk.audio);
                said.words.extend(chunk.words);
            }
            Err(error) => said.error = Some(error),
        }
    }
    said
}
