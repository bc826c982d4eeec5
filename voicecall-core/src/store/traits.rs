//! The store traits, cut by what must happen in one transaction.

use std::collections::HashMap;
use std::fmt::Debug;

use async_trait::async_trait;
use jiff::Timestamp;

use super::{
    Anonymised, AttemptOutcome, BusinessContext, CallEvent, CallResponse, CustomerVerification, DialAttempt, EndReason,
    Erased, HeldSession, NewSession, Page, PageRequest, ProviderLog, QuestionConfiguration, Report, ReportRange,
    RetentionRun, SelectionLog, Session, SessionChange, SessionFilter, SubjectFile, TakeOver,
};
use crate::error::Result;
use crate::id::{AttemptId, CarrierCallId, Epoch, QuestionId, SessionId, TenantId, VerificationId};
use crate::journal::JournalEntry;
use crate::seal::LookupHash;

/// Sessions and their events.
#[async_trait]
pub trait SessionStore: Send + Sync {
    /// Creates a session in `initiated` together with its first event. Its first owner is [`Epoch::FIRST`].
    ///
    /// # Errors
    /// `Conflict` if the session exists or the verification already has one with this tenant.
    async fn create_session(&self, session: &NewSession) -> Result<Session>;

    /// One session.
    ///
    /// # Errors
    /// `NotFound`, also for another tenant's.
    async fn session(&self, tenant: TenantId, id: SessionId) -> Result<Session>;

    /// The session of a verification, if there is one.
    ///
    /// # Errors
    /// As every store call.
    async fn session_of_verification(&self, tenant: TenantId, id: VerificationId) -> Result<Option<Session>>;

    /// Changes a session and appends the event that belongs to the change, or does neither.
    ///
    /// # Errors
    /// `Conflict` for a transition the state machine does not have; `Invalid` for a negative cost; `NotFound`.
    async fn change_session(&self, tenant: TenantId, id: SessionId, change: &SessionChange) -> Result<Session>;

    /// Ends a session and keeps the answers that came with the news, or does neither. An answer to a question that has
    /// one replaces it.
    ///
    /// # Errors
    /// As [`change_session`](Self::change_session); `Invalid` if `change` is not an end or an answer is of another session.
    async fn complete_session(
        &self,
        tenant: TenantId,
        id: SessionId,
        change: &SessionChange,
        responses: &[CallResponse],
    ) -> Result<Session>;

    /// A tenant's sessions that match, newest first.
    ///
    /// # Errors
    /// `Invalid` for a page that cannot be.
    async fn sessions(&self, tenant: TenantId, filter: &SessionFilter, page: PageRequest) -> Result<Page<Session>>;

    /// Sessions that wait to be called and are due at `now`: of each tenant at most `per_tenant`, high priority first, then
    /// those that have been due for longest. The first of every tenant stand before the second of any, in the same order; at
    /// most `limit` in all, so that nobody who has many keeps others from being found.
    ///
    /// # Errors
    /// As every store call.
    async fn due_sessions(&self, now: Timestamp, per_tenant: u32, limit: u32) -> Result<Vec<Session>>;

    /// How many sessions of all tenants wait to be called, due or not.
    ///
    /// # Errors
    /// As every store call.
    async fn count_waiting(&self) -> Result<u64>;

    /// Takes a waiting session's turn, and the session with it until `hold`: whoever gets it may call, nobody else.
    ///
    /// # Errors
    /// `Conflict` if it does not wait to be called; `NotFound`.
    async fn claim_session(
        &self,
        tenant: TenantId,
        id: SessionId,
        at: Timestamp,
        hold: Timestamp,
    ) -> Result<(Session, Epoch)>;

    /// Sessions that have not ended, of all tenants, for the recovery after a restart.
    ///
    /// # Errors
    /// As every store call.
    async fn open_sessions(&self) -> Result<Vec<Session>>;

    /// Those of `ids` that are sessions, whoever's, in no particular order.
    ///
    /// # Errors
    /// As every store call.
    async fn sessions_among(&self, ids: &[SessionId]) -> Result<Vec<Session>>;

