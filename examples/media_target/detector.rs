//! The configured detector, and what it hears, counted.

use std::sync::Arc;

use voicecall::audio::{Detection, Pcm, VoiceDetector};

use crate::counts::Counts;

/// Labels each frame as the configured detector does, and counts the voiced ones.
#[derive(Debug)]
pub(crate) struct CountingDetector {
    detector: Box<dyn VoiceDetector>,
    holds_turn_open: bool,
    counts: Arc<Counts>,
}

impl CountingDetector {
    /// With `holds_turn_open` every frame passes for voice, whatever was heard in it.
    pub(crate) fn new(detection: Detection, holds_turn_open: bool, counts: &Arc<Counts>) -> Self {
        Self { detector: detection.detector(), holds_turn_open, counts: Arc::clone(counts) }
    }
}

impl VoiceDetector for CountingDetector {
    fn is_voice(&mut self, frame: &Pcm) -> bool {
        let voice = self.detector.is_voice(frame);
        self.counts.voiced_frames.add(u64::from(voice));
        voice || self.holds_turn_open
    }

    fn reset(&mut self) {
        self.detector.reset();
    }
}
