//! What a session leaves in lists: events, responses, exchanges with providers.

use std::str::FromStr;
use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::session::{NewSession, SessionChange};
use super::status::{SessionStatus, text_enum};
use crate::error::{Error, Result};
use crate::id::{QuestionId, RecordId, SessionId};

text_enum! {
    /// What happened to a session.
    CallEventType, "eventType" {
        /// The session was accepted.
        Initiated = "initiated",
        /// The carrier has the call.
        Connecting = "connecting",
        /// The caller is on the line.
        Answered = "answered",
        /// The agent is connected to the call.
        AiConnected = "ai_connected",
        /// A question was asked.
        QuestionAsked = "question_asked",
        /// An answer was stored.
        ResponseReceived = "response_received",
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
        /// The caller.
        Customer = "customer",
    }
}

/// An event of a session.
#[derive(Debug, Clone, PartialEq)]
pub struct CallEvent {
    /// Its id.
    pub id: RecordId,
    /// Whose.
    pub session: SessionId,
    /// What happened.
    pub event_type: CallEventType,
    /// Particulars, without personal data.
    pub data: Value,
    /// When. Chronological within a session.
    pub timestamp: Timestamp,
    /// Who made it happen.
    pub source: EventSource,
    /// Anything else.
    pub metadata: Option<Value>,
}

impl CallEvent {
    /// An event with empty particulars.
    #[must_use]
    pub fn new(session: SessionId, event_type: CallEventType, source: EventSource, timestamp: Timestamp) -> Self {
        Self {
            id: RecordId::new(),
            session,
            event_type,
            data: Value::Object(serde_json::Map::new()),
            timestamp,
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
        self.timestamp = last.map_or(self.timestamp, |last| last.max(self.timestamp));
        self
    }

    /// The event of a session's creation.
    #[must_use]
    pub fn of_creation(new: &NewSession) -> Self {
        Self::new(new.id, CallEventType::Initiated, EventSource::System, new.started_at)
    }

    /// The event that belongs to a change of status.
    #[must_use]
    pub fn of_change(session: SessionId, change: &SessionChange) -> Option<Self> {
        match change {
            SessionChange::Connecting { at, .. } => {
                Some(Self::new(session, CallEventType::Connecting, EventSource::Telephony, *at))
            }
            SessionChange::Connected { at } => {
                Some(Self::new(session, CallEventType::Answered, EventSource::Telephony, *at))
            }
            SessionChange::Ended { reason, source, at } => {
                let event_type = match reason.status() {
                    SessionStatus::Completed => CallEventType::Completed,
                    SessionStatus::Timeout => CallEventType::Timeout,
                    _ => CallEventType::Failed,
                };
                let data = serde_json::json!({ "reason": reason });
                Some(Self::new(session, event_type, *source, *at).with_data(data))
            }
            SessionChange::Postponed { .. } | SessionChange::Attach { .. } => None,
        }
    }
}

/// An answer as stored.
#[derive(Debug, Clone, PartialEq)]
pub struct CallResponse {
    /// Its id.
    pub id: RecordId,
    /// Whose.
    pub session: SessionId,
    /// The question answered.
    pub question: QuestionId,
    /// The question as it was asked.
    pub question_text: String,
    /// The answer.
    pub text: String,
    /// How long the caller spoke; at most 60 s.
    pub duration: Duration,
    /// From 0 to 1.
    pub confidence: Option<f32>,
    /// From -1 to 1.
    pub sentiment: Option<f32>,
    /// When the question was asked.
    pub asked_at: Timestamp,
    /// When the answer was complete; not before `asked_at`.
    pub responded_at: Option<Timestamp>,
    /// What the model made of it.
    pub analysis: Option<Value>,
}

/// Checks that answers belong to this session, as every store does before it keeps them.
///
/// # Errors
/// `Invalid` naming `responses`.
pub fn check_answers(session: SessionId, responses: &[CallResponse]) -> Result<()> {
    if responses.iter().all(|response| response.session == session) {
        return Ok(());
    }
    Err(Error::invalid("responses", "answers of this session"))
}

/// Checks what comes with the end of a session, as every store does.
///
/// # Errors
/// `Invalid` naming `change` if it is not an end, or `responses` if one is of another session.
pub fn check_end(session: SessionId, change: &SessionChange, responses: &[CallResponse]) -> Result<()> {
    if !matches!(change, SessionChange::Ended { .. }) {
        return Err(Error::invalid("change", "an end"));
    }
    check_answers(session, responses)
}

text_enum! {
    /// What a provider was asked to do.
    ProviderOperation, "operation" {
        /// To place a call.
        Initiate = "initiate",
        /// To connect its audio.
        Connect = "connect",
        /// To record.
        Record = "record",
        /// To end it.
        Hangup = "hangup",
        /// It told us something.
        Webhook = "webhook",
    }
}

/// An exchange with a provider.
#[derive(Debug, Clone, PartialEq)]
pub struct ProviderLog {
    /// Its id.
    pub id: RecordId,
    /// For which session.
    pub session: SessionId,
    /// With whom.
    pub provider: String,
    /// The provider's name for the call, once it has one.
    pub provider_call: Option<String>,
    /// What it was asked to do.
    pub operation: ProviderOperation,
    /// What was sent, without personal data.
    pub request: Value,
    /// What came back, without personal data.
    pub response: Value,
    /// The HTTP status, if there was an answer.
    pub status_code: Option<u16>,
    /// How long it took.
    pub latency: Duration,
    /// Whether it worked.
    pub success: bool,
    /// Why it did not; required then.
    pub error_message: Option<String>,
    /// How good the call was, if the provider tells.
    pub quality_metrics: Option<Value>,
    /// When it began.
    pub timestamp: Timestamp,
}

impl ProviderLog {
    /// Checks what every store demands.
    ///
    /// # Errors
    /// `Invalid` naming `error_message` for a failure without one.
    pub fn validate(&self) -> Result<()> {
        if self.success || self.error_message.as_ref().is_some_and(|message| !message.is_empty()) {
            Ok(())
        } else {
            Err(Error::invalid("error_message", "a reason for the failure"))
        }
    }
}
