//! Telephone keys as the tones they make on the line.

use std::f32::consts::TAU;
use std::time::Duration;

use super::g711::mulaw;
use super::{FRAME_SAMPLES, Frame, SAMPLE_RATE};
use crate::carrier::Digits;

/// Rows and columns of the keypad, in hertz (ITU-T Q.23).
const ROWS: [f32; 4] = [697.0, 770.0, 852.0, 941.0];
const COLUMNS: [f32; 4] = [1209.0, 1336.0, 1477.0, 1633.0];
const KEYS: [&str; 4] = ["123A", "456B", "789C", "*0#D"];

/// A tone, and the silence behind it: 100 ms each, twice what a receiver needs (ITU-T Q.24).
const TONE: Duration = Duration::from_millis(100);

/// The level of each of the two tones: -9 dB of full scale, so that their sum does not clip.
const AMPLITUDE: f32 = 0.35;

/// The keys and pauses as mu-law at 8 kHz, in whole frames.
#[must_use]
pub fn tones(digits: &Digits) -> Vec<u8> {
    let mut audio = Vec::new();
    for key in digits.reveal().chars() {
        match key {
            'w' => silence(&mut audio, Duration::from_millis(500)),
            'W' => silence(&mut audio, Duration::from_secs(1)),
            _ => {
                tone(&mut audio, key);
                silence(&mut audio, TONE);
            }
        }
    }
    audio
}

fn tone(audio: &mut Vec<u8>, key: char) {
    let place = KEYS.iter().enumerate().find_map(|(row, keys)| Some((row, keys.find(key)?)));
    let Some((row, column)) = place else { return };
    let rate = SAMPLE_RATE as f32;
    audio.extend((0..samples(TONE)).map(|sample| {
        let wave = |hertz: f32| (TAU * hertz * sample as f32 / rate).sin();
        let level = AMPLITUDE * (wave(ROWS[row]) + wave(COLUMNS[column]));
        mulaw::encode((level * f32::from(i16::MAX)) as i16)
    }));
}

fn silence(audio: &mut Vec<u8>, duration: Duration) {
    audio.extend(std::iter::repeat_n(Frame::SILENCE.as_bytes()[0], samples(duration)));
}

fn samples(duration: Duration) -> usize {
    duration.as_millis() as usize / 20 * FRAME_SAMPLES
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The energy at a frequency, by Goertzel.
    fn energy(audio: &[u8], hertz: f32) -> f32 {
        let factor = 2.0 * (TAU * hertz / SAMPLE_RATE as f32).cos();
        let (mut one, mut two) = (0.0, 0.0);
        for &code in audio {
            let next = f32::from(mulaw::decode(code)) / 32768.0 + factor * one - two;
            (two, one) = (one, next);
        }
        one * one + two * two - factor * one * two
    }

    #[test]
    fn every_key_has_its_two_tones_and_no_other() {
        for (row, keys) in KEYS.iter().enumerate() {
            for (column, key) in keys.chars().enumerate() {
                let audio = tones(&key.to_string().parse().unwrap());
                let tone = &audio[..800];
                let strongest = |of: &[f32; 4]| {
                    let energies = of.map(|hertz| energy(tone, hertz));
                    (0..4).max_by(|a, b| energies[*a].total_cmp(&energies[*b])).unwrap()
                };
                assert_eq!((strongest(&ROWS), strongest(&COLUMNS)), (row, column), "{key}");
                assert!(audio[800..].iter().all(|&code| code == 0xFF));
            }
        }
    }

    #[test]
    fn pauses_are_silent() {
        let audio = tones(&"wW1".parse().unwrap());
        assert_eq!(audio.len(), 12_000 + 1600);
        assert!(audio[..12_000].iter().all(|&code| code == 0xFF));
    }
}
