//! Signals to try the detectors on, made from nothing and always the same.

use std::f64::consts::TAU;

use crate::audio::{FRAME_SAMPLES, Pcm};

/// A drawn-out vowel in syllables: harmonics of a gliding pitch under four formants, with the
/// loudness rising and falling four times a second.
pub(super) fn speech_like(samples: usize) -> Vec<f64> {
    let formants = [(700.0, 130.0, 1.0), (1220.0, 150.0, 0.5), (2600.0, 200.0, 0.25)];
    let mut phase = 0.0;
    (0..samples)
        .map(|n| {
            let t = n as f64 / 8000.0;
            let pitch = 120.0 + 20.0 * (TAU * 1.5 * t).sin();
            phase += TAU * pitch / 8000.0;
            let voice: f64 = (1..=28)
                .map(|harmonic| {
                    let hz = pitch * f64::from(harmonic);
                    let resonance: f64 = (formants.iter())
                        .map(|(centre, width, gain)| gain / (1.0 + ((hz - centre) / width).powi(2)))
                        .sum();
                    (0.05 + resonance) * (phase * f64::from(harmonic)).sin()
                })
                .sum();
            let syllable = 0.6 - 0.4 * (TAU * 4.0 * t).cos();
            3000.0 * syllable * voice
        })
        .collect()
}

/// White noise of the given RMS, uniformly distributed.
pub(super) fn noise(rms: f64, samples: usize) -> Vec<f64> {
    let mut state = 0x2545_F491_4F6C_DD1D_u64;
    (0..samples)
        .map(|_| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            let uniform = (state >> 11) as f64 / (1_u64 << 53) as f64;
            // A uniform variable over -1 to 1 has the RMS of one over the root of three.
            (2.0 * uniform - 1.0) * rms * 3.0_f64.sqrt()
        })
        .collect()
}

/// Cuts the samples into frames; what fills none is dropped.
pub(super) fn frames(samples: &[f64]) -> Vec<Pcm> {
    let (frames, _) = samples.as_chunks::<FRAME_SAMPLES>();
    frames.iter().map(|frame| frame.map(|sample| sample.round() as i16)).collect()
}

/// The hum of a transformer: twice the mains' 50 Hz, and a little of its overtone.
#[cfg(feature = "vad")]
pub(super) fn hum(rms: f64, samples: usize) -> Vec<f64> {
    (0..samples)
        .map(|n| {
            let phase = TAU * 100.0 * n as f64 / 8000.0;
            let sum = phase.sin() + 0.3 * (2.0 * phase).sin();
            // The power of a sum of sines is half the sum of their squared amplitudes.
            sum * rms / ((1.0 + 0.09) / 2.0_f64).sqrt()
        })
        .collect()
}

/// Sines of these frequencies, in hertz, that together peak at `level`.
#[cfg(feature = "vad")]
pub(super) fn tones(hertz: &[f64], level: f64, samples: usize) -> Vec<f64> {
    let amplitude = level / hertz.len() as f64;
    let at = |n: usize| hertz.iter().map(|hertz| (TAU * hertz * n as f64 / 8000.0).sin()).sum::<f64>();
    (0..samples).map(|n| amplitude * at(n)).collect()
}
