//! Events of calls.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::{Event, EventType};
use crate::id::{AttemptId, TenantId};
use crate::journal::{Fact, JournalEntry};
use crate::store::{Channel, EndReason, Session, SessionChange};

impl Event {
    /// What a call that was just created makes; sessions of messages make nothing.
    #[must_use]
    pub fn of_creation(session: &Session) -> Vec<Self> {
        let both = [EventType::CallInitiated, EventType::CallStatus];
        of_session(session, &both, "initiated", session.started_at, b"")
    }

    /// What a change makes of which `session` is the outcome. To be asked once per change, in its transaction.
    #[must_use]
    pub fn of_session(session: &Session, change: &SessionChange) -> Vec<Self> {
        match change {
            SessionChange::Connecting { call, at } => {
                let both = [EventType::CallRinging, EventType::CallStatus];
                of_session(session, &both, "ringing", *at, call.as_str().as_bytes())
            }
            SessionChange::Connected { at } => {
                of_session(session, &[EventType::CallAnswered, EventType::CallStatus], "in-progress", *at, b"")
            }
            SessionChange::Ended { reason, at, .. } => {
                let is_complete = session.connected_at.is_some() && *reason != EndReason::TechnicalFailure;
                let end = if is_complete { EventType::CallCompleted } else { EventType::CallFailed };
                let status = if is_complete { "completed" } else { status_of(*reason) };
                of_session(session, &[end, EventType::CallStatus], status, *at, b"")
            }
            SessionChange::Postponed { .. } | SessionChange::Attach { .. } => Vec::new(),
        }
    }

    /// What an attempt makes that reached nobody while its session goes on; nothing if the change ends the session.
    #[must_use]
    pub fn of_attempt(session: &Session, attempt: AttemptId, outcome: EndReason, change: &SessionChange) -> Vec<Self> {
        let SessionChange::Postponed { until, at } = change else { return Vec::new() };
        let of = attempt.as_uuid().as_bytes();
        let mut events = of_session(session, &[EventType::CallStatus], status_of(outcome), *at, of);
        for event in &mut events {
            event.data["reason"] = json!(outcome);
            event.data["nextAttemptAt"] = json!(until);
        }
        events
    }

    /// What a fact makes that is new in its session's journal. `has_words` is asked when the call has ended: whether the journal
    /// has anything somebody said.
    ///
    /// # Errors
    /// Those of `has_words`.
    pub fn of_fact<E>(
        tenant: TenantId,
        entry: &JournalEntry,
        has_words: impl FnOnce() -> Result<bool, E>,
    ) -> Result<Vec<Self>, E> {
        let kinds: &[EventType] = match entry.fact {
            Fact::Connected | Fact::Resumed => &[EventType::StreamStarted],
            Fact::Ended { .. } if has_words()? => &[EventType::StreamEnded, EventType::TranscriptionCompleted],
            Fact::Ended { .. } => &[EventType::StreamEnded],
            _ => &[],
        };
        let id = entry.derived_id();
        let event = |kind: &EventType| Self {
            session: Some(entry.session),
            data: json!({ "seq": entry.seq }),
            ..Self::new(tenant, *kind, entry.at, &[id.as_uuid().as_bytes()])
        };
        Ok(kinds.iter().map(event).collect())
    }
}

fn of_session(session: &Session, kinds: &[EventType], status: &str, at: Timestamp, what: &[u8]) -> Vec<Event> {
    if session.channel != Channel::Voice {
        return Vec::new();
    }
    let of = session.id.as_uuid().as_bytes();
    let event = |kind: &EventType| Event {
        session: Some(session.id),
        conversation: session.conversation,
        person: session.person,
        data: particulars(session, status),
        ..Event::new(session.tenant, *kind, at, &[of, status.as_bytes(), what])
    };
    kinds.iter().map(event).collect()
}

fn particulars(session: &Session, status: &str) -> Value {
    json!({
        "status": status,
        "direction": session.direction,
        "account": session.account.map(|account| account.to_string()),
        "reference": session.reference,
        "carrierCall": session.carrier_call,
        "startedAt": session.started_at,
        "answeredAt": session.connected_at,
        "endedAt": session.ended_at,
        "reason": session.end_reason,
        "durationSeconds": session.duration_seconds(),
        "costMicros": session.cost_micros,
    })
}

/// The word for a call that came to nothing.
const fn status_of(reason: EndReason) -> &'static str {
    match reason {
        EndReason::Busy => "busy",
        EndReason::NoAnswer => "no-answer",
        EndReason::Canceled | EndReason::Abandoned | EndReason::DoNotCall => "canceled",
        _ => "failed",
    }
}
