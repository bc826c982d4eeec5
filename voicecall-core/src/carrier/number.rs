//! The numbers of an account: searched, bought, listed, given back, and where a carrier turns to about calls to one.

mod country;
mod owned;
mod search;
mod webhooks;

use std::fmt::Debug;

use async_trait::async_trait;

pub use country::CountryCode;
pub use owned::{NumberAbilities, OwnedNumber};
pub use search::{AvailableNumber, NumberKind, NumberOrder, NumberSearch};
pub use webhooks::NumberWebhooks;

use crate::error::Result;
use crate::phone::PhoneNumber;

/// The numbers of an account at a carrier. A number that is bought is paid for until it is given back.
///
/// Where the carrier turns to about calls and messages to a number is set by
/// [`VoiceBackend::set_number_webhooks`](super::VoiceBackend::set_number_webhooks) and
/// [`ConversationalBackend::set_incoming_url`](crate::messaging::ConversationalBackend::set_incoming_url).
///
/// Contract, checked by the conformance suite:
/// - [`buy`](Self::buy) sends at most one request that can buy a number; a failure after the request may have left is
///   [`UnknownOutcome`](crate::ErrorKind::UnknownOutcome), settled by [`list`](Self::list);
/// - what is not among the [`capabilities`](Self::capabilities) answers `Unsupported` and sends nothing;
/// - [`list`](Self::list) holds what was bought and not what was given back.
#[async_trait]
pub trait NumberBackend: Send + Sync + Debug + 'static {
    /// The carrier's name, for logs, prices and rows.
    fn name(&self) -> &'static str;

    /// What the carrier can do.
    fn capabilities(&self) -> NumberCapabilities;

    /// Numbers that can be bought now, at most as many as the search asks for.
    ///
    /// # Errors
    /// `Unsupported` without [`NumberCapabilities::choose`]; `Invalid` naming a part of the search; otherwise as usual.
    async fn search(&self, search: &NumberSearch) -> Result<Vec<AvailableNumber>>;

    /// Buys a number.
    ///
    /// # Errors
    /// `Unsupported` naming `number` for an order of a kind that the carrier does not have; `Rejected` naming `number` if it
    /// cannot be had; `UnknownOutcome` if it is perhaps bought.
    async fn buy(&self, order: &NumberOrder) -> Result<OwnedNumber>;

    /// All numbers of the account.
    ///
    /// # Errors
    /// As usual.
    async fn list(&self) -> Result<Vec<OwnedNumber>>;

    /// Gives a number back, for good: somebody else may get it.
    ///
    /// # Errors
    /// `NotFound` naming `number` if it does not belong to the account, or not any more; otherwise as usual.
    async fn release(&self, number: &PhoneNumber) -> Result<()>;
}

/// What a carrier can do with numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct NumberCapabilities {
    /// Numbers can be searched, and one of them chosen ([`NumberOrder::Chosen`]).
    pub choose: bool,
    /// The carrier chooses a number by itself ([`NumberOrder::Any`]).
    pub any: bool,
}

impl NumberCapabilities {
    /// A carrier whose numbers are searched and chosen.
    #[must_use]
    pub const fn chosen() -> Self {
        Self { choose: true, any: false }
    }

    /// A carrier that chooses by itself.
    #[must_use]
    pub const fn any() -> Self {
        Self { choose: false, any: true }
    }
}
