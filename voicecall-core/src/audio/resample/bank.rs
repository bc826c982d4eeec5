//! The filter tables of one pair of rates, computed once and shared.

use std::f64::consts::PI;
use std::sync::OnceLock;
use std::time::Duration;

use super::RATES;

/// Half the length of the filter, in samples of the lower rate: 3 ms at 8 kHz. With the window
/// below the filter turns from pass to stop between 86 % and 114 % of the lower rate's half.
const HALF_LENGTH: usize = 24;

/// The shape of the Kaiser window: 0.1102 (A - 8.7) for A = 100 dB of rejection.
const KAISER_BETA: f64 = 10.06;

/// Independent sums of a dot product: lets the compiler use vector instructions, which it may not
/// do for one sum, because floating-point addition is not associative.
const LANES: usize = 8;

type Shared = [[OnceLock<Bank>; RATES.len()]; RATES.len()];
static SHARED: Shared = [const { [const { OnceLock::new() }; RATES.len()] }; RATES.len()];

/// The filters for the conversion from one rate to another.
///
/// With the ratio in lowest terms, `up : down`, output `n` lies at the input instant
/// `n * down / up`, so its fraction of a sample takes `up` values, called phases.
#[derive(Debug)]
pub(super) struct Bank {
    from_hz: u32,
    up: usize,
    down: usize,
    taps: usize,
    /// The coefficients of phase 0, then of phase 1 and so on: `up * taps`.
    coefficients: Box<[f32]>,
}

impl Bank {
    /// The tables for a pair out of [`RATES`]; `None` for another.
    pub(super) fn shared(from_hz: u32, to_hz: u32) -> Option<&'static Self> {
        let index = |hz| RATES.iter().position(|&rate| rate == hz);
        let slot = &SHARED[index(from_hz)?][index(to_hz)?];
        Some(slot.get_or_init(|| Self::new(from_hz, to_hz)))
    }

    fn new(from_hz: u32, to_hz: u32) -> Self {
        let divisor = greatest_common_divisor(from_hz, to_hz);
        let (up, down) = ((to_hz / divisor) as usize, (from_hz / divisor) as usize);
        if up == down {
            return Self { from_hz, up, down, taps: 1, coefficients: Box::new([1.0]) };
        }
        // Going down, the filter must reject more, so it grows in samples of the input.
        let half = (HALF_LENGTH * down.max(up)).div_ceil(up).next_multiple_of(LANES / 2);
        let cutoff = (up as f64 / down as f64).min(1.0);
        let coefficients = (0..up).flat_map(|phase| design(half, cutoff, phase as f64 / up as f64));
        Self { from_hz, up, down, taps: 2 * half, coefficients: coefficients.collect() }
    }

    /// The length of the filter in input samples.
    pub(super) fn taps(&self) -> usize {
        self.taps
    }

    /// How many samples before an output's instant its filter begins.
    pub(super) fn lookback(&self) -> usize {
        (self.taps - 1) / 2
    }

    /// How much input after its instant an output waits for.
    pub(super) fn lookahead(&self) -> Duration {
        Duration::from_secs(self.taps as u64 / 2) / self.from_hz
    }

    /// How many samples a stream of `input` samples becomes, rounded half up.
    pub(super) fn output_length(&self, input: u64) -> u64 {
        (2 * input * self.up as u64 + self.down as u64) / (2 * self.down as u64)
    }

    /// One output sample from the input under its filter, `taps` long.
    pub(super) fn filter(&self, phase: usize, input: &[f32]) -> i16 {
        if phase == 0 && self.up >= self.down {
            // Nothing is to be rejected, and the sinc is zero at every sample but this one.
            return input[self.lookback()] as i16;
        }
        let coefficients = &self.coefficients[phase * self.taps..(phase + 1) * self.taps];
        // A cast from float to integer saturates.
        dot(input, coefficients).round_ties_even() as i16
    }

    /// The position and phase of the output after this one.
    pub(super) fn advance(&self, position: usize, phase: usize) -> (usize, usize) {
        let phase = phase + self.down;
        (position + phase / self.up, phase % self.up)
    }
}

/// The filter of one phase: a sinc of `2 * half` taps in a Kaiser window, `fraction` of a sample
/// behind the middle. `cutoff` is relative to half the input's rate.
fn design(half: usize, cutoff: f64, fraction: f64) -> impl Iterator<Item = f32> {
    let taps: Vec<f64> = (0..2 * half)
        .map(|tap| {
            let distance = tap as f64 - (half - 1) as f64 - fraction;
            sinc(cutoff * distance) * kaiser(distance / half as f64)
        })
        .collect();
    // Every phase gets the same gain, or a constant input would come out with a tone.
    let gain: f64 = taps.iter().sum();
    taps.into_iter().map(move |tap| (tap / gain) as f32)
}

fn sinc(x: f64) -> f64 {
    if x == 0.0 { 1.0 } else { (PI * x).sin() / (PI * x) }
}

/// The Kaiser window over -1 to 1, up to a constant factor.
fn kaiser(x: f64) -> f64 {
    bessel_i0(KAISER_BETA * (1.0 - x * x).max(0.0).sqrt())
}

/// The modified Bessel function of the first kind and order zero, by its power series.
fn bessel_i0(x: f64) -> f64 {
    let mut term = 1.0;
    let mut sum = 1.0;
    // The terms shrink faster than geometrically once k exceeds x / 2, here at most 5.
    for k in 1..=40 {
        let factor = x / (2.0 * f64::from(k));
        term *= factor * factor;
        sum += term;
    }
    sum
}

/// The sum of products; the order of additions is fixed, so that it never depends on the chunks.
fn dot(a: &[f32], b: &[f32]) -> f32 {
    let (a_lanes, a_rest) = a.as_chunks::<LANES>();
    let (b_lanes, b_rest) = b.as_chunks::<LANES>();
    let mut sums = [0.0; LANES];
    for (a, b) in a_lanes.iter().zip(b_lanes) {
        for lane in 0..LANES {
            sums[lane] += a[lane] * b[lane];
        }
    }
    let rest: f32 = a_rest.iter().zip(b_rest).map(|(a, b)| a * b).sum();
    sums.iter().sum::<f32>() + rest
}

fn greatest_common_divisor(a: u32, b: u32) -> u32 {
    if b == 0 { a } else { greatest_common_divisor(b, a % b) }
}
