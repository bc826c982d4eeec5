//! Deepgram's messages.

use serde_json::{Value, json};
use voicecall_core::audio::SAMPLE_RATE;

use super::ListenRequest;
use crate::matcher::{Heard, HeardWord};

/// Made up, and the same for all: nobody looks a model up by it.
const MODEL_UUID: &str = "00000000-0000-4000-8000-000000000003";

/// What a result says beside its words.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Flags {
    pub(super) is_final: bool,
    pub(super) speech_final: bool,
    pub(super) from_finalize: bool,
}

/// What was heard from one sample to another.
pub(super) fn results(
    request: &ListenRequest,
    request_id: &str,
    (start, end): (usize, usize),
    heard: &Heard,
    flags: Flags,
) -> Value {
    let words: Vec<Value> = heard.words.iter().map(|word| word_json(request, word)).collect();
    let transcript: Vec<String> = heard.words.iter().map(|word| written(request, &word.text)).collect();
    json!({
        "type": "Results",
        "channel_index": [0, 1],
        "duration": seconds(end.saturating_sub(start)),
        "start": seconds(start),
        "is_final": flags.is_final,
        "speech_final": flags.speech_final,
        "from_finalize": flags.from_finalize,
        "channel": { "alternatives": [{
            "transcript": transcript.join(" "),
            "confidence": confidence(heard),
            "words": words,
        }] },
        "metadata": {
            "request_id": request_id,
            "model_info": { "name": request.model, "version": "simulated", "arch": "simulated" },
            "model_uuid": MODEL_UUID,
        },
    })
}

/// The summary at the end.
pub(super) fn metadata(request_id: &str, samples: usize, sha256: &str) -> Value {
    json!({
        "type": "Metadata",
        "transaction_key": "deprecated",
        "request_id": request_id,
        "sha256": sha256,
        "created": jiff::Timestamp::now().to_string(),
        "duration": seconds(samples),
        "channels": 1,
    })
}

/// A message that could not be read. The socket stays open.
pub(super) fn error(description: &str) -> Value {
    json!({
        "type": "Error",
        "description": description,
        "message": "The simulated server could not read a message.",
        "variant": "UnparsableClientMessage",
    })
}

fn word_json(request: &ListenRequest, word: &HeardWord) -> Value {
    let mut json = json!({
        "word": bare(&word.text),
        "start": seconds(word.start),
        "end": seconds(word.end),
        "confidence": word.confidence.clamp(0.0, 1.0),
    });
    if request.punctuate {
        json["punctuated_word"] = json!(word.text);
    }
    json
}

fn written(request: &ListenRequest, word: &str) -> String {
    if request.punctuate { word.to_owned() } else { bare(word) }
}

fn bare(word: &str) -> String {
    word.trim_matches(|char: char| !char.is_alphanumeric()).to_lowercase()
}

fn confidence(heard: &Heard) -> f32 {
    let sum: f32 = heard.words.iter().map(|word| word.confidence.clamp(0.0, 1.0)).sum();
    if heard.words.is_empty() { 0.0 } else { sum / heard.words.len() as f32 }
}

fn seconds(samples: usize) -> f64 {
    samples as f64 / f64::from(SAMPLE_RATE)
}
