//! The telephone side: dialling, ringing, the 20 ms of every call, the end.

use std::time::Duration;

use voicecall_core::CallTime;
use voicecall_core::audio::{FRAME_DURATION, Frame};

use super::call::{Call, Doing, Instructions, Progress};
use super::exchange::Timer;
use super::sid::sid;
use super::{CallStatus, Direction, Exchange, LogEvent, StreamEnd};
use crate::phone::{Answer, Party, PartyAction, Ring};

/// The carrier's longest call.
const DEFAULT_TIME_LIMIT: Duration = Duration::from_secs(4 * 3600);

impl Exchange {
    /// Somebody calls one of the accounts' numbers. Returns the call's sid, or nothing if no account has that number
    /// or nothing answers it.
    pub fn call_in(&mut self, now: CallTime, from: &str, to: &str, party: Box<dyn Party>) -> Option<String> {
        self.advance(now);
        let (account, number) = self.number_that_answers(to)?;
        let index = self.come_in(now, account, number, from)?;
        self.calls[index].party = Some(party);
        self.ask(now, index);
        Some(self.calls[index].sid.clone())
    }

    pub(super) fn new_call(
        &mut self,
        now: CallTime,
        account: usize,
        to: &str,
        from: &str,
        direction: Direction,
        instructions: Instructions,
    ) -> Call {
        Call {
            sid: sid("CA", &mut self.rng),
            account,
            to: to.to_owned(),
            from: from.to_owned(),
            direction,
            parent: None,
            far_end: None,
            peer: None,
            place: None,
            spoken: Frame::SILENCE,
            heard: Frame::SILENCE,
            digits: None,
            detection: None,
            answered_by: None,
            record: None,
            recording: None,
            parent_sid: None,
            status: CallStatus::Queued,
            created: now,
            updated: now,
            dialled: None,
            answered: None,
            ended: None,
            is_priced: false,
            sip_response: None,
            instructions,
            fallback: None,
            status_callback: None,
            reports: 0,
            held_report: None,
            ring_timeout: Duration::from_secs(60),
            time_limit: DEFAULT_TIME_LIMIT,
            party: None,
            ticks: 0,
            doing: Doing::Nothing,
            verbs: std::collections::VecDeque::new(),
            base: String::new(),
            deleted: false,
        }
    }

    pub(super) fn add_call(&mut self, now: CallTime, call: Call) -> usize {
        let index = self.calls.len();
        self.calls_by_sid.insert(call.sid.clone(), index);
        let (to, from) = (call.to.clone(), call.from.clone());
        self.calls.push(call);
        self.note(now, Some(index), LogEvent::Created { to, from });
        index
    }

    pub(super) fn dial(&mut self, now: CallTime, index: usize) {
        if self.calls[index].status != CallStatus::Queued {
            return;
        }
        self.calls[index].dialled = Some(now);
        self.report(now, index, Progress::Initiated);
        let (to, from) = (self.calls[index].to.clone(), self.calls[index].from.clone());
        if let Some((account, number)) = self.number_that_answers(&to) {
            return self.ring_own_number(now, index, account, number);
        }
        let ring = Ring::new(&to, from, self.rings(&to));
        let mut party = self.person(&ring);
        let answer = party.answer(&ring);
        self.calls[index].party = Some(party);
        match answer {
            Answer::Busy => return self.end(now, index, CallStatus::Busy, 486),
            Answer::Unreachable => return self.end(now, index, CallStatus::Failed, 404),
            Answer::After(_) | Answer::Never => {}
        }
        let give_up = self.ring(now, index);
        match answer {
            Answer::After(delay) if now + delay < give_up => self.at(now + delay, Timer::Answer(index)),
            _ => self.at(give_up, Timer::GiveUp(index)),
        }
    }

    /// The phone rings. Returns until when it may.
    pub(super) fn ring(&mut self, now: CallTime, index: usize) -> CallTime {
        let to = self.calls[index].to.clone();
        self.count_ring(&to);
        self.note(now, Some(index), LogEvent::Rang { to });
        self.become_status(now, index, CallStatus::Ringing);
        self.report(now, index, Progress::Ringing);
        now + self.calls[index].ring_timeout
    }

    /// Picks up: the time of the call begins, and it asks for its instructions.
    pub(super) fn answer(&mut self, now: CallTime, index: usize) {
        if self.calls[index].status != CallStatus::Ringing {
            return;
        }
        self.calls[index].answered = Some(now);
        self.become_status(now, index, CallStatus::InProgress);
        self.at(now + self.calls[index].time_limit, Timer::Limit(index));
        self.at(now + FRAME_DURATION, Timer::Tick(index));
        self.report(now, index, Progress::Answered);
        if let Some(settings) = self.calls[index].record.clone() {
            let recording = self.record(now, index, "OutboundAPI", None, settings);
            self.calls[index].recording = Some(recording);
        }
        if self.calls[index].direction == Direction::Inbound {
            if let Some(order) = self.calls[index].far_end {
                self.answer(now, order);
            }
            return;
        }
        match self.calls[index].digits.clone() {
            Some(digits) => self.press(now, index, &digits, true),
            None => self.begin(now, index),
        }
    }

