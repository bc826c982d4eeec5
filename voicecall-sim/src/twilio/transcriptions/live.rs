//! Live transcriptions: what they tell while the call is on.

use serde_json::json;
use voicecall_core::CallTime;

use super::Live;
use crate::twilio::webhook::Draft;
use crate::twilio::{Exchange, WebhookKind};

/// How sure the carrier is of final words, and how stable others are.
const CONFIDENCE: f64 = 0.98;
const STABILITY: f64 = 0.8;

impl Exchange {
    /// The carrier has understood something that was said in a call: by the person (`inbound`), or to them. Whoever
    /// transcribes that track is told; of words that are not final, only who asked for them.
    pub fn transcribed(&mut self, now: CallTime, call: &str, inbound: bool, text: &str, is_final: bool) {
        self.advance(now);
        let track = if inbound { "inbound_track" } else { "outbound_track" };
        let hears =
            |it: &Live| !it.stopped && (it.track == "both_tracks" || it.track == track) && (is_final || it.partial);
        let Some(&index) = self.calls_by_sid.get(call) else { return };
        let all = self.transcriptions.live.iter().enumerate();
        let told: Vec<usize> = all.filter(|(_, it)| it.call == index && hears(it)).map(|(place, _)| place).collect();
        for place in told {
            let data = if is_final {
                json!({"transcript": text, "confidence": CONFIDENCE})
            } else {
                json!({"transcript": text})
            };
            let mut fields = vec![
                ("Track", track.to_owned()),
                ("TranscriptionData", data.to_string()),
                ("Final", is_final.to_string()),
            ];
            if !is_final {
                fields.push(("Stability", STABILITY.to_string()));
            }
            self.tell_transcription(now, place, "transcription-content", fields);
        }
    }

    pub(in crate::twilio) fn start_transcription(&mut self, now: CallTime, live: Live) -> usize {
        let configuration =
            json!({"profanityFilter": true, "speechModel": live.model, "enableAutomaticPunctuation": true});
        let (track, engine) = (live.track.clone(), live.engine.clone());
        self.transcriptions.live.push(live);
        let place = self.transcriptions.live.len() - 1;
        let fields = vec![
            ("Track", track),
            ("TranscriptionEngine", engine),
            ("ProviderConfiguration", configuration.to_string()),
        ];
        self.tell_transcription(now, place, "transcription-started", fields);
        place
    }

    pub(in crate::twilio) fn stop_transcription(&mut self, now: CallTime, place: usize) {
        let live = &mut self.transcriptions.live[place];
        if !std::mem::replace(&mut live.stopped, true) {
            live.updated = now;
            self.tell_transcription(now, place, "transcription-stopped", Vec::new());
        }
    }

    /// Ends those of a call that is over.
    pub(in crate::twilio) fn stop_transcriptions(&mut self, now: CallTime, call: usize) {
        let all = self.transcriptions.live.iter().enumerate();
        let of_call: Vec<usize> = all.filter(|(_, it)| it.call == call).map(|(place, _)| place).collect();
        of_call.into_iter().for_each(|place| self.stop_transcription(now, place));
    }

    fn tell_transcription(&mut self, now: CallTime, place: usize, event: &str, fields: Vec<(&str, String)>) {
        let live = &mut self.transcriptions.live[place];
        live.told += 1;
        let (live, call) = (live.clone(), &self.calls[live.call]);
        let Some(address) = live.callback else { return };
        let common = [
            ("AccountSid", self.options.accounts[call.account].sid.clone()),
            ("CallSid", call.sid.clone()),
            ("TranscriptionSid", live.sid),
            ("TranscriptionEvent", event.to_owned()),
            ("LanguageCode", live.language),
            ("Timestamp", self.timestamp(now).to_string()),
            ("SequenceId", live.told.to_string()),
        ];
        let form = common.into_iter().chain(fields).map(|(name, value)| (name.to_owned(), value)).collect();
        let sid = call.sid.clone();
        self.webhook(now, live.call, Draft { call: &sid, kind: WebhookKind::Transcription, address: &address, form });
    }
}
