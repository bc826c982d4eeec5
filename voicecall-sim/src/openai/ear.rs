//! The simulated transcriber: uploads heard by the simulated ears.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use serde_json::{Value, json};
use voicecall_core::audio::SAMPLE_RATE;

use super::ApiError;
use super::voice::resample;
use crate::fault::Rng;
use crate::matcher::ClipMatcher;
use crate::scenario::{Latency, Part, Scenario};
use crate::wav::Wav;

/// Understands recordings of clips, and nothing else.
#[derive(Debug)]
pub struct EarService {
    ears: ClipMatcher,
    latency: Latency,
    rng: Mutex<Rng>,
}

/// What was understood of an upload.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Heard {
    /// The words, in order; none if nothing was understood.
    pub words: Vec<HeardWord>,
    /// How long the recording is.
    pub duration: Duration,
    /// How long after the request the transcript is there.
    pub after: Duration,
}

/// A word that was understood.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct HeardWord {
    /// The word with its punctuation.
    pub text: String,
    /// Where it begins in the recording.
    pub start: Duration,
    /// Where it ends.
    pub end: Duration,
    /// How sure the ears are, above 0 and up to 1.
    pub confidence: f32,
}

impl EarService {
    /// The transcriber of `scenario`, listening with `ears`.
    #[must_use]
    pub fn new(scenario: &Scenario, ears: ClipMatcher) -> Self {
        Self { ears, latency: scenario.latency.clone(), rng: Mutex::new(scenario.rng(Part::Ear)) }
    }

    /// Listens to a WAV file of mono 16-bit PCM at 8, 16 or 24 kHz. Takes a while: not for an async task.
    ///
    /// # Errors
    /// A 400 if `file` is anything else.
    pub fn transcribe(&self, file: &[u8]) -> Result<Heard, ApiError> {
        let wav = Wav::read(file).map_err(|message| ApiError::invalid("file", message))?;
        self.hear(&wav.samples, wav.rate)
    }

    /// Listens to samples, of which there are `rate` in a second.
    pub(super) fn hear(&self, samples: &[i16], rate: u32) -> Result<Heard, ApiError> {
        let narrow = resample(samples, rate, SAMPLE_RATE)?;
        let words = self.ears.listen(&narrow).words.into_iter().map(|word| HeardWord {
            start: at_sample(word.start),
            end: at_sample(word.end),
            confidence: word.confidence.clamp(f32::MIN_POSITIVE, 1.0),
            text: word.text,
        });
        let words = words.collect();
        let mut rng = self.rng.lock().unwrap_or_else(PoisonError::into_inner);
        let after = self.latency.wait(self.latency.transcription, &mut rng);
        let duration = Duration::from_secs_f64(samples.len() as f64 / f64::from(rate));
        Ok(Heard { words, duration, after })
    }
}

impl Heard {
    /// The words as one text; empty if nothing was understood.
    #[must_use]
    pub fn text(&self) -> String {
        let words: Vec<&str> = self.words.iter().map(|word| word.text.as_str()).collect();
        words.join(" ")
    }
}

impl HeardWord {
    /// The confidence as a model tells it: the natural logarithm of a probability.
    pub(super) fn logprob(&self) -> f64 {
        f64::from(self.confidence).ln()
    }

    /// The same of the word as a token at this place: with the space before it.
    pub(super) fn logprob_of(&self, index: usize) -> Value {
        let token = if index == 0 { self.text.clone() } else { format!(" {}", self.text) };
        json!({ "token": token, "logprob": self.logprob(), "bytes": token.as_bytes() })
    }
}

fn at_sample(sample: usize) -> Duration {
    Duration::from_secs(sample as u64) / SAMPLE_RATE
}
