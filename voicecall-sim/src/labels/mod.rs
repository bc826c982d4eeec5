//! Speech that carries its words: whoever hears it is told them exactly, frame by frame, in any language.
//!
//! The words are written into the sound: the lowest bit of each mu-law code of a frame says which text it belongs to and
//! where in it. So they take the way the sound takes: what is cut off by an interruption, lost on the line or never
//! played is not heard. Nothing of this is a figure about hearing.
//!
//! ```
//! use voicecall_core::audio::Frame;
//! use voicecall_sim::labels::Labels;
//!
//! let labels = Labels::new();
//! let speech = labels.speak("caller", "Avez-vous du pain ?");
//! let frames = speech.audio.chunks_exact(160).map(|codes| Frame::from(<[u8; 160]>::try_from(codes).unwrap()));
//! let half = frames.take(speech.audio.len() / 160 / 2);
//! assert_eq!(labels.read(half), "Avez-vous");
//! ```

mod mark;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use voicecall_core::audio::{FRAME_SAMPLES, Frame, g711::mulaw::SILENCE};

use self::mark::Mark;
use crate::clips::{Library, Speech, Word};

/// The texts that were spoken, by which their sound is understood. Clones share them.
#[derive(Debug, Clone, Default)]
pub struct Labels(Arc<Mutex<Texts>>);

#[derive(Debug, Default)]
struct Texts {
    /// A mark's text is its place here.
    spoken: Vec<Arc<Speech>>,
    /// Speaker and text.
    ids: HashMap<(String, String), u32>,
}

/// A word in the frame that holds its middle.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct LabelledWord {
    pub(crate) text: String,
    /// How many frames before this one it began.
    pub(crate) since: usize,
    /// How many frames behind the begin of this one it ends.
    pub(crate) until: usize,
}

impl Labels {
    /// No texts yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// `text` in the voice of `speaker`: the bundled clip that says it, or what the voice [sounds
    /// like](Library::stand_in). Whole frames of 20 ms.
    #[must_use]
    pub fn speak(&self, speaker: &str, text: &str) -> Arc<Speech> {
        let mut texts = self.texts();
        let key = (speaker.to_owned(), text.to_owned());
        if let Some(speech) = texts.ids.get(&key).and_then(|id| texts.spoken.get(*id as usize)) {
            return Arc::clone(speech);
        }
        let library = Library::bundled();
        let mut speech = library.voice(speaker, text).unwrap_or_else(|_| library.stand_in(speaker, text));
        // A clip is found whatever the case and punctuation: what is said is what was asked for.
        let words: Vec<&str> = text.split_whitespace().collect();
        if words.len() == speech.words.len() {
            speech.words.iter_mut().zip(words).for_each(|(word, text)| word.text = text.to_owned());
            speech.text = text.to_owned();
        }
        speech.audio.resize(speech.audio.len().next_multiple_of(FRAME_SAMPLES), SILENCE);
        let text = u32::try_from(texts.spoken.len()).unwrap_or(u32::MAX);
        for (frame, codes) in (0..).zip(speech.audio.chunks_exact_mut(FRAME_SAMPLES)) {
            Mark { text, frame }.write(codes);
        }
        let speech = Arc::new(speech);
        texts.spoken.push(Arc::clone(&speech));
        texts.ids.insert(key, text);
        speech
    }

    /// The words of which at least the middle is in `frames`.
    pub fn read(&self, frames: impl IntoIterator<Item = Frame>) -> String {
        let words = frames.into_iter().filter_map(|frame| self.words_in(&frame)).flatten();
        words.map(|word| word.text).collect::<Vec<_>>().join(" ")
    }

    /// The words whose middle this frame holds; `None` if it is no labelled speech.
    pub(crate) fn words_in(&self, frame: &Frame) -> Option<Vec<LabelledWord>> {
        let mark = Mark::read(frame.as_bytes())?;
        let speech = self.texts().spoken.get(mark.text as usize).cloned()?;
        let here = mark.frame as usize;
        let middle = |word: &&Word| usize::midpoint(word.start, word.end) / FRAME_SAMPLES == here;
        let place = |word: &Word| LabelledWord {
            text: word.text.clone(),
            since: here.saturating_sub(word.start / FRAME_SAMPLES),
            until: word.end.div_ceil(FRAME_SAMPLES).saturating_sub(here),
        };
        Some(speech.words.iter().filter(middle).map(place).collect())
    }

    fn texts(&self) -> MutexGuard<'_, Texts> {
        // Texts are added whole.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frames(speech: &Speech) -> Vec<Frame> {
        let frame = |codes: &[u8]| Frame::from(<[u8; FRAME_SAMPLES]>::try_from(codes).unwrap());
        speech.audio.chunks_exact(FRAME_SAMPLES).map(frame).collect()
    }

    #[test]
    fn what_is_heard_is_what_was_played_of_it() {
        let labels = Labels::new();
        let (first, second) = (labels.speak("agent", "Vi har öppet till sex."), labels.speak("caller", "Merci bien."));
        let all: Vec<Frame> = frames(&first).into_iter().chain([Frame::SILENCE; 9]).chain(frames(&second)).collect();
        assert_eq!(labels.read(all.iter().copied()), "Vi har öppet till sex. Merci bien.");
        let cut = all.len() - frames(&second).len() / 2;
        assert_eq!(labels.read(all[..cut].iter().copied()), "Vi har öppet till sex. Merci");
        assert_eq!(labels.read([Frame::SILENCE]), "");
    }

    #[test]
    fn a_text_is_spoken_the_same_way_each_time_and_only_its_own_labels_know_it() {
        let labels = Labels::new();
        assert_eq!(labels.speak("caller", "Merci."), labels.speak("caller", "Merci."));
        assert_eq!(labels.texts().spoken.len(), 1);
        assert_eq!(Labels::new().read(frames(&labels.speak("caller", "Merci."))), "");
    }

    #[test]
    fn a_bundled_clip_keeps_its_sound() {
        let clip = Library::bundled().voice("caller", "My name is Anna.").unwrap();
        let labels = Labels::new();
        let speech = labels.speak("caller", "My name is ANNA!");
        let differs = |(a, b): (&u8, &u8)| a & !1 != b & !1;
        assert!(!clip.audio.iter().zip(&speech.audio).any(differs));
        assert_eq!(labels.read(frames(&speech)), "My name is ANNA!");
    }
}
