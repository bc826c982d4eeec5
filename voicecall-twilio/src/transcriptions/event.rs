//! What Twilio tells of a live transcription.

use std::borrow::Cow;
use std::collections::BTreeMap;

use jiff::Timestamp;
use serde_json::Value;
use sha2::{Digest, Sha256};
use url::form_urlencoded;
use voicecall_core::carrier::WebhookRequest;
use voicecall_core::{CarrierCallId, Result, text_enum};

use super::LiveTranscriptionSid;
use super::client::invalid;
use crate::call::{call_id, timestamp};
use crate::sid::debug_without_content;
use crate::signature::HexDigest;

/// Something told of a live transcription. It may be told twice, late and in any order; [`InOrder`](super::InOrder) puts it
/// right.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct TranscriptionEvent {
    /// The call.
    pub call: CarrierCallId,
    /// The transcription.
    pub transcription: LiveTranscriptionSid,
    /// Its place among the transcription's events, over both tracks.
    pub sequence: Option<u64>,
    /// When it happened.
    pub at: Option<Timestamp>,
    /// Equal for two deliveries of one event, and for no others.
    pub delivery: String,
    /// What.
    pub kind: TranscriptionEventKind,
}

/// The kinds of event.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum TranscriptionEventKind {
    /// It began.
    Started {
        /// The language that is listened for.
        language: Option<String>,
    },
    /// Somebody said something.
    Speech(Speech),
    /// It ended, with its call or before.
    Stopped,
    /// It does not go on.
    Failed {
        /// Twilio's code.
        code: Option<String>,
    },
    /// An event this version does not know. It is logged once and answered with success.
    Unknown,
}

/// Words of one track.
#[derive(Clone, PartialEq)]
#[non_exhaustive]
pub struct Speech {
    /// Whose; none for a word this version does not know.
    pub track: Option<Track>,
    /// The words.
    pub text: String,
    /// Whether they stay as they are. What follows otherwise replaces them.
    pub is_final: bool,
    /// How sure it is, 0 to 1; of final words only.
    pub confidence: Option<f32>,
    /// How likely they stay, 0 to 1; of some engines only, and of words that are not final.
    pub stability: Option<f32>,
    /// Their language.
    pub language: Option<String>,
}

debug_without_content!(Speech: track, is_final, confidence, stability, language);

text_enum! {
    /// Whose words.
    Track, "track" {
        /// The person's at the other end of the call.
        Inbound = "inbound_track",
        /// What they hear.
        Outbound = "outbound_track",
    }
}

/// Reads a request whose authenticity was checked.
///
/// # Errors
/// `Invalid` naming `CallSid`, `TranscriptionSid`, `TranscriptionEvent` or `TranscriptionData`.
pub(super) fn read(request: &WebhookRequest<'_>) -> Result<TranscriptionEvent> {
    let encoded = match request.method {
        "GET" | "HEAD" => request.path_and_query.split_once('?').map_or(&b""[..], |(_, query)| query.as_bytes()),
        _ => request.body,
    };
    let mut fields = Fields::new();
    for (name, value) in form_urlencoded::parse(encoded) {
        fields.entry(name).or_insert(value);
    }
    let get = |name: &str| fields.get(name).map(|value| &**value).filter(|value| !value.is_empty());
    let call = get("CallSid").and_then(call_id).ok_or_else(|| invalid("CallSid", "the call it is about"))?;
    let transcription = get("TranscriptionSid").and_then(|sid| sid.parse().ok());
    let transcription = transcription.ok_or_else(|| invalid("TranscriptionSid", "the transcription it is about"))?;
    let event = get("TranscriptionEvent").ok_or_else(|| invalid("TranscriptionEvent", "what happened"))?;
    let language = get("LanguageCode").map(str::to_owned);
    let kind = match event {
        "transcription-started" => TranscriptionEventKind::Started { language },
        "transcription-content" => TranscriptionEventKind::Speech(speech(&fields, language)?),
        "transcription-stopped" => TranscriptionEventKind::Stopped,
        "transcription-error" => {
            TranscriptionEventKind::Failed { code: get("TranscriptionErrorCode").map(str::to_owned) }
        }
        _ => TranscriptionEventKind::Unknown,
    };
    let sequence = get("SequenceId").and_then(|number| number.parse().ok());
    let at = get("Timestamp").and_then(|text| text.parse().ok().or_else(|| timestamp(text)));
    let delivery = delivery(&transcription, event, get("SequenceId"), request);
    Ok(TranscriptionEvent { call, transcription, sequence, at, delivery, kind })
}

/// The fields of a webhook. Of a repeated name the first counts.
type Fields<'a> = BTreeMap<Cow<'a, str>, Cow<'a, str>>;

fn speech(fields: &Fields<'_>, language: Option<String>) -> Result<Speech> {
    let malformed = || invalid("TranscriptionData", "JSON with a transcript");
    let data = fields.get("TranscriptionData").ok_or_else(malformed)?;
    // What the parser says of it would quote the words.
    let data: Value = serde_json::from_str(data).map_err(|_| malformed())?;
    let text = data.get("transcript").and_then(Value::as_str).ok_or_else(malformed)?.to_owned();
    let share = |number: f64| (0.0..=1.0).contains(&number).then_some(number as f32);
    Ok(Speech {
        track: fields.get("Track").and_then(|track| track.parse().ok()),
        text,
        is_final: fields.get("Final").is_some_and(|word| word == "true"),
        confidence: data.get("confidence").and_then(Value::as_f64).and_then(share),
        stability: fields.get("Stability").and_then(|number| number.parse().ok()).and_then(share),
        language,
    })
}

/// A key that is equal for two deliveries of the same event: of the transcription, by its number; without one, by all of it.
fn delivery(
    transcription: &LiveTranscriptionSid,
    event: &str,
    sequence: Option<&str>,
    request: &WebhookRequest<'_>,
) -> String {
    let own: [&[u8]; 2] = match sequence {
        Some(sequence) => [b"number", sequence.as_bytes()],
        None => [request.path_and_query.as_bytes(), request.body],
    };
    let mut hash = Sha256::new();
    for part in [transcription.as_str().as_bytes(), event.as_bytes()].into_iter().chain(own) {
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part);
    }
    format!("{:x}", HexDigest(&hash.finalize()))
}

#[cfg(test)]
mod tests;
