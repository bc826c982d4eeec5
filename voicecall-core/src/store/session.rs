//! A session's record, and what can happen to it.

use jiff::Timestamp;
use serde_json::Value;

use super::log::EventSource;
use super::ownership::TakeOver;
use super::status::{CallPriority, EndReason, SessionStatus};
use crate::error::Error;
use crate::id::{CarrierCallId, QuestionId, SessionId, TenantId, VerificationId};
use crate::seal::SealedPhone;

/// What is needed to create a session. It is due at once.
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
    /// Whether it goes before others.
    pub priority: CallPriority,
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
    /// Whether it goes before others.
    pub priority: CallPriority,
    /// How far it has come.
    pub status: SessionStatus,
    /// From when on the customer may be called; `None` while that is being done, and once the session is over.
    pub due_at: Option<Timestamp>,
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
    /// What a model made of the whole call, once it is over: validated output.
    pub analysis: Option<Value>,
    /// Since when it holds no personal data any more, the sealed number apart.
    pub anonymised_at: Option<Timestamp>,
    /// Until when its owner holds it, unless that goes on holding it: then nobody runs it any more.
    pub held_until: Option<Timestamp>,
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
            priority: new.priority,
            status: SessionStatus::Initiated,
            due_at: Some(new.started_at),
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
            analysis: None,
            anonymised_at: None,
            held_until: None,
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
        self.check(change)?;
        match change {
            SessionChange::Connecting { call, at } => {
                self.status = SessionStatus::Connecting;
                self.due_at = None;
                self.carrier_call = Some(call.clone());
                self.updated_at = *at;
            }
            SessionChange::Postponed { until, at } => {
                self.due_at = Some(*until);
                self.updated_at = *at;
            }
            SessionChange::Connected { at } => {
                self.status = SessionStatus::InProgress;
                self.connected_at = Some(*at);
                self.updated_at = self.updated_at.max(*at);
            }
            SessionChange::Ended { reason, at, .. } => {
                self.status = reason.status();
                self.due_at = None;
                self.ended_at = Some(*at);
                self.end_reason = Some(*reason);
                self.updated_at = *at;
            }
            SessionChange::Attach { what, at } => {
                self.ai_session = what.ai_session.clone().or(self.ai_session.take());
                self.recording_url = what.recording_url.clone().or(self.recording_url.take());
                self.transcript = what.transcript.clone().or(self.transcript.take());
                self.analysis = what.analysis.clone().or(self.analysis.take());
                self.cost_micros = what.cost_micros.or(self.cost_micros);
                self.updated_at = *at;
            }
        }
        Ok(())
    }

    fn check(&self, change: &SessionChange) -> Result<(), Error> {
        let conflict = || Error::new(crate::ErrorKind::Conflict, "change session").with_field("status");
        match change {
            SessionChange::Attach { what: Attachment { cost_micros: Some(..0), .. }, .. } => {
                return Err(Error::invalid("costEstimate", "not negative"));
            }
            // A further attempt is another call, and no step of the session.
            SessionChange::Connecting { call, .. }
                if self.status == SessionStatus::Connecting && self.carrier_call.as_ref() != Some(call) =>
            {
                return Ok(());
            }
            SessionChange::Postponed { .. }
                if !matches!(self.status, SessionStatus::Initiated | SessionStatus::Connecting) =>
            {
                return Err(conflict().with_message(format!("a session {} waits for nobody", self.status)));
            }
            _ => {}
        }
        match change.status() {
            Some(status) if !self.status.may_become(status) => {
                Err(conflict().with_message(format!("no step from {} to {status}", self.status)))
            }
            _ => Ok(()),
        }
    }

    /// Takes the session's turn to be called, as every store does inside its transaction.
    ///
    /// # Errors
    /// `Conflict` unless it waits to be called.
    pub fn claim(&mut self, at: Timestamp, hold: Timestamp) -> Result<(), Error> {
        if self.due_at.take().is_none() {
            return Err(Error::new(crate::ErrorKind::Conflict, "claim session")
                .with_field("dueAt")
                .with_message("the session does not wait to be called"));
        }
        self.held_until = Some(hold);
        self.updated_at = at;
        Ok(())
    }

    /// Changes hands, as every store does inside its transaction.
    ///
    /// # Errors
    /// `Conflict` if somebody else holds it and that matters.
    pub fn take_over(&mut self, how: TakeOver) -> Result<(), Error> {
        if how.free_at.is_some_and(|at| self.held_until.is_some_and(|held| held > at)) {
            return Err(Error::new(crate::ErrorKind::Conflict, "take over session")
                .with_field("heldUntil")
                .with_message("somebody else holds the session"));
        }
        self.held_until = Some(how.hold);
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

/// A change of a session. Each status change, and each further call, appends the event of the same meaning.
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
    /// The customer was not reached, or may not be called now: it waits. No event.
    Postponed {
        /// When the next attempt is due.
        until: Timestamp,
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
    /// Something that belongs to the session became known.
    Attach {
        /// What.
        what: Attachment,
        /// When.
        at: Timestamp,
    },
}

/// What belongs to a session and becomes known on the way; what is `None` stays as it was.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Attachment {
    /// The AI provider's name for its part.
    pub ai_session: Option<String>,
    /// Where the recording is.
    pub recording_url: Option<String>,
    /// The transcript.
    pub transcript: Option<String>,
    /// What a model made of the whole call.
    pub analysis: Option<Value>,
    /// What it cost so far, in millionths of a US dollar.
    pub cost_micros: Option<i64>,
}

impl SessionChange {
    /// The status after the change, if it changes it.
    #[must_use]
    pub const fn status(&self) -> Option<SessionStatus> {
        match self {
            Self::Connecting { .. } => Some(SessionStatus::Connecting),
            Self::Connected { .. } => Some(SessionStatus::InProgress),
            Self::Ended { reason, .. } => Some(reason.status()),
            Self::Postponed { .. } | Self::Attach { .. } => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_further_attempt_is_another_call_and_a_session_waits_between_them() {
        let at = Timestamp::UNIX_EPOCH;
        let mut session = Session::created(&NewSession {
            id: SessionId::new(),
            tenant: TenantId::new(),
            phone: crate::Vault::generate()
                .and_then(|vault| vault.seal_phone(TenantId::new(), &"+46701234567".parse()?))
                .unwrap(),
            verification: VerificationId::new(),
            priority: CallPriority::Normal,
            started_at: at,
        });
        let calls = |call: &str| SessionChange::Connecting { call: CarrierCallId::new(call), at };
        session.claim(at, at).unwrap();
        assert!(session.claim(at, at).is_err(), "one turn is taken once");
        session.apply(&calls("CA1")).unwrap();
        assert!(session.apply(&calls("CA1")).is_err(), "the same call twice is no news");
        session.apply(&SessionChange::Postponed { until: Timestamp::MAX, at }).unwrap();
        assert_eq!((session.status, session.due_at), (SessionStatus::Connecting, Some(Timestamp::MAX)));
        session.claim(at, at).unwrap();
        session.apply(&calls("CA2")).unwrap();
        assert_eq!(session.carrier_call, Some(CarrierCallId::new("CA2")));
        session.apply(&SessionChange::Connected { at }).unwrap();
        assert!(session.apply(&SessionChange::Postponed { until: at, at }).is_err());
        assert!(session.apply(&calls("CA3")).is_err());
    }
}
