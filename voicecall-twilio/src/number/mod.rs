//! The account's numbers: bought and given back, and where calls and messages to them are asked about.

mod backend;
mod known;
mod search;
mod webhooks;

pub use backend::TwilioNumbers;
pub(crate) use webhooks::{incoming_url, set, set_incoming_url, webhooks};
