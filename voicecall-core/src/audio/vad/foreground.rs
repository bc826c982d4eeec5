//! Whether a frame is loud enough to be the caller, and not somebody behind them.
//!
//! A network tells speech from other sounds; it cannot tell whose speech it is. The caller holds the phone, so their
//! voice stands out of whatever else the line carries. How far it must stand out is learnt in the call: from the noise
//! floor, from how unsteady the noise is (babble rises and falls, hiss does not) and from the caller's own speech.

use super::Pcm;
use super::history::LevelHistory;
use super::level::LevelMeter;

/// How far speech stands out of steady noise at least, in dB.
const MARGIN: f32 = 2.0;

/// What is added to the margin for each dB by which the noise is unsteadier than hiss, and how unsteady hiss is.
const MARGIN_PER_DB: f32 = 3.0;
const STEADY: f32 = 0.5;

/// No more than this is asked of a voice, however unsteady the noise, in dB.
const HIGHEST_MARGIN: f32 = 13.0;

/// The noise floor is looked for in the last three seconds. Speech is broken by pauses more often than that.
const FLOOR_FRAMES: usize = 150;

/// One frame in so many is taken into the history while the caller speaks: a long turn must not pass for noise, and a
/// noise that passes for a turn must not do so for ever.
const FRAMES_WHILE_SPEAKING: u32 = 2;

/// Frames until the history says how unsteady the noise is. Before that the most is asked.
const FIRST_FRAMES: u32 = 25;

/// The frames over which that is relaxed: at the beginning of a call the history is short and looks steady.
const WARM_UP: u32 = 100;

/// The floor assumed at most in the first frame of a call, in dB, and how much that rises with each frame: a call that
/// begins in the middle of a word must not take the word for noise.
const FIRST_FLOOR: f32 = 41.0;
const FIRST_FLOOR_RISE: f32 = 0.5;

/// A noise that has just begun is above the floor of the last seconds, but has no gaps. Speech has: within this many
/// frames it falls back to the floor between two words, or nearly, and else stands out of its gaps by this much, in dB.
const WORD_FRAMES: usize = 64;
const NEARLY: f32 = 4.0;
const OVER_GAPS: f32 = 8.0;

/// A voice that is quieter than the caller's by this much is not the caller's, in dB.
const BELOW_CALLER: f32 = 24.0;

/// What the caller's level is lowered by for each frame that is kept out by it alone, in dB: whoever speaks on, the
/// caller moved away from the phone or somebody else who took it, is heard after a second or so.
const CALLER_YIELDS: f32 = 0.1;

/// How fast the caller's level follows louder and quieter speech, as a share of the difference for each frame.
const CALLER_RISES: f32 = 0.1;
const CALLER_FALLS: f32 = 0.01;

/// The score from which a frame is voice: where nothing but the caller is heard, in the middle of the caller's speech,
/// and where other voices are about.
const SCORE_IN_QUIET: f32 = 0.3;
const SCORE_WITHIN_SPEECH: f32 = 0.5;
const SCORE_IN_BABBLE: f32 = 0.7;

/// The labels that are looked back on: 160 ms.
const LATELY: u32 = 0xFF;

/// Follows the levels of one stream and says what a detector has to find in a frame.
#[derive(Debug, Clone)]
pub(super) struct Foreground {
    meter: LevelMeter,
    history: LevelHistory<FLOOR_FRAMES>,
    gaps: LevelHistory<WORD_FRAMES>,
    /// The level of the caller's speech in dB; below everything before they have spoken.
    caller: f32,
    /// The last labels, the newest in the lowest bit.
    labels: u32,
    frames: u32,
}

impl Foreground {
    pub(super) const fn new() -> Self {
        Self {
            meter: LevelMeter::new(),
            history: LevelHistory::new(),
            gaps: LevelHistory::new(),
            caller: 0.0,
            labels: 0,
            frames: 0,
        }
    }

    /// Takes the next frame. Answers the score from which it is the caller's voice, or nothing if it is too quiet to
    /// be, whatever it holds. Each frame's label is to be told by [`label`](Self::label) afterwards.
    pub(super) fn threshold(&mut self, frame: &Pcm) -> Option<f32> {
        self.meter.take(frame);
        self.frames = self.frames.saturating_add(1);
        if !self.caller_speaks() || self.frames < WARM_UP || self.frames.is_multiple_of(FRAMES_WHILE_SPEAKING) {
            self.history.push(self.meter.long());
        }
        let level = self.meter.short();
        self.gaps.push(level);
        let (floor, margin) = (self.floor(), self.margin());
        let mut threshold = floor + margin;
        let gap = self.gaps.lowest();
        if self.gaps.is_full() && gap > floor + NEARLY {
            threshold = threshold.max(gap + OVER_GAPS);
        }
        // The mean lags behind the end of a word; the frame itself does not.
        let sounds = self.meter.last() > floor + MARGIN;
        (sounds && level > self.above_others(threshold, level)).then(|| self.score(margin))
    }

