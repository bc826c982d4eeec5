//! Voice activity detection: does somebody speak in this frame?
//!
//! A detector labels frames and nothing more. How many labels make a turn, how long a pause may
//! last: that is decided by whoever asks.

use std::fmt::Debug;

use serde::{Deserialize, Serialize};

use super::Pcm;

mod energy;
mod floor;
#[cfg(feature = "vad")]
mod foreground;
#[cfg(feature = "vad")]
mod history;
#[cfg(feature = "vad")]
mod level;
#[cfg(feature = "vad")]
mod network;
#[cfg(feature = "vad")]
mod neural;
#[cfg(feature = "vad")]
mod spectrum;
#[cfg(feature = "vad")]
mod tone;

pub use energy::EnergyDetector;
#[cfg(feature = "vad")]
pub use neural::NeuralDetector;

/// Labels the frames of one call's audio as voice or not.
///
/// An implementation takes the 20 ms frames of one stream in order and gives one label for each.
/// The labels depend on the frames since creation or [`reset`](Self::reset) and on nothing else:
/// no clock, no chance. A label may lag behind the sound by a frame, and a detector is quick
/// (well below a millisecond), because it runs inline on the audio path.
pub trait VoiceDetector: Send + Debug {
    /// Takes the next frame; `true` when it holds voice.
    fn is_voice(&mut self, frame: &Pcm) -> bool;

    /// Forgets the stream, as if newly created.
    fn reset(&mut self);
}

/// Which detector a call uses.
///
/// The default is the best one compiled in. A configuration that names `neural` in a build
/// without the feature `vad` is refused when it is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Detection {
    /// A small neural network behind a gate for loudness, [`NeuralDetector`]: about 12 µs for each frame that is loud
    /// enough to be the caller's voice, 1 µs for others.
    #[cfg(feature = "vad")]
    #[default]
    Neural,
    /// Loudness over the noise of the line, [`EnergyDetector`]: about 0.05 µs for each frame.
    #[cfg_attr(not(feature = "vad"), default)]
    Energy,
    /// None: no frame is ever voice, for calls whose turns somebody else decides.
    Off,
}

impl Detection {
    /// A new detector of this kind, for one stream.
    #[must_use]
    pub fn detector(self) -> Box<dyn VoiceDetector> {
        match self {
            #[cfg(feature = "vad")]
            Self::Neural => Box::new(NeuralDetector::new()),
            Self::Energy => Box::new(EnergyDetector::new()),
            Self::Off => Box::new(NoVoice),
        }
    }
}

/// Hears no voice in anything.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoVoice;

impl VoiceDetector for NoVoice {
    fn is_voice(&mut self, _frame: &Pcm) -> bool {
        false
    }

    fn reset(&mut self) {}
}

#[cfg(test)]
mod signals;

#[cfg(test)]
mod tests {
    use super::signals::{frames, noise, speech_like};
    use super::*;

    fn listening() -> Vec<Detection> {
        vec![
            #[cfg(feature = "vad")]
            Detection::Neural,
            Detection::Energy,
        ]
    }

    fn labels(detector: &mut dyn VoiceDetector, audio: &[Pcm]) -> Vec<bool> {
        audio.iter().map(|frame| detector.is_voice(frame)).collect()
    }

    fn voiced(labels: &[bool]) -> usize {
        labels.iter().filter(|&&voice| voice).count()
    }

    /// One second each of silence, speech, silence, speech and silence, over noise of the given
    /// RMS; answers the share of voice in each second but for the transitions.
    fn shares_by_second(detection: Detection, noise_rms: f64) -> Vec<f64> {
        let speech = speech_like(8000);
        let pause = vec![0.0; 8000];
        let clean = [&pause, &speech, &pause, &speech, &pause].map(Vec::as_slice).concat();
        let mixed: Vec<f64> = clean.iter().zip(noise(noise_rms, clean.len())).map(|(a, b)| a + b).collect();
        let labels = labels(&mut *detection.detector(), &frames(&mixed));
        labels.chunks(50).map(|second| voiced(&second[15..]) as f64 / 35.0).collect()
    }

    #[test]
    fn speech_is_told_from_silence_and_from_the_noise_of_a_line() {
        for detection in listening() {
            for noise_rms in [0.0, 10.0, 100.0] {
                let shares = shares_by_second(detection, noise_rms);
                let context = format!("{detection:?}, noise {noise_rms}: {shares:.2?}");
                assert!(shares[1] > 0.9 && shares[3] > 0.9, "{context}");
                assert!(shares[0] < 0.1 && shares[2] < 0.1 && shares[4] < 0.1, "{context}");
            }
        }
    }

    #[test]
    fn speech_begins_and_ends_within_a_few_frames() {
        let sound = [vec![0.0; 16000], speech_like(8000), vec![0.0; 16000]].concat();
        for detection in listening() {
            let labels = labels(&mut *detection.detector(), &frames(&sound));
            let first = labels.iter().position(|&voice| voice).unwrap();
            let last = labels.iter().rposition(|&voice| voice).unwrap();
            assert!((100..=105).contains(&first), "{detection:?} begins at {first}");
            assert!((145..=160).contains(&last), "{detection:?} ends at {last}");
        }
    }

    #[test]
    fn steady_noise_is_not_voice_for_long() {
        for detection in listening() {
            let labels = labels(&mut *detection.detector(), &frames(&noise(1000.0, 8000 * 8)));
            assert_eq!(voiced(&labels[175..]), 0, "{detection:?}");
        }
    }

    #[test]
    fn the_same_frames_get_the_same_labels_after_reset() {
        let audio = frames(&[vec![0.0; 8000], speech_like(8000), noise(300.0, 8000)].concat());
        for detection in listening() {
            let mut detector = detection.detector();
            let first = labels(&mut *detector, &audio);
            assert!(voiced(&first) > 0);
            detector.reset();
            assert_eq!(labels(&mut *detector, &audio), first, "{detection:?}");
            assert_eq!(labels(&mut *detection.detector(), &audio), first, "{detection:?}");
        }
    }

    #[test]
    fn extreme_frames_do_no_lasting_harm() {
        for detection in listening() {
            let mut detector = detection.detector();
            for frame in [[i16::MIN; 160], [i16::MAX; 160], [0; 160]] {
                (0..100).for_each(|_| _ = detector.is_voice(&frame));
            }
            // With a pause between two words: without one, it might as well be the sound of an engine.
            let words = [speech_like(8000), vec![0.0; 8000], speech_like(8000)].concat();
            let labels = labels(&mut *detector, &frames(&words));
            let heard = voiced(&labels[100..]);
            assert!(heard > 40, "{detection:?} hears {heard} of 50");
        }
    }

    #[test]
    fn off_hears_nothing() {
        let labels = labels(&mut *Detection::Off.detector(), &frames(&speech_like(8000)));
        assert_eq!(voiced(&labels), 0);
    }

    #[test]
    fn configuration_is_one_word_in_snake_case() {
        assert_eq!(serde_json::to_string(&Detection::Off).unwrap(), "\"off\"");
        assert_eq!(serde_json::from_str::<Detection>("\"energy\"").unwrap(), Detection::Energy);
        let neural = serde_json::from_str::<Detection>("\"neural\"");
        assert_eq!(neural.is_ok(), cfg!(feature = "vad"));
        assert_eq!(Detection::default(), neural.unwrap_or(Detection::Energy));
    }
}
