//! What a carrier says about a message.

use super::{IncomingMessage, MessageState};
use crate::id::CarrierMessageId;

/// What a carrier says about a message.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct MessagingEvent {
    /// The message.
    pub message: CarrierMessageId,
    /// What happened.
    pub kind: MessagingEventKind,
}

impl MessagingEvent {
    /// An event of this message.
    #[must_use]
    pub const fn new(message: CarrierMessageId, kind: MessagingEventKind) -> Self {
        Self { message, kind }
    }
}

/// The kinds of event. Every one may be told twice, late and in any order.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum MessagingEventKind {
    /// A message came in.
    Received(Box<IncomingMessage>),
    /// A message of ours has come further.
    Delivery(DeliveryReport),
    /// A report this version does not know. It is logged once and answered with success.
    Unknown,
}

/// How far a message of ours has come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeliveryReport {
    /// How far: from [`MessageState::Sent`] on.
    pub state: MessageState,
    /// The carrier's code for why it was not delivered.
    pub error: Option<String>,
}
