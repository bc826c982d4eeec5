//! Measures the filters by tones: what passes, what is left over, what folds back.

use std::f64::consts::TAU;

use super::{RATES, Resampler};

/// Full scale for the tones: high, so that the rounding to 16 bits lies below what is measured.
const AMPLITUDE: f64 = 30000.0;

fn pairs() -> impl Iterator<Item = (u32, u32)> {
    let all = RATES
        .into_iter()
        .flat_map(|from| RATES.into_iter().map(move |to| (from, to)));
    all.filter(|(from, to)| from != to)
}

/// 0.4 s of a tone through a fresh resampler, without the edges of the stream.
fn resampled_tone(from_hz: u32, to_hz: u32, tone_hz: f64) -> (usize, Vec<i16>) {
    let input: Vec<i16> = (0..from_hz * 2 / 5)
        .map(|n| (AMPLITUDE * (TAU * tone_hz * f64::from(n) / f64::from(from_hz)).sin()).round())
        .map(|sample| sample as i16)
        .collect();
    let mut resampler = Resampler::new(from_hz, to_hz).unwrap();
    let mut output = Vec::new();
    resampler.process(&input, &mut output);
    resampler.flush(&mut output);
    let edge = to_hz as usize / 100;
    (edge, output[edge..output.len() - edge].to_vec())
}

/// The gain of the tone, and its power over that of everything else. The ideal tone has the phase
/// of its instant, so a misplaced output counts as noise.
fn gain_and_snr(to_hz: u32, tone_hz: f64, offset: usize, output: &[i16]) -> (f64, f64) {
    let ideal = |n: usize| (TAU * tone_hz * (n + offset) as f64 / f64::from(to_hz)).sin();
    let pairs: Vec<(f64, f64)> = (output.iter().enumerate())
        .map(|(n, &y)| (f64::from(y), ideal(n)))
        .collect();
    let energy: f64 = pairs.iter().map(|(_, x)| x * x).sum();
    let gain = pairs.iter().map(|(y, x)| y * x).sum::<f64>() / energy;
    let noise: f64 = pairs.iter().map(|(y, x)| (y - gain * x).powi(2)).sum();
    (gain / AMPLITUDE, gain * gain * energy / noise)
}

fn decibels(power_ratio: f64) -> f64 {
    10.0 * power_ratio.log10()
}

/// Tones over the band that must pass: for 8 kHz 307 to 3400 Hz.
fn passing_tones(from_hz: u32, to_hz: u32) -> impl Iterator<Item = f64> {
    let scale = f64::from(from_hz.min(to_hz)) / 8000.0;
    [307.0, 1004.0, 1709.0, 2503.0, 3001.0, 3299.0, 3400.0]
        .map(|hz| hz * scale)
        .into_iter()
}

#[derive(Debug)]
struct Worst {
    snr: f64,
    gain: f64,
}

fn worst_of_band(from_hz: u32, to_hz: u32) -> Worst {
    let mut worst = Worst {
        snr: f64::INFINITY,
        gain: 0.0,
    };
    for tone_hz in passing_tones(from_hz, to_hz) {
        let (offset, output) = resampled_tone(from_hz, to_hz, tone_hz);
        let (gain, snr) = gain_and_snr(to_hz, tone_hz, offset, &output);
        worst.snr = worst.snr.min(decibels(snr));
        let gain = 2.0 * decibels(gain);
        worst.gain = if gain.abs() > worst.gain.abs() {
            gain
        } else {
            worst.gain
        };
    }
    worst
}

/// The loudest alias in decibels relative to the tone: all that a tone beyond the output's band
/// leaves behind.
fn worst_alias(from_hz: u32, to_hz: u32) -> f64 {
    let stop = 0.575 * f64::from(to_hz);
    let top = 0.5 * f64::from(from_hz);
    (0..=24)
        .map(|step| {
            // The last tone stays off the input's own limit, where a sine samples to zero.
            let tone_hz = stop + (top * 0.995 - stop) * f64::from(step) / 24.0;
            let (_, output) = resampled_tone(from_hz, to_hz, tone_hz);
            let power: f64 = output.iter().map(|&y| f64::from(y).powi(2)).sum();
            decibels(power.max(1e-9) / output.len() as f64 / (AMPLITUDE * AMPLITUDE / 2.0))
        })
        .fold(f64::NEG_INFINITY, f64::max)
}

/// Images count as noise here: going up, they are what a tone leaves beyond the input's band.
#[test]
fn tones_of_the_band_pass_cleanly_and_flat() {
    for (from_hz, to_hz) in pairs() {
        let worst = worst_of_band(from_hz, to_hz);
        assert!(worst.snr > 90.0, "{from_hz} -> {to_hz}: {worst:.3?}");
        assert!(worst.gain.abs() < 0.01, "{from_hz} -> {to_hz}: {worst:.3?}");
    }
}

#[test]
fn tones_beyond_the_band_leave_no_alias() {
    // From 24000 to 22050 Hz nothing lies beyond 115 % of the band.
    for (from_hz, to_hz) in pairs().filter(|(from, to)| *from > to + to / 5) {
        let alias = worst_alias(from_hz, to_hz);
        assert!(alias < -90.0, "{from_hz} -> {to_hz}: {alias:.1} dB");
    }
}
