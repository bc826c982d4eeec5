//! Transcripts of Conversational Intelligence: sentences with their times, by channel.

use std::time::Duration;

use jiff::Timestamp;
use serde_json::json;
use tracing::instrument;
use url::Url;
use voicecall_core::carrier::{RecordingId, WebhookRequest};
use voicecall_core::{Result, text_enum};

use super::client::invalid;
use super::{IntelligenceServiceSid, TranscriptSid, TwilioTranscriptions};
use crate::failure::{Effect, unreadable};
use crate::order::Form;
use crate::recording::recording_id;
use crate::sid::debug_without_content;
use crate::wire::transcriptions as wire;

/// Sentences, and transcripts, on a page.
const PAGE_SIZE: u16 = 1000;

text_enum! {
    /// How far a transcript has come.
    TranscriptStatus, "status" {
        /// It was taken in.
        New = "new",
        /// It waits.
        Queued = "queued",
        /// It is being made.
        InProgress = "in-progress",
        /// Its sentences are there.
        Completed = "completed",
        /// There will be none.
        Failed = "failed",
        /// It was given up.
        Canceled = "canceled",
        /// There will be none, by a fault of Twilio's.
        Error = "error",
    }
}

/// A transcript of a recording.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Transcript {
    /// Its name at Twilio.
    pub sid: TranscriptSid,
    /// The service that makes it.
    pub service: Option<IntelligenceServiceSid>,
    /// How far it has come. A word this version does not know counts as in progress.
    pub status: TranscriptStatus,
    /// Its language, such as `en-US`.
    pub language: Option<String>,
    /// How long the audio is, once that is known.
    pub duration: Option<Duration>,
    /// Whether a version without personal data is there as well.
    pub is_redacted: bool,
    /// When it was ordered.
    pub created_at: Option<Timestamp>,
}

/// A sentence of a transcript.
#[derive(Clone, PartialEq)]
#[non_exhaustive]
pub struct Sentence {
    /// Its place in the transcript, from 0.
    pub index: u64,
    /// The channel of the recording it was said on.
    pub channel: u32,
    /// The words.
    pub text: String,
    /// When it begins in the recording.
    pub start: Option<Duration>,
    /// When it ends.
    pub end: Option<Duration>,
    /// How sure it is, 0 to 1.
    pub confidence: Option<f32>,
}

debug_without_content!(Sentence: index, channel, start, end, confidence);

/// What a service tells of a transcript: that it is there. How it ended stands in the transcript.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct TranscriptAvailable {
    /// The transcript, by which two deliveries are known as one.
    pub transcript: TranscriptSid,
    /// The service.
    pub service: Option<IntelligenceServiceSid>,
}

impl TwilioTranscriptions {
    /// Has a transcript made of a recording; Twilio's audio of it must be there.
    ///
    /// # Errors
    /// `Invalid` naming `recording` for one that cannot be one; `UnknownOutcome` if nobody knows whether it is made:
    /// [`transcripts_of`](Self::transcripts_of) shows it then, if it is.
    #[instrument(name = "twilio.create_transcript", skip_all, fields(%service, %recording))]
    pub async fn create_transcript(
        &self,
        service: &IntelligenceServiceSid,
        recording: &RecordingId,
    ) -> Result<Transcript> {
        let operation = "create transcript";
        let mut form = Form::default();
        form.add("ServiceSid", service.as_str());
        form.add("Channel", json!({"media_properties": {"source_sid": known(recording)?.as_str()}}).to_string());
        let url = self.intelligence.product_url(&["v2", "Transcripts"]);
        let made: wire::Transcript = self.intelligence.post(operation, Effect::Creates, url, &form.pairs()).await?;
        made.read().ok_or_else(|| unreadable(operation, Effect::Creates))
    }

    /// The transcripts of a recording, also those that a service made by itself.
    ///
    /// # Errors
    /// As [`create_transcript`](Self::create_transcript).
    #[instrument(name = "twilio.list_transcripts", skip_all, fields(%recording))]
    pub async fn transcripts_of(&self, recording: &RecordingId) -> Result<Vec<Transcript>> {
        let mut list = self.intelligence.product_url(&["v2", "Transcripts"]);
        list.query_pairs_mut().append_pair("SourceSid", known(recording)?.as_str());
        let found = self.intelligence.product_list::<wire::Transcript>("list transcripts", &list, PAGE_SIZE).await?;
        Ok(found.iter().filter_map(wire::Transcript::read).collect())
    }

    /// Reads a transcript, without its sentences.
    ///
    /// # Errors
    /// `NotFound` if there is none.
    #[instrument(name = "twilio.fetch_transcript", skip_all, fields(%transcript))]
    pub async fn transcript(&self, transcript: &TranscriptSid) -> Result<Transcript> {
        let operation = "fetch transcript";
        let known: wire::Transcript = self.intelligence.get(operation, self.transcript_url(transcript, &[])).await?;
        known.read().ok_or_else(|| unreadable(operation, Effect::Repeatable))
    }

    /// The sentences of a transcript in their order; `redacted` without personal data, if it
    /// [has](Transcript::is_redacted) such a version.
    ///
    /// # Errors
    /// `NotFound` if there is no such transcript; `Unsupported` for more than 50,000 sentences.
    #[instrument(name = "twilio.list_sentences", skip_all, fields(%transcript))]
    pub async fn sentences(&self, transcript: &TranscriptSid, redacted: bool) -> Result<Vec<Sentence>> {
        let mut list = self.transcript_url(transcript, &["Sentences"]);
        list.query_pairs_mut().append_pair("Redacted", if redacted { "true" } else { "false" });
        let found = self.intelligence.product_list::<wire::Sentence>("list sentences", &list, PAGE_SIZE).await?;
        let mut sentences: Vec<Sentence> = found.into_iter().map(wire::Sentence::read).collect();
        sentences.sort_by_key(|sentence| sentence.index);
        Ok(sentences)
    }

    /// Deletes a transcript with its sentences, and not the recording.
    ///
    /// # Errors
    /// `NotFound` if there is none.
    #[instrument(name = "twilio.delete_transcript", skip_all, fields(%transcript))]
    pub async fn delete_transcript(&self, transcript: &TranscriptSid) -> Result<()> {
        self.intelligence.delete("delete transcript", self.transcript_url(transcript, &[])).await
    }

    fn transcript_url(&self, transcript: &TranscriptSid, rest: &[&str]) -> Url {
        let parts: Vec<&str> =
            ["v2", "Transcripts", transcript.as_str()].into_iter().chain(rest.iter().copied()).collect();
        self.intelligence.product_url(&parts)
    }
}

fn known(recording: &RecordingId) -> Result<RecordingId> {
    recording_id(recording.as_str()).ok_or_else(|| invalid("recording", "a recording's SID"))
}

/// Reads a request whose authenticity was checked: JSON, or a form, of which nothing is confirmed.
///
/// # Errors
/// `Invalid` naming `transcript_sid`, or `event_type` for another event.
pub(super) fn available(request: &WebhookRequest<'_>) -> Result<TranscriptAvailable> {
    let told = wire::TranscriptWebhook::from_body(request.body);
    if told.event_type.is_some_and(|event| event != "voice_intelligence_transcript_available") {
        return Err(invalid("event_type", "voice_intelligence_transcript_available"));
    }
    let transcript = told.transcript_sid.and_then(|sid| sid.parse().ok());
    let transcript = transcript.ok_or_else(|| invalid("transcript_sid", "the transcript it is about"))?;
    Ok(TranscriptAvailable { transcript, service: told.service_sid.and_then(|sid| sid.parse().ok()) })
}
