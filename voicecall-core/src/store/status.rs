//! The words of a session's state: how far it has come, why it ended, how urgent it is.

use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::error::Error;

macro_rules! text_enum {
    ($(#[$doc:meta])* $name:ident, $field:literal { $($(#[$arm_doc:meta])* $arm:ident = $text:literal,)* }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
        pub enum $name {
            $($(#[$arm_doc])* #[serde(rename = $text)] $arm,)*
        }

        impl $name {
            /// The name on the wire and in stores.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$arm => $text,)* }
            }

            /// All values.
            pub const ALL: &'static [Self] = &[$(Self::$arm),*];
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.as_str())
            }
        }

        impl FromStr for $name {
            type Err = Error;

            fn from_str(text: &str) -> Result<Self, Error> {
                match text {
                    $($text => Ok(Self::$arm),)*
                    _ => Err(Error::invalid($field, concat!("one of", $(" ", $text),*))),
                }
            }
        }
    };
}
pub(crate) use text_enum;

text_enum! {
    /// How far a session has come: `initiated -> connecting -> in_progress -> completed | timeout | failed`,
    /// and `failed` from `initiated` and `connecting`. Nothing else.
    SessionStatus, "status" {
        /// Accepted; the call is not placed yet.
        Initiated = "initiated",
        /// The carrier has the call; nobody has answered.
        Connecting = "connecting",
        /// The caller is on the line.
        InProgress = "in_progress",
        /// Ended as it should.
        Completed = "completed",
        /// Ended because time was up.
        Timeout = "timeout",
        /// Did not come about, or broke.
        Failed = "failed",
    }
}

impl SessionStatus {
    /// Whether the session is over.
    #[must_use]
    pub const fn is_final(self) -> bool {
        matches!(self, Self::Completed | Self::Timeout | Self::Failed)
    }

    /// Whether the state machine has a step from here to `next`.
    #[must_use]
    pub const fn may_become(self, next: Self) -> bool {
        match self {
            Self::Initiated => matches!(next, Self::Connecting | Self::Failed),
            Self::Connecting => matches!(next, Self::InProgress | Self::Failed),
            Self::InProgress => next.is_final(),
            Self::Completed | Self::Timeout | Self::Failed => false,
        }
    }
}

text_enum! {
    /// Why a session ended.
    EndReason, "reason" {
        /// The conversation came to its end.
        Completed = "completed",
        /// Time was up.
        Timeout = "timeout",
        /// Something of ours or a provider's broke.
        TechnicalFailure = "technical_failure",
        /// The caller hung up in the middle.
        CustomerHangup = "customer_hangup",
        /// Nobody answered.
        NoAnswer = "no_answer",
        /// The line was busy.
        Busy = "busy",
        /// The carrier could not or would not place the call.
        CallFailed = "call_failed",
        /// The caller did not want to take part.
        Declined = "declined",
        /// The caller wanted to stop in the middle; what was answered until then stays.
        CallerStopped = "caller_stopped",
        /// The caller took the consent back: nothing more is stored, and what was stored is to be erased.
        ConsentWithdrawn = "consent_withdrawn",
        /// The caller wants to be called at another time.
        CallBack = "call_back",
        /// Whoever answered has nothing to do with the call.
        WrongNumber = "wrong_number",
        /// Who was asked for is not there, or a child answered.
        NotAvailable = "not_available",
        /// The caller did not say anything.
        NoResponse = "no_response",
        /// The caller speaks another language.
        OtherLanguage = "other_language",
        /// A machine answered.
        Voicemail = "voicemail",
        /// There was no money left for the call.
        RefusedByBudget = "refused_by_budget",
        /// The operator ended it.
        Canceled = "canceled",
    }
}

impl EndReason {
    /// The status of a session that ended for this reason.
    #[must_use]
    pub const fn status(self) -> SessionStatus {
        match self {
            Self::Completed
            | Self::Declined
            | Self::CallerStopped
            | Self::ConsentWithdrawn
            | Self::CallBack
            | Self::WrongNumber
            | Self::NotAvailable
            | Self::OtherLanguage => SessionStatus::Completed,
            Self::Timeout => SessionStatus::Timeout,
            _ => SessionStatus::Failed,
        }
    }
}

text_enum! {
    /// Which sessions are called first when several are due.
    CallPriority, "priority" {
        /// Before all others.
        High = "high",
        /// In turn.
        Normal = "normal",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_state_machine_has_exactly_the_required_steps() {
        use SessionStatus::*;
        let allowed = [
            (Initiated, Connecting),
            (Initiated, Failed),
            (Connecting, InProgress),
            (Connecting, Failed),
            (InProgress, Completed),
            (InProgress, Timeout),
            (InProgress, Failed),
        ];
        for &from in SessionStatus::ALL {
            for &to in SessionStatus::ALL {
                assert_eq!(from.may_become(to), allowed.contains(&(from, to)), "{from} -> {to}");
            }
        }
    }

    #[test]
    fn names_read_back() {
        for &reason in EndReason::ALL {
            assert_eq!(reason.as_str().parse::<EndReason>().unwrap(), reason);
        }
        assert_eq!("done".parse::<EndReason>().unwrap_err().field(), Some("reason"));
    }
}
