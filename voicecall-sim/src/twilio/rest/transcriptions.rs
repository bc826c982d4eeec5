//! Transcriptions in the 2010 API: live ones of calls, and those of recordings.

use serde_json::Value;
use voicecall_core::CallTime;

use super::{Answered, Fields, Refusal, RestRequest};
use crate::fault::Site;
use crate::twilio::sid::sid;
use crate::twilio::transcriptions::{self, Live, OfRecording};
use crate::twilio::{CallStatus, Exchange, json};

/// What a request about transcriptions asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum TranscriptionOperation {
    Start(usize),
    Stop(usize),
    List { account: usize, recording: Option<usize> },
    Fetch(usize),
    Delete(usize),
}

impl TranscriptionOperation {
    pub(super) const fn site(self) -> Site {
        match self {
            Self::List { .. } | Self::Fetch(_) => Site::RestFetch,
            Self::Start(_) | Self::Stop(_) | Self::Delete(_) => Site::RestUpdate,
        }
    }
}

impl Exchange {
    pub(super) fn transcriptions_of_call(
        &self,
        call: usize,
        method: &str,
        rest: &[&str],
        request: &RestRequest,
    ) -> Result<TranscriptionOperation, Refusal> {
        match (method, rest) {
            ("POST", []) => Ok(TranscriptionOperation::Start(call)),
            ("POST", [name]) => {
                let is_it = |it: &Live| it.call == call && (it.sid == *name || it.name.as_deref() == Some(*name));
                let place = self.transcriptions.live.iter().position(is_it);
                place.map(TranscriptionOperation::Stop).ok_or_else(|| Refusal::not_found(&request.path))
            }
            _ => Err(Refusal::new(405, 20004, "Method not allowed")),
        }
    }

    pub(super) fn transcriptions_of_account(
        &self,
        account: usize,
        recording: Option<&str>,
        method: &str,
        rest: &[&str],
        request: &RestRequest,
    ) -> Result<TranscriptionOperation, Refusal> {
        let not_found = || Refusal::not_found(&request.path);
        let is_ours = |recording: usize| self.calls[self.recordings[recording].call].account == account;
        let known = |wanted: &str| {
            let place = self.recordings.iter().position(|it| it.sid == wanted && !it.deleted);
            place.filter(|&place| is_ours(place)).ok_or_else(not_found)
        };
        let recording = recording.map(known).transpose()?;
        let place = |sid: &str| {
            let is_it = |it: &OfRecording| {
                it.sid == sid && !it.deleted && is_ours(it.recording) && recording.is_none_or(|of| of == it.recording)
            };
            self.transcriptions.of_recordings.iter().position(is_it).ok_or_else(not_found)
        };
        match (method, rest) {
            ("GET", []) => Ok(TranscriptionOperation::List { account, recording }),
            ("GET", [sid]) => Ok(TranscriptionOperation::Fetch(place(sid)?)),
            ("DELETE", [sid]) => Ok(TranscriptionOperation::Delete(place(sid)?)),
            (_, [] | [_]) => Err(Refusal::new(405, 20004, "Method not allowed")),
            _ => Err(not_found()),
        }
    }

    pub(super) fn transcriptions_request(
        &mut self,
        now: CallTime,
        operation: TranscriptionOperation,
        request: &RestRequest,
    ) -> Answered {
        let shown =
            |exchange: &Self, place: usize| Some(transcriptions::live(exchange, &exchange.transcriptions.live[place]));
        match operation {
            TranscriptionOperation::Start(call) => {
                let live = self.live_transcription(now, call, &Fields(&request.form))?;
                let place = self.start_transcription(now, live);
                Ok((200, shown(self, place)))
            }
            TranscriptionOperation::Stop(place) => {
                if Fields(&request.form).get("Status") != Some("stopped") {
                    return Err(Refusal::new(400, 20001, "Status must be stopped"));
                }
                self.stop_transcription(now, place);
                Ok((200, shown(self, place)))
            }
            TranscriptionOperation::List { account, recording } => {
                let fields = Fields(&request.query);
                let (size, page) = (fields.number("PageSize", 50)?.clamp(1, 1000), fields.number("Page", 0)?);
                let is_wanted = |it: &&OfRecording| {
                    let of = self.calls[self.recordings[it.recording].call].account;
                    !it.deleted && of == account && recording.is_none_or(|of| of == it.recording)
                };
                let all = self.transcriptions.of_recordings.iter().filter(is_wanted);
                let all: Vec<Value> = all.map(|it| transcriptions::of_recording(self, it)).collect();
                Ok((200, Some(json::page("transcriptions", &request.path, "", &all, page, size))))
            }
            TranscriptionOperation::Fetch(place) => {
                Ok((200, Some(transcriptions::of_recording(self, &self.transcriptions.of_recordings[place]))))
            }
            TranscriptionOperation::Delete(place) => {
                self.transcriptions.of_recordings[place].deleted = true;
                Ok((204, None))
            }
        }
    }

    fn live_transcription(&mut self, now: CallTime, call: usize, fields: &Fields<'_>) -> Result<Live, Refusal> {
        if self.calls[call].status != CallStatus::InProgress {
            return Err(Refusal::new(400, 21220, "Call is not in-progress. Cannot start transcription."));
        }
        let track = fields.get("Track").unwrap_or("both_tracks").to_owned();
        if !["inbound_track", "outbound_track", "both_tracks"].contains(&&*track) {
            return Err(Refusal::new(400, 20001, "Track is not valid"));
        }
        let engine = fields.get("TranscriptionEngine").unwrap_or("google").to_owned();
        if !["google", "deepgram"].contains(&&*engine) {
            return Err(Refusal::new(400, 20001, "TranscriptionEngine is not valid"));
        }
        Ok(Live {
            sid: sid("GT", &mut self.rng),
            call,
            name: fields.get("Name").map(str::to_owned),
            track,
            partial: fields.get("PartialResults") == Some("true"),
            callback: fields.address("StatusCallbackUrl", 21609, self.options.allow_loopback)?,
            language: fields.get("LanguageCode").unwrap_or("en-US").to_owned(),
            engine,
            model: fields.get("SpeechModel").map(str::to_owned),
            stopped: false,
            told: 0,
            updated: now,
        })
    }
}
