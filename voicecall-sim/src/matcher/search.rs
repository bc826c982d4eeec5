//! Finds where recordings may lie in the audio, quickly and roughly.
//!
//! Each recording is cut at word boundaries into phrases of about half a second, so that a phrase
//! survives when the rest of its sentence was cut. Audio and phrases are compared at 2 kHz by
//! cross-correlation in the frequency domain.

use std::f32::consts::PI;
use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use realfft::num_complex::Complex;
use realfft::{ComplexToReal, RealFftPlanner, RealToComplex};

use super::signal::{dot, energy};
use super::verify::Recording;

const DECIMATION: usize = 4;
/// Samples of a transform, at 2 kHz.
const BLOCK: usize = 8_192;
/// The shortest phrase, except for a sentence that is shorter: 0.6 s.
const SHORTEST: usize = 4_800;
/// The likeness from which a place is worth a closer look.
const PROMISING: f32 = 0.45;
/// Places looked at for each phrase and block.
const PLACES: usize = 3;
/// The least energy of the audio, relative to the phrase, that can hold a part of the phrase.
const FAINT: f32 = 0.002;

/// A place where a recording may lie.
#[derive(Clone, Debug)]
pub(super) struct Place {
    pub(super) recording: usize,
    /// Where the first sample of the recording lies, within a few samples.
    pub(super) offset: isize,
    /// The part of the recording that was found.
    pub(super) part: Range<usize>,
}

/// Searches audio for phrases of recordings.
pub(super) struct Search {
    forward: Arc<dyn RealToComplex<f32>>,
    inverse: Arc<dyn ComplexToReal<f32>>,
    phrases: Vec<Phrase>,
    /// Samples of the longest phrase at 2 kHz.
    longest: usize,
}

struct Phrase {
    recording: usize,
    part: Range<usize>,
    samples: usize,
    energy: f32,
    spectrum: Vec<Complex<f32>>,
}

impl Search {
    pub(super) fn new(recordings: &[Recording]) -> Self {
        let mut planner = RealFftPlanner::new();
        let forward = planner.plan_fft_forward(BLOCK);
        let inverse = planner.plan_fft_inverse(BLOCK);
        let mut phrases = Vec::new();
        for (index, recording) in recordings.iter().enumerate() {
            for part in parts(recording) {
                let mut samples = narrow(&recording.samples[part.clone()]);
                samples.truncate(BLOCK / 2);
                let mut phrase = Phrase {
                    recording: index,
                    part,
                    samples: samples.len(),
                    energy: energy(&samples),
                    spectrum: Vec::new(),
                };
                samples.resize(BLOCK, 0.0);
                phrase.spectrum = transform(&*forward, &mut samples);
                for bin in &mut phrase.spectrum {
                    *bin = bin.conj() / BLOCK as f32;
                }
                phrases.push(phrase);
            }
        }
        let longest = phrases.iter().map(|phrase| phrase.samples).max().unwrap_or(0);
        Self { forward, inverse, phrases, longest }
    }

    /// The promising places in the audio.
    pub(super) fn places(&self, audio: &[f32]) -> Vec<Place> {
        // Silence in front lets a phrase be found that has lost its beginning.
        let mut narrow_audio = vec![0.0; self.longest];
        narrow_audio.extend(narrow(audio));
        let lags = BLOCK - self.longest;
        let mut places = Vec::new();
        // A peak needs a neighbour on both sides, so the blocks share two lags.
        for start in (0..narrow_audio.len()).step_by(lags - 2) {
            let end = narrow_audio.len().min(start + BLOCK);
            let mut block = narrow_audio[start..end].to_vec();
            block.resize(BLOCK, 0.0);
            let loudness = running_energy(&block);
            if loudness[BLOCK] < 1.0 {
                continue;
            }
            let spectrum = transform(&*self.forward, &mut block);
            self.search_block(&spectrum, &loudness, lags, |phrase, lag| {
                let at = (start + lag) as isize - self.longest as isize;
                let offset = at * DECIMATION as isize - phrase.part.start as isize;
                places.push(Place { recording: phrase.recording, offset, part: phrase.part.clone() });
            });
        }
        places
    }