    /// Sessions that ended at or after `since` and have a transcript but no analysis, of all tenants, those that ended
    /// first before the others; at most `limit`. Anonymised ones are none of them.
    ///
    /// # Errors
    /// As every store call.
    async fn unanalysed_sessions(&self, since: Timestamp, limit: u32) -> Result<Vec<Session>>;

    /// Appends an event that changes nothing. If it is older than the session's last event it gets that event's time.
    ///
    /// # Errors
    /// `NotFound` if the tenant has no such session; `Conflict` if the event exists.
    async fn append_event(&self, tenant: TenantId, event: &CallEvent) -> Result<()>;

    /// A session's events in chronological order.
    ///
    /// # Errors
    /// `NotFound` if the tenant has no such session; `Invalid` for a page that cannot be.
    async fn events(&self, tenant: TenantId, session: SessionId, page: PageRequest) -> Result<Page<CallEvent>>;

    /// A session's responses in the order they were given.
    ///
    /// # Errors
    /// `NotFound` if the tenant has no such session.
    async fn responses(&self, tenant: TenantId, session: SessionId) -> Result<Vec<CallResponse>>;
}

/// The journals of sessions, and who may write to them.
#[async_trait]
pub trait JournalStore: Send + Sync {
    /// Makes the caller of this method the owner of a session; writes of earlier owners are refused from now on.
    ///
    /// # Errors
    /// `Conflict` if [`TakeOver::free_at`] says that somebody else holds it; `NotFound`.
    async fn take_over(&self, tenant: TenantId, session: SessionId, how: TakeOver) -> Result<Epoch>;

    /// Goes on holding sessions until `hold`. Returns those that are not the caller's any more: they have another owner,
    /// or are gone.
    ///
    /// # Errors
    /// As every store call.
    async fn hold_sessions(&self, held: &[HeldSession], hold: Timestamp) -> Result<Vec<HeldSession>>;

    /// Appends entries and, in the same transaction, everything [`project`](super::project) derives from them. When it returns,
    /// they are stored for good; when it fails, none is. Entries already there (same session and number) are skipped.
    ///
    /// # Errors
    /// `Conflict` if an entry's epoch is not its session's newest, or another entry has its number; `Invalid` for
    /// number 0; `NotFound`.
    async fn append(&self, tenant: TenantId, entries: &[JournalEntry]) -> Result<()>;

    /// A session's journal in order.
    ///
    /// # Errors
    /// `NotFound`.
    async fn journal(&self, tenant: TenantId, session: SessionId) -> Result<Vec<JournalEntry>>;
}

/// Questions and how they were chosen.
#[async_trait]
pub trait QuestionStore: Send + Sync {
    /// Creates or replaces a question.
    ///
    /// # Errors
    /// `Conflict` if another tenant has the id; `Invalid` as [`QuestionConfiguration::validate`].
    async fn put_question(&self, question: &QuestionConfiguration) -> Result<()>;

    /// A tenant's questions in the order they were created; with `active_only` those switched on.
    ///
    /// # Errors
    /// As every store call.
    async fn questions(&self, tenant: TenantId, active_only: bool) -> Result<Vec<QuestionConfiguration>>;

    /// One question.
    ///
    /// # Errors
    /// `NotFound`.
    async fn question(&self, tenant: TenantId, id: QuestionId) -> Result<QuestionConfiguration>;

    /// Counts one more customer of the tenant and returns the new count, from 1.
    ///
    /// # Errors
    /// As every store call.
    async fn count_customer(&self, tenant: TenantId) -> Result<u64>;

    /// Keeps a decision.
    ///
    /// # Errors
    /// `Invalid` as [`SelectionLog::validate`]; `Conflict` if it exists, or its session has one.
    async fn log_selection(&self, log: &SelectionLog) -> Result<()>;

    /// The decision made for a session.
    ///
    /// # Errors
    /// As every store call.
    async fn selection_of_session(&self, tenant: TenantId, session: SessionId) -> Result<Option<SelectionLog>>;

    /// The newest `limit` decisions, newest first.
    ///
    /// # Errors
    /// As every store call.
    async fn selection_logs(&self, tenant: TenantId, limit: u32) -> Result<Vec<SelectionLog>>;
}

