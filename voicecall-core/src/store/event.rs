//! What happened to a session, in the order in which it did.

use jiff::Timestamp;
use serde_json::Value;

use super::session::{NewSession, SessionChange};
use super::status::SessionStatus;
use crate::id::{RecordId, SessionId};
use crate::{open_text, text_enum};

open_text! {
    /// What happened to a session. A dialogue or an application adds kinds of its own.
    EventKind {
        /// The session was accepted.
        Initiated = "initiated",
        /// The carrier has the call.
        Connecting = "connecting",
        /// The other side is on the line.
        Answered = "answered",
        /// The agent is connected to the call.
        AiConnected = "ai_connected",
        /// The agent was told to wrap up.
        WarningSent = "warning_sent",
        /// Ended because time was up.
        Timeout = "timeout",
        /// Ended as it should.
        Completed = "completed",
        /// Did not come about, or broke.
        Failed = "failed",
    }
}

text_enum! {
    /// Who made something happen.
    EventSource, "source" {
        /// We.
        System = "system",
        /// The carrier.
        Telephony = "telephony",
        /// The agent.
        Ai = "ai",
        /// The person at the other end.
        Person = "person",
    }
}

/// An event of a session.
#[derive(Debug, Clone, PartialEq)]
pub struct SessionEvent {
    /// Its id.
    pub id: RecordId,
    /// Whose.
    pub session: SessionId,
    /// What happened.
    pub kind: EventKind,
    /// Particulars, without personal data.
    pub data: Value,
    /// When. Chronological within a session.
    pub at: Timestamp,
    /// Who made it happen.
    pub source: EventSource,
    /// Anything else.
    pub metadata: Option<Value>,
}

impl SessionEvent {
    /// An event with empty particulars.
    #[must_use]
    pub fn new(session: SessionId, kind: EventKind, source: EventSource, at: Timestamp) -> Self {
        Self {
            id: RecordId::new(),
            session,
            kind,
            data: Value::Object(serde_json::Map::new()),
            at,
            source,
            metadata: None,
        }
    }

    /// Adds particulars.
    #[must_use]
    pub fn with_data(mut self, data: Value) -> Self {
        self.data = data;
        self
    }

    /// Moves it up to the session's last event if it would be before that: clocks jump back, a timeline does not.
    #[must_use]
    pub fn not_before(mut self, last: Option<Timestamp>) -> Self {
        self.at = last.map_or(self.at, |last| last.max(self.at));
        self
    }

    /// The event of a session's creation.
    #[must_use]
    pub fn of_creation(new: &NewSession) -> Self {
        Self::new(new.id, EventKind::Initiated, EventSource::System, new.started_at)
    }

    /// The event that belongs to a change of status.
    #[must_use]
    pub fn of_change(session: SessionId, change: &SessionChange) -> Option<Self> {
        match change {
            SessionChange::Connecting { at, .. } => {
                Some(Self::new(session, EventKind::Connecting, EventSource::Telephony, *at))
            }
            SessionChange::Connected { at } => {
                Some(Self::new(session, EventKind::Answered, EventSource::Telephony, *at))
            }
            SessionChange::Ended { reason, source, at } => {
                let kind = match reason.status() {
                    SessionStatus::Completed => EventKind::Completed,
                    SessionStatus::Timeout => EventKind::Timeout,
                    _ => EventKind::Failed,
                };
                let data = serde_json::json!({ "reason": reason });
                Some(Self::new(session, kind, *source, *at).with_data(data))
            }
            SessionChange::Postponed { .. } | SessionChange::Attach { .. } => None,
        }
    }
}
