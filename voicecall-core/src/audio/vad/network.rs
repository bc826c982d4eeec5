//! The neural network: what the crate `earshot` has learnt, behind an ear of ours.
//!
//! The crate's own `Detector` keeps its working memory with each stream, 8 KiB, of which 1.8 KiB must be remembered. So
//! what it makes of sound is made here, in memory that all streams of a thread share: the stack. The scores are the same.

use earshot::{DefaultPredictor, Predictor as _};

use super::spectrum;

/// The rate at which the network listens, in hertz.
pub(super) const NETWORK_RATE: u32 = 16000;

/// The samples from one score to the next: 16 ms.
pub(super) const WINDOW: usize = 256;

/// The samples that one score is made of: 48 ms.
pub(super) const HEARD: usize = 3 * WINDOW;

/// The samples before a window that are part of what is heard, and one more, of which the first one's change is told.
pub(super) const PAST: usize = HEARD - WINDOW + 1;

/// The bands in which the network hears.
pub(super) const BANDS: usize = 40;

/// The windows that the network sees at a time, the newest last.
const SEEN: usize = 3;

/// High frequencies are made louder by taking this share of each sample from the next.
const PRE_EMPHASIS: f32 = 0.97;

/// Keeps the logarithm of silence finite.
const SILENCE: f32 = 1e-20;

/// What the network needs to work in.
const WORKING_MEMORY: usize = 432;

/// The network on its way through one stream.
pub(super) struct Network {
    predictor: DefaultPredictor,
    seen: [[f32; BANDS]; SEEN],
}

impl Network {
    pub(super) const fn new() -> Self {
        Self { predictor: DefaultPredictor::new(), seen: [[0.0; BANDS]; SEEN] }
    }

    /// Takes the next window, with the samples before it: the score is between 0 and 1, for voice.
    pub(super) fn score(&mut self, samples: &[i16; PAST + WINDOW]) -> f32 {
        let samples = samples.map(f32::from);
        let emphasised = std::array::from_fn(|n| samples[n + 1] - PRE_EMPHASIS * samples[n]);
        let mut heard = spectrum::bands(&emphasised).map(|power| (power + SILENCE).ln());
        self.predictor.normalize(&mut heard);
        self.seen.rotate_left(1);
        self.seen[SEEN - 1] = heard;
        self.predictor.predict(self.seen.as_flattened(), &mut [0.0; WORKING_MEMORY])
    }
}

#[cfg(test)]
mod tests {
    use super::super::signals::{noise, speech_like};
    use super::*;

    #[test]
    fn scores_are_those_of_the_detector_that_the_network_was_taught_with() {
        let sound =
            [vec![0.0; 4000], speech_like(16_000), noise(300.0, 8000), vec![0.0; 4000], speech_like(8000)].concat();
        let samples: Vec<i16> = std::iter::repeat_n(0, PAST).chain(sound.iter().map(|sample| *sample as i16)).collect();
        let (mut network, mut theirs) = (Network::new(), earshot::Detector::default_boxed());
        let (mut most, mut least) = (0.0_f32, 1.0_f32);
        for at in (PAST..samples.len() - WINDOW).step_by(WINDOW) {
            let expected = theirs.predict_i16(&samples[at..at + WINDOW]);
            let score = network.score(samples[at - PAST..at + WINDOW].try_into().unwrap());
            assert!((score - expected).abs() < 0.002, "{score} and not {expected} at {at}");
            (most, least) = (most.max(score), least.min(score));
        }
        assert!(most > 0.9 && least < 0.2, "{least} to {most}");
    }
}
