//! A call as the carrier sees it.

use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use url::Url;

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

/// The order to place a call.
#[derive(Debug, Clone)]
pub struct PlaceCall {
    /// Whom to call.
    pub to: PhoneNumber,
    /// The number to show, one of the operator's own.
    pub from: PhoneNumber,
    /// Where the carrier asks for instructions once the call is answered.
    pub answer_url: Url,
    /// Where the carrier reports what happens to the call.
    pub status_url: Url,
    /// How long to let it ring.
    pub ring_timeout: Duration,
    /// When the carrier ends the call by itself. There is no call without one.
    pub time_limit: Duration,
}

/// A call as the carrier reports it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct CarrierCall {
    /// The carrier's name for it.
    pub id: CarrierCallId,
    /// How far it has come.
    pub status: CallStatus,
    /// When the carrier took the order, if it tells.
    pub created_at: Option<Timestamp>,
    /// How long it lasted from the answer, once it is over.
    pub duration: Option<Duration>,
}

impl CarrierCall {
    /// A call of which only this much is known.
    #[must_use]
    pub const fn new(id: CarrierCallId, status: CallStatus) -> Self {
        Self { id, status, created_at: None, duration: None }
    }
}

/// Which calls to look for.
#[derive(Debug, Clone)]
pub struct FindCalls {
    /// Calls to this number.
    pub to: PhoneNumber,
    /// Calls from this number.
    pub from: PhoneNumber,
    /// Calls ordered at or after this instant.
    pub since: Timestamp,
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
