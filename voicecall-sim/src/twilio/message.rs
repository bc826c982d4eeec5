//! `<Record>`: a message after a beep.

use std::time::Duration;

use voicecall_core::CallTime;
use voicecall_core::audio::{FRAME_DURATION, Frame};

use super::call::Doing;
use super::twiml::{Address, RecordVerb};
use super::webhook::Draft;
use super::{Exchange, Method, WebhookKind};
use crate::phone::is_audible;
use crate::phone::{Sound, beep};

/// A message that is being left.
#[derive(Debug)]
pub(super) struct Message {
    verb: RecordVerb,
    beep: Option<Sound>,
    /// There once the beep is over.
    recording: Option<usize>,
    length: Duration,
    silence: Duration,
}

impl Exchange {
    pub(super) fn take_message(&mut self, index: usize, verb: RecordVerb) {
        let beep = verb.beep.then(|| Sound::new(beep(), 1));
        let message = Message { verb, beep, recording: None, length: Duration::ZERO, silence: Duration::ZERO };
        self.calls[index].doing = Doing::Recording(Box::new(message));
    }

    /// Twenty milliseconds of a `<Record>`; returns what the caller hears.
    pub(super) fn message_tick(&mut self, now: CallTime, index: usize, key: Option<char>, spoken: &Frame) -> Frame {
        let Doing::Recording(message) = &mut self.calls[index].doing else { return Frame::SILENCE };
        if let Some(sound) = &mut message.beep {
            let heard = sound.take();
            if sound.is_over() {
                message.beep = None;
            }
            return heard;
        }
        if message.recording.is_none() {
            let settings = message.verb.settings.clone();
            let recording = self.record(now, index, "RecordVerb", None, settings);
            if let Doing::Recording(message) = &mut self.calls[index].doing {
                message.recording = Some(recording);
            }
            return Frame::SILENCE;
        }
        message.length += FRAME_DURATION;
        message.silence = if is_audible(spoken.as_bytes()) { Duration::ZERO } else { message.silence + FRAME_DURATION };
        let ended_by_key = key.filter(|key| message.verb.finish_on_keys.contains(*key));
        let over = message.length >= message.verb.max_length || message.silence >= message.verb.timeout;
        if over || ended_by_key.is_some() {
            self.finish_message(now, index, ended_by_key.map(String::from).unwrap_or_default());
        }
        Frame::SILENCE
    }

    /// Ends a message that is being left and tells of it, unless nothing was said. `digits` says what ended it.
    pub(super) fn finish_message(&mut self, now: CallTime, index: usize, digits: String) {
        let Doing::Recording(message) = &mut self.calls[index].doing else { return };
        let (recording, action) = (message.recording, message.verb.action.clone());
        self.calls[index].doing = Doing::Nothing;
        let Some(recording) = recording else {
            return self.next_verb(now, index);
        };
        self.stop_recording(now, recording);
        if !self.recordings[recording].has_speech() {
            return self.next_verb(now, index);
        }
        let mut fields = self.recording_form(recording);
        fields.push(("Digits".to_owned(), digits));
        let fields: Vec<(&str, String)> = fields.iter().map(|(name, value)| (name.as_str(), value.clone())).collect();
        self.ask_action(now, index, action.as_ref(), &fields);
    }

    /// The recording of a message that is being left while the call ends, if something was said, and whom to tell.
    pub(super) fn unfinished_message(&mut self, now: CallTime, index: usize) -> Option<(usize, Option<Address>)> {
        let Doing::Recording(message) = &self.calls[index].doing else { return None };
        let (recording, action) = (message.recording?, message.verb.action.clone());
        self.calls[index].doing = Doing::Nothing;
        self.stop_recording(now, recording);
        self.recordings[recording].has_speech().then_some((recording, action))
    }

    /// Tells of a message that ended with the call.
    pub(super) fn message_hung_up(&mut self, now: CallTime, index: usize, recording: usize, action: Option<Address>) {
        let action = action.unwrap_or_else(|| (String::new(), Method::Post));
        let address = self.resolved(index, action);
        let call = &self.calls[index];
        let mut form = call.form(&self.options.accounts[call.account].sid);
        form.extend(self.recording_form(recording));
        form.push(("Digits".to_owned(), "hangup".to_owned()));
        let sid = call.sid.clone();
        self.webhook(now, index, Draft { call: &sid, kind: WebhookKind::Voice, address: &address, form });
    }
}
