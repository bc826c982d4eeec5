//! Whose turn it is: when the caller begins to speak, and when they have finished.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::audio::FRAME_DURATION;
use crate::time::CallTime;

/// How turns are judged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
#[non_exhaustive]
pub struct TurnSettings {
    /// A turn is over after this much silence, counted from the last voiced sample.
    pub silence: Duration,
    /// Less voice than this is a noise and begins no turn.
    pub min_speech: Duration,
    /// The agent is interrupted by this much voice.
    pub barge_in: Duration,
    /// A turn is cut off after this time, so that nobody talks for ever.
    pub max_turn: Duration,
}

impl Default for TurnSettings {
    fn default() -> Self {
        Self {
            silence: Duration::from_millis(600),
            min_speech: Duration::from_millis(60),
            barge_in: Duration::from_millis(240),
            max_turn: Duration::from_secs(30),
        }
    }
}

/// What changed in the caller's turn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TurnEvent {
    /// The caller has begun to speak.
    Started,
    /// The caller has finished, or was cut off.
    Ended(Spoken),
}

/// The extent of a turn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Spoken {
    /// The first voiced sample.
    pub started: CallTime,
    /// The last voiced sample.
    pub last_voiced: CallTime,
    /// How much of it was voice.
    pub voiced: Duration,
    /// Whether it was longer than allowed.
    pub cut_off: bool,
}

/// Follows the caller's voice, frame by frame.
#[derive(Debug)]
pub struct Turn {
    settings: TurnSettings,
    state: State,
}

#[derive(Debug, Clone, Copy)]
enum State {
    /// `run` is the voice heard lately: it grows with voice and shrinks with silence.
    Quiet {
        run: Duration,
        first: CallTime,
    },
    Speaking {
        started: CallTime,
        last_voiced: CallTime,
        voiced: Duration,
    },
}

/// How long a stream of caller audio may stop before its turn ends by the clock.
///
/// Audio that is late is not silence: networks stall for up to a second and then deliver everything.
const STALL: Duration = Duration::from_secs(1);

impl Turn {
    /// Nobody speaks yet.
    #[must_use]
    pub const fn new(settings: TurnSettings) -> Self {
        Self { settings, state: QUIET }
    }

    /// From now on a turn is cut off after `max_turn`.
    pub const fn limit(&mut self, max_turn: Duration) {
        self.settings.max_turn = max_turn;
    }

    /// Takes in the label of the frame that ends at `until`, in the time of the caller's audio.
    pub fn frame(&mut self, voiced: bool, until: CallTime) -> Option<TurnEvent> {
        let from = until.back(FRAME_DURATION);
        match &mut self.state {
            State::Quiet { run, first } if voiced => {
                if run.is_zero() {
                    *first = from;
                }
                *run += FRAME_DURATION;
                if *run < self.settings.min_speech {
                    return None;
                }
                self.state = State::Speaking { started: *first, last_voiced: until, voiced: *run };
                Some(TurnEvent::Started)
            }
            State::Quiet { run, .. } => {
                *run = run.saturating_sub(FRAME_DURATION);
                None
            }
            State::Speaking { last_voiced, voiced: total, .. } => {
                if voiced {
                    *last_voiced = until;
                    *total += FRAME_DURATION;
                }
                self.judge(until, self.settings.silence)
            }
        }
    }

    /// Lets time pass without audio.
    pub fn tick(&mut self, now: CallTime) -> Option<TurnEvent> {
        self.judge(now, self.settings.silence + STALL)
    }

    /// When a turn ends if no more audio comes.
    #[must_use]
    pub fn wake_at(&self) -> Option<CallTime> {
        match self.state {
            State::Quiet { .. } => None,
            State::Speaking { last_voiced, started, .. } => {
                let silent = last_voiced + self.settings.silence + STALL;
                Some(silent.min(started + self.settings.max_turn))
            }
        }
    }

    /// Whether the caller is in the middle of a turn.
    #[must_use]
    pub const fn is_speaking(&self) -> bool {
        matches!(self.state, State::Speaking { .. })
    }

