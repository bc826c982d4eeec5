//! The noise of a line, estimated while people speak over it.

use super::Pcm;

/// The noise assumed at least, as a power: an RMS of 20 samples, about two steps of mu-law around
/// zero. Keeps the crackle of a silent line from being loud.
const LOWEST: f32 = 20.0 * 20.0;

/// The noise assumed at most before anything is known, as a power: an RMS of 500 samples. A call
/// that begins in the middle of a word must not take the whole word for noise.
const HIGHEST_START: f32 = 500.0 * 500.0;

/// How far the floor moves down to the power of a quieter frame: it is there after a few.
const FALL: f32 = 0.3;

/// How the floor grows with every louder frame: 1.3 dB a second. Speech is broken by pauses that
/// bring the floor back; noise is not, and is seen for what it is after some seconds.
const RISE: f32 = 1.006;

/// Follows the quietest frames of a stream: quickly down, slowly up.
#[derive(Debug, Clone, Default)]
pub(super) struct NoiseFloor {
    /// The power of the noise; `None` before the first frame.
    power: Option<f32>,
}

impl NoiseFloor {
    pub(super) const fn new() -> Self {
        Self { power: None }
    }

    /// Takes the next frame; answers how loud it is over the floor, as a ratio of powers.
    pub(super) fn ratio(&mut self, frame: &Pcm) -> f32 {
        let power = power(frame);
        let floor = self.power.unwrap_or(power.min(HIGHEST_START)).max(LOWEST);
        self.power = Some(if power < floor {
            floor + FALL * (power - floor)
        } else {
            floor * RISE
        });
        power / floor
    }
}

/// The mean square of the samples around their mean: an offset of the line is not loudness.
fn power(frame: &Pcm) -> f32 {
    let count = frame.len() as f32;
    let sum: i32 = frame.iter().map(|&sample| i32::from(sample)).sum();
    let squares: i64 = (frame.iter())
        .map(|&sample| i64::from(i32::from(sample).pow(2)))
        .sum();
    let mean = sum as f32 / count;
    (squares as f32 / count - mean * mean).max(0.0)
}

#[cfg(test)]
mod tests {
    use super::super::signals::{frames, noise};
    use super::*;

    fn after(seconds: usize, rms: f64, floor: &mut NoiseFloor) -> f32 {
        let ratios = frames(&noise(rms, 8000 * seconds))
            .into_iter()
            .map(|frame| floor.ratio(&frame));
        10.0 * ratios.last().unwrap().log10()
    }

    #[test]
    fn power_is_that_of_the_changes_only() {
        assert_eq!(power(&[1000; 160]), 0.0);
        let square = std::array::from_fn(|i| if i % 2 == 0 { 1300 } else { 700 });
        assert!((power(&square) - 90_000.0).abs() < 1.0);
    }

    #[test]
    fn falls_within_frames_and_rises_within_seconds() {
        let mut floor = NoiseFloor::new();
        assert!(after(3, 300.0, &mut floor) < 2.0, "it is the noise");
        assert!(
            after(1, 3000.0, &mut floor) > 17.0,
            "a second of louder noise stands out"
        );
        assert!(
            after(1, 300.0, &mut floor) < 2.0,
            "and has not lifted the floor"
        );
        assert!(after(20, 3000.0, &mut floor) < 2.0, "unless it stays");
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
