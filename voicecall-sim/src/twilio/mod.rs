//! An emulator of Twilio: REST calls, TwiML, signed webhooks, bidirectional Media Streams and ConversationRelay; SMS, MMS and
//! WhatsApp.
//!
//! It acts out say, play, pause, keys, gather, dial (with screening), queues, recordings with real audio, answering
//! machine detection; conversations, whose questions before something is done are asked of what people write (what is changed
//! by requests is told after the fact only); and transcriptions, whose words are given to it. In a conversation over
//! ConversationRelay it speaks by [`Exchange::with_speaker`].
//! What a person says is understood by whatever [`Exchange::with_recogniser`] is given; files come
//! from [`Exchange::with_files`]. Parameters it knows and does not act on stand in its log as warnings with code 0.
//!
//! [`Exchange`] is the whole carrier as a machine without clock or network; [`server`] puts it on loopback.

mod call;
mod conversations;
mod detection;
mod dial;
mod exchange;
mod flow;
mod gather;
mod json;
mod lines;
mod log;
mod message;
mod messaging;
mod options;
mod own_number;
mod press;
mod queue;
mod recordings;
mod relay;
mod requests;
mod rest;
pub mod server;
mod sid;
pub(crate) mod signature;
mod sockets;
mod stream;
mod transcriptions;
mod twiml;
mod webhook;
mod wire;

#[cfg(test)]
mod tests;

pub use call::{CallStatus, Direction};
pub use exchange::Exchange;
pub use log::{LogEntry, LogEvent, StreamEnd};
pub use messaging::{Message, MessageMedium, MessageStatus, MessagingOptions};
pub use options::{AbruptLoss, Account, ApiKey, ExchangeOptions, Number, NumberForSale};
pub use rest::{Delivery, RestReply, RestRequest};
pub use signature::sign;
pub use stream::{Order, SocketEnd, SocketFault};
pub use twiml::{
    Address, DialVerb, GatherVerb, NumberNoun, RecordVerb, RecordingSettings, RelayVerb, StreamVerb, TwimlError, Verb,
    parse,
};
pub use webhook::{Method, Webhook, WebhookFailure, WebhookKind, WebhookOutcome};
pub use wire::StreamWire;
pub(crate) use wire::error_code;
