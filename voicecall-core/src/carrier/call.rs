//! A call as the carrier sees it.

use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::AnsweredBy;
use crate::id::CarrierCallId;
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

#[cfg(test)]
mod tests {
    use super::CallStatus::{self, *};
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
    fn an_end_is_never_replaced_by_another() {
        assert_eq!(NoAnswer.advance(Completed), NoAnswer);
        assert_eq!(Completed.advance(Ringing), Completed);
    }
}
