//! `POST /v1/audio/speech`: speech as raw samples or WAV, sent faster than it plays.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use axum::response::Response;
use bytes::Bytes;
use tokio::time::Instant;

use super::super::json::{Members, wrong_type};
use super::super::server::Services;
use super::super::voice::SPEECH_RATE;
use super::super::{ApiError, Utterance};
use super::send;
use crate::delivery::Delivery;
use crate::fault::Site;
use crate::wav;

const KNOWN: &[&str] =
    &["input", "instructions", "language", "model", "response_format", "speed", "stream_format", "voice"];

/// The longest text, in characters.
const LONGEST_INPUT: usize = 4096;

/// How much speech is sent at a time.
const PIECE: Duration = Duration::from_millis(100);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Container {
    Pcm,
    Wav,
}

pub(super) async fn speak(State(services): State<Arc<Services>>, body: Bytes) -> Result<Response, ApiError> {
    let asked = Instant::now();
    let (text, container) = read(&body)?;
    let speaking = Arc::clone(&services);
    // A program may have to be asked.
    let spoken = tokio::task::spawn_blocking(move || {
        let mut voice = speaking.voice();
        voice.speak(&text).map(|utterance| pace(&utterance, container, voice.pace()))
    });
    let delivery = spoken.await.map_err(|error| ApiError::server(error.to_string()))??;
    let delivery = services.deliver(Site::OpenaiSpeech, delivery)?;
    let content_type = match container {
        Container::Pcm => "audio/pcm",
        Container::Wav => "audio/wav",
    };
    Ok(send(content_type, delivery, asked).await)
}

fn read(body: &[u8]) -> Result<(String, Container), ApiError> {
    let members = Members::read(body, KNOWN)?;
    members.model()?;
    let voice = members.get("voice").ok_or_else(|| ApiError::missing("voice"))?;
    let name = voice.as_str().or_else(|| voice.get("id")?.as_str());
    if name.is_none_or(str::is_empty) {
        return Err(wrong_type("voice", "a string or an object with an 'id'"));
    }
    if members.get("speed").is_some_and(|speed| speed.as_f64() != Some(1.0)) {
        return Err(ApiError::invalid("speed", "the simulated voice speaks at speed 1"));
    }
    if members.get("stream_format").is_some_and(|format| format != "audio") {
        return Err(ApiError::invalid("stream_format", "the simulated voice streams 'audio'"));
    }
    let container = match members.get("response_format").map(|format| format.as_str()) {
        Some(Some("pcm")) => Container::Pcm,
        Some(Some("wav")) => Container::Wav,
        _ => {
            return Err(ApiError::invalid(
                "response_format",
                "the simulated voice gives 'pcm' and 'wav', and no compressed form",
            ));
        }
    };
    let text = members.text("input")?;
    if text.chars().count() > LONGEST_INPUT {
        return Err(ApiError::invalid("input", format!("String should have at most {LONGEST_INPUT} characters")));
    }
    Ok((text.to_owned(), container))
}

fn pace(utterance: &Utterance, container: Container, pace: f64) -> Delivery {
    let mut delivery = Delivery::default();
    if container == Container::Wav {
        delivery.push(utterance.first_after, wav::streaming_header(SPEECH_RATE));
    }
    let piece = (PIECE.as_millis() as usize) * (SPEECH_RATE as usize) / 1000;
    for (number, samples) in (0_u32..).zip(utterance.samples.chunks(piece)) {
        let bytes: Vec<u8> = samples.iter().flat_map(|sample| sample.to_le_bytes()).collect();
        delivery.push(utterance.first_after + (PIECE * number).div_f64(pace), bytes);
    }
    delivery
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    #[test]
    fn every_mistake_is_refused_by_name() {
        let good = json!({ "model": "m", "voice": "vera", "input": "Tack.", "response_format": "pcm" });
        assert_eq!(read(good.to_string().as_bytes()).unwrap(), ("Tack.".to_owned(), Container::Pcm));
        for (name, value) in [
            ("model", json!(null)),
            ("voice", json!(null)),
            ("voice", json!({})),
            ("input", json!("")),
            ("input", json!("a".repeat(4097))),
            ("response_format", json!(null)),
            ("response_format", json!("mp3")),
            ("speed", json!(2)),
            ("stream_format", json!("sse")),
            ("tempo", json!(2)),
        ] {
            let mut wrong = good.clone();
            wrong[name] = value;
            let error = read(wrong.to_string().as_bytes()).unwrap_err();
            assert_eq!((error.status(), error.body()["error"]["param"].as_str()), (400, Some(name)), "{error}");
        }
    }

    proptest! {
        #[test]
        fn no_body_makes_the_reader_panic(body in "[{}\\[\\]\",:a-z0-9]{0,100}") {
            let _ = read(body.as_bytes());
        }
    }
}
