//! Turns a text of several sentences into audio by joining clips.

use std::error::Error;
use std::fmt;

use voicecall_core::audio::g711::mulaw::SILENCE;

use super::{Library, RATE, Word};

/// The pause between two sentences: 120 ms.
const PAUSE: usize = RATE * 120 / 1000;

/// A spoken text.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Speech {
    /// The text of the clips, joined by spaces.
    pub text: String,
    /// 8 kHz mu-law without a header.
    pub audio: Vec<u8>,
    /// The words in order, with their places in the audio.
    pub words: Vec<Word>,
}

/// No clip of this speaker says this text.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct NoClip {
    /// Who should have said it.
    pub speaker: String,
    /// The sentence without a clip.
    pub text: String,
}

impl fmt::Display for NoClip {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "speaker {} has no clip that says «{}»", self.speaker, self.text)
    }
}

impl Error for NoClip {}

impl Library {
    /// Speaks a text of one or more sentences.
    ///
    /// # Errors
    ///
    /// [`NoClip`] names the first sentence that the speaker has no clip of, or the whole text when
    /// it holds no sentence.
    pub fn voice(&self, speaker: &str, text: &str) -> Result<Speech, NoClip> {
        let no_clip = |text: &str| NoClip { speaker: speaker.to_owned(), text: text.to_owned() };
        let clips = sentences(text)
            .into_iter()
            .map(|sentence| self.by_text(speaker, sentence).ok_or_else(|| no_clip(sentence)))
            .collect::<Result<Vec<_>, _>>()?;
        if clips.is_empty() {
            return Err(no_clip(text));
        }
        let mut speech = Speech { text: String::new(), audio: Vec::new(), words: Vec::new() };
        for clip in clips {
            if !speech.audio.is_empty() {
                speech.text.push(' ');
                speech.audio.extend([SILENCE; PAUSE]);
            }
            let at = speech.audio.len();
            speech.text.push_str(clip.text());
            speech.audio.extend_from_slice(clip.audio());
            let placed = |word: &Word| Word { start: at + word.start, end: at + word.end, ..word.clone() };
            speech.words.extend(clip.words().iter().map(placed));
        }
        Ok(speech)
    }
}

/// Splits a text after each `.`, `?` or `!` that ends a word. White space around the sentences is
/// left out.
pub fn sentences(text: &str) -> Vec<&str> {
    let mut found = Vec::new();
    let mut start = 0;
    let mut ended = false;
    for (at, c) in text.char_indices() {
        if ended && c.is_whitespace() {
            found.push(&text[start..at]);
            start = at;
        }
        ended = matches!(c, '.' | '?' | '!');
    }
    found.push(&text[start..]);
    found.into_iter().map(str::trim).filter(|sentence| !sentence.is_empty()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_split_where_a_sentence_ends() {
        assert_eq!(sentences(" Tack.  Vill du\nvara med? Ja"), ["Tack.", "Vill du\nvara med?", "Ja"]);
        assert_eq!(sentences("Klockan 10.30. Va?!"), ["Klockan 10.30.", "Va?!"]);
        assert!(sentences(" \n").is_empty());
    }

    #[test]
    fn joined_sentences_keep_their_words_in_place() {
        let library = Library::bundled();
        let speech = library.voice("agent", "tack för det. Vill du vara med?").unwrap();
        let second = library.by_text("agent", "Vill du vara med?").unwrap();
        assert_eq!(speech.text, "Tack för det. Vill du vara med?");
        let word = &speech.words[3];
        assert_eq!(word.text, "Vill");
        let in_clip = &second.words()[0];
        assert_eq!(speech.audio[word.start..word.end], second.audio()[in_clip.start..in_clip.end]);
    }

    #[test]
    fn a_sentence_without_a_clip_is_an_error_that_names_it() {
        let error = Library::bundled().voice("agent", "Tack. Köp mer kaffe!").unwrap_err();
        assert_eq!(error.to_string(), "speaker agent has no clip that says «Köp mer kaffe!»");
        assert!(Library::bundled().voice("agent", " ").is_err());
    }
}
