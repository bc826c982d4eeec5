//! What the carrier writes down of calls: while they are on, and of their recordings.

mod json;
mod live;
mod transcripts;

use voicecall_core::CallTime;

pub(super) use self::json::{live, of_recording, sentence, transcript};
use super::Exchange;
use super::sid::sid;

/// All transcriptions. Entries are only ever added, so an index stays valid.
#[derive(Debug, Default)]
pub(super) struct Transcriptions {
    pub(super) live: Vec<Live>,
    pub(super) of_recordings: Vec<OfRecording>,
    pub(super) transcripts: Vec<Transcript>,
}

/// A live transcription.
#[derive(Debug, Clone)]
pub(super) struct Live {
    pub(super) sid: String,
    pub(super) call: usize,
    pub(super) name: Option<String>,
    /// `inbound_track`, `outbound_track` or `both_tracks`.
    pub(super) track: String,
    pub(super) partial: bool,
    pub(super) callback: Option<(String, super::Method)>,
    pub(super) language: String,
    pub(super) engine: String,
    pub(super) model: Option<String>,
    pub(super) stopped: bool,
    /// Events told so far.
    pub(super) told: u64,
    pub(super) updated: CallTime,
}

/// A transcription of a recording.
#[derive(Debug, Clone)]
pub(super) struct OfRecording {
    pub(super) sid: String,
    pub(super) recording: usize,
    /// None if nothing could be understood.
    pub(super) text: Option<String>,
    pub(super) created: CallTime,
    pub(super) deleted: bool,
}

/// A transcript of Conversational Intelligence.
#[derive(Debug, Clone)]
pub(super) struct Transcript {
    pub(super) sid: String,
    pub(super) account: usize,
    pub(super) service: String,
    pub(super) recording: usize,
    pub(super) customer_key: Option<String>,
    pub(super) status: &'static str,
    pub(super) sentences: Vec<Sentence>,
    pub(super) created: CallTime,
    pub(super) updated: CallTime,
    pub(super) deleted: bool,
}

/// What was understood of one channel.
#[derive(Debug, Clone)]
pub(super) struct Sentence {
    pub(super) sid: String,
    pub(super) channel: u8,
    pub(super) text: String,
    pub(super) confidence: f32,
    /// In seconds.
    pub(super) end: f64,
}

impl Exchange {
    /// The carrier has transcribed a recording, as a call's instructions asked for: to a text, or to nothing. Returns the
    /// transcription's sid if there is such a recording.
    pub fn recording_transcribed(&mut self, now: CallTime, recording: &str, text: Option<&str>) -> Option<String> {
        self.advance(now);
        let recording = self.recordings.iter().position(|known| known.sid == recording)?;
        let sid = sid("TR", &mut self.rng);
        let text = text.map(str::to_owned);
        let of_recording = OfRecording { sid: sid.clone(), recording, text, created: now, deleted: false };
        self.transcriptions.of_recordings.push(of_recording);
        Some(sid)
    }
}
