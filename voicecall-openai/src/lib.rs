#![doc = include_str!("../README.md")]
#![cfg_attr(docsrs, feature(doc_cfg))]

mod cascade;
mod chat;
mod client;
mod endpoint;
mod environment;
mod failure;
mod realtime;
mod speech;
mod sse;
mod transcription;
mod wav;
mod wire;

pub use cascade::cascade_from_env;
pub use chat::{ChatDialect, OpenAiChat, SchemaMode, TokenLimit};
pub use endpoint::Endpoint;
pub use realtime::{NoiseReduction, OpenAiRealtime, RealtimeShape, realtime_from_env};
pub use speech::{OpenAiSpeech, SpeechFormat};
pub use transcription::{HintFields, OpenAiTranscription, TranscriptFormat, TranscriptionDialect};
