//! How loud the audio is, in the band in which speech is.

use super::Pcm;

/// The pole of a high-pass of the first order with its corner at 225 Hz: rumble, hum and the wind of a street are
/// loudest below it, and the caller's voice is not.
const HIGH_PASS: f32 = 0.85;

/// The frames of which a level is the mean: 80 ms, about half a syllable, and 200 ms, a syllable.
const SHORT: usize = 4;
const LONG: usize = 10;

/// Measures levels in dB over a square of one sample: full scale is 90 dB.
#[derive(Debug, Clone)]
pub(super) struct LevelMeter {
    /// What the high-pass remembers: the last sample, before and after it.
    before: f32,
    after: f32,
    /// The powers of the last frames, as a ring.
    powers: [f32; LONG],
    newest: usize,
    frames: usize,
}

impl LevelMeter {
    pub(super) const fn new() -> Self {
        Self { before: 0.0, after: 0.0, powers: [0.0; LONG], newest: LONG - 1, frames: 0 }
    }

    /// Takes the next frame.
    pub(super) fn take(&mut self, frame: &Pcm) {
        let mut sum = 0.0;
        for &sample in frame {
            let sample = f32::from(sample);
            self.after = HIGH_PASS * (self.after + sample - self.before);
            self.before = sample;
            sum += self.after * self.after;
        }
        self.newest = (self.newest + 1) % LONG;
        self.powers[self.newest] = sum / frame.len() as f32;
        self.frames = (self.frames + 1).min(LONG);
    }

    /// The level of the last frame.
    pub(super) fn last(&self) -> f32 {
        self.mean(1)
    }

    /// The level of the last 80 ms.
    pub(super) fn short(&self) -> f32 {
        self.mean(SHORT)
    }

    /// The level of the last 200 ms.
    pub(super) fn long(&self) -> f32 {
        self.mean(LONG)
    }

    fn mean(&self, frames: usize) -> f32 {
        let frames = frames.min(self.frames).max(1);
        let power: f32 = (0..frames).map(|back| self.powers[(self.newest + LONG - back) % LONG]).sum();
        10.0 * (power / frames as f32).max(1.0).log10()
    }
}

#[cfg(test)]
mod tests {
    use super::super::signals::{frames, noise};
    use super::*;

    fn level_of(samples: &[f64]) -> f32 {
        let mut meter = LevelMeter::new();
        frames(samples).iter().for_each(|frame| meter.take(frame));
        meter.long()
    }

    #[test]
    fn a_level_is_ten_times_the_logarithm_of_the_power_of_what_changes() {
        let quiet = level_of(&noise(100.0, 8000));
        assert!((quiet - 39.0).abs() < 1.5, "{quiet}");
        assert!((level_of(&noise(1000.0, 8000)) - quiet - 20.0).abs() < 0.1);
        assert_eq!(level_of(&[0.0; 1600]), 0.0);
        assert!(level_of(&[1000.0; 8000]) < 1.0, "an offset of the line is not loudness");
    }

    #[test]
    fn rumble_counts_less_than_speech() {
        let tone =
            |hz: f64| (0..8000).map(move |n| 1000.0 * (std::f64::consts::TAU * hz * f64::from(n) / 8000.0).sin());
        let (rumble, speech) = (tone(30.0).collect::<Vec<_>>(), tone(800.0).collect::<Vec<_>>());
        assert!(level_of(&speech) - level_of(&rumble) > 15.0);
    }
}
