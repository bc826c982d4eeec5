#![doc = include_str!("../README.md")]
#![cfg_attr(docsrs, feature(doc_cfg))]

mod endpoint;
mod environment;
mod failure;
mod query;
mod socket;
mod transcript;
mod transcription;
mod turn;
mod wire;

pub use endpoint::{Endpoint, Timeouts};
pub use transcription::DeepgramTranscription;
