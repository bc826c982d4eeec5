//! What either side hears: the caller of an utterance, the carrier of the caller.

use std::time::Duration;

use voicecall_core::CallTime;
use voicecall_core::audio::{FRAME_DURATION, FRAME_SAMPLES, Frame};
use voicecall_core::call::split_heard;

use super::Sound;
use crate::phone::is_audible;

/// So much of the caller's voice interrupts.
const INTERRUPTS: Duration = Duration::from_millis(200);

/// The pause that ends a turn.
const PAUSE: Duration = Duration::from_millis(700);

/// A sentence on its way to the caller.
#[derive(Debug)]
pub(super) struct Utterance {
    pub(super) text: String,
    pub(super) interruptible: bool,
    /// Whether what the application said is complete with it.
    pub(super) ends_turn: bool,
    sound: Sound,
    samples: u64,
    heard: u64,
}

impl Utterance {
    pub(super) fn new(text: String, audio: Vec<u8>, interruptible: bool, ends_turn: bool) -> Self {
        let samples = audio.len() as u64;
        Self { text, interruptible, ends_turn, sound: Sound::new(audio, 1), samples, heard: 0 }
    }

    pub(super) fn take(&mut self) -> Frame {
        self.heard += FRAME_SAMPLES as u64;
        self.sound.take()
    }

    pub(super) const fn is_over(&self) -> bool {
        self.sound.is_over()
    }

    /// The words that were heard; every character lasts equally long.
    pub(super) fn heard(&self) -> String {
        split_heard(&self.text, &[], self.heard.min(self.samples), Some(self.samples)).heard
    }

    pub(super) fn heard_for(&self) -> Duration {
        CallTime::from_samples(self.heard.min(self.samples)).since(CallTime::ZERO)
    }

    pub(super) fn length(&self) -> Duration {
        CallTime::from_samples(self.samples).since(CallTime::ZERO)
    }
}

/// What the caller says.
#[derive(Debug, Default)]
pub(super) struct HeardCaller {
    /// From the first sound on.
    audio: Vec<u8>,
    voiced: Duration,
    silence: Duration,
    has_interrupted: bool,
}

impl HeardCaller {
    /// Takes 20 ms. Returns the sound of a turn that ends with them.
    pub(super) fn hear(&mut self, frame: &Frame) -> Option<Vec<u8>> {
        let audible = is_audible(frame.as_bytes());
        if audible {
            (self.voiced, self.silence) = (self.voiced + FRAME_DURATION, Duration::ZERO);
        } else {
            self.silence += FRAME_DURATION;
        }
        if audible || !self.audio.is_empty() {
            self.audio.extend(frame.as_bytes());
        }
        let is_over = !self.audio.is_empty() && self.silence >= PAUSE;
        is_over.then(|| std::mem::take(self).audio)
    }

    /// Whether the caller has just said enough to interrupt, once a turn.
    pub(super) fn interrupts(&mut self) -> bool {
        let interrupts = self.voiced >= INTERRUPTS && !self.has_interrupted;
        self.has_interrupted |= interrupts;
        interrupts
    }

    pub(super) fn forget(&mut self) -> Option<Vec<u8>> {
        *self = Self::default();
        None
    }
}

/// Where the first sentence of a text ends, if it is complete: behind the white space after it.
pub(super) fn sentence_end(text: &str) -> Option<usize> {
    let mut ends = text.char_indices().zip(text.chars().skip(1));
    let end = ends.find(|((_, char), next)| ".!?".contains(*char) && next.is_whitespace());
    end.map(|((at, _), next)| at + 1 + next.len_utf8())
}

pub(super) fn append(text: &mut String, part: &str) {
    if !text.is_empty() && !part.is_empty() {
        text.push(' ');
    }
    text.push_str(part);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sentence_is_complete_once_something_follows_it() {
        assert_eq!(sentence_end("We open at 8.30"), None);
        assert_eq!(sentence_end("We open."), None);
        assert_eq!(sentence_end("We open. An"), Some(9));
        assert_eq!(sentence_end("Nej!\u{a0}Ö"), Some(6));
    }

    #[test]
    fn a_turn_ends_with_a_pause_and_interrupts_once() {
        let mut caller = HeardCaller::default();
        let voice = Frame::from([0x20; FRAME_SAMPLES]);
        assert!((0..9).all(|_| caller.hear(&voice).is_none()) && !caller.interrupts());
        assert!(caller.hear(&voice).is_none() && caller.interrupts() && !caller.interrupts());
        let ended: Vec<_> = (0..40).filter_map(|_| caller.hear(&Frame::SILENCE)).collect();
        assert_eq!(ended.len(), 1);
        assert_eq!(ended[0].len(), 45 * FRAME_SAMPLES);
    }
}
