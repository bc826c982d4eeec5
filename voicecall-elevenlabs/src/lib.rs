#![doc = include_str!("../README.md")]
#![cfg_attr(docsrs, feature(doc_cfg))]

mod client;
mod endpoint;
mod environment;
mod failure;
mod identifier;
mod settings;
mod speech;
pub mod voices;
pub mod webhook;
mod wire;

pub use endpoint::{EU_RESIDENCY, Endpoint, INDIA_RESIDENCY, US_RESIDENCY};
pub use settings::VoiceSettings;
pub use speech::{DEFAULT_MODEL, ElevenLabsSpeech, MODELS_WITHOUT_LANGUAGE, TextNormalization};
pub use voices::ElevenLabsVoices;
pub use webhook::WebhookVerifier;

/// The name under which logs, errors and the price book know the provider.
pub const PROVIDER: &str = "elevenlabs";
