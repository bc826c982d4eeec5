//! One recorded sentence.

use std::borrow::Cow;
use std::fmt;

use voicecall_core::model::WordTiming;

/// A recorded sentence of one speaker.
#[derive(Clone)]
pub struct Clip {
    pub(super) speaker: String,
    pub(super) language: String,
    pub(super) text: String,
    pub(super) key: String,
    pub(super) words: Vec<Word>,
    pub(super) audio: Cow<'static, [u8]>,
}

/// A word and where it is in the audio around it, in samples at 8 kHz.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Word {
    /// The word as written, with the punctuation that touches it.
    pub text: String,
    /// The first sample.
    pub start: usize,
    /// The sample after the last.
    pub end: usize,
}

impl Clip {
    /// The sentence as written.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Who says it.
    pub fn speaker(&self) -> &str {
        &self.speaker
    }

    /// The language as a BCP 47 tag.
    pub fn language(&self) -> &str {
        &self.language
    }

    /// The audio: 8 kHz mu-law without a header.
    pub fn audio(&self) -> &[u8] {
        &self.audio
    }

    /// The words in order, without overlap. Joined by spaces they are the text.
    pub fn words(&self) -> &[Word] {
        &self.words
    }
}

impl fmt::Debug for Clip {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Clip")
            .field("speaker", &self.speaker)
            .field("text", &self.text)
            .field("samples", &self.audio.len())
            .finish_non_exhaustive()
    }
}

/// What two spellings of the same sentence have in common: the words without case and punctuation.
pub(super) fn key(text: &str) -> String {
    let bare = |word: &str| word.trim_matches(|c: char| !c.is_alphanumeric()).to_lowercase();
    let words: Vec<_> = text.split_whitespace().map(bare).filter(|word| !word.is_empty()).collect();
    words.join(" ")
}

impl From<&Word> for WordTiming {
    fn from(word: &Word) -> Self {
        Self { text: word.text.clone(), start: word.start as u64, end: word.end as u64 }
    }
}
