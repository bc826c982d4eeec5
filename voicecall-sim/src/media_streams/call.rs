//! One call as a machine that is told the time: phone, caller and measurements.

use std::time::Duration;

use voicecall_core::CallTime;
use voicecall_core::audio::Frame;

use super::figures::Figures;
use super::report::{Audio, CallEnd, CallReport, Marks, ProtocolError, SilentGap, Speech, millis};
use crate::caller::ScriptedCaller;
use crate::phone::{IllegalMessage, MediaStats, Party as _, PartyAction, Phone, PhoneOptions};
use crate::twilio::{StreamWire, error_code};

/// A call whose socket is open.
#[derive(Debug)]
pub(super) struct Call {
    phone: Phone,
    caller: ScriptedCaller,
    figures: Figures,
    protocol_errors: Vec<ProtocolError>,
    time_limit: Duration,
    /// How the call ended, and when.
    end: Option<(CallEnd, CallTime)>,
}

impl Call {
    /// The socket is open: `connected` and `start` go out.
    pub(super) fn open(wire: StreamWire, caller: ScriptedCaller, time_limit: Duration) -> Self {
        Self {
            phone: Phone::open(CallTime::ZERO, Box::new(wire), PhoneOptions::default()),
            caller,
            figures: Figures::default(),
            protocol_errors: Vec::new(),
            time_limit,
            end: None,
        }
    }

    /// The server sent a text message.
    pub(super) fn receive(&mut self, now: CallTime, text: &str) {
        self.phone.receive(now, text);
        self.account(now);
    }

    /// The server sent a binary message.
    pub(super) fn receive_binary(&mut self, now: CallTime) {
        self.phone.receive_binary(now);
        self.account(now);
    }

    /// Twenty milliseconds: what the caller said in those that end now, and hears in those that begin now.
    pub(super) fn tick(&mut self, now: CallTime) {
        if self.end.is_some() {
            return;
        }
        let mut spoken = Frame::SILENCE;
        match self.caller.speak(now) {
            PartyAction::Speak(frame) => {
                spoken = frame;
                self.phone.speak(frame);
            }
            PartyAction::Press(key) => self.phone.press(now, key),
            PartyAction::HangUp => return self.hang_up(now, CallEnd::Caller),
            PartyAction::Listen => {}
        }
        self.figures.spoke(now, self.caller.saying().map(|text| (text, &spoken)));
        let heard = self.phone.tick(now);
        self.figures.heard(now, &heard);
        self.caller.hear(now, &heard);
        if now >= CallTime::ZERO + self.time_limit {
            self.hang_up(now, CallEnd::TimeLimit);
        }
    }

    /// The server's side ended.
    pub(super) fn closed(&mut self, now: CallTime, end: CallEnd) {
        if self.end.is_none() {
            self.caller.ended(now);
            self.end = Some((end, now));
        }
    }

    /// The next message to the server that is due by `now`.
    pub(super) fn pop(&mut self, now: CallTime) -> Option<String> {
        self.phone.pop(now)
    }

    /// When [`pop`](Self::pop) is worth calling again, if before the next tick.
    pub(super) fn next_due(&self) -> Option<CallTime> {
        self.phone.next_due()
    }

    pub(super) const fn is_over(&self) -> bool {
        self.end.is_some()
    }

    /// Fills in what the call was like.
    pub(super) fn report(self, report: &mut CallReport) {
        let (end, at) = self.end.unwrap_or((CallEnd::TimeLimit, CallTime::ZERO));
        let stats = self.phone.stats();
        let transcript = self.caller.log().heard();
        report.connected = true;
        report.duration_ms = millis(at);
        report.end = end;
        report.first_audio_ms = self.figures.first_audio().map(millis);
        report.turns = self.figures.turns(at);
        report.gaps = gaps(&stats);
        report.marks = Marks { sent: stats.marks_received, returned: stats.marks };
        report.clears = self.figures.clears();
        report.audio = audio(&stats);
        report.agent = Speech {
            utterances: self.figures.utterances(),
            speech_ms: millis(CallTime::ZERO + self.figures.agent_speech()),
            transcript: Some(transcript).filter(|text| !text.is_empty()),
        };
        report.protocol_errors = self.protocol_errors;
    }

    fn hang_up(&mut self, now: CallTime, end: CallEnd) {
        self.phone.hang_up(now);
        self.closed(now, end);
    }

    /// Notes what a message of the server did besides bringing audio.
    fn account(&mut self, now: CallTime) {
        for complaint in self.phone.take_complaints() {
            self.complain(now, complaint);
        }
        for _ in self.figures.clears()..usize::try_from(self.phone.stats().clears).unwrap_or(usize::MAX) {
            self.figures.cleared(now);
        }
    }

    fn complain(&mut self, now: CallTime, kind: IllegalMessage) {
        match self.protocol_errors.iter_mut().find(|error| error.kind == kind) {
            Some(error) => error.count += 1,
            None => {
                let error = ProtocolError { kind, code: error_code(kind), count: 1, first_ms: millis(now) };
                self.protocol_errors.push(error);
            }
        }
    }
}

fn gaps(stats: &MediaStats) -> Vec<SilentGap> {
    let gap = |gap: &crate::phone::Gap| SilentGap { at_ms: millis(gap.at), length_ms: playing_time(gap.samples) };
    stats.gaps.iter().map(gap).collect()
}

fn audio(stats: &MediaStats) -> Audio {
    Audio {
        received_ms: playing_time(stats.received),
        played_ms: playing_time(stats.heard),
        cleared_ms: playing_time(stats.cleared),
        unplayed_ms: playing_time(stats.buffered),
        max_buffered_ms: playing_time(stats.max_buffered),
    }
}

fn playing_time(samples: u64) -> u64 {
    millis(CallTime::from_samples(samples))
}
