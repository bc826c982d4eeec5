//! An emulator of Twilio's voice side: REST calls, TwiML, signed webhooks and bidirectional Media Streams.
//!
//! [`Exchange`] is the whole carrier as a machine without clock or network; [`server`] puts it on loopback.

mod call;
mod exchange;
mod flow;
mod json;
mod lines;
mod log;
mod options;
mod rest;
pub mod server;
mod sid;
mod signature;
mod sockets;
mod stream;
mod twiml;
mod webhook;
mod wire;

#[cfg(test)]
mod tests;

pub use call::{CallStatus, Direction};
pub use exchange::Exchange;
pub use log::{LogEntry, LogEvent, StreamEnd};
pub use options::{AbruptLoss, Account, ApiKey, ExchangeOptions, Number};
pub use rest::{Delivery, RestReply, RestRequest};
pub use signature::sign;
pub use stream::{Order, SocketEnd, SocketFault};
pub use twiml::{StreamVerb, TwimlError, Verb, parse};
pub use webhook::{Method, Webhook, WebhookFailure, WebhookKind, WebhookOutcome};
pub use wire::StreamWire;
