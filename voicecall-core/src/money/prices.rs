//! The prices of one call: what each service charges, in the units it charges by.

use std::time::Duration;

use jiff::civil;
use serde::{Deserialize, Serialize};

use super::amount::Money;

/// What the services of one call charge. Part of a recorded call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct CallPrices {
    /// The day the newest of them took effect.
    pub effective: civil::Date,
    /// The carrier's.
    pub carrier: CarrierPrice,
    /// The transcriber's.
    pub transcription: TranscriptionPrice,
    /// The synthesiser's.
    pub speech: SpeechPrice,
    /// The language model's.
    pub model: ModelPrice,
}

/// What a carrier charges. Minutes are charged as soon as they have begun, from the answer of the call.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct CarrierPrice {
    /// For every call that is answered.
    pub per_call: Money,
    /// For a begun minute of the call.
    pub per_minute: Money,
    /// For a begun minute of its media stream, or of its conversation in text, on top.
    pub stream_per_minute: Money,
    /// For a begun minute that the carrier records, on top.
    pub recording_per_minute: Money,
    /// For finding out whether a machine answered, each call.
    pub machine_detection: Money,
}

/// What a transcriber charges.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TranscriptionPrice {
    /// For a minute of audio.
    pub per_minute: Money,
    /// The audio of each request is rounded up to a multiple of this; as data, whole milliseconds.
    #[serde(rename = "increment_ms", with = "millis", default = "second")]
    pub increment: Duration,
}

/// What a synthesiser charges.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SpeechPrice {
    /// For 1,000 characters of text.
    pub per_1000_characters: Money,
}

/// What a language model charges.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ModelPrice {
    /// For a million tokens read that were not cached.
    pub input_per_million: Money,
    /// For a million tokens read that were cached.
    pub cached_per_million: Money,
    /// For a million tokens written.
    pub output_per_million: Money,
    /// For tokens that are sound, of a model that hears and speaks. Without it they cost what text costs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sound: Option<SoundPrice>,
}

/// What a model that hears and speaks charges for sound, in place of its prices for text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SoundPrice {
    /// For a million tokens heard that were not cached.
    pub input_per_million: Money,
    /// For a million tokens heard that were cached.
    pub cached_per_million: Money,
    /// For a million tokens spoken.
    pub output_per_million: Money,
}

/// A price of a [`PriceBook`](super::PriceBook), as far as checking it goes.
pub trait Price: Copy {
    /// The amounts it is made of, by name.
    fn amounts(&self) -> impl Iterator<Item = (&'static str, Money)>;
}

impl Price for CarrierPrice {
    fn amounts(&self) -> impl Iterator<Item = (&'static str, Money)> {
        [
            ("per_call", self.per_call),
            ("per_minute", self.per_minute),
            ("stream_per_minute", self.stream_per_minute),
            ("recording_per_minute", self.recording_per_minute),
            ("machine_detection", self.machine_detection),
        ]
        .into_iter()
    }
}

impl Price for TranscriptionPrice {
    fn amounts(&self) -> impl Iterator<Item = (&'static str, Money)> {
        [("per_minute", self.per_minute)].into_iter()
    }
}

impl Price for SpeechPrice {
    fn amounts(&self) -> impl Iterator<Item = (&'static str, Money)> {
        [("per_1000_characters", self.per_1000_characters)].into_iter()
    }
}

impl Price for ModelPrice {
    fn amounts(&self) -> impl Iterator<Item = (&'static str, Money)> {
        [
            ("input_per_million", self.input_per_million),
            ("cached_per_million", self.cached_per_million),
            ("output_per_million", self.output_per_million),
        ]
        .into_iter()
        .chain(self.sound.into_iter().flat_map(|sound| {
            [
                ("sound.input_per_million", sound.input_per_million),
                ("sound.cached_per_million", sound.cached_per_million),
                ("sound.output_per_million", sound.output_per_million),
            ]
        }))
    }
}

const fn second() -> Duration {
    Duration::from_secs(1)
}

mod millis {
    use std::time::Duration;

    use serde::{Deserialize, Deserializer, Serializer};

    pub(super) fn serialize<S: Serializer>(duration: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_u64(u64::try_from(duration.as_millis()).unwrap_or(u64::MAX))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
        u64::deserialize(deserializer).map(Duration::from_millis)
    }
}
