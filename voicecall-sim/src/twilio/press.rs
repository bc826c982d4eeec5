//! Pressing keys towards the person on the line.

use std::collections::VecDeque;
use std::time::Duration;

use voicecall_core::CallTime;

use super::call::Doing;
use super::{Exchange, LogEvent};

/// A tone and the gap behind it.
const TONE: Duration = Duration::from_millis(200);

/// Keys that are being pressed.
#[derive(Debug)]
pub(super) struct Pressing {
    keys: VecDeque<(CallTime, char)>,
    until: CallTime,
    /// Whether the call's first instructions come afterwards, and not the next one.
    then_ask: bool,
}

impl Exchange {
    /// Presses `digits`: `w` waits half a second, `W` a second.
    pub(super) fn press(&mut self, now: CallTime, index: usize, digits: &str, then_ask: bool) {
        let mut at = now;
        let mut keys = VecDeque::new();
        for digit in digits.chars() {
            match digit {
                'w' => at = at + Duration::from_millis(500),
                'W' => at = at + Duration::from_secs(1),
                key => {
                    keys.push_back((at, key));
                    at = at + TONE;
                }
            }
        }
        self.calls[index].doing = Doing::Pressing(Pressing { keys, until: at, then_ask });
    }

    /// Twenty milliseconds of it.
    pub(super) fn press_tick(&mut self, now: CallTime, index: usize) {
        let call = &mut self.calls[index];
        let clock = call.clock(now);
        let Doing::Pressing(pressing) = &mut call.doing else { return };
        let mut pressed = 0;
        while let Some((_, key)) = pressing.keys.pop_front_if(|(at, _)| *at <= now) {
            pressed += 1;
            if let Some(party) = &mut call.party {
                party.hear_key(clock, key);
            }
        }
        let (over, then_ask) = (now >= pressing.until, pressing.then_ask);
        for _ in 0..pressed {
            self.note(now, Some(index), LogEvent::KeyPressed);
        }
        match (over, then_ask) {
            (false, _) => {}
            (true, true) => self.begin(now, index),
            (true, false) => self.next_verb(now, index),
        }
    }
}