/// Attempts to reach a phone: the row is written before the carrier is asked.
#[async_trait]
pub trait DialStore: Send + Sync {
    /// Writes a planned attempt.
    ///
    /// # Errors
    /// `Conflict` if it exists or is not planned; `NotFound` if the tenant has no such session.
    async fn plan_attempt(&self, attempt: &DialAttempt) -> Result<()>;

    /// The one-way step that allows the request to the carrier, exactly once per attempt, whoever asks how often, and only
    /// to the session's newest owner.
    ///
    /// # Errors
    /// `Conflict` for everyone but the first, naming `epoch` for an earlier owner; `NotFound`.
    async fn begin_sending(&self, tenant: TenantId, attempt: AttemptId, epoch: Epoch) -> Result<()>;

    /// Records what became of the request. Learning the call's name twice is fine; a settled attempt stays settled.
    ///
    /// # Errors
    /// `Conflict` if it contradicts what is settled, or the call belongs to another attempt; `NotFound`.
    async fn settle_attempt(&self, tenant: TenantId, attempt: AttemptId, outcome: &AttemptOutcome) -> Result<()>;

    /// Records how an attempt ended without having reached the customer, and changes its session, or does neither.
    /// Whoever comes second changes nothing.
    ///
    /// # Errors
    /// `Conflict` if it is known how the attempt ended, or the session does not allow the change; `NotFound`.
    async fn finish_attempt(
        &self,
        tenant: TenantId,
        attempt: AttemptId,
        outcome: EndReason,
        change: &SessionChange,
    ) -> Result<Session>;

    /// One attempt.
    ///
    /// # Errors
    /// `NotFound`.
    async fn attempt(&self, tenant: TenantId, id: AttemptId) -> Result<DialAttempt>;

    /// The attempt that became this call of this carrier.
    ///
    /// # Errors
    /// As every store call.
    async fn attempt_of_call(&self, carrier: &str, call: &CarrierCallId) -> Result<Option<DialAttempt>>;

    /// A session's attempts, oldest first.
    ///
    /// # Errors
    /// `NotFound` if the tenant has no such session.
    async fn attempts(&self, tenant: TenantId, session: SessionId) -> Result<Vec<DialAttempt>>;

    /// How many attempts each of these sessions has had, for a list of them. Those that have had none, and another tenant's,
    /// are left out.
    ///
    /// # Errors
    /// As every store call.
    async fn count_attempts(&self, tenant: TenantId, sessions: &[SessionId]) -> Result<HashMap<SessionId, u64>>;
}

/// What is known of businesses and their customers before a call.
#[async_trait]
pub trait DirectoryStore: Send + Sync {
    /// Creates or replaces a business.
    ///
    /// # Errors
    /// As every store call.
    async fn put_business(&self, business: &BusinessContext) -> Result<()>;

    /// One business.
    ///
    /// # Errors
    /// `NotFound`.
    async fn business(&self, tenant: TenantId) -> Result<BusinessContext>;

    /// Creates or replaces a verification.
    ///
    /// # Errors
    /// `Conflict` if another tenant has the id.
    async fn put_verification(&self, verification: &CustomerVerification) -> Result<()>;

    /// One verification.
    ///
    /// # Errors
    /// `NotFound`, also for another tenant's.
    async fn verification(&self, tenant: TenantId, id: VerificationId) -> Result<CustomerVerification>;
}

/// What was exchanged with providers, without personal data.
#[async_trait]
pub trait ProviderLogStore: Send + Sync {
    /// Keeps an exchange.
    ///
    /// # Errors
    /// `Invalid` naming `error_message` for a failure without one; `NotFound` if the tenant has no such session;
    /// `Conflict` if it exists.
    async fn log_provider(&self, tenant: TenantId, log: &ProviderLog) -> Result<()>;

    /// A session's exchanges, oldest first.
    ///
    /// # Errors
    /// `NotFound` if the tenant has no such session.
    async fn provider_logs(&self, tenant: TenantId, session: SessionId) -> Result<Vec<ProviderLog>>;
}

