#![doc = include_str!("../README.md")]

mod action;
mod address;
mod ask_back;
mod backend;
mod call;
mod client;
mod config;
mod failure;
mod listing;
mod media;
mod messaging;
mod number;
mod order;
mod recording;
mod webhook;
mod wire;

pub use backend::ElksVoice;
pub use config::ElksBuilder;
pub use media::ElksMedia;
pub use messaging::ElksMessaging;
pub use number::ElksNumbers;

/// The carrier's name, for logs, prices and rows.
const PROVIDER: &str = "46elks";
