//! The words of a session's state: how far it has come, why it ended, how urgent it is.

use crate::text_enum;

text_enum! {
    /// How far a session has come: `initiated -> connecting -> in_progress -> completed | timeout | failed`,
    /// and `failed` from `initiated` and `connecting`. Nothing else.
    SessionStatus, "status" {
        /// Accepted; the call is not placed yet.
        Initiated = "initiated",
        /// The carrier has the call; nobody has answered.
        Connecting = "connecting",
        /// The other side is on the line.
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
        /// The other side hung up in the middle.
        RemoteHangup = "remote_hangup",
        /// Nobody answered.
        NoAnswer = "no_answer",
        /// The line was busy.
        Busy = "busy",
        /// The carrier could not or would not place the call.
        CallFailed = "call_failed",
        /// The person did not want to take part.
        Declined = "declined",
        /// The person wanted to stop in the middle.
        Stopped = "stopped",
        /// The person took the consent back: nothing more is stored, and what was stored is to be erased.
        ConsentWithdrawn = "consent_withdrawn",
        /// The person wants to be called at another time.
        CallBack = "call_back",
        /// Whoever answered has nothing to do with the call.
        WrongNumber = "wrong_number",
        /// Who was asked for is not there, or a child answered.
        NotAvailable = "not_available",
        /// The person did not say anything.
        NoResponse = "no_response",
        /// The person speaks another language.
        OtherLanguage = "other_language",
        /// A machine answered.
        Voicemail = "voicemail",
        /// There was no money left for the call.
        RefusedByBudget = "refused_by_budget",
        /// The operator ended it.
        Canceled = "canceled",
        /// We did not take the call.
        Rejected = "rejected",
        /// The call went on elsewhere, without us.
        Transferred = "transferred",
        /// The caller hung up before anybody was there.
        Abandoned = "abandoned",
        /// The application did not say in time what should become of the call.
        NoDecision = "no_decision",
        /// Nobody could read whom to call: what the store holds does not open with the vault's keys.
        AddressUnreadable = "address_unreadable",
        /// The person had asked not to be called any more, and was not.
        DoNotCall = "do_not_call",
        /// The number may not be called, or not in time: by its kind or country, at no hour, or too often.
        NotAllowed = "not_allowed",
    }
}

impl EndReason {
    /// The status of a session that ended for this reason.
    #[must_use]
    pub const fn status(self) -> SessionStatus {
        match self {
            Self::Completed
            | Self::Declined
            | Self::Stopped
            | Self::ConsentWithdrawn
            | Self::CallBack
            | Self::WrongNumber
            | Self::NotAvailable
            | Self::OtherLanguage
            | Self::Transferred => SessionStatus::Completed,
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
