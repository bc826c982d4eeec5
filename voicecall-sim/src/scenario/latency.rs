//! How slow the simulated AI services are.

use std::time::Duration;

use serde::Deserialize;

use super::time;
use crate::fault::Rng;

/// Waiting times of the AI services when nothing is wrong; faults come on top.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
#[non_exhaustive]
pub struct Latency {
    /// From a request to the model until its first token.
    #[serde(deserialize_with = "time::deserialize")]
    pub first_token: Duration,
    /// Between two tokens.
    #[serde(deserialize_with = "time::deserialize")]
    pub per_token: Duration,
    /// From a text to the first byte of its speech.
    #[serde(deserialize_with = "time::deserialize")]
    pub speech: Duration,
    /// How many seconds of speech are sent in a second, 1 to 1000.
    pub speech_pace: f64,
    /// From the end of a recording to its transcript.
    #[serde(deserialize_with = "time::deserialize")]
    pub transcription: Duration,
    /// The share, 0 to 1, by which each wait is longer or shorter by chance.
    pub jitter: f64,
}

impl Latency {
    /// A wait of about `typical`.
    pub(crate) fn wait(&self, typical: Duration, rng: &mut Rng) -> Duration {
        // Both factors are bounded: jitter by the check below, waits by the longest duration of a file.
        typical.mul_f64(1.0 + self.jitter * (2.0 * rng.unit() - 1.0))
    }

    pub(super) fn check(&self) -> Result<(), (&'static str, &'static str)> {
        if !(1.0..=1000.0).contains(&self.speech_pace) {
            return Err(("latency.speech_pace", "a number from 1 to 1000"));
        }
        if !(0.0..=1.0).contains(&self.jitter) {
            return Err(("latency.jitter", "a share from 0 to 1"));
        }
        Ok(())
    }
}

/// A good day: answers come quickly, but not at once.
impl Default for Latency {
    fn default() -> Self {
        Self {
            first_token: Duration::from_millis(250),
            per_token: Duration::from_millis(12),
            speech: Duration::from_millis(150),
            speech_pace: 8.0,
            transcription: Duration::from_millis(200),
            jitter: 0.2,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_vary_within_the_jitter_and_not_without_it() {
        let mut rng = Rng::new(3);
        let latency = Latency::default();
        let waits: Vec<_> = (0..1000).map(|_| latency.wait(Duration::from_millis(100), &mut rng).as_micros()).collect();
        assert!(waits.iter().all(|wait| (80_000..=120_000).contains(wait)));
        assert!(waits.iter().min() < Some(&81_000) && waits.iter().max() > Some(&119_000));
        let steady = Latency { jitter: 0.0, ..latency };
        assert_eq!(steady.wait(Duration::from_millis(100), &mut rng), Duration::from_millis(100));
    }
}
