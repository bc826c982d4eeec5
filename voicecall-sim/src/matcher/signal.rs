//! The arithmetic of comparing two pieces of audio.

use std::f32::consts::PI;

/// The sum of products. Eight running sums let the compiler use vector instructions.
pub(super) fn dot(a: &[f32], b: &[f32]) -> f32 {
    let (a_lanes, b_lanes) = (a.chunks_exact(8), b.chunks_exact(8));
    let rest: f32 = a_lanes.remainder().iter().zip(b_lanes.remainder()).map(|(x, y)| x * y).sum();
    let mut sums = [0.0; 8];
    for (a, b) in a_lanes.zip(b_lanes) {
        for ((sum, x), y) in sums.iter_mut().zip(a).zip(b) {
            *sum += x * y;
        }
    }
    rest + sums.iter().sum::<f32>()
}

/// The sum of squares.
pub(super) fn energy(a: &[f32]) -> f32 {
    dot(a, a)
}

/// The normalised cross-correlation: 1 for the same shape whatever the gain, 0 for nothing alike.
pub(super) fn likeness(a: &[f32], b: &[f32]) -> f32 {
    dot(a, b) / (energy(a) * energy(b)).sqrt().max(f32::MIN_POSITIVE)
}

/// How far between its neighbours the top of a peak lies, from -0.5 to 0.5.
pub(super) fn peak_fraction(before: f32, top: f32, after: f32) -> f32 {
    let curve = before - 2.0 * top + after;
    if curve >= 0.0 { 0.0 } else { (0.5 * (before - after) / curve).clamp(-0.5, 0.5) }
}

/// Half the taps of the fractional delay.
const REACH: usize = 8;

/// Audio with silence around it, so that a recording can be laid over its edges.
#[derive(Debug)]
pub(super) struct Padded {
    samples: Vec<f32>,
    padding: usize,
}

impl Padded {
    /// Room for a recording of `longest` samples at every place that overlaps the audio.
    pub(super) fn new(pcm: &[i16], longest: usize) -> Self {
        let padding = longest + 4 * REACH;
        let mut samples = vec![0.0; padding];
        samples.extend(pcm.iter().map(|&sample| f32::from(sample)));
        samples.resize(samples.len() + padding, 0.0);
        Self { samples, padding }
    }

    /// The audio without the padding.
    pub(super) fn audio(&self) -> &[f32] {
        &self.samples[self.padding..self.samples.len() - self.padding]
    }

    /// The samples from `start` on, which may be negative; `None` far outside of the audio.
    pub(super) fn at(&self, start: isize, len: usize) -> Option<&[f32]> {
        let start = self.padding.checked_add_signed(start)?;
        self.samples.get(start..start + len)
    }

    /// Like [`at`](Self::at), but begins a fraction of a sample later.
    pub(super) fn between(&self, start: isize, len: usize, fraction: f32) -> Option<Vec<f32>> {
        let taps: Vec<f32> = (0..2 * REACH)
            .map(|tap| {
                let x = tap as f32 - (REACH as f32 - 1.0) - fraction;
                let window = 0.5 + 0.5 * (PI * x / (REACH as f32 + 0.5)).cos();
                if x.abs() < 1e-6 { 1.0 } else { window * (PI * x).sin() / (PI * x) }
            })
            .collect();
        let around = self.at(start - (REACH as isize - 1), len + 2 * REACH - 1)?;
        Some(around.windows(2 * REACH).map(|samples| dot(samples, &taps)).collect())
    }
}
