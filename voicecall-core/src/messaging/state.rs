//! How far a message has come.

use crate::text_enum;

text_enum! {
    /// How far a message has come.
    MessageState, "state" {
        /// It came in and waits to be answered.
        Received = "received",
        /// It came in and has been dealt with.
        Answered = "answered",
        /// It waits to be sent.
        Queued = "queued",
        /// It is being given to the carrier.
        Sending = "sending",
        /// It was given to the carrier, and nobody knows whether it arrived there. It is never sent again.
        Unknown = "unknown",
        /// The carrier has it, or has passed it on.
        Sent = "sent",
        /// The receiver has it.
        Delivered = "delivered",
        /// The receiver has read it.
        Read = "read",
        /// The network could not deliver it.
        Undelivered = "undelivered",
        /// It was refused, or came to nothing otherwise.
        Failed = "failed",
    }
}

impl MessageState {
    /// What is known after a report, whatever came before: reports may be late, repeated and in any order. A message that
    /// was delivered stays so, and is read at most once.
    #[must_use]
    pub const fn advance(self, report: Self) -> Self {
        if report.rank() > self.rank() { report } else { self }
    }

    /// Whether nothing more is known to follow.
    #[must_use]
    pub const fn is_final(self) -> bool {
        matches!(self, Self::Answered | Self::Read | Self::Undelivered | Self::Failed)
    }

    const fn rank(self) -> u8 {
        match self {
            Self::Received | Self::Queued => 0,
            Self::Answered | Self::Sending => 1,
            Self::Unknown => 2,
            Self::Sent => 3,
            Self::Undelivered | Self::Failed => 4,
            // Who has it has it, whatever an earlier report said.
            Self::Delivered => 5,
            Self::Read => 6,
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::MessageState::{self, *};

    proptest! {
        #[test]
        fn any_order_and_any_repetition_gives_one_result(
            order in Just(vec![Queued, Sending, Sent, Delivered, Read]).prop_shuffle(),
            repeats in proptest::collection::vec(0..5usize, 0..8),
        ) {
            let repeated = repeats.iter().map(|&at| order[at]);
            let end = order.iter().copied().chain(repeated).fold(Queued, MessageState::advance);
            prop_assert_eq!(end, Read);
        }
    }

    #[test]
    fn of_two_ends_the_better_known_counts() {
        assert_eq!(Delivered.advance(Failed), Delivered);
        assert_eq!(Failed.advance(Delivered), Delivered, "a report of arrival is proof, one of failure an opinion");
        assert_eq!(Failed.advance(Undelivered), Failed);
    }
}
