//! Recordings: starting, pausing, ending, listing, their audio, deleting.

use serde_json::Value;
use voicecall_core::CallTime;

use super::create::recording_settings;
use super::{Answered, Fields, Refusal, RestReply, RestRequest, plain, refused};
use crate::fault::Site;
use crate::twilio::recordings::{Recording, RecordingState};
use crate::twilio::{CallStatus, Exchange, json};

/// What a request about recordings asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum RecordingOperation {
    Start { call: usize },
    List { account: usize, call: Option<usize> },
    Fetch(usize),
    Change(usize),
    Audio(usize),
    Delete(usize),
}

impl RecordingOperation {
    pub(super) const fn site(self) -> Site {
        match self {
            Self::List { .. } | Self::Fetch(_) | Self::Audio(_) => Site::RestFetch,
            Self::Start { .. } | Self::Change(_) | Self::Delete(_) => Site::RestUpdate,
        }
    }
}

/// Whether a path names the audio of a recording.
pub(super) fn is_audio(path: &str) -> bool {
    path.contains("/Recordings/") && path.ends_with(".wav")
}

impl Exchange {
    pub(super) fn recordings_of_call(
        &self,
        call: usize,
        method: &str,
        rest: &[&str],
        request: &RestRequest,
    ) -> Result<RecordingOperation, Refusal> {
        let known = |sid: &str| self.recording_of(call, sid).ok_or_else(|| Refusal::not_found(&request.path));
        match (method, rest) {
            ("POST", []) => Ok(RecordingOperation::Start { call }),
            ("GET", []) => Ok(RecordingOperation::List { account: self.calls[call].account, call: Some(call) }),
            ("POST", [sid]) => Ok(RecordingOperation::Change(known(sid)?)),
            ("GET", [sid]) => Ok(RecordingOperation::Fetch(known(sid)?)),
            ("DELETE", [sid]) => Ok(RecordingOperation::Delete(known(sid)?)),
            _ => Err(Refusal::new(405, 20004, "Method not allowed")),
        }
    }

    pub(super) fn recordings_of_account(
        &self,
        account: usize,
        method: &str,
        rest: &[&str],
        request: &RestRequest,
    ) -> Result<RecordingOperation, Refusal> {
        let ours = |recording: &Recording| self.calls[recording.call].account == account && !recording.deleted;
        let known = |sid: &str| {
            let found = self.recordings.iter().position(|recording| recording.sid == sid && ours(recording));
            found.ok_or_else(|| Refusal::not_found(&request.path))
        };
        match (method, rest) {
            ("GET", []) => Ok(RecordingOperation::List { account, call: None }),
            ("GET", [sid]) if is_audio(&request.path) => Ok(RecordingOperation::Audio(known(sid)?)),
            ("GET", [sid]) => Ok(RecordingOperation::Fetch(known(sid)?)),
            ("DELETE", [sid]) => Ok(RecordingOperation::Delete(known(sid)?)),
            _ => Err(Refusal::new(405, 20004, "Method not allowed")),
        }
    }

    pub(super) fn recordings_request(
        &mut self,
        now: CallTime,
        operation: RecordingOperation,
        request: &RestRequest,
    ) -> Answered {
        let fields = Fields(&request.form);
        match operation {
            RecordingOperation::Start { call } => {
                if self.calls[call].status != CallStatus::InProgress {
                    return Err(Refusal::new(400, 21220, "Requested resource is not eligible for recording"));
                }
                let settings = recording_settings(&fields, self.options.allow_loopback, false)?;
                let recording = self.record(now, call, "StartCallRecordingAPI", None, settings);
                Ok((201, Some(json::recording(self, &self.recordings[recording]))))
            }
            RecordingOperation::Change(recording) => {
                self.change_recording(now, recording, &fields)?;
                Ok((200, Some(json::recording(self, &self.recordings[recording]))))
            }
            RecordingOperation::Fetch(recording) | RecordingOperation::Audio(recording) => {
                Ok((200, Some(json::recording(self, &self.recordings[recording]))))
            }
            RecordingOperation::Delete(recording) => {
                if self.recordings[recording].state.is_open() {
                    return Err(Refusal::new(409, 20409, "A recording that goes on cannot be deleted"));
                }
                self.recordings[recording].deleted = true;
                Ok((204, None))
            }
            RecordingOperation::List { account, call } => self.list_recordings(account, call, request),
        }
    }

    fn change_recording(&mut self, now: CallTime, index: usize, fields: &Fields<'_>) -> Result<(), Refusal> {
        let state = self.recordings[index].state;
        if !state.is_open() {
            return Err(Refusal::new(400, 21220, "The recording is not in progress"));
        }
        match fields.get("Status") {
            Some("paused") => {
                let silence = fields.get("PauseBehavior").is_none_or(|gap| gap == "silence");
                self.recordings[index].state = RecordingState::Paused { silence };
            }
            Some("in-progress") => self.recordings[index].state = RecordingState::InProgress,
            Some("stopped") => self.stop_recording(now, index),
            _ => return Err(Refusal::new(400, 20001, "Status must be paused, in-progress or stopped")),
        }
        Ok(())
    }

    fn list_recordings(&self, account: usize, call: Option<usize>, request: &RestRequest) -> Answered {
        let fields = Fields(&request.query);
        let (size, page) = (fields.number("PageSize", 50)?.clamp(1, 1000), fields.number("Page", 0)?);
        let wanted = |recording: &&Recording| {
            let of = &self.calls[recording.call];
            of.account == account
                && call.is_none_or(|call| call == recording.call)
                && fields.get("CallSid").is_none_or(|sid| sid == of.sid)
                && !recording.deleted
        };
        let found: Vec<Value> =
            self.recordings.iter().rev().filter(wanted).map(|recording| json::recording(self, recording)).collect();
        Ok((200, Some(json::page("recordings", &request.path, "", &found, page, size))))
    }

    /// A recording's audio, as the file it is.
    pub(super) fn audio(&self, index: usize, query: &[(String, String)]) -> RestReply {
        let recording = &self.recordings[index];
        if recording.state != RecordingState::Completed {
            return refused(&Refusal::new(404, 20404, "The recording's audio is not there"));
        }
        let channels = if Fields(query).get("RequestedChannels") == Some("2") { 2 } else { 1 };
        RestReply { content_type: "audio/x-wav", ..plain(200, recording.wav(channels)) }
    }
}
