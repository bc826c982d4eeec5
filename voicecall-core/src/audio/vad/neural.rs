//! Voice as a small neural network hears it.

use std::fmt;

use super::foreground::Foreground;
use super::network::{NETWORK_RATE, Network, PAST, WINDOW};
use super::tone::is_steady_tone;
use super::{Pcm, VoiceDetector};
use crate::audio::{FRAME_SAMPLES, Resampler, SAMPLE_RATE};

/// Room for the past, the rest of a window and one upsampled frame, which is what can be there at once.
const ROOM: usize = PAST + WINDOW + FRAME_SAMPLES * (NETWORK_RATE / SAMPLE_RATE) as usize;

/// Labels a frame as voice when it is loud enough to be the caller's, and the network says so of any window that the
/// frame completes.
///
/// Loud enough is what stands out of the noise of the line and of other people's voices, as both are learnt in the
/// call. Noise and babble that set in suddenly pass for the caller for a second or a few. The network is asked about
/// such frames only, so that silence and steady noise cost next to nothing.
///
/// Steady tones (ringing, fax, keys, chords) are no voice, whatever the network says.
///
/// The network hears windows of 16 ms at 16 kHz, so the last few milliseconds of a frame are judged with the next one:
/// with the 3 ms of the upsampling a label lags by at most 19 ms.
///
/// Memory is about 5 KiB per stream; the weights are shared by the whole process, and nothing is allocated after the
/// creation.
pub struct NeuralDetector {
    network: Network,
    foreground: Foreground,
    upsampler: Resampler,
    /// Upsampled audio: what the network remembers of it, and behind that what fills no window yet.
    samples: Vec<i16>,
    /// The last frame.
    last: Pcm,
    /// Whether the network was not asked about it. It hears it late, with the first frame that is loud enough: a word
    /// begins softly.
    unheard: bool,
}

impl NeuralDetector {
    /// A detector for one stream.
    #[must_use]
    #[expect(clippy::expect_used, clippy::missing_panics_doc, reason = "both rates are in RATES")]
    pub fn new() -> Self {
        let upsampler = Resampler::new(SAMPLE_RATE, NETWORK_RATE);
        let mut samples = Vec::with_capacity(ROOM);
        samples.resize(PAST, 0);
        Self {
            network: Network::new(),
            foreground: Foreground::new(),
            upsampler: upsampler.expect("both rates are in RATES"),
            samples,
            last: [0; FRAME_SAMPLES],
            unheard: false,
        }
    }

    /// The highest score of the windows that the frame completes.
    fn score(&mut self, frame: &Pcm) -> f32 {
        self.upsampler.process(frame, &mut self.samples);
        let mut highest: f32 = 0.0;
        // Every window must reach the network, which remembers: no early end.
        while let Some(window) = self.samples.first_chunk() {
            highest = highest.max(self.network.score(window));
            self.samples.drain(..WINDOW);
        }
        highest
    }
}

impl VoiceDetector for NeuralDetector {
    fn is_voice(&mut self, frame: &Pcm) -> bool {
        let voice = if let Some(threshold) = self.foreground.threshold(frame) {
            if std::mem::take(&mut self.unheard) {
                let before = self.last;
                self.score(&before);
            }
            self.score(frame) > threshold && !is_steady_tone(&self.last, frame)
        } else {
            self.unheard = true;
            false
        };
        self.last = *frame;
        self.foreground.label(voice);
        voice
    }

    fn reset(&mut self) {
        self.network = Network::new();
        self.foreground = Foreground::new();
        self.upsampler.reset();
        self.samples.clear();
        self.samples.resize(PAST, 0);
        self.last = [0; FRAME_SAMPLES];
        self.unheard = false;
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
    use super::super::signals::{frames, hum, noise, speech_like, tones};
    use super::*;
    use crate::CallTime;
    use crate::audio::FRAME_DURATION;
    use crate::call::{Turn, TurnSettings};

    #[test]
    fn a_hum_and_a_click_are_not_voice_however_sudden() {
        let click = [noise(3000.0, 40), vec![0.0; 7960]].concat();
        for sound in [hum(300.0, 8000), click] {
            let mut detector = NeuralDetector::new();
            let all = frames(&[vec![0.0; 8000], sound].concat());
            assert!(all.iter().all(|frame| !detector.is_voice(frame)));
        }
    }

    /// A sound that is there for some milliseconds of each period, for twenty seconds, after a second of silence.
    fn repeated(hertz: &[f64], level: f64, on: usize, off: usize) -> Vec<f64> {
        let (on, off) = (on * 8, off * 8);
        let sounds = (0..160_000 / (on + off)).flat_map(|_| [tones(hertz, level, on), vec![0.0; off]].concat());
        vec![0.0; 8000].into_iter().chain(sounds).collect()
    }

    #[test]
    fn no_signal_of_the_network_or_of_a_machine_begins_a_turn() {
        let signals: [(&str, &[f64], usize, usize); 11] = [
            ("ringing, Sweden", &[425.0], 1000, 5000),
            ("ringing, United States", &[440.0, 480.0], 2000, 4000),
            ("ringing, United Kingdom", &[400.0, 450.0], 400, 200),
            ("busy, Sweden", &[425.0], 260, 260),
            ("busy, United States", &[480.0, 620.0], 500, 500),
            ("calling fax", &[1100.0], 500, 3000),
            ("answering fax", &[2100.0], 3000, 1000),
            ("key 5", &[770.0, 1336.0], 200, 300),
            ("key 1", &[697.0, 1209.0], 100, 100),
            ("beep", &[1000.0], 500, 5000),
            ("chord", &[261.6, 329.6, 392.0], 2000, 500),
        ];
        for (name, hertz, on, off) in signals {
            for level in [1000.0, 4000.0, 12_000.0] {
                let (mut detector, mut turn) = (NeuralDetector::new(), Turn::new(TurnSettings::default()));
                let mut at = CallTime::ZERO;
                for frame in frames(&repeated(hertz, level, on, off)) {
                    at = at + FRAME_DURATION;
                    assert_eq!(turn.frame(detector.is_voice(&frame), at), None, "{name} at {level}, {at:?}");
                }
            }
        }
    }

    #[test]
    fn whoever_speaks_after_a_tone_is_heard() {
        for level in [1000.0, 4000.0, 12_000.0] {
            let mut detector = NeuralDetector::new();
            let tone = repeated(&[425.0], level, 1000, 1000);
            for frame in frames(&tone) {
                detector.is_voice(&frame);
            }
            let heard = frames(&speech_like(8000)).iter().filter(|frame| detector.is_voice(frame)).count();
            assert!(heard > 30, "{heard} of 50 frames after a tone at {level}");
        }
    }

    #[test]
    fn nothing_is_allocated_after_creation() {
        let mut detector = NeuralDetector::new();
        for frame in frames(&speech_like(16000)) {
            detector.is_voice(&frame);
            assert!(detector.samples.len() < PAST + WINDOW);
        }
        assert_eq!(detector.samples.capacity(), ROOM);
    }
}