    /// Whether the frame was found to hold the caller's voice.
    pub(super) fn label(&mut self, voice: bool) {
        self.labels = self.labels << 1 | u32::from(voice);
        // A syllable or more, not a crack.
        if voice && self.lately() >= 6 {
            let louder = self.meter.last() - self.caller;
            self.caller += louder * if louder > 0.0 { CALLER_RISES } else { CALLER_FALLS };
        }
    }

    /// How many of the last eight frames held the caller's voice.
    const fn lately(&self) -> u32 {
        (self.labels & LATELY).count_ones()
    }

    const fn caller_speaks(&self) -> bool {
        self.lately() >= 4 || self.labels & 1 == 1
    }

    /// The quietest that it has been lately, in dB.
    fn floor(&self) -> f32 {
        self.history.lowest().min(FIRST_FLOOR + FIRST_FLOOR_RISE * self.frames as f32)
    }

    /// How far the caller's voice stands out of the floor, in dB.
    fn margin(&self) -> f32 {
        if self.frames < FIRST_FRAMES {
            return HIGHEST_MARGIN;
        }
        let unsteady = self.history.low() - self.history.lowest();
        let margin = (MARGIN + MARGIN_PER_DB * (unsteady - STEADY).max(0.0)).min(HIGHEST_MARGIN);
        let warm = (self.frames - FIRST_FRAMES) as f32 / WARM_UP as f32;
        margin.max(HIGHEST_MARGIN * (1.0 - warm))
    }

    /// The threshold, raised to what tells the caller from quieter people, once the caller is known.
    fn above_others(&mut self, threshold: f32, level: f32) -> f32 {
        if self.caller - BELOW_CALLER <= threshold {
            return threshold;
        }
        if level > threshold {
            self.caller -= CALLER_YIELDS;
        }
        self.caller - BELOW_CALLER
    }

    /// The more other voices are about, the surer a detector has to be.
    fn score(&self, margin: f32) -> f32 {
        let babble = ((margin - MARGIN) / (HIGHEST_MARGIN - MARGIN)).clamp(0.0, 1.0);
        let score = SCORE_IN_QUIET + babble * (SCORE_IN_BABBLE - SCORE_IN_QUIET);
        if self.lately() >= 4 { score.min(SCORE_WITHIN_SPEECH) } else { score }
    }
}

#[cfg(test)]
mod tests {
    use super::super::signals::{frames, noise, speech_like};
    use super::*;

    /// How many of the last frames are let through, each labelled as voice if it is.
    fn passed(gate: &mut Foreground, audio: &[f64], last: usize) -> usize {
        let all = frames(audio);
        let passed = all.iter().map(|frame| {
            let voice = gate.threshold(frame).is_some();
            gate.label(voice);
            voice
        });
        passed.collect::<Vec<_>>().iter().rev().take(last).filter(|&&voice| voice).count()
    }

    #[test]
    fn steady_noise_is_kept_out_and_a_voice_over_it_is_let_through() {
        let mut gate = Foreground::new();
        assert_eq!(passed(&mut gate, &noise(200.0, 8000 * 4), 150), 0);
        let voice: Vec<f64> = speech_like(4000).iter().zip(noise(200.0, 4000)).map(|(a, b)| a + b).collect();
        assert!(passed(&mut gate, &voice, 20) > 15);
    }

    #[test]
    fn a_noise_that_sets_in_is_let_through_for_little_more_than_a_second() {
        let mut gate = Foreground::new();
        passed(&mut gate, &[0.0; 8000 * 4], 1);
        let all = 50 * 10;
        let noisy = passed(&mut gate, &noise(500.0, 160 * all), all);
        assert!((20..80).contains(&noisy), "{noisy}");
    }

    #[test]
    fn whoever_is_much_quieter_than_the_caller_is_heard_after_a_while() {
        let mut gate = Foreground::new();
        let pause = [0.0; 8000];
        for _ in 0..4 {
            passed(&mut gate, &speech_like(4000), 1);
            passed(&mut gate, &pause, 1);
        }
        let far: Vec<f64> = speech_like(4000).iter().map(|sample| sample / 40.0).collect();
        assert!(passed(&mut gate, &far, 25) < 10, "32 dB below the caller");
        for _ in 0..6 {
            passed(&mut gate, &pause, 1);
            passed(&mut gate, &far, 1);
        }
        passed(&mut gate, &pause, 1);
        assert!(passed(&mut gate, &far, 20) > 15, "and the caller after all");
    }
}
