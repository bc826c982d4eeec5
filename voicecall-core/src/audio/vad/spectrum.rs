//! The power spectrum of one window of audio, in the bands in which the network hears.

use std::f64::consts::TAU;
use std::sync::LazyLock;

use super::network::{BANDS, HEARD, NETWORK_RATE};

/// The length of the transform; what a window does not fill is silence.
const LENGTH: usize = 1024;

/// Real samples are transformed in pairs, as complex numbers.
const PAIRS: usize = LENGTH / 2;

/// The edges of the lowest and the highest band, in hertz.
const LOWEST: f64 = 72.0;
const HIGHEST: f64 = 7600.0;

/// Full scale is 1.
const POWER_OF_FULL_SCALE: f32 = 32768.0 * 32768.0;

/// Complex numbers, the real parts apart from the imaginary ones, so that several fit one instruction.
#[derive(Clone, Copy)]
struct Complex<const N: usize> {
    re: [f32; N],
    im: [f32; N],
}

impl<const N: usize> Complex<N> {
    const ZERO: Self = Self { re: [0.0; N], im: [0.0; N] };

    /// The roots of unity of order `of`, clockwise from 1.
    fn roots(of: usize) -> Self {
        let angle = |k: usize| TAU * k as f64 / of as f64;
        Self { re: std::array::from_fn(|k| angle(k).cos() as f32), im: std::array::from_fn(|k| -angle(k).sin() as f32) }
    }
}

/// What is the same for all windows.
struct Tables {
    hann: [f32; HEARD],
    /// The roots of unity for the pairs, and for the real samples.
    roots: Complex<{ PAIRS / 2 }>,
    real_roots: Complex<PAIRS>,
    /// The bins at which bands begin, peak and end: each peaks where the one before it ends.
    edges: [usize; BANDS + 2],
}

static TABLES: LazyLock<Tables> = LazyLock::new(|| Tables {
    hann: std::array::from_fn(|n| (0.5 - 0.5 * (TAU * n as f64 / HEARD as f64).cos()) as f32),
    roots: Complex::roots(PAIRS),
    real_roots: Complex::roots(LENGTH),
    edges: std::array::from_fn(edge),
});

/// The bin of an edge. Edges are equally far apart in mel (S. Young et al., The HTK Book).
fn edge(number: usize) -> usize {
    let mel = |hertz: f64| 2595.0 * (1.0 + hertz / 700.0).log10();
    let (lowest, highest) = (mel(LOWEST), mel(HIGHEST));
    let at = lowest + (highest - lowest) * number as f64 / (BANDS + 1) as f64;
    let hertz = 700.0 * (10f64.powf(at / 2595.0) - 1.0);
    ((LENGTH + 1) as f64 * hertz / f64::from(NETWORK_RATE)) as usize
}

/// The power of 16-bit samples in each band. Bands are triangles that overlap by half.
pub(super) fn bands(samples: &[f32; HEARD]) -> [f32; BANDS] {
    let Tables { hann, roots, real_roots, edges } = &*TABLES;
    let mut pairs = Complex::<PAIRS>::ZERO;
    for (n, (sample, window)) in samples.as_chunks::<2>().0.iter().zip(hann.as_chunks::<2>().0).enumerate() {
        (pairs.re[n], pairs.im[n]) = (sample[0] * window[0], sample[1] * window[1]);
    }
    let transformed = transform(pairs, roots);
    let mut bands = [0.0; BANDS];
    for (number, edge) in edges.windows(2).enumerate() {
        let (from, width) = (edge[0], (edge[1] - edge[0]) as f32);
        let (mut rising, mut falling) = (0.0, 0.0);
        for bin in from..edge[1] {
            let power = power(&transformed, real_roots, bin);
            let share = (bin - from) as f32 / width;
            rising += share * power;
            falling += (1.0 - share) * power;
        }
        // Before the first edge but one no band falls, behind the last but one none rises.
        if let Some(band) = number.checked_sub(1) {
            bands[band] += falling;
        }
        if let Some(band) = bands.get_mut(number) {
            *band += rising;
        }
    }
    bands.map(|power| power / POWER_OF_FULL_SCALE)
}

/// The power of one bin of the real samples, from the transformed pairs. The bin is neither the first nor the last.
fn power(pairs: &Complex<PAIRS>, roots: &Complex<PAIRS>, bin: usize) -> f32 {
    let mirror = PAIRS - bin;
    let even = (pairs.re[bin] + pairs.re[mirror], pairs.im[bin] - pairs.im[mirror]);
    let odd = (pairs.im[bin] + pairs.im[mirror], pairs.re[mirror] - pairs.re[bin]);
    let (re, im) = (roots.re[bin], roots.im[bin]);
    let sum = (even.0 + odd.0 * re - odd.1 * im, even.1 + odd.0 * im + odd.1 * re);
    (sum.0 * sum.0 + sum.1 * sum.1) / 4.0
}

/// The discrete Fourier transform (T. G. Stockham's order, 1966: what goes in and comes out is in order, nothing is swapped).
fn transform(mut numbers: Complex<PAIRS>, roots: &Complex<{ PAIRS / 2 }>) -> Complex<PAIRS> {
    let mut other = Complex::ZERO;
    pass::<1>(&numbers, &mut other, roots);
    pass::<2>(&other, &mut numbers, roots);
    pass::<4>(&numbers, &mut other, roots);
    pass::<8>(&other, &mut numbers, roots);
    pass::<16>(&numbers, &mut other, roots);
    pass::<32>(&other, &mut numbers, roots);
    pass::<64>(&numbers, &mut other, roots);
    pass::<128>(&other, &mut numbers, roots);
    pass::<256>(&numbers, &mut other, roots);
    other
}

/// One of the passes: of the `N` transforms that lie within one another become twice as many of half the length.
fn pass<const N: usize>(from: &Complex<PAIRS>, to: &mut Complex<PAIRS>, roots: &Complex<{ PAIRS / 2 }>) {
    let (re, im) = (from.re.as_chunks::<N>().0, from.im.as_chunks::<N>().0);
    let (to_re, to_im) = (to.re.as_chunks_mut::<N>().0, to.im.as_chunks_mut::<N>().0);
    let half = PAIRS / N / 2;
    for p in 0..half {
        let (root_re, root_im) = (roots.re[p * N], roots.im[p * N]);
        for q in 0..N {
            let (sum_re, sum_im) = (re[p][q] + re[p + half][q], im[p][q] + im[p + half][q]);
            let (rest_re, rest_im) = (re[p][q] - re[p + half][q], im[p][q] - im[p + half][q]);
            (to_re[2 * p][q], to_im[2 * p][q]) = (sum_re, sum_im);
            to_re[2 * p + 1][q] = rest_re * root_re - rest_im * root_im;
            to_im[2 * p + 1][q] = rest_re * root_im + rest_im * root_re;
        }
    }
}