    /// Ends a call that has reached its limit, which may have been moved since this was planned.
    pub(super) fn limit(&mut self, now: CallTime, index: usize) {
        let call = &self.calls[index];
        if call.answered.is_some_and(|answered| answered + call.time_limit <= now) {
            self.end(now, index, CallStatus::Completed, 200);
        }
    }

    pub(super) fn give_up_ringing(&mut self, now: CallTime, index: usize) {
        if self.calls[index].status == CallStatus::Ringing {
            self.end(now, index, CallStatus::NoAnswer, 487);
        }
    }

    /// Ends a call that is not over. Everything about it stops here, and only here.
    pub(super) fn end(&mut self, now: CallTime, index: usize, status: CallStatus, sip_response: u16) {
        if self.calls[index].status.is_final() {
            return;
        }
        self.calls[index].ended = Some(now);
        self.calls[index].sip_response = Some(sip_response);
        self.close_stream(now, index, StreamEnd::CallEnded);
        let message = self.unfinished_message(now, index);
        let call = &mut self.calls[index];
        call.verbs.clear();
        let clock = call.clock(now);
        if let Some(party) = &mut call.party {
            party.ended(clock);
        }
        if call.answered.is_some() {
            self.at(now + self.options.priced_after, Timer::Priced(index));
        }
        self.become_status(now, index, status);
        self.stop_recordings(now, index);
        self.stop_transcriptions(now, index);
        if let Some((recording, action)) = message {
            self.message_hung_up(now, index, recording, action);
        }
        self.let_go(now, index, true);
        self.report(now, index, Progress::Completed);
        self.end_far_end(now, index, status, sip_response);
        if let Some(parent) = self.calls[index].parent {
            self.leg_ended(now, parent, index);
        }
    }

    fn become_status(&mut self, now: CallTime, index: usize, status: CallStatus) {
        let call = &mut self.calls[index];
        call.status = status;
        call.updated = now;
        self.note(now, Some(index), LogEvent::Status { status });
    }

    /// Twenty milliseconds of one call.
    pub(super) fn tick(&mut self, now: CallTime, index: usize) {
        let call = &mut self.calls[index];
        if call.status != CallStatus::InProgress {
            return;
        }
        call.ticks += 1;
        let clock = call.clock(now);
        let own = call.party.as_mut().map_or(PartyAction::Listen, |party| party.speak(clock));
        let action = self.far_end_says(index).unwrap_or(own);
        if action == PartyAction::HangUp {
            return self.end(now, index, CallStatus::Completed, 200);
        }
        self.at(now + FRAME_DURATION, Timer::Tick(index));
        self.break_stream(now, index);

        let spoken = if let PartyAction::Speak(frame) = action { frame } else { Frame::SILENCE };
        self.calls[index].spoken = spoken;
        let (heard, finished) = self.hear(now, index, action, &spoken);
        self.tape(index, &spoken, &heard);
        let call = &mut self.calls[index];
        call.heard = heard;
        if call.status != CallStatus::InProgress {
            return;
        }
        if let Some(party) = &mut call.party {
            party.hear(clock, &heard);
        }
        self.flush_stream(now, index);
        if finished {
            self.next_verb(now, index);
        }
    }

    /// What sounds on the line in 20 ms of whatever the call does, and whether that is over.
    fn hear(&mut self, now: CallTime, index: usize, action: PartyAction, spoken: &Frame) -> (Frame, bool) {
        let key = if let PartyAction::Press(key) = action { Some(key) } else { None };
        if let Some(peer) = self.calls[index].peer {
            let clock = self.calls[peer].clock(now);
            if let (Some(key), Some(party)) = (key, &mut self.calls[peer].party) {
                party.hear_key(clock, key);
            }
            return (self.calls[peer].spoken, false);
        }
        let call = &mut self.calls[index];
        let clock = call.clock(now);
        match &mut call.doing {
            Doing::Streaming(stream) => {
                let heard = stream.phone.as_mut().map_or(Frame::SILENCE, |phone| {
                    stream.frames += 1;
                    match action {
                        PartyAction::Speak(frame) => phone.speak(frame),
                        PartyAction::Press(key) => phone.press(clock, key),
                        _ => {}
                    }
                    phone.tick(clock)
                });
                (heard, false)
            }
            Doing::Relaying(_) => (self.relay_tick(now, index, action, spoken), false),
            Doing::Sounding(sound) => {
                let heard = sound.take();
                (heard, sound.is_over())
            }
            Doing::Pausing { until } => (Frame::SILENCE, now >= *until),
            Doing::Gathering(_) => (self.gather_tick(now, index, key, spoken), false),
            Doing::Recording(_) => (self.message_tick(now, index, key, spoken), false),
            Doing::Pressing(_) => {
                self.press_tick(now, index);
                (Frame::SILENCE, false)
            }
            _ => (Frame::SILENCE, false),
        }
    }
}
