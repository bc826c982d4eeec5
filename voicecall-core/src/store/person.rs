//! Everything about one person: to be read by the person, and to be erased.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde_json::Value;

use super::{DialAttempt, Message, ProviderLog, Session, SessionEvent};
use crate::id::SessionId;
use crate::journal::JournalEntry;

/// Everything stored about one session.
#[derive(Debug, Clone, PartialEq)]
pub struct SessionFile {
    /// The session.
    pub session: Session,
    /// Its events, archived ones too.
    pub events: Vec<SessionEvent>,
    /// Its journal.
    pub journal: Vec<JournalEntry>,
    /// Its attempts.
    pub attempts: Vec<DialAttempt>,
    /// Its exchanges with providers.
    pub provider_logs: Vec<ProviderLog>,
    /// The messages in it, in order.
    pub messages: Vec<Message>,
}

/// Everything stored about one person of a tenant.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct PersonFile {
    /// The person's sessions, oldest first.
    pub sessions: Vec<SessionFile>,
    /// What the store's extensions keep, by their names; those that keep nothing are left out.
    pub extensions: BTreeMap<&'static str, Value>,
    /// Since when the person must not be called any more.
    pub calls_forbidden_since: Option<Timestamp>,
}

/// What was erased.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Erased {
    /// The sessions that are gone; what lies outside the store is to be deleted too.
    pub sessions: Vec<SessionId>,
    /// How many rows of the store's extensions are gone beside, by their names; those that had none are left out.
    pub extensions: BTreeMap<&'static str, u64>,
}
