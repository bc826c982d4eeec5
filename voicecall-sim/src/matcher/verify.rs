//! Compares the audio with a recording sample by sample, and word by word.

use super::search::Place;
use super::signal::{Padded, dot, energy, likeness, peak_fraction};
use crate::clips::Word;

/// Samples of the blocks in which a word must be there: 20 ms.
const BLOCK: usize = 160;
/// The least loudness of a block, relative to its recording, that is compared: -10 dB.
const AUDIBLE: f32 = 0.1;
/// The least loudness of a block that must be there at all: -30 dB.
const FAINT: f32 = 0.001;
/// The part of its energy below which a soft block is gone.
const GONE: f32 = 0.3;
/// How far the gain of a block as loud as its recording may be from that of its word. Echo and
/// noise disturb soft blocks more than loud ones.
const TOLERANCE: f32 = 0.3;
/// The least confidence of a word that is there.
const POOR: f32 = 0.35;

/// A clip as the ears know it.
#[derive(Debug)]
pub(super) struct Recording {
    pub(super) speaker: String,
    pub(super) words: Vec<Word>,
    pub(super) samples: Vec<f32>,
}

/// A recording laid over the audio.
#[derive(Debug)]
pub(super) struct Reading {
    /// The number of the recording.
    pub(super) recording: usize,
    /// Where the first sample of the recording lies in the audio.
    pub(super) offset: isize,
    /// For each word of the recording how it fits, `None` when it is not there.
    pub(super) fits: Vec<Option<Fit>>,
}

/// How a word fits the audio.
#[derive(Clone, Copy, Debug)]
pub(super) struct Fit {
    pub(super) confidence: f32,
    /// The gain of the audio over the recording.
    pub(super) gain: f32,
}

/// Where exactly a recording lies: a whole number of samples and a fraction of one.
#[derive(Clone, Copy, Debug)]
pub(super) struct Alignment {
    pub(super) offset: isize,
    pub(super) fraction: f32,
}

/// Finds the exact place near a rough one; `None` when the audio is not much like the recording.
pub(super) fn align(audio: &Padded, recording: &Recording, place: &Place) -> Option<Alignment> {
    const SLACK: usize = 7;
    const UNLIKE: f32 = 0.4;
    let part = &recording.samples[place.part.clone()];
    let first = place.offset - SLACK as isize;
    let near = audio.at(first + place.part.start as isize, part.len() + 2 * SLACK)?;
    let alike: Vec<f32> = near.windows(part.len()).map(|heard| likeness(heard, part)).collect();
    let (best, &top) = alike.iter().enumerate().max_by(|a, b| a.1.total_cmp(b.1))?;
    if top < UNLIKE || best == 0 || best == 2 * SLACK {
        return None;
    }
    let fraction = peak_fraction(alike[best - 1], top, alike[best + 1]);
    Some(Alignment { offset: first + best as isize, fraction })
}

/// Compares each word of a recording with the audio at the same place.
pub(super) fn compare(audio: &Padded, recording: &Recording, at: Alignment) -> Option<Vec<Option<Fit>>> {
    let samples = &recording.samples;
    let heard = audio.between(at.offset, samples.len(), at.fraction)?;
    let level = mean_square(samples);
    let fits = recording.words.iter().map(|word| {
        let span = word.start..word.end;
        fit(&heard[span.clone()], &samples[span], level)
    });
    Some(fits.collect())
}

/// A word fits when its shape is that of the recording and no piece of it is missing: the first
/// fails in the wrong coding or at the wrong rate, the second at a lost frame.
fn fit(heard: &[f32], word: &[f32], level: f32) -> Option<Fit> {
    let gain = dot(heard, word) / energy(word);
    // Steep, because the softest words in noise of 15 dB still have a likeness of 0.95.
    let confidence = likeness(heard, word).max(0.0).powi(8);
    let whole = heard.chunks(BLOCK).zip(word.chunks(BLOCK)).all(|(heard, word)| is_there(heard, word, gain, level));
    (whole && confidence > POOR).then_some(Fit { confidence, gain })
}

/// Whether a block of a word is there, as loud as the rest of the word.
fn is_there(heard: &[f32], word: &[f32], gain: f32, level: f32) -> bool {
    let loudness = mean_square(word) / level;
    if loudness < FAINT || word.len() < BLOCK / 4 {
        return true;
    }
    // Whatever else is on the line only adds to a block that is too soft to be compared.
    if loudness < AUDIBLE {
        return energy(heard) > GONE * gain * gain * energy(word);
    }
    let change = dot(heard, word) / (energy(word) * gain) - 1.0;
    change.abs() < TOLERANCE / loudness.min(1.0).sqrt()
}

fn mean_square(samples: &[f32]) -> f32 {
    energy(samples) / samples.len() as f32
}
