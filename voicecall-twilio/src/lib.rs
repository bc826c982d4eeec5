#![doc = include_str!("../README.md")]

mod access_token;
mod account_list;
mod backend;
mod call;
mod client;
mod config;
pub mod conversations;
mod failure;
mod health;
mod listing;
mod media;
mod messaging;
mod number;
mod order;
mod overrides;
mod product_list;
mod recording;
mod relay;
mod retries;
mod sid;
mod signature;
pub mod transcriptions;
mod twiml;
mod warn_once;
mod webhook;
mod wire;

pub use access_token::{TwilioAccessTokens, VoiceGrant};
pub use backend::TwilioVoice;
pub use config::TwilioBuilder;
pub use conversations::client::TwilioConversations;
pub use media::TwilioMedia;
pub use messaging::TwilioMessaging;
pub use number::TwilioNumbers;
pub use overrides::{ConnectionOverrides, RetryOn};
pub use relay::TwilioRelay;
pub use transcriptions::client::TwilioTranscriptions;

/// The carrier's name, for logs, prices and rows.
const PROVIDER: &str = "twilio";
