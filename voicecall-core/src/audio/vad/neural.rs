//! Voice as a small neural network hears it.

use std::fmt;

use earshot::Detector;

use super::floor::NoiseFloor;
use super::{Pcm, VoiceDetector};
use crate::audio::{FRAME_SAMPLES, Resampler, SAMPLE_RATE};

/// The rate at which the network listens, in hertz.
const NETWORK_RATE: u32 = 16000;

/// The samples of one score: 16 ms.
const WINDOW: usize = 256;

/// Room for the rest of a window and one upsampled frame, which is what can be there at once.
const ROOM: usize = WINDOW + FRAME_SAMPLES * (NETWORK_RATE / SAMPLE_RATE) as usize;

/// The score from which a window is voice, as the authors of the network recommend.
const THRESHOLD: f32 = 0.5;

/// How much louder than the noise a frame with voice is at least, as a ratio of powers: 3 dB.
///
/// The network scores steady hiss as voice from an RMS of about 500 samples on; with it alone, a
/// turn on such a line would never end.
const OVER_FLOOR: f32 = 2.0;

/// Labels a frame as voice when the network says so of any window that the frame completes, and
/// the frame is 3 dB louder than the noise floor of the line.
///
/// The network hears windows of 16 ms at 16 kHz, so the last few milliseconds of a frame are
/// judged with the next one: with the 3 ms of the upsampling a label lags by at most 19 ms.
///
/// Memory is about 10 KiB per stream; the weights are shared by the whole process, and nothing is
/// allocated after the creation.
pub struct NeuralDetector {
    network: Box<Detector>,
    floor: NoiseFloor,
    upsampler: Resampler,
    /// Upsampled audio that fills no window yet.
    waiting: Vec<i16>,
}

impl NeuralDetector {
    /// A detector for one stream.
    #[must_use]
    #[expect(
        clippy::expect_used,
        clippy::missing_panics_doc,
        reason = "both rates are in RATES"
    )]
    pub fn new() -> Self {
        let upsampler = Resampler::new(SAMPLE_RATE, NETWORK_RATE);
        Self {
            network: Detector::default_boxed(),
            floor: NoiseFloor::new(),
            upsampler: upsampler.expect("both rates are in RATES"),
            waiting: Vec::with_capacity(ROOM),
        }
    }
}

impl VoiceDetector for NeuralDetector {
    fn is_voice(&mut self, frame: &Pcm) -> bool {
        self.upsampler.process(frame, &mut self.waiting);
        let (windows, rest) = self.waiting.as_chunks::<WINDOW>();
        // Every window must reach the network, which remembers: no early end.
        let score = (windows.iter())
            .map(|window| self.network.predict_i16(window))
            .fold(0.0, f32::max);
        let used = self.waiting.len() - rest.len();
        self.waiting.drain(..used);
        // Likewise the floor, which follows every frame.
        let loud = self.floor.ratio(frame) > OVER_FLOOR;
        loud && score > THRESHOLD
    }

    fn reset(&mut self) {
        self.network.reset();
        self.floor = NoiseFloor::new();
        self.upsampler.reset();
        self.waiting.clear();
    }
}

impl Default for NeuralDetector {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for NeuralDetector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NeuralDetector").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::super::signals::{frames, hum, speech_like};
    use super::*;

    #[test]
    fn a_loud_hum_is_not_voice() {
        let sound = [vec![0.0; 8000], hum(2000.0, 8000)].concat();
        let mut detector = NeuralDetector::new();
        let labels = frames(&sound)
            .into_iter()
            .map(|frame| detector.is_voice(&frame));
        let voiced = labels.filter(|&voice| voice).count();
        assert!(voiced <= 5, "{voiced} of 100 frames");
    }

    #[test]
    fn nothing_is_allocated_after_creation() {
        let mut detector = NeuralDetector::new();
        for frame in frames(&speech_like(16000)) {
            detector.is_voice(&frame);
            assert!(detector.waiting.len() < WINDOW);
        }
        assert_eq!(detector.waiting.capacity(), ROOM);
    }
}
