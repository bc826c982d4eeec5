//! The people at the other end: who answers, when, and for how long.

use std::time::Duration;

use voicecall_core::PhoneNumber;

use crate::fault::Rng;

/// How people behave, as probabilities from 0 to 1. What is left over answers.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct People {
    /// How many are busy.
    pub busy: f64,
    /// How many do not answer.
    pub absent: f64,
    /// How many cannot be connected by the network.
    pub unreachable: f64,
    /// How long a phone rings before it is answered, at least.
    pub rings_for: Duration,
    /// What chance adds to that at most.
    pub rings_up_to: Duration,
    /// How long people stay on the line before they hang up; without it they stay until the other side has finished.
    pub stay: Option<Duration>,
    /// How long people speak whenever they have heard something to its end; zero for silent ones.
    pub speak: Duration,
}

impl Default for People {
    /// Everybody answers after two to six seconds, listens silently, and stays.
    fn default() -> Self {
        Self {
            busy: 0.0,
            absent: 0.0,
            unreachable: 0.0,
            rings_for: Duration::from_secs(2),
            rings_up_to: Duration::from_secs(4),
            stay: None,
            speak: Duration::ZERO,
        }
    }
}

/// What becomes of a call to somebody.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reaction {
    /// Answers.
    Answers,
    /// The line is busy.
    Busy,
    /// Lets it ring.
    Absent,
    /// The network cannot connect it.
    Unreachable,
}

/// What somebody does who is to take a call over, and hears of it first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Colleague {
    /// Listens and takes it, by pressing 1.
    #[default]
    Takes,
    /// Listens and leaves it.
    Declines,
    /// Does not answer.
    Absent,
}

/// Somebody who is called.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Person {
    /// What becomes of the call.
    pub reaction: Reaction,
    /// How long the phone rings before it is answered.
    pub rings: Duration,
}

impl People {
    /// How the owner of a number reacts to the `nth` call, counted from 0: a function of its arguments alone, so that a
    /// test knows it as well.
    #[must_use]
    pub fn person(&self, seed: u64, number: &PhoneNumber, nth: u64) -> Person {
        let digits = number.reveal().bytes().filter(u8::is_ascii_digit);
        let number = digits.fold(0u64, |sum, digit| sum.wrapping_mul(10).wrapping_add(u64::from(digit - b'0')));
        let mut rng = Rng::fork(seed ^ number, nth);
        let (chance, spread) = (rng.unit(), rng.unit());
        let reaction = match chance {
            _ if chance < self.busy => Reaction::Busy,
            _ if chance < self.busy + self.absent => Reaction::Absent,
            _ if chance < self.busy + self.absent + self.unreachable => Reaction::Unreachable,
            _ => Reaction::Answers,
        };
        Person { reaction, rings: self.rings_for + self.rings_up_to.mul_f64(spread) }
    }
}
