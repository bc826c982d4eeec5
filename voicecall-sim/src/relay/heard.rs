//! What the carrier hears of the caller.

use std::time::Duration;

use voicecall_core::audio::{FRAME_DURATION, Frame};

use crate::phone::is_audible;

/// So much of the caller's voice interrupts.
const INTERRUPTS: Duration = Duration::from_millis(200);

/// The pause that ends a turn.
const PAUSE: Duration = Duration::from_millis(700);

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

#[cfg(test)]
mod tests {
    use voicecall_core::audio::FRAME_SAMPLES;

    use super::*;

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
