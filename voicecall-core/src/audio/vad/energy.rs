//! Voice as loudness over the noise of the line: crude, and nearly free.

use super::floor::NoiseFloor;
use super::{Pcm, VoiceDetector};

/// How much louder than the noise a frame with voice is, as a ratio of powers: 6 dB.
const OVER_FLOOR: f32 = 4.0;

/// Labels a frame as voice when it is 6 dB louder than the noise floor, which it follows.
///
/// It knows nothing of speech: music, a slammed door and the first seconds of a new noise are
/// voice to it.
#[derive(Debug, Clone, Default)]
pub struct EnergyDetector {
    floor: NoiseFloor,
}

impl EnergyDetector {
    /// A detector for one stream.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            floor: NoiseFloor::new(),
        }
    }
}

impl VoiceDetector for EnergyDetector {
    fn is_voice(&mut self, frame: &Pcm) -> bool {
        self.floor.ratio(frame) > OVER_FLOOR
    }

    fn reset(&mut self) {
        *self = Self::new();
    }
}