    /// Whether the caller has spoken enough in this turn to interrupt.
    #[must_use]
    pub fn interrupts(&self) -> bool {
        matches!(self.state, State::Speaking { voiced, .. } if voiced >= self.settings.barge_in)
    }

    /// Ends a turn in progress because the call is over.
    pub fn stop(&mut self) -> Option<Spoken> {
        match std::mem::replace(&mut self.state, QUIET) {
            State::Quiet { .. } => None,
            State::Speaking { started, last_voiced, voiced } => {
                Some(Spoken { started, last_voiced, voiced, cut_off: false })
            }
        }
    }

    fn judge(&mut self, now: CallTime, silence: Duration) -> Option<TurnEvent> {
        let State::Speaking { started, last_voiced, voiced } = self.state else { return None };
        let finished = now.since(last_voiced) >= silence;
        let cut_off = !finished && now.since(started) >= self.settings.max_turn;
        (finished || cut_off).then(|| {
            self.state = QUIET;
            TurnEvent::Ended(Spoken { started, last_voiced, voiced, cut_off })
        })
    }
}

const QUIET: State = State::Quiet { run: Duration::ZERO, first: CallTime::ZERO };

#[cfg(test)]
mod tests {
    use super::*;

    fn ms(millis: u64) -> CallTime {
        CallTime::from_millis(millis)
    }

    /// Feeds one label a character (`#` voiced) and returns the events with the end of their frame.
    fn feed(turn: &mut Turn, labels: &str) -> Vec<(u64, TurnEvent)> {
        let frames = labels.bytes().enumerate();
        frames
            .filter_map(|(at, label)| {
                let until = 20 * (at as u64 + 1);
                turn.frame(label == b'#', ms(until)).map(|event| (until, event))
            })
            .collect()
    }

    #[test]
    fn ends_after_the_silence_counted_from_the_last_voiced_sample() {
        let mut turn = Turn::new(TurnSettings::default());
        let events = feed(&mut turn, &format!("..##########{}", ".".repeat(40)));
        let voiced = Duration::from_millis(200);
        let spoken = Spoken { started: ms(40), last_voiced: ms(240), voiced, cut_off: false };
        assert_eq!(events, [(100, TurnEvent::Started), (840, TurnEvent::Ended(spoken))]);
    }

    #[test]
    fn a_click_begins_no_turn() {
        let mut turn = Turn::new(TurnSettings::default());
        assert_eq!(feed(&mut turn, "##..#...##....#"), []);
    }

    #[test]
    fn a_pause_shorter_than_the_silence_does_not_end_it() {
        let mut turn = Turn::new(TurnSettings::default());
        let events = feed(&mut turn, &format!("#####{}#####{}", ".".repeat(29), ".".repeat(30)));
        assert_eq!(events.len(), 2);
        let TurnEvent::Ended(spoken) = events[1].1 else { panic!("{events:?}") };
        assert_eq!((spoken.last_voiced, spoken.voiced), (ms(780), Duration::from_millis(200)), "the pause is no voice");
    }

    #[test]
    fn only_enough_voice_interrupts() {
        let mut turn = Turn::new(TurnSettings::default());
        feed(&mut turn, "###########");
        assert!(turn.is_speaking() && !turn.interrupts());
        turn.frame(true, ms(240));
        assert!(turn.interrupts());
    }

    #[test]
    fn somebody_who_talks_for_ever_is_cut_off() {
        let mut turn = Turn::new(TurnSettings { max_turn: Duration::from_secs(1), ..TurnSettings::default() });
        let events = feed(&mut turn, &"#".repeat(50));
        assert!(matches!(events[1], (1000, TurnEvent::Ended(spoken)) if spoken.cut_off));
    }

    #[test]
    fn late_audio_is_not_silence_but_a_dead_stream_is() {
        let mut turn = Turn::new(TurnSettings::default());
        feed(&mut turn, "#####");
        assert_eq!(turn.tick(ms(1000)), None);
        assert_eq!(turn.wake_at(), Some(ms(1700)));
        assert!(matches!(turn.tick(ms(1700)), Some(TurnEvent::Ended(_))));
    }
}
