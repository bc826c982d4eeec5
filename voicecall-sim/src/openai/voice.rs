//! The simulated synthesiser: texts spoken with the agent's clips.

use std::time::Duration;

use voicecall_core::audio::{Resampler, SAMPLE_RATE, g711::mulaw};

use super::ApiError;
use crate::clips::{Fallback, Library, Speech};
use crate::fault::Rng;
use crate::scenario::{Latency, Part, Scenario};

/// Samples per second of synthesised speech.
pub(super) const SPEECH_RATE: u32 = 24_000;

/// The speaker of the library whose clips are used.
const SPEAKER: &str = "agent";

/// Speaks texts that there are clips of.
#[derive(Debug)]
pub struct Voice {
    library: Library,
    fallback: Fallback,
    latency: Latency,
    rng: Rng,
}

/// A spoken text.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Utterance {
    /// Linear samples at 24 kHz.
    pub samples: Vec<i16>,
    /// How long after the request the first of them is there.
    pub first_after: Duration,
}

impl Voice {
    /// The synthesiser of `scenario`, speaking with the clips of `library`.
    #[must_use]
    pub fn new(scenario: &Scenario, library: Library) -> Self {
        let (latency, rng) = (scenario.latency.clone(), scenario.rng(Part::Voice));
        Self { library, fallback: Fallback::Refuse, latency, rng }
    }

    /// Who says what no clip says; nobody, unless told otherwise.
    #[must_use]
    pub fn with_fallback(mut self, fallback: Fallback) -> Self {
        self.fallback = fallback;
        self
    }

    /// Speaks `text`.
    ///
    /// # Errors
    /// A 400 that names the sentence that nobody says.
    pub fn speak(&mut self, text: &str) -> Result<Utterance, ApiError> {
        let (speech, first_after) = self.say(text)?;
        let mut narrow = vec![0; speech.audio.len()];
        mulaw::decode_slice(&speech.audio, &mut narrow);
        let samples = resample(&narrow, SAMPLE_RATE, SPEECH_RATE)?;
        Ok(Utterance { samples, first_after })
    }

    /// The same as the clips have it, and how long after the request the first of it is there.
    pub(super) fn say(&mut self, text: &str) -> Result<(Speech, Duration), ApiError> {
        let speech = self.library.speak(SPEAKER, text, &self.fallback);
        let speech = speech.map_err(|error| ApiError::invalid("input", error.to_string()))?;
        Ok((speech, self.latency.wait(self.latency.speech, &mut self.rng)))
    }

    /// How much of the speech is sent how fast: seconds of speech in a second.
    pub(super) fn pace(&self) -> f64 {
        self.latency.speech_pace
    }
}

/// Converts a whole recording.
pub(super) fn resample(samples: &[i16], from: u32, to: u32) -> Result<Vec<i16>, ApiError> {
    let mut resampler = Resampler::new(from, to).map_err(|error| ApiError::server(error.to_string()))?;
    let mut output = Vec::new();
    resampler.process(samples, &mut output);
    resampler.flush(&mut output);
    Ok(output)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn voice() -> Voice {
        let scenario = "name = 'x'\nseed = 1\ncaller = { answer = 'busy' }".parse().unwrap();
        Voice::new(&scenario, Library::bundled().clone())
    }

    #[test]
    fn speech_is_three_times_as_many_samples_as_its_clips() {
        let clip = Library::bundled().voice("agent", "Tack. Vill du vara med?").unwrap();
        let utterance = voice().speak("Tack. Vill du vara med?").unwrap();
        assert_eq!(utterance.samples.len(), 3 * clip.audio.len());
        assert!(utterance.first_after > Duration::ZERO);
    }

    #[test]
    fn a_text_without_a_clip_is_refused_by_name() {
        let error = voice().speak("Tack. Köp mer kaffe!").unwrap_err();
        assert_eq!(error.status(), 400);
        assert!(error.to_string().contains("Köp mer kaffe!"), "{error}");
    }
}
