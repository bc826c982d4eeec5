//! Transcriptions of recordings that a call's instructions asked for. Twilio makes no new ones by request; the newer
//! [transcripts](super::Transcript) are.

use std::time::Duration;

use jiff::Timestamp;
use tracing::instrument;
use voicecall_core::carrier::{CallPrice, RecordingId};
use voicecall_core::{Result, text_enum};

use super::client::invalid;
use super::{RecordingTranscriptionSid, TwilioTranscriptions};
use crate::failure::{Effect, unreadable};
use crate::recording::recording_id;
use crate::sid::debug_without_content;
use crate::wire::transcriptions as wire;

text_enum! {
    /// How far it has come.
    TranscriptionStatus, "status" {
        /// It is being made.
        InProgress = "in-progress",
        /// It is there.
        Completed = "completed",
        /// There will be none.
        Failed = "failed",
    }
}

/// A transcription of a recording.
#[derive(Clone, PartialEq)]
#[non_exhaustive]
pub struct RecordingTranscription {
    /// Its name at Twilio.
    pub sid: RecordingTranscriptionSid,
    /// The recording.
    pub recording: Option<RecordingId>,
    /// How far it has come. A word this version does not know counts as in progress.
    pub status: TranscriptionStatus,
    /// The words, once it is completed.
    pub text: Option<String>,
    /// How long the audio is.
    pub duration: Option<Duration>,
    /// What it cost, once that is known.
    pub price: Option<CallPrice>,
    /// When it was ordered.
    pub created_at: Option<Timestamp>,
}

debug_without_content!(RecordingTranscription: sid, recording, status, duration, price, created_at);

impl TwilioTranscriptions {
    /// The transcriptions of a recording.
    ///
    /// # Errors
    /// `Invalid` naming `recording` for one that cannot be one; `NotFound` if there is no such recording.
    #[instrument(name = "twilio.list_transcriptions", skip_all, fields(%recording))]
    pub async fn of_recording(&self, recording: &RecordingId) -> Result<Vec<RecordingTranscription>> {
        let recording = recording_id(recording.as_str()).ok_or_else(|| invalid("recording", "a recording's SID"))?;
        let url = self.client.url(&format!("/Recordings/{recording}/Transcriptions.json"))?;
        self.client.account_list("list transcriptions", url, wire::RecordingTranscription::read).await
    }

    /// Reads one transcription of a recording.
    ///
    /// # Errors
    /// `NotFound` if there is none.
    #[instrument(name = "twilio.fetch_transcription", skip_all, fields(%transcription))]
    pub async fn fetch(&self, transcription: &RecordingTranscriptionSid) -> Result<RecordingTranscription> {
        let operation = "fetch transcription";
        let url = self.client.url(&format!("/Transcriptions/{transcription}.json"))?;
        let known: wire::RecordingTranscription = self.client.get(operation, url).await?;
        known.read().ok_or_else(|| unreadable(operation, Effect::Repeatable))
    }

    /// Deletes a transcription of a recording, and not the recording.
    ///
    /// # Errors
    /// `NotFound` if there is none.
    #[instrument(name = "twilio.delete_transcription", skip_all, fields(%transcription))]
    pub async fn delete(&self, transcription: &RecordingTranscriptionSid) -> Result<()> {
        self.client
            .delete("delete transcription", self.client.url(&format!("/Transcriptions/{transcription}.json"))?)
            .await
    }
}
