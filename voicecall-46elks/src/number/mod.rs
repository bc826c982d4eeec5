//! The account's numbers: bought and given back, where calls and messages to them are asked about, and where the audio of
//! all calls goes.

mod backend;
mod known;
mod socket;
mod webhooks;

pub use backend::ElksNumbers;
pub(crate) use socket::{media_url, set_media_url};
pub(crate) use webhooks::{messages_url, set, set_messages_url, webhooks};
