//! Who is on the line: a caller as the phone network knows them.

use std::fmt::Debug;
use std::time::Duration;

use jiff::fmt::serde::unsigned_duration::friendly::compact::required;
use serde::{Deserialize, Serialize};
use voicecall_core::CallTime;
use voicecall_core::audio::Frame;

/// A phone that rings.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Ring {
    /// The number that is called, in E.164.
    pub to: String,
    /// The number shown.
    pub from: String,
    /// How many calls this number has had before.
    pub earlier: u32,
}

impl Ring {
    /// A call to `to` from `from`, the number's `earlier` + 1st.
    #[must_use]
    pub fn new(to: impl Into<String>, from: impl Into<String>, earlier: u32) -> Self {
        Self { to: to.into(), from: from.into(), earlier }
    }
}

/// What happens when the phone rings.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Answer {
    /// It is answered after ringing this long.
    After(#[serde(with = "required")] Duration),
    /// The line is busy.
    Busy,
    /// It rings until the caller gives up.
    Never,
    /// The network cannot connect the number.
    Unreachable,
}

impl Answer {
    /// Answered at once.
    pub const AT_ONCE: Self = Self::After(Duration::ZERO);
}

/// Who, or what, answers, as machine detection finds out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Answerer {
    /// A person.
    #[default]
    Person,
    /// A machine.
    Machine {
        /// How long its greeting is.
        #[serde(with = "required")]
        greeting: Duration,
        /// Whether a beep ends it.
        beep: bool,
    },
    /// A fax.
    Fax,
}

/// What somebody on the phone does in 20 ms.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum PartyAction {
    /// Makes a sound.
    Speak(Frame),
    /// Is quiet.
    Listen,
    /// Presses `0`-`9`, `*`, `#` or `A`-`D`.
    Press(char),
    /// Hangs up.
    HangUp,
}

/// Somebody on the phone, as a machine that is told the time.
///
/// For an answered call [`speak`](Self::speak) and then [`hear`](Self::hear) are called once per 20 ms with the time
/// since the answer, until one side hangs up: the same in virtual time and on a clock. Neither may wait.
pub trait Party: Debug + Send {
    /// Decides about a ringing phone. Called once, before anything else. Answers at once if not told otherwise.
    fn answer(&mut self, ring: &Ring) -> Answer {
        let _ = ring;
        Answer::AT_ONCE
    }

    /// Who it is. A person, if not told otherwise.
    fn answerer(&self) -> Answerer {
        Answerer::Person
    }

    /// What the party does in the 20 ms that end at `now`.
    fn speak(&mut self, now: CallTime) -> PartyAction;

    /// What sounds in the party's ear in the 20 ms that begin at `now`.
    fn hear(&mut self, now: CallTime, frame: &Frame);

    /// The other side pressed a key.
    fn hear_key(&mut self, now: CallTime, key: char) {
        let _ = (now, key);
    }

    /// The call is over, whoever ended it.
    fn ended(&mut self, now: CallTime) {
        let _ = now;
    }
}
