//! What becomes of old rows.

use std::time::Duration;

use jiff::Timestamp;

use crate::text_enum;

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
    /// What was said is anonymised after this time.
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
