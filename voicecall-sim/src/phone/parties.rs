//! Simple people for tests of the line itself; whole conversations are played by the scripted caller.

use std::collections::VecDeque;
use std::f64::consts::TAU;
use std::time::Duration;

use voicecall_core::CallTime;
use voicecall_core::audio::{FRAME_SAMPLES, Frame, SAMPLE_RATE};

use super::{Answer, Answerer, Party, PartyAction, Ring};

/// Says nothing and does with the ring what it was told.
#[derive(Debug, Clone, Copy)]
pub struct Silent(pub Answer);

impl Party for Silent {
    fn answer(&mut self, _ring: &Ring) -> Answer {
        self.0
    }

    fn speak(&mut self, _now: CallTime) -> PartyAction {
        PartyAction::Listen
    }

    fn hear(&mut self, _now: CallTime, _frame: &Frame) {}
}

/// An answering machine or a fax: silent to the ear, and known to machine detection for what it is.
#[derive(Debug, Clone, Copy)]
pub struct Automaton(pub Answerer);

impl Party for Automaton {
    fn answerer(&self) -> Answerer {
        self.0
    }

    fn speak(&mut self, _now: CallTime) -> PartyAction {
        PartyAction::Listen
    }

    fn hear(&mut self, _now: CallTime, _frame: &Frame) {}
}

/// Gives back what it heard, 20 ms later.
#[derive(Debug, Clone, Copy, Default)]
pub struct Echo(Option<Frame>);

impl Party for Echo {
    fn speak(&mut self, _now: CallTime) -> PartyAction {
        self.0.take().map_or(PartyAction::Listen, PartyAction::Speak)
    }

    fn hear(&mut self, _now: CallTime, frame: &Frame) {
        self.0 = Some(*frame);
    }
}

/// Whistles a sine.
#[derive(Debug, Clone, Copy)]
pub struct Tone {
    /// In hertz, below 4000.
    pub frequency: f64,
    /// The peak, 0 to 32767.
    pub amplitude: f64,
}

impl Party for Tone {
    fn speak(&mut self, now: CallTime) -> PartyAction {
        let first = now.as_samples();
        let pcm: [i16; FRAME_SAMPLES] = std::array::from_fn(|index| {
            let time = (first + index as u64) as f64 / f64::from(SAMPLE_RATE);
            ((TAU * self.frequency * time).sin() * self.amplitude) as i16
        });
        PartyAction::Speak(Frame::encode(&pcm))
    }

    fn hear(&mut self, _now: CallTime, _frame: &Frame) {}
}

/// Says its frames one after the other, then is quiet.
#[derive(Debug, Clone, Default)]
pub struct FixedAudio(VecDeque<Frame>);

impl FixedAudio {
    /// Speaks these frames from the answer on.
    pub fn new(frames: impl IntoIterator<Item = Frame>) -> Self {
        Self(frames.into_iter().collect())
    }
}

impl Party for FixedAudio {
    fn speak(&mut self, _now: CallTime) -> PartyAction {
        self.0.pop_front().map_or(PartyAction::Listen, PartyAction::Speak)
    }

    fn hear(&mut self, _now: CallTime, _frame: &Frame) {}
}

/// Presses keys at their times since the answer and is otherwise quiet.
#[derive(Debug, Clone, Default)]
pub struct PressesKeys(VecDeque<(Duration, char)>);

impl PressesKeys {
    /// Presses each key at its time; the times ascend.
    pub fn new(keys: impl IntoIterator<Item = (Duration, char)>) -> Self {
        Self(keys.into_iter().collect())
    }
}

impl Party for PressesKeys {
    fn speak(&mut self, now: CallTime) -> PartyAction {
        let due = self.0.pop_front_if(|(at, _)| CallTime::ZERO + *at <= now);
        due.map_or(PartyAction::Listen, |(_, key)| PartyAction::Press(key))
    }

    fn hear(&mut self, _now: CallTime, _frame: &Frame) {}
}

/// Behaves like another party until it hangs up at a time since the answer.
#[derive(Debug)]
pub struct HangsUp<P> {
    /// Who it is until then.
    pub party: P,
    /// When it hangs up.
    pub at: Duration,
}

impl<P: Party> Party for HangsUp<P> {
    fn answer(&mut self, ring: &Ring) -> Answer {
        self.party.answer(ring)
    }

    fn speak(&mut self, now: CallTime) -> PartyAction {
        if now >= CallTime::ZERO + self.at { PartyAction::HangUp } else { self.party.speak(now) }
    }

    fn answerer(&self) -> Answerer {
        self.party.answerer()
    }

    fn hear_key(&mut self, now: CallTime, key: char) {
        self.party.hear_key(now, key);
    }

    fn hear(&mut self, now: CallTime, frame: &Frame) {
        self.party.hear(now, frame);
    }

    fn ended(&mut self, now: CallTime) {
        self.party.ended(now);
    }
}
