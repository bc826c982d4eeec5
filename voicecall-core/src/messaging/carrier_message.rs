//! A message as the carrier knows it.

use jiff::Timestamp;

use super::MessageState;
use crate::address::Address;
use crate::carrier::CallPrice;
use crate::id::CarrierMessageId;

/// A message as the carrier knows it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct CarrierMessage {
    /// The carrier's name for it.
    pub id: CarrierMessageId,
    /// How far it has come: [`MessageState::Received`] for one that came in, from [`MessageState::Sent`] on for one of ours
    /// that the carrier took.
    pub state: MessageState,
    /// Who is to have it.
    pub to: Option<Address>,
    /// Who sent it.
    pub from: Option<Address>,
    /// In how many parts it was sent, each of which is paid for.
    pub parts: Option<u32>,
    /// What it costs, once that is known.
    pub price: Option<CallPrice>,
    /// The carrier's code for why it could not be delivered.
    pub error: Option<String>,
    /// When the carrier took it.
    pub created_at: Option<Timestamp>,
}

impl CarrierMessage {
    /// A message of which only this much is known.
    #[must_use]
    pub const fn new(id: CarrierMessageId, state: MessageState) -> Self {
        Self { id, state, to: None, from: None, parts: None, price: None, error: None, created_at: None }
    }
}

/// Which of our messages to look for when one had an unknown outcome.
#[derive(Debug, Clone)]
pub struct FindMessages {
    /// Messages to this address.
    pub to: Address,
    /// Messages from this address.
    pub from: Address,
    /// Messages with exactly these words.
    pub text: String,
    /// Messages the carrier took at or after this instant.
    pub since: Timestamp,
}
