//! A call as the carrier sees it.

use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::AnsweredBy;
use crate::id::CarrierCallId;
use crate::money::Money;
use crate::phone::PhoneNumber;

/// How far a call has come. Reports may arrive twice, late or in the wrong order; [`CallStatus::advance`] joins them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum CallStatus {
    /// Accepted, not yet dialled.
    Queued,
    /// The phone rings.
    Ringing,
    /// Somebody, or something, answered.
    InProgress,
    /// Ended after having been answered.
    Completed,
    /// The line was busy.
    Busy,
    /// Nobody answered in time.
    NoAnswer,
    /// The network could not connect it.
    Failed,
    /// Cancelled before it was answered.
    Canceled,
}

impl CallStatus {
    /// Whether the call is over.
    #[must_use]
    pub const fn is_final(self) -> bool {
        self.rank() == 3
    }

    /// The status after hearing `report`: it never goes back, and an ended call stays as it ended.
    #[must_use]
    pub const fn advance(self, report: Self) -> Self {
        if report.rank() > self.rank() { report } else { self }
    }

    const fn rank(self) -> u8 {
        match self {
            Self::Queued => 0,
            Self::Ringing => 1,
            Self::InProgress => 2,
            Self::Completed | Self::Busy | Self::NoAnswer | Self::Failed | Self::Canceled => 3,
        }
    }
}

/// A call as the carrier reports it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct CarrierCall {
    /// The carrier's name for it.
    pub id: CarrierCallId,
    /// How far it has come.
    pub status: CallStatus,
    /// Who placed it.
    pub direction: Option<CallDirection>,
    /// Who was called, if it is a phone number.
    pub to: Option<PhoneNumber>,
    /// Who called, if it is a phone number.
    pub from: Option<PhoneNumber>,
    /// When the carrier took the order, if it tells.
    pub created_at: Option<Timestamp>,
    /// When it began, by the carrier's count.
    pub started_at: Option<Timestamp>,
    /// When it ended.
    pub ended_at: Option<Timestamp>,
    /// How long it lasted from the answer, once it is over.
    pub duration: Option<Duration>,
    /// What it costs; known only some time after its end.
    pub price: Option<CallPrice>,
    /// Who answered, if the carrier found out.
    pub answered_by: Option<AnsweredBy>,
    /// The call of whose steps this one is a leg.
    pub parent: Option<CarrierCallId>,
}

impl CarrierCall {
    /// A call of which only this much is known.
    #[must_use]
    pub const fn new(id: CarrierCallId, status: CallStatus) -> Self {
        Self {
            id,
            status,
            direction: None,
            to: None,
            from: None,
            created_at: None,
            started_at: None,
            ended_at: None,
            duration: None,
            price: None,
            answered_by: None,
            parent: None,
        }
    }
}

/// Who placed a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum CallDirection {
    /// Somebody called us.
    Inbound,
    /// We ordered it.
    OutboundApi,
    /// A [`Dial`](super::Dial) step of another call placed it.
    OutboundDial,
}

/// What the carrier charges for a call.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CallPrice {
    /// In millionths of the currency's unit; never negative.
    pub micros: u64,
    /// The currency as an ISO 4217 code.
    pub currency: String,
}

impl CallPrice {
    /// Both together; `None` if they are in different currencies, or too much.
    #[must_use]
    pub fn plus(&self, other: &Self) -> Option<Self> {
        let micros = self.micros.checked_add(other.micros).filter(|_| self.currency == other.currency)?;
        Some(Self { micros, currency: self.currency.clone() })
    }

    /// The same in US dollars, rounded up to a millionth, where one unit of its currency is worth `unit`; `None` if that is
    /// too much, or `unit` is negative.
    #[must_use]
    pub fn in_dollars(&self, unit: Money) -> Option<Self> {
        let micros = u128::from(self.micros) * u128::try_from(unit.micros()).ok()?;
        Some(Self { micros: u64::try_from(micros.div_ceil(1_000_000)).ok()?, currency: "USD".to_owned() })
    }
}

#[cfg(test)]
mod tests {
    use super::CallStatus::{self, *};
    use super::{CallPrice, Money};
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn any_order_and_any_repetition_gives_one_result(
            order in Just(vec![Queued, Ringing, InProgress, Completed]).prop_shuffle(),
            repeats in proptest::collection::vec(0..4usize, 0..8),
        ) {
            let repeated = repeats.iter().map(|&at| order[at]);
            let end = order.iter().copied().chain(repeated).fold(Queued, CallStatus::advance);
            prop_assert_eq!(end, Completed);
        }
    }

    #[test]
    fn prices_are_added_and_converted_without_a_fraction_lost() {
        let price = |micros, currency: &str| CallPrice { micros, currency: currency.to_owned() };
        assert_eq!(price(1, "SEK").plus(&price(2, "SEK")), Some(price(3, "SEK")));
        assert_eq!(price(1, "SEK").plus(&price(2, "EUR")), None);
        assert_eq!(price(u64::MAX, "SEK").plus(&price(1, "SEK")), None);
        let crown = Money::from_micros(95_000);
        assert_eq!(price(1_500_000, "SEK").in_dollars(crown), Some(price(142_500, "USD")));
        assert_eq!(price(1, "SEK").in_dollars(crown), Some(price(1, "USD")), "rounded up");
        assert_eq!(price(1, "SEK").in_dollars(Money::from_micros(-1)), None);
    }

    #[test]
    fn an_end_is_never_replaced_by_another() {
        assert_eq!(NoAnswer.advance(Completed), NoAnswer);
        assert_eq!(Completed.advance(Ringing), Completed);
    }
}
