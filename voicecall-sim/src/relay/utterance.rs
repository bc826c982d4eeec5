//! A sentence on its way to the caller.

use std::time::Duration;

use voicecall_core::CallTime;
use voicecall_core::audio::{FRAME_SAMPLES, Frame};
use voicecall_core::call::split_heard;

use crate::phone::Sound;

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
