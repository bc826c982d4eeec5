//! Transcripts of Conversational Intelligence: what is understood of a recording's channels.

use std::time::Duration;

use voicecall_core::CallTime;
use voicecall_core::audio::SAMPLE_RATE;

use super::{Sentence, Transcript};
use crate::twilio::exchange::Timer;
use crate::twilio::sid::sid;
use crate::twilio::webhook::Draft;
use crate::twilio::{Exchange, Method, WebhookKind};

/// How long a transcript takes from one status to the next.
const STEP: Duration = Duration::from_millis(250);

/// The language of every service here.
pub(super) const LANGUAGE: &str = "en-US";

impl Exchange {
    pub(in crate::twilio) fn add_transcript(&mut self, now: CallTime, transcript: Transcript) -> usize {
        self.transcriptions.transcripts.push(transcript);
        let place = self.transcriptions.transcripts.len() - 1;
        self.at(now + STEP, Timer::Transcript(place));
        place
    }

    /// A transcript comes one status further.
    pub(in crate::twilio) fn transcript_moves_on(&mut self, now: CallTime, place: usize) {
        let transcript = &mut self.transcriptions.transcripts[place];
        transcript.updated = now;
        match transcript.status {
            "queued" => {
                transcript.status = "in-progress";
                self.at(now + STEP, Timer::Transcript(place));
            }
            "in-progress" => {
                transcript.status = "completed";
                let recording = transcript.recording;
                let sentences = self.understood(recording);
                self.transcriptions.transcripts[place].sentences = sentences;
                self.tell_transcript(now, place);
            }
            _ => {}
        }
    }

    /// A sentence for each channel on which something is understood.
    fn understood(&mut self, recording: usize) -> Vec<Sentence> {
        let mut sentences = Vec::new();
        for channel in 0..self.recordings[recording].channels() {
            let audio = self.recordings[recording].channel(channel);
            if let Some((text, confidence)) = self.words(&audio, LANGUAGE) {
                let end = audio.len() as f64 / f64::from(SAMPLE_RATE);
                sentences.push(Sentence { sid: sid("GX", &mut self.rng), channel, text, confidence, end });
            }
        }
        sentences
    }

    fn tell_transcript(&mut self, now: CallTime, place: usize) {
        let Some(url) = self.options.transcripts_url.clone() else { return };
        let transcript = &self.transcriptions.transcripts[place];
        let form = [
            ("account_sid", self.options.accounts[transcript.account].sid.clone()),
            ("service_sid", transcript.service.clone()),
            ("transcript_sid", transcript.sid.clone()),
            ("customer_key", transcript.customer_key.clone().unwrap_or_default()),
            ("event_type", "voice_intelligence_transcript_available".to_owned()),
        ];
        let form = form.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
        let call = self.recordings[transcript.recording].call;
        let (sid, address) = (self.calls[call].sid.clone(), (url, Method::Post));
        self.webhook(now, call, Draft { call: &sid, kind: WebhookKind::Transcript, address: &address, form });
    }
}
