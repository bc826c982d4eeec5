//! Twilio's messages as they are on the wire, one a file. Nothing outside this crate sees them.

mod account;
mod account_page;
mod call;
mod call_webhook;
pub(crate) mod conversations;
mod message;
mod message_webhook;
mod number;
mod problem;
mod product_page;
mod recording;
mod relay_message;
mod stream_dtmf;
mod stream_mark;
mod stream_media;
mod stream_message;
mod stream_start;
pub(crate) mod transcriptions;

pub(crate) use account::{Account, AccountStatus};
pub(crate) use account_page::AccountPage;
pub(crate) use call::{Call, Status};
pub(crate) use call_webhook::{CallWebhook, StreamEvent};
pub(crate) use message::Message;
pub(crate) use message_webhook::MessageWebhook;
pub(crate) use number::{AvailableNumber, AvailableNumbers, Number, NumberAbilities};
pub(crate) use problem::Problem;
pub(crate) use product_page::ProductPage;
pub(crate) use recording::Recording;
pub(crate) use relay_message::{RelayInterrupt, RelayMessage, RelayMessageKind, RelayPrompt, RelaySetup};
pub(crate) use stream_dtmf::StreamDtmf;
pub(crate) use stream_mark::StreamMark;
pub(crate) use stream_media::StreamMedia;
pub(crate) use stream_message::{MediaMessage, StreamEventName, StreamMessage};
pub(crate) use stream_start::{StreamStart, texts};
