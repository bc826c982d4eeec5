//! The noise of a line, estimated while people speak over it.

use super::Pcm;

/// The noise assumed at least, as a power: an RMS of 20 samples, about two steps of mu-law around
/// zero. Keeps the crackle of a silent line from being loud.
const LOWEST: f32 = 20.0 * 20.0;

/// The noise assumed at most before anything is known, as a power: an RMS of 500 samples. A call
/// that begins in the middle of a word must not take the whole word for noise.
const HIGHEST_START: f32 = 500.0 * 500.0;

/// The memory of the floor: 3.2 s, in spans of 0.8 s that are forgotten one by one. Speech is
/// broken by pauses more often than that; noise is not, and is seen for what it is after the time.
const SPANS: usize = 4;
const FRAMES_PER_SPAN: usize = 40;

/// The quietest frame of the last three seconds, after the method of minimum statistics
/// (R. Martin, 2001).
#[derive(Debug, Clone)]
pub(super) struct NoiseFloor {
    /// The power of the quietest frame of each span.
    minima: [f32; SPANS],
    /// The span that is being filled, and with how many frames.
    span: usize,
    frames: usize,
}

impl NoiseFloor {
    pub(super) const fn new() -> Self {
        Self { minima: [HIGHEST_START; SPANS], span: 0, frames: 0 }
    }

    /// Takes the next frame; answers how loud it is over the floor, as a ratio of powers.
    pub(super) fn ratio(&mut self, frame: &Pcm) -> f32 {
        if self.frames == FRAMES_PER_SPAN {
            self.span = (self.span + 1) % SPANS;
            self.minima[self.span] = f32::INFINITY;
            self.frames = 0;
        }
        self.frames += 1;
        let power = power(frame);
        self.minima[self.span] = self.minima[self.span].min(power);
        let floor = self.minima.into_iter().fold(f32::INFINITY, f32::min);
        power / floor.max(LOWEST)
    }
}

/// The mean square of the samples around their mean: an offset of the line is not loudness.
fn power(frame: &Pcm) -> f32 {
    let count = frame.len() as f32;
    let sum: i32 = frame.iter().map(|&sample| i32::from(sample)).sum();
    let squares: i64 = (frame.iter()).map(|&sample| i64::from(i32::from(sample).pow(2))).sum();
    let mean = sum as f32 / count;
    (squares as f32 / count - mean * mean).max(0.0)
}

#[cfg(test)]
mod tests {
    use super::super::signals::{frames, noise};
    use super::*;

    fn after(seconds: usize, rms: f64, floor: &mut NoiseFloor) -> f32 {
        let ratios = frames(&noise(rms, 8000 * seconds)).into_iter().map(|frame| floor.ratio(&frame));
        10.0 * ratios.last().unwrap().log10()
    }

    #[test]
    fn power_is_that_of_the_changes_only() {
        assert_eq!(power(&[1000; 160]), 0.0);
        let square = std::array::from_fn(|i| if i % 2 == 0 { 1300 } else { 700 });
        assert!((power(&square) - 90_000.0).abs() < 1.0);
    }

    #[test]
    fn falls_at_once_and_rises_after_three_seconds() {
        let mut floor = NoiseFloor::new();
        assert!(after(4, 300.0, &mut floor) < 3.0, "it is the noise");
        assert!(after(2, 3000.0, &mut floor) > 19.0, "two seconds of louder noise stand out");
        assert!(after(1, 300.0, &mut floor) < 3.0, "and have not lifted the floor");
        assert!(after(4, 3000.0, &mut floor) < 3.0, "unless they stay");
    }

    #[test]
    fn a_silent_line_has_a_floor_too() {
        let mut floor = NoiseFloor::new();
        assert_eq!(floor.ratio(&[0; 160]), 0.0);
        assert!(after(1, 20.0, &mut floor).abs() < 1.5);
    }

    #[test]
    fn a_loud_beginning_is_not_taken_for_noise() {
        assert!(NoiseFloor::new().ratio(&frames(&noise(3000.0, 160))[0]) > 20.0);
    }
}
