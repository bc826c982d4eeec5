//! What the ears heard.

/// The words found in a piece of audio, in order.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct Heard {
    /// The words. Those that were not found are left out.
    pub words: Vec<HeardWord>,
}

/// A word found in the audio.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct HeardWord {
    /// The word as written in the sentence of its clip, with the punctuation that touches it.
    pub text: String,
    /// Whose recording it is.
    pub speaker: String,
    /// How well the audio fits the recording, from 0 to 1. Whole words reach 0.9 on a clean line;
    /// below [`HeardWord::SURE`] the word is damaged.
    pub confidence: f32,
    /// The first sample.
    pub start: usize,
    /// The sample after the last.
    pub end: usize,
}

impl Heard {
    /// The words joined by spaces. A complete clip gives exactly the text of the clip.
    pub fn text(&self) -> String {
        let words: Vec<_> = self.words.iter().map(|word| word.text.as_str()).collect();
        words.join(" ")
    }

    /// The confidence of the worst word, or `None` when nothing was heard.
    pub fn confidence(&self) -> Option<f32> {
        self.words.iter().map(|word| word.confidence).min_by(f32::total_cmp)
    }
}

impl HeardWord {
    /// The confidence from which a word counts as undamaged.
    pub const SURE: f32 = 0.5;
}
