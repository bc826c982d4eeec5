//! A session's record and the state machine its status follows.

use std::str::FromStr;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::log::EventSource;
use crate::error::Error;
use crate::id::{CarrierCallId, QuestionId, SessionId, TenantId, VerificationId};
use crate::seal::SealedPhone;

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
            Self::Completed | Self::Declined | Self::OtherLanguage => SessionStatus::Completed,
            Self::Timeout => SessionStatus::Timeout,
            _ => SessionStatus::Failed,
        }
    }
}

/// What is needed to create a session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewSession {
    /// Its id.
    pub id: SessionId,
    /// Whose.
    pub tenant: TenantId,
    /// Whom to call.
    pub phone: SealedPhone,
    /// The verification it comes from.
    pub verification: VerificationId,
    /// When it was asked for.
    pub started_at: Timestamp,
}

/// A session as stored.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Session {
    /// Its id.
    pub id: SessionId,
    /// Whose.
    pub tenant: TenantId,
    /// Whom it calls.
    pub phone: SealedPhone,
    /// The verification it comes from.
    pub verification: VerificationId,
    /// How far it has come.
    pub status: SessionStatus,
    /// When it was asked for.
    pub started_at: Timestamp,
    /// When the caller was on the line.
    pub connected_at: Option<Timestamp>,
    /// When it was over.
    pub ended_at: Option<Timestamp>,
    /// Why it was over.
    pub end_reason: Option<EndReason>,
    /// The questions that were asked, in order.
    pub questions_asked: Vec<QuestionId>,
    /// The AI provider's name for its part, if it has one.
    pub ai_session: Option<String>,
    /// The carrier's name for the call.
    pub carrier_call: Option<CarrierCallId>,
    /// What it cost so far, in millionths of a US dollar.
    pub cost_micros: Option<i64>,
    /// Where the recording is.
    pub recording_url: Option<String>,
    /// The transcript as text, once it is over.
    pub transcript: Option<String>,
    /// When the row was made.
    pub created_at: Timestamp,
    /// When the row last changed.
    pub updated_at: Timestamp,
}

impl Session {
    /// A session as it is right after creation.
    #[must_use]
    pub fn created(new: &NewSession) -> Self {
        Self {
            id: new.id,
            tenant: new.tenant,
            phone: new.phone.clone(),
            verification: new.verification,
            status: SessionStatus::Initiated,
            started_at: new.started_at,
            connected_at: None,
            ended_at: None,
            end_reason: None,
            questions_asked: Vec::new(),
            ai_session: None,
            carrier_call: None,
            cost_micros: None,
            recording_url: None,
            transcript: None,
            created_at: new.started_at,
            updated_at: new.started_at,
        }
    }

    /// How long the caller was on the line, in whole seconds.
    #[must_use]
    pub fn duration_seconds(&self) -> Option<u64> {
        let (from, until) = (self.connected_at?, self.ended_at?);
        // A clock that jumped back makes a short call, not an endless one.
        Some(u64::try_from(until.duration_since(from).as_secs()).unwrap_or(0))
    }

    /// Carries out a change, as every store does inside its transaction.
    ///
    /// # Errors
    /// `Conflict` for a transition the state machine does not have, `Invalid` for a negative cost; the session is then
    /// unchanged.
    pub fn apply(&mut self, change: &SessionChange) -> Result<(), Error> {
        if matches!(change, SessionChange::Attach { cost_micros: Some(..0), .. }) {
            return Err(Error::invalid("costEstimate", "not negative"));
        }
        if let Some(status) = change.status() {
            if !self.status.may_become(status) {
                return Err(Error::new(crate::ErrorKind::Conflict, "change session")
                    .with_field("status")
                    .with_message(format!("no step from {} to {status}", self.status)));
            }
            self.status = status;
        }
        match change {
            SessionChange::Connecting { call, at } => {
                self.carrier_call = Some(call.clone());
                self.updated_at = *at;
            }
            SessionChange::Connected { at } => {
                self.connected_at = Some(*at);
                self.updated_at = *at;
            }
            SessionChange::Ended { reason, at, .. } => {
                self.ended_at = Some(*at);
                self.end_reason = Some(*reason);
                self.updated_at = *at;
            }
            SessionChange::Attach { ai_session, recording_url, transcript, cost_micros, at } => {
                self.ai_session = ai_session.clone().or(self.ai_session.take());
                self.recording_url = recording_url.clone().or(self.recording_url.take());
                self.transcript = transcript.clone().or(self.transcript.take());
                self.cost_micros = cost_micros.or(self.cost_micros);
                self.updated_at = *at;
            }
        }
        Ok(())
    }

    /// Notes that a question was asked, unless it is the one asked last: asking again is not another question.
    pub fn asked(&mut self, question: QuestionId, at: Timestamp) {
        if self.questions_asked.last() != Some(&question) {
            self.questions_asked.push(question);
        }
        self.updated_at = at;
    }
}

/// A change of a session. Each status change appends the event of the same meaning.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum SessionChange {
    /// The carrier took the call: `connecting`.
    Connecting {
        /// The carrier's name for it.
        call: CarrierCallId,
        /// When.
        at: Timestamp,
    },
    /// The caller is on the line: `answered`.
    Connected {
        /// When.
        at: Timestamp,
    },
    /// It is over: `completed`, `timeout` or `failed`.
    Ended {
        /// Why; decides the status.
        reason: EndReason,
        /// Who ended it.
        source: EventSource,
        /// When.
        at: Timestamp,
    },
    /// Something that belongs to the session became known; what is `None` stays as it was.
    Attach {
        /// The AI provider's name for its part.
        ai_session: Option<String>,
        /// Where the recording is.
        recording_url: Option<String>,
        /// The transcript.
        transcript: Option<String>,
        /// What it cost so far, in millionths of a US dollar.
        cost_micros: Option<i64>,
        /// When.
        at: Timestamp,
    },
}

impl SessionChange {
    /// The status after the change, if it changes it.
    #[must_use]
    pub const fn status(&self) -> Option<SessionStatus> {
        match self {
            Self::Connecting { .. } => Some(SessionStatus::Connecting),
            Self::Connected { .. } => Some(SessionStatus::InProgress),
            Self::Ended { reason, .. } => Some(reason.status()),
            Self::Attach { .. } => None,
        }
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