    /// Compares every phrase with a block at each lag, and reports the places where it fits best.
    fn search_block(
        &self,
        spectrum: &[Complex<f32>],
        loudness: &[f64],
        lags: usize,
        mut found: impl FnMut(&Phrase, usize),
    ) {
        let mut product = self.inverse.make_input_vec();
        let mut correlation = self.inverse.make_output_vec();
        let mut scratch = self.inverse.make_scratch_vec();
        for phrase in &self.phrases {
            for ((to, a), b) in product.iter_mut().zip(spectrum).zip(&phrase.spectrum) {
                *to = a * b;
            }
            // The ends of a real spectrum are real; rounding may have left a trace.
            product[0].im = 0.0;
            product[BLOCK / 2].im = 0.0;
            if self.inverse.process_with_scratch(&mut product, &mut correlation, &mut scratch).is_err() {
                continue;
            }
            let likeness = |lag: usize| {
                let heard = (loudness[lag + phrase.samples] - loudness[lag]) as f32;
                correlation[lag] / (heard.max(FAINT * phrase.energy) * phrase.energy).sqrt()
            };
            let is_peak = |&lag: &usize| {
                let here = correlation[lag];
                here > 0.0 && here >= correlation[lag - 1] && here > correlation[lag + 1]
            };
            let mut tops: Vec<_> = (1..lags - 1).filter(is_peak).map(|lag| (likeness(lag), lag)).collect();
            tops.retain(|&(likeness, _)| likeness > PROMISING);
            tops.sort_by(|a, b| b.0.total_cmp(&a.0));
            for &(_, lag) in tops.iter().take(PLACES) {
                found(phrase, lag);
            }
        }
    }
}

impl fmt::Debug for Search {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Search").field("phrases", &self.phrases.len()).finish_non_exhaustive()
    }
}

/// Cuts a recording into phrases of whole words.
fn parts(recording: &Recording) -> Vec<Range<usize>> {
    let mut parts: Vec<Range<usize>> = Vec::new();
    for word in &recording.words {
        match parts.last_mut() {
            Some(part) if part.len() < SHORTEST => part.end = word.end,
            _ => parts.push(word.start..word.end),
        }
    }
    parts
}

/// Keeps every fourth sample of the audio below 0.9 kHz.
fn narrow(audio: &[f32]) -> Vec<f32> {
    const HALF: usize = 24;
    const CUTOFF: f32 = 0.11;
    let taps: Vec<f32> = (0..=2 * HALF)
        .map(|i| {
            let x = i as f32 - HALF as f32;
            let window = 0.5 + 0.5 * (PI * x / (HALF as f32 + 1.0)).cos();
            window * if x == 0.0 { 2.0 * CUTOFF } else { (2.0 * PI * CUTOFF * x).sin() / (PI * x) }
        })
        .collect();
    let mut padded = vec![0.0; HALF];
    padded.extend_from_slice(audio);
    padded.resize(audio.len() + 2 * HALF + 1, 0.0);
    (0..audio.len()).step_by(DECIMATION).map(|at| dot(&padded[at..=at + 2 * HALF], &taps)).collect()
}

fn transform(fft: &dyn RealToComplex<f32>, samples: &mut [f32]) -> Vec<Complex<f32>> {
    let mut spectrum = fft.make_output_vec();
    // Both lengths are those of the transform, the only thing that could be wrong.
    if fft.process(samples, &mut spectrum).is_err() {
        spectrum.fill(Complex::default());
    }
    spectrum
}

/// The energy of the samples before each one.
fn running_energy(samples: &[f32]) -> Vec<f64> {
    let mut sum = 0.0;
    let mut running = vec![0.0];
    running.extend(samples.iter().map(|&s| {
        sum += f64::from(s) * f64::from(s);
        sum
    }));
    running
}
