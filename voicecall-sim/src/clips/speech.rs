//! Turns a text of several sentences into audio by joining clips.

use std::error::Error;
use std::fmt;

use voicecall_core::audio::g711::mulaw::SILENCE;

use super::{Fallback, Library, RATE, Word};

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
        self.speak(speaker, text, &Fallback::Refuse)
    }

    /// The same, with somebody else for the sentences that the speaker has no clip of.
    ///
    /// # Errors
    ///
    /// As [`voice`](Self::voice); with another [`Fallback`] than `Refuse` only for a text without a sentence.
    pub fn speak(&self, speaker: &str, text: &str, fallback: &Fallback) -> Result<Speech, NoClip> {
        let say = |sentence: &str| match self.by_text(speaker, sentence) {
            Some(clip) => {
                Ok(Speech { text: clip.text().to_owned(), audio: clip.audio().to_vec(), words: clip.words().to_vec() })
            }
            None => fallback.say(self, speaker, sentence),
        };
        let mut said = sentences(text).into_iter().map(say);
        let Some(first) = said.next() else {
            return Err(NoClip { speaker: speaker.to_owned(), text: text.to_owned() });
        };
        said.try_fold(first?, |speech, next| Ok(speech.followed_by(next?)))
    }
}

impl Speech {
    /// This, and after a pause `next`.
    fn followed_by(mut self, next: Self) -> Self {
        self.text.push(' ');
        self.text.push_str(&next.text);
        self.audio.extend([SILENCE; PAUSE]);
        let at = self.audio.len();
        self.audio.extend(next.audio);
        self.words.extend(next.words.into_iter().map(|word| Word {
            start: at + word.start,
            end: at + word.end,
            ..word
        }));
        self
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
