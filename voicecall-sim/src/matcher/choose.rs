//! Chooses which of the readings of the audio to believe.

use super::heard::HeardWord;
use super::verify::{Reading, Recording};

/// Words softer than this, relative to the loudest, are background: -14 dB.
const BACKGROUND: f32 = 0.2;

/// A word that fits the audio.
struct Candidate {
    word: HeardWord,
    gain: f32,
}

/// The words of the readings that explain the most of the audio, in order and without overlap.
///
/// Readings compete as wholes: a sentence that fits from end to end wins over the parts that other
/// sentences have in common with it, and among equals the better fit wins.
pub(super) fn choose(readings: &[Reading], recordings: &[Recording]) -> Vec<HeardWord> {
    let mut open: Vec<Vec<Candidate>> =
        readings.iter().map(|reading| candidates(reading, &recordings[reading.recording])).collect();
    let mut chosen: Vec<Candidate> = Vec::new();
    while let Some(best) = (0..open.len()).max_by(|&a, &b| explained(&open[a]).total_cmp(&explained(&open[b]))) {
        let taken = open.swap_remove(best);
        if taken.is_empty() {
            break;
        }
        for other in &mut open {
            other.retain(|candidate| !taken.iter().any(|taken| displaces(taken, candidate)));
        }
        chosen.extend(taken);
    }
    let loudest = chosen.iter().map(|candidate| candidate.gain).fold(0.0, f32::max);
    chosen.retain(|candidate| candidate.gain >= BACKGROUND * loudest);
    chosen.sort_by_key(|candidate| candidate.word.start);
    chosen.into_iter().map(|candidate| candidate.word).collect()
}

fn candidates(reading: &Reading, recording: &Recording) -> Vec<Candidate> {
    let fitting = recording.words.iter().zip(&reading.fits).filter_map(|(word, fit)| {
        let fit = (*fit)?;
        let place = |sample: usize| sample.saturating_add_signed(reading.offset);
        let word = HeardWord {
            text: word.text.clone(),
            speaker: recording.speaker.clone(),
            confidence: fit.confidence,
            start: place(word.start),
            end: place(word.end),
        };
        Some(Candidate { word, gain: fit.gain })
    });
    fitting.collect()
}

/// How much of the audio a reading explains: samples, weighted by the confidence.
fn explained(candidates: &[Candidate]) -> f32 {
    candidates.iter().map(|c| (c.word.end - c.word.start) as f32 * c.word.confidence).sum()
}

/// Whether two words cannot both be there: they share more than the blur of a word boundary, and
/// the first is not a mere echo behind the second.
fn displaces(taken: &Candidate, other: &Candidate) -> bool {
    let (a, b) = (&taken.word, &other.word);
    let shared = a.end.min(b.end).saturating_sub(a.start.max(b.start));
    let overlap = shared * 4 > (a.end - a.start).min(b.end - b.start);
    overlap && taken.gain >= BACKGROUND * other.gain
}
