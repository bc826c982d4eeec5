//! `POST /v1/text-to-speech/{voice_id}/stream/with-timestamps`: lines of JSON with mu-law and the places of characters.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::{OriginalUri, Path, Query, State};
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use serde_json::{Map, Value, json};
use tokio::time::Instant;
use voicecall_core::audio::SAMPLE_RATE;

use super::super::alignment::{Character, characters};
use super::super::server::{Account, Seen};
use super::super::{ApiError, SpeechFault, alignment};
use super::{check_settings, members, text};
use crate::clips::{Fallback, Speech};
use crate::delivery::Delivery;

/// The speaker of the library whose clips are used.
const SPEAKER: &str = "agent";

/// How much speech is in a line: 250 ms.
const PIECE: usize = SAMPLE_RATE as usize / 4;

/// The longest text of any model, in characters; some take less.
const LONGEST: usize = 40_000;

pub(crate) async fn speak(
    State(account): State<Arc<Account>>,
    Path(voice): Path<String>,
    OriginalUri(uri): OriginalUri,
    Query(query): Query<HashMap<String, String>>,
    body: Bytes,
) -> Result<Response, ApiError> {
    let asked = Instant::now();
    let members = members(&body)?;
    let seen = Seen {
        path: uri.path().to_owned(),
        query: uri.query().unwrap_or_default().to_owned(),
        body: Value::Object(members.clone()),
    };
    let (fault, first_after) = {
        let mut state = account.state();
        (state.take_in(seen), state.first_after(&account.latency))
    };
    if let Some(SpeechFault::Refuse(refusal)) = fault {
        return Err(refusal.error());
    }
    account.state().shelf.get(&voice)?;
    let text = check(&query, &members)?;
    let speech = account.library.speak(SPEAKER, text, &Fallback::Refuse);
    let speech = speech.map_err(|error| ApiError::invalid("text_not_spoken", "text", &error.to_string()))?;
    let without = match fault {
        Some(SpeechFault::NoAlignment(line)) => Some(line),
        _ => None,
    };
    let delivery = lines(text, &speech, without, first_after, account.latency.speech_pace);
    let delivery = match fault {
        Some(fault) => fault.strike(delivery),
        None => delivery,
    };
    let told = [("current-concurrent-requests", "1"), ("maximum-concurrent-requests", "10")];
    let body = delivery.into_body(asked).await;
    Ok((told, [(CONTENT_TYPE, "application/json")], body).into_response())
}

/// The text to speak, if the request is one that ElevenLabs would take and this voice can serve.
fn check<'a>(query: &HashMap<String, String>, members: &'a Map<String, Value>) -> Result<&'a str, ApiError> {
    if query.get("output_format").is_none_or(|format| format != "ulaw_8000") {
        let message = "the simulated voice speaks ulaw_8000 only";
        return Err(ApiError::invalid("invalid_output_format", "output_format", message));
    }
    let text = text(members, "text", 1, usize::MAX)?;
    if text.chars().count() > LONGEST {
        return Err(ApiError::invalid("text_too_long", "text", "The text is longer than the model takes."));
    }
    let model = members.get("model_id").and_then(Value::as_str).unwrap_or("eleven_multilingual_v2");
    if model == "eleven_multilingual_v2" && members.get("language_code").is_some_and(|code| !code.is_null()) {
        let message = "The model takes no language.";
        return Err(ApiError::invalid("unsupported_language", "language_code", message));
    }
    match members.get("voice_settings") {
        None | Some(Value::Null) => {}
        Some(Value::Object(settings)) => check_settings(settings, &["body", "voice_settings"])?,
        Some(_) => return Err(ApiError::unprocessable(&["body", "voice_settings"], "model_type", "Not an object")),
    }
    match members.get("apply_text_normalization").map(Value::as_str) {
        None | Some(Some("auto" | "on" | "off")) => Ok(text),
        Some(_) => Err(ApiError::unprocessable(&["body", "apply_text_normalization"], "enum", "auto, on or off")),
    }
}

/// The lines of the answer in their time.
fn lines(text: &str, speech: &Speech, without: Option<usize>, first_after: Duration, pace: f64) -> Delivery {
    let mut characters = characters(text, speech).into_iter().peekable();
    let mut delivery = Delivery::default();
    let count = speech.audio.len().div_ceil(PIECE);
    for (nth, audio) in speech.audio.chunks(PIECE).enumerate() {
        // What ends behind the audio is in the last line.
        let end = if nth + 1 == count { f64::INFINITY } else { ((nth + 1) * PIECE) as f64 };
        let mut here: Vec<Character> = Vec::new();
        while let Some(character) = characters.next_if(|character| character.start < end) {
            here.push(character);
        }
        let alignment = if without == Some(nth) { Value::Null } else { alignment::json(&here) };
        let line = json!({ "audio_base64": STANDARD.encode(audio), "alignment": alignment,
            "normalized_alignment": alignment });
        let after = Duration::from_secs_f64((nth * PIECE) as f64 / f64::from(SAMPLE_RATE) / pace);
        delivery.push(first_after + after, format!("{line}\n"));
    }
    delivery
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_elevenlabs_refuses_is_refused() {
        let good = json!({ "text": "Tack.", "model_id": "eleven_flash_v2_5", "language_code": "sv" });
        let format = |format: &str| HashMap::from([("output_format".to_owned(), format.to_owned())]);
        let ask = |query: &HashMap<String, String>, body: &Value| {
            check(query, body.as_object().unwrap()).map(str::to_owned).map_err(|error| error.status())
        };
        assert_eq!(ask(&format("ulaw_8000"), &good), Ok("Tack.".to_owned()));
        assert_eq!(ask(&format("mp3_44100_128"), &good), Err(400));
        for (name, value, status) in [
            ("text", json!(""), 422),
            ("text", json!(7), 422),
            ("text", json!("a".repeat(40_001)), 400),
            ("model_id", json!("eleven_multilingual_v2"), 400),
            ("voice_settings", json!({ "speed": 2 }), 422),
            ("voice_settings", json!(1), 422),
            ("apply_text_normalization", json!("maybe"), 422),
        ] {
            let mut wrong = good.clone();
            wrong[name] = value;
            assert_eq!(ask(&format("ulaw_8000"), &wrong), Err(status), "{name}");
        }
    }
}
