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
    /// A turn is over after this much silence, counted from the last voiced sample. A lone voiced frame does not
    /// break the silence. 200 ms to 2 s are sensible; default 600 ms.
    pub silence: Duration,
    /// A turn begins with this much voice within half as long again; less is a noise. In steps of 20 ms, up to
    /// 800 ms; default 120 ms.
    pub min_speech: Duration,
    /// The agent is interrupted by this much voice. Silence takes away half as much as voice adds, so that
    /// scattered frames do not add up. In steps of 20 ms, 120 to 400 ms are sensible; default 140 ms.
    pub barge_in: Duration,
    /// A turn is cut off after this time, so that nobody talks for ever.
    pub max_turn: Duration,
}

impl Default for TurnSettings {
    fn default() -> Self {
        Self {
            silence: Duration::from_millis(600),
            min_speech: Duration::from_millis(120),
            barge_in: Duration::from_millis(140),
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
///
/// A turn begins and goes on by the share of voice in the last frames, not by one frame: a detector errs now and then,
/// the more so the more noise there is.
#[derive(Debug)]
pub struct Turn {
    settings: TurnSettings,
    labels: Labels,
    /// The voice of late: grows with voice up to what interrupts, and shrinks with silence.
    recent: Duration,
    state: State,
}

#[derive(Debug, Clone, Copy)]
enum State {
    Quiet,
    Speaking { started: CallTime, last_voiced: CallTime, voiced: Duration },
}

/// A turn goes on with a voiced frame if this many of this many frames are, with it: half of the last 80 ms. After a
/// pause it takes more, lest two errors of the detector keep a turn open that is over.
const TO_GO_ON: (u32, u32) = (2, 4);
const AFTER_PAUSE: (u32, u32) = (3, 5);
const PAUSE: Duration = Duration::from_millis(200);

/// The labels of the last frames, the newest in the lowest bit.
#[derive(Debug, Clone, Copy, Default)]
struct Labels(u64);

impl Labels {
    const fn push(&mut self, voiced: bool) {
        self.0 = self.0 << 1 | voiced as u64;
    }

    /// How many of the last `window` frames are voiced.
    const fn voiced(self, window: u32) -> u32 {
        self.within(window).count_ones()
    }

    /// How many frames ago, counting the newest, the first voiced one of the last `window` was.
    const fn first(self, window: u32) -> u32 {
        u64::BITS - self.within(window).leading_zeros()
    }

    const fn within(self, window: u32) -> u64 {
        self.0 & (u64::MAX >> (u64::BITS - window))
    }
}

/// How long a stream of caller audio may stop before its turn ends by the clock.
///
/// Audio that is late is not silence: networks stall for up to a second and then deliver everything.
const STALL: Duration = Duration::from_secs(1);

impl Turn {
    /// Nobody speaks yet.
    #[must_use]
    pub const fn new(settings: TurnSettings) -> Self {
        Self { settings, labels: Labels(0), recent: Duration::ZERO, state: State::Quiet }
    }

    /// From now on a turn is cut off after `max_turn`.
    pub const fn limit(&mut self, max_turn: Duration) {
        self.settings.max_turn = max_turn;
    }

    /// Takes in the label of the frame that ends at `until`, in the time of the caller's audio.
    pub fn frame(&mut self, voiced: bool, until: CallTime) -> Option<TurnEvent> {
        self.labels.push(voiced);
        self.recent = if voiced {
            (self.recent + FRAME_DURATION).min(self.settings.barge_in)
        } else {
            self.recent.saturating_sub(FRAME_DURATION / 2)
        };
        match &mut self.state {
            State::Quiet if voiced => self.begin(until),
            State::Quiet => None,
            State::Speaking { last_voiced, voiced: total, .. } => {
                if !voiced {
                    return self.judge(until, self.settings.silence);
                }
                *total += FRAME_DURATION;
                let (needed, window) = if until.since(*last_voiced) > PAUSE { AFTER_PAUSE } else { TO_GO_ON };
                if self.labels.voiced(window) >= needed {
                    *last_voiced = until;
                }
                // Voice that may go on ends no turn, but for one that has become too long.
                self.judge(until, Duration::MAX)
            }
        }
    }

    /// Begins a turn if there has been enough voice.
    fn begin(&mut self, until: CallTime) -> Option<TurnEvent> {
        let needed = self.settings.min_speech.as_millis().div_ceil(FRAME_DURATION.as_millis()).clamp(1, 40) as u32;
        let window = needed + needed / 2;
        let found = self.labels.voiced(window);
        if found < needed {
            return None;
        }
        let started = until.back(FRAME_DURATION * self.labels.first(window));
        self.state = State::Speaking { started, last_voiced: until, voiced: FRAME_DURATION * found };
        Some(TurnEvent::Started)
    }

    /// Lets time pass without audio.
    pub fn tick(&mut self, now: CallTime) -> Option<TurnEvent> {
        self.judge(now, self.settings.silence + STALL)
    }

    /// When a turn ends if no more audio comes.
    #[must_use]
    pub fn wake_at(&self) -> Option<CallTime> {
        match self.state {
            State::Quiet => None,
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

    /// Whether the caller has spoken enough of late to interrupt.
    #[must_use]
    pub fn interrupts(&self) -> bool {
        self.is_speaking() && self.recent >= self.settings.barge_in
    }

    /// Ends a turn in progress because the call is over.
    pub fn stop(&mut self) -> Option<Spoken> {
        let State::Speaking { started, last_voiced, voiced } = self.state else { return None };
        self.quiet();
        Some(Spoken { started, last_voiced, voiced, cut_off: false })
    }

    fn judge(&mut self, now: CallTime, silence: Duration) -> Option<TurnEvent> {
        let State::Speaking { started, last_voiced, voiced } = self.state else { return None };
        let finished = now.since(last_voiced) >= silence;
        let cut_off = !finished && now.since(started) >= self.settings.max_turn;
        (finished || cut_off).then(|| {
            self.quiet();
            TurnEvent::Ended(Spoken { started, last_voiced, voiced, cut_off })
        })
    }

    /// Voice of the turn that is over begins no other.
    const fn quiet(&mut self) {
        self.state = State::Quiet;
        self.labels = Labels(0);
        self.recent = Duration::ZERO;
    }
}

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
        assert_eq!(events, [(160, TurnEvent::Started), (840, TurnEvent::Ended(spoken))]);
    }

    #[test]
    fn a_click_begins_no_turn() {
        let mut turn = Turn::new(TurnSettings::default());
        assert_eq!(feed(&mut turn, "##..#...##....#"), []);
        assert_eq!(feed(&mut turn, &"#...".repeat(50)), [], "nor do scattered ones");
    }

    #[test]
    fn a_word_with_gaps_begins_a_turn_at_its_first_voiced_sample() {
        let mut turn = Turn::new(TurnSettings::default());
        let events = feed(&mut turn, &format!("..#.##.#.##{}", ".".repeat(30)));
        let TurnEvent::Ended(spoken) = events[1].1 else { panic!("{events:?}") };
        assert_eq!((events[0].0, spoken.started, spoken.voiced), (220, ms(40), Duration::from_millis(120)));
    }

    #[test]
    fn a_pause_shorter_than_the_silence_does_not_end_it() {
        let mut turn = Turn::new(TurnSettings::default());
        let events = feed(&mut turn, &format!("######{}#####{}", ".".repeat(29), ".".repeat(30)));
        assert_eq!(events.len(), 2);
        let TurnEvent::Ended(spoken) = events[1].1 else { panic!("{events:?}") };
        assert_eq!((spoken.last_voiced, spoken.voiced), (ms(800), Duration::from_millis(220)), "the pause is no voice");
    }

    #[test]
    fn one_voiced_frame_in_every_600_ms_does_not_hold_a_turn_open() {
        let mut turn = Turn::new(TurnSettings::default());
        let events = feed(&mut turn, &format!("##########{}", "....................#.........".repeat(4)));
        assert!(matches!(events[1], (800, TurnEvent::Ended(spoken)) if spoken.last_voiced == ms(200)), "{events:?}");
    }

    #[test]
    fn after_errors_of_one_frame_in_twenty_the_turn_is_over_within_900_ms() {
        let mut state = 0x2545_F491_4F6C_DD1D_u64;
        let mut late = 0;
        for _ in 0..1000 {
            let mut turn = Turn::new(TurnSettings::default());
            feed(&mut turn, "##########");
            let ended = (11..).find(|at| {
                state ^= state << 13;
                state ^= state >> 7;
                state ^= state << 17;
                matches!(turn.frame(state.is_multiple_of(20), ms(20 * at)), Some(TurnEvent::Ended(_)))
            });
            late += u32::from(ended.unwrap() > 10 + 45);
        }
        assert!(late <= 15, "{late} of 1,000 are later");
    }

    #[test]
    fn only_enough_voice_interrupts() {
        let mut turn = Turn::new(TurnSettings::default());
        feed(&mut turn, "######");
        assert!(turn.is_speaking() && !turn.interrupts());
        turn.frame(true, ms(140));
        assert!(turn.interrupts());
    }

    #[test]
    fn voice_that_is_scattered_over_a_turn_does_not_interrupt() {
        let settings = TurnSettings { barge_in: Duration::from_millis(140), ..TurnSettings::default() };
        let mut turn = Turn::new(settings);
        feed(&mut turn, "######....");
        for _ in 0..50 {
            feed(&mut turn, "##....");
            assert!(turn.is_speaking() && !turn.interrupts());
        }
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
        feed(&mut turn, "######");
        assert_eq!(turn.tick(ms(1000)), None);
        assert_eq!(turn.wake_at(), Some(ms(1720)));
        assert!(matches!(turn.tick(ms(1720)), Some(TurnEvent::Ended(_))));
    }
}
