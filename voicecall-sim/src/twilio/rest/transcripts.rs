//! Transcripts in the interface of Conversational Intelligence.

use serde_json::Value;
use voicecall_core::CallTime;

use super::{Answered, Fields, Refusal, RestRequest, product};
use crate::twilio::Exchange;
use crate::twilio::recordings::RecordingState;
use crate::twilio::sid::sid;
use crate::twilio::transcriptions::{self, Transcript};

const HOST: &str = "intelligence.twilio.com";

impl Exchange {
    pub(super) fn transcripts_request(
        &mut self,
        now: CallTime,
        account: usize,
        rest: &[&str],
        request: &RestRequest,
    ) -> Answered {
        let place = |sid: &str| {
            let is_it = |it: &Transcript| it.sid == sid && it.account == account && !it.deleted;
            let place = self.transcriptions.transcripts.iter().position(is_it);
            place.ok_or_else(|| Refusal::not_found(&request.path))
        };
        let shown = |exchange: &Self, place: usize| {
            Some(transcriptions::transcript(exchange, &exchange.transcriptions.transcripts[place]))
        };
        match (request.method.as_str(), rest) {
            ("POST", []) => {
                let made = self.new_transcript(now, account, &Fields(&request.form))?;
                let place = self.add_transcript(now, made);
                Ok((202, shown(self, place)))
            }
            ("GET", []) => {
                let source = Fields(&request.query).get("SourceSid");
                let is_wanted = |it: &&Transcript| {
                    let recording = &self.recordings[it.recording].sid;
                    it.account == account && !it.deleted && source.is_none_or(|source| source == recording)
                };
                let all = self.transcriptions.transcripts.iter().rev().filter(is_wanted);
                let all: Vec<Value> = all.map(|it| transcriptions::transcript(self, it)).collect();
                product::page(HOST, "transcripts", request, &all, 1000)
            }
            ("GET", [sid]) => Ok((200, shown(self, place(sid)?))),
            ("DELETE", [sid]) => {
                let place = place(sid)?;
                self.transcriptions.transcripts[place].deleted = true;
                Ok((204, None))
            }
            ("GET", [sid, "Sentences"]) => {
                let sentences = self.transcriptions.transcripts[place(sid)?].sentences.iter().enumerate();
                let all: Vec<Value> = sentences.map(|(index, it)| transcriptions::sentence(index, it)).collect();
                product::page(HOST, "sentences", request, &all, 5000)
            }
            _ => Err(Refusal::not_found(&request.path)),
        }
    }

    fn new_transcript(&mut self, now: CallTime, account: usize, fields: &Fields<'_>) -> Result<Transcript, Refusal> {
        let refuse = |text: &str| Refusal::new(400, 20001, text);
        let service = fields.get("ServiceSid").filter(|sid| sid.starts_with("GA") && sid.len() == 34);
        let service = service.ok_or_else(|| refuse("ServiceSid is not valid"))?.to_owned();
        let channel = fields.get("Channel").and_then(|text| serde_json::from_str::<Value>(text).ok());
        let channel = channel.ok_or_else(|| refuse("Channel must be JSON"))?;
        let source = channel.pointer("/media_properties/source_sid").and_then(Value::as_str).unwrap_or_default();
        let recording = self.recordings.iter().position(|it| {
            let is_there = it.state == RecordingState::Completed && !it.deleted;
            it.sid == source && is_there && self.calls[it.call].account == account
        });
        let recording = recording.ok_or_else(|| refuse("Channel names no recording whose audio is there"))?;
        Ok(Transcript {
            sid: sid("GT", &mut self.rng),
            account,
            service,
            recording,
            customer_key: fields.get("CustomerKey").map(str::to_owned),
            status: "queued",
            sentences: Vec::new(),
            created: now,
            updated: now,
            deleted: false,
        })
    }
}
