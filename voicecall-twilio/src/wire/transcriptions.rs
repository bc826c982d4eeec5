//! Transcriptions of calls and recordings, of the 2010 API and of Conversational Intelligence (version 2).

use std::str::FromStr;
use std::time::Duration;

use serde::Deserialize;
use serde_json::Value;
use url::form_urlencoded;

use crate::call::{call_id, price, timestamp};
use crate::recording::recording_id;
use crate::transcriptions::{self as api, TranscriptStatus, TranscriptionStatus};

/// A live transcription.
#[derive(Debug, Deserialize)]
pub(crate) struct Live {
    sid: String,
    call_sid: Option<String>,
    status: Option<String>,
    /// RFC 2822.
    date_updated: Option<String>,
}

impl Live {
    /// None if its name cannot be one.
    pub(crate) fn read(&self) -> Option<api::LiveTranscription> {
        Some(api::LiveTranscription {
            sid: self.sid.parse().ok()?,
            call: self.call_sid.as_deref().and_then(call_id),
            is_live: self.status.as_deref() != Some("stopped"),
            updated_at: self.date_updated.as_deref().and_then(timestamp),
        })
    }
}

/// A transcription of a recording. Numbers may be strings.
#[derive(Debug, Deserialize)]
pub(crate) struct RecordingTranscription {
    sid: String,
    recording_sid: Option<String>,
    status: Option<String>,
    transcription_text: Option<String>,
    #[serde(default)]
    duration: Value,
    #[serde(default)]
    price: Value,
    price_unit: Option<String>,
    /// RFC 2822.
    date_created: Option<String>,
}

impl RecordingTranscription {
    pub(crate) fn read(&self) -> Option<api::RecordingTranscription> {
        let amount = match &self.price {
            Value::Number(number) => Some(number.to_string()),
            value => value.as_str().map(str::to_owned),
        };
        Some(api::RecordingTranscription {
            sid: self.sid.parse().ok()?,
            recording: self.recording_sid.as_deref().and_then(recording_id),
            status: parsed(&self.status).unwrap_or(TranscriptionStatus::InProgress),
            text: self.transcription_text.clone().filter(|text| !text.is_empty()),
            duration: number(&self.duration).and_then(seconds),
            price: price(amount.as_deref(), self.price_unit.as_deref()),
            created_at: self.date_created.as_deref().and_then(timestamp),
        })
    }
}

#[derive(Debug, Deserialize)]
pub(crate) struct Transcript {
    sid: String,
    service_sid: Option<String>,
    status: Option<String>,
    language_code: Option<String>,
    #[serde(default)]
    duration: Value,
    redaction: Option<bool>,
    /// ISO 8601.
    date_created: Option<String>,
}

impl Transcript {
    pub(crate) fn read(&self) -> Option<api::Transcript> {
        Some(api::Transcript {
            sid: self.sid.parse().ok()?,
            service: parsed(&self.service_sid),
            status: parsed(&self.status).unwrap_or(TranscriptStatus::InProgress),
            language: self.language_code.clone(),
            duration: number(&self.duration).and_then(seconds).filter(|duration| !duration.is_zero()),
            is_redacted: self.redaction.unwrap_or_default(),
            created_at: parsed(&self.date_created),
        })
    }
}

/// A sentence. Its times and its confidence are numbers, or strings that are.
#[derive(Debug, Deserialize)]
pub(crate) struct Sentence {
    #[serde(default)]
    media_channel: u32,
    #[serde(default)]
    sentence_index: u64,
    #[serde(default)]
    start_time: Value,
    #[serde(default)]
    end_time: Value,
    transcript: Option<String>,
    #[serde(default)]
    confidence: Value,
}

impl Sentence {
    pub(crate) fn read(self) -> api::Sentence {
        let share = |value: f64| (0.0..=1.0).contains(&value).then_some(value as f32);
        api::Sentence {
            index: self.sentence_index,
            channel: self.media_channel,
            text: self.transcript.unwrap_or_default(),
            start: number(&self.start_time).and_then(seconds),
            end: number(&self.end_time).and_then(seconds),
            confidence: number(&self.confidence).and_then(share),
        }
    }
}

/// What a service tells of a transcript.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct TranscriptWebhook {
    pub(crate) transcript_sid: Option<String>,
    pub(crate) service_sid: Option<String>,
    pub(crate) event_type: Option<String>,
}

impl TranscriptWebhook {
    /// From JSON, or else from a form.
    pub(crate) fn from_body(body: &[u8]) -> Self {
        serde_json::from_slice(body).unwrap_or_else(|_| {
            let field = |name: &str| {
                let found = form_urlencoded::parse(body).find(|(known, _)| known == name);
                found.map(|(_, value)| value.into_owned())
            };
            Self {
                transcript_sid: field("transcript_sid"),
                service_sid: field("service_sid"),
                event_type: field("event_type"),
            }
        })
    }
}

fn parsed<T: FromStr>(text: &Option<String>) -> Option<T> {
    text.as_deref()?.parse().ok()
}

/// A number, or a string that is one.
fn number(value: &Value) -> Option<f64> {
    value.as_f64().or_else(|| value.as_str()?.parse().ok())
}

fn seconds(number: f64) -> Option<Duration> {
    Duration::try_from_secs_f64(number).ok()
}
