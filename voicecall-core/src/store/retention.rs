//! What becomes of old rows, and of everything about one customer.

use std::str::FromStr;
use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::status::text_enum;
use super::{CallEvent, CallResponse, CustomerVerification, DialAttempt, ProviderLog, Session};
use crate::error::Error;
use crate::id::SessionId;
use crate::journal::JournalEntry;

/// How long what is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct RetentionPolicy {
    /// Events are archived after this time: still there, out of the way.
    pub events: Duration,
    /// Exchanges with providers are deleted after this time.
    pub provider_logs: Duration,
    /// Failed sessions are deleted, with all that belongs to them, after this time.
    pub failed_sessions: Duration,
    /// Recordings are deleted after this time.
    pub recordings: Duration,
    /// Transcripts and answers are anonymised after this time.
    pub transcripts: Duration,
}

impl Default for RetentionPolicy {
    fn default() -> Self {
        const DAY: Duration = Duration::from_secs(24 * 3600);
        Self {
            events: DAY * 90,
            provider_logs: DAY * 30,
            failed_sessions: DAY * 7,
            recordings: DAY * 30,
            transcripts: DAY * 30,
        }
    }
}

text_enum! {
    /// A retention job.
    RetentionJob, "job" {
        /// Archives old events.
        ArchiveEvents = "archive_events",
        /// Deletes old exchanges with providers.
        PurgeProviderLogs = "purge_provider_logs",
        /// Deletes old failed sessions.
        PurgeFailedSessions = "purge_failed_sessions",
        /// Deletes old recordings.
        DeleteRecordings = "delete_recordings",
        /// Anonymises old transcripts.
        Anonymise = "anonymise",
    }
}

/// One run of a retention job, kept so that it can be shown that it ran.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RetentionRun {
    /// Which.
    pub job: RetentionJob,
    /// When.
    pub at: Timestamp,
    /// What was older than this was concerned.
    pub before: Timestamp,
    /// How many rows or files were.
    pub affected: u64,
    /// Why it stopped, if it did.
    pub error: Option<String>,
}

/// A session's texts without personal data.
#[derive(Debug, Clone, PartialEq)]
pub struct Anonymised {
    /// The transcript.
    pub transcript: Option<String>,
    /// What a model made of the call.
    pub analysis: Option<Value>,
    /// The answers; those that are missing are deleted.
    pub responses: Vec<CallResponse>,
    /// When.
    pub at: Timestamp,
}

/// Everything stored about one session.
#[derive(Debug, Clone, PartialEq)]
pub struct SessionFile {
    /// The session.
    pub session: Session,
    /// Its events, archived ones too.
    pub events: Vec<CallEvent>,
    /// Its answers.
    pub responses: Vec<CallResponse>,
    /// Its journal.
    pub journal: Vec<JournalEntry>,
    /// Its attempts.
    pub attempts: Vec<DialAttempt>,
    /// Its exchanges with providers.
    pub provider_logs: Vec<ProviderLog>,
}

/// Everything stored about one customer of a tenant.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct SubjectFile {
    /// The customer's verifications.
    pub verifications: Vec<CustomerVerification>,
    /// The customer's sessions, oldest first.
    pub sessions: Vec<SessionFile>,
}

/// What was erased.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Erased {
    /// The sessions that are gone; what lies outside the store is to be deleted too.
    pub sessions: Vec<SessionId>,
    /// How many verifications are gone.
    pub verifications: u64,
}
