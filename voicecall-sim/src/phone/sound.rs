//! Sounds the carrier makes by itself, 20 ms at a time.

use voicecall_core::audio::g711::mulaw;
use voicecall_core::audio::{FRAME_SAMPLES, Frame};

/// Audio that is played over and over until `length` bytes were heard.
#[derive(Debug)]
pub(crate) struct Sound {
    audio: Vec<u8>,
    position: u64,
    length: u64,
}

impl Sound {
    pub(crate) fn new(audio: Vec<u8>, times: u32) -> Self {
        let length = audio.len() as u64 * u64::from(times);
        Self { audio, position: 0, length }
    }

    /// The next frame, filled up with silence.
    pub(crate) fn take(&mut self) -> Frame {
        let mut codes = *Frame::SILENCE.as_bytes();
        let start = self.position.checked_rem(self.audio.len() as u64).unwrap_or(0) as usize;
        let left = usize::try_from(self.length.saturating_sub(self.position)).unwrap_or(usize::MAX);
        let spoken = self.audio.iter().cycle().skip(start).take(left);
        codes.iter_mut().zip(spoken).for_each(|(code, &byte)| *code = byte);
        self.position += FRAME_SAMPLES as u64;
        Frame::from(codes)
    }

    /// Whether everything was heard.
    pub(crate) const fn is_over(&self) -> bool {
        self.position >= self.length
    }
}

/// Half a second of the beep before a message.
pub(crate) fn beep() -> Vec<u8> {
    (0..4000_u32).map(|at| if at / 4 % 2 == 0 { mulaw::encode(8000) } else { mulaw::encode(-8000) }).collect()
}
