//! Voice as a small neural network hears it.

use std::fmt;

use earshot::Detector;

use super::foreground::Foreground;
use super::{Pcm, VoiceDetector};
use crate::audio::{FRAME_SAMPLES, Resampler, SAMPLE_RATE};

/// The rate at which the network listens, in hertz.
const NETWORK_RATE: u32 = 16000;

/// The samples of one score: 16 ms.
const WINDOW: usize = 256;

/// Room for the rest of a window and one upsampled frame, which is what can be there at once.
const ROOM: usize = WINDOW + FRAME_SAMPLES * (NETWORK_RATE / SAMPLE_RATE) as usize;

/// Labels a frame as voice when it is loud enough to be the caller's, and the network says so of any window that the
/// frame completes.
///
/// Loud enough is what stands out of the noise of the line and of other people's voices, as both are learnt in the
/// call. Noise and babble that set in suddenly pass for the caller for a second or a few. The network is asked about
/// such frames only, so that silence and steady noise cost next to nothing.
///
/// The network hears windows of 16 ms at 16 kHz, so the last few milliseconds of a frame are judged with the next one:
/// with the 3 ms of the upsampling a label lags by at most 19 ms.
///
/// Memory is about 11 KiB per stream; the weights are shared by the whole process, and nothing is allocated after the
/// creation.
pub struct NeuralDetector {
    network: Box<Detector>,
    foreground: Foreground,
    upsampler: Resampler,
    /// Upsampled audio that fills no window yet.
    waiting: Vec<i16>,
    /// The last frame, if the network was not asked about it. It hears it late, with the first frame that is loud
    /// enough: a word begins softly.
    unheard: Option<Pcm>,
}

impl NeuralDetector {
    /// A detector for one stream.
    #[must_use]
    #[expect(clippy::expect_used, clippy::missing_panics_doc, reason = "both rates are in RATES")]
    pub fn new() -> Self {
        let upsampler = Resampler::new(SAMPLE_RATE, NETWORK_RATE);
        Self {
            network: Detector::default_boxed(),
            foreground: Foreground::new(),
            upsampler: upsampler.expect("both rates are in RATES"),
            waiting: Vec::with_capacity(ROOM),
            unheard: None,
        }
    }

    /// The highest score of the windows that the frame completes.
    fn score(&mut self, frame: &Pcm) -> f32 {
        self.upsampler.process(frame, &mut self.waiting);
        let (windows, rest) = self.waiting.as_chunks::<WINDOW>();
        // Every window must reach the network, which remembers: no early end.
        let score = (windows.iter()).map(|window| self.network.predict_i16(window)).fold(0.0, f32::max);
        let used = self.waiting.len() - rest.len();
        self.waiting.drain(..used);
        score
    }
}

impl VoiceDetector for NeuralDetector {
    fn is_voice(&mut self, frame: &Pcm) -> bool {
        let voice = if let Some(threshold) = self.foreground.threshold(frame) {
            if let Some(before) = self.unheard.take() {
                self.score(&before);
            }
            self.score(frame) > threshold
        } else {
            self.unheard = Some(*frame);
            false
        };
        self.foreground.label(voice);
        voice
    }

    fn reset(&mut self) {
        self.network.reset();
        self.foreground = Foreground::new();
        self.upsampler.reset();
        self.waiting.clear();
        self.unheard = None;
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
    use super::super::signals::{frames, hum, noise, speech_like};
    use super::*;

    #[test]
    fn a_hum_and_a_click_are_not_voice_however_sudden() {
        let click = [noise(3000.0, 40), vec![0.0; 7960]].concat();
        for sound in [hum(300.0, 8000), click] {
            let mut detector = NeuralDetector::new();
            let all = frames(&[vec![0.0; 8000], sound].concat());
            assert!(all.iter().all(|frame| !detector.is_voice(frame)));
        }
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