/// Counting for reports.
#[async_trait]
pub trait ReportStore: Send + Sync {
    /// What a tenant's sessions add up to.
    ///
    /// # Errors
    /// As every store call.
    async fn report(&self, tenant: TenantId, range: &ReportRange) -> Result<Report>;
}

/// Forgetting: what is old, of all tenants, and what is one customer's.
#[async_trait]
pub trait RetentionStore: Send + Sync {
    /// Archives events of ended sessions that are older than `before`; at most `limit`, so that calls need not wait for
    /// long. They are still read by [`SessionStore::events`]. Returns how many: fewer than `limit` are the last.
    ///
    /// # Errors
    /// As every store call.
    async fn archive_events(&self, before: Timestamp, limit: u32) -> Result<u64>;

    /// Deletes exchanges with providers that are older than `before`; at most `limit`. Returns how many.
    ///
    /// # Errors
    /// As every store call.
    async fn purge_provider_logs(&self, before: Timestamp, limit: u32) -> Result<u64>;

    /// Failed sessions that ended before `before`, oldest first; at most `limit`.
    ///
    /// # Errors
    /// As every store call.
    async fn old_failed_sessions(&self, before: Timestamp, limit: u32) -> Result<Vec<Session>>;

    /// Deletes a session that is over with everything in the store that belongs to it, beyond recovery from the store's
    /// own files. What lies outside is to be deleted before: afterwards nobody knows whose it was.
    ///
    /// # Errors
    /// `Conflict` if the session is not over; `NotFound`.
    async fn delete_session(&self, tenant: TenantId, session: SessionId) -> Result<()>;

    /// Sessions that ended before `before` and have a recording, oldest first; at most `limit`.
    ///
    /// # Errors
    /// As every store call.
    async fn old_recordings(&self, before: Timestamp, limit: u32) -> Result<Vec<Session>>;

    /// Notes that a session's recording is deleted.
    ///
    /// # Errors
    /// `NotFound`.
    async fn forget_recording(&self, tenant: TenantId, session: SessionId, at: Timestamp) -> Result<()>;

    /// Sessions that ended before `before` and are not anonymised, oldest first; at most `limit`.
    ///
    /// # Errors
    /// As every store call.
    async fn old_transcripts(&self, before: Timestamp, limit: u32) -> Result<Vec<Session>>;

    /// Replaces a session's texts, and deletes from its journal every fact that holds what somebody said
    /// ([`Fact::needs_consent`](crate::journal::Fact::needs_consent)).
    ///
    /// # Errors
    /// `Conflict` if the session is not over; `Invalid` for an answer of another session; `NotFound`.
    async fn anonymise_session(&self, tenant: TenantId, session: SessionId, texts: &Anonymised) -> Result<()>;

    /// Everything stored about the customer with this number.
    ///
    /// # Errors
    /// As every store call.
    async fn subject(&self, tenant: TenantId, customer: LookupHash) -> Result<SubjectFile>;

    /// Deletes everything about the customer with this number, beyond recovery from the store's own files. A session
    /// that is not over is deleted as well: end its call before.
    ///
    /// # Errors
    /// As every store call.
    async fn erase_subject(&self, tenant: TenantId, customer: LookupHash) -> Result<Erased>;

    /// Keeps that a job ran.
    ///
    /// # Errors
    /// As every store call.
    async fn log_retention(&self, run: &RetentionRun) -> Result<()>;

    /// The newest runs, newest first; at most `limit`.
    ///
    /// # Errors
    /// As every store call.
    async fn retention_runs(&self, limit: u32) -> Result<Vec<RetentionRun>>;
}

/// A whole store: every small one, over the same data.
pub trait Store:
    SessionStore
    + JournalStore
    + QuestionStore
    + DialStore
    + DirectoryStore
    + ProviderLogStore
    + ReportStore
    + RetentionStore
    + Debug
    + 'static
{
}

impl<T> Store for T where
    T: SessionStore
        + JournalStore
        + QuestionStore
        + DialStore
        + DirectoryStore
        + ProviderLogStore
        + ReportStore
        + RetentionStore
        + Debug
        + 'static
{
}
