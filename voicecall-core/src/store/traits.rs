//! What a tenant's store does, cut by what must happen in one transaction. Every method takes the tenant.

use std::collections::HashMap;
use std::fmt::Debug;

use async_trait::async_trait;
use jiff::Timestamp;

use super::{
    AttemptOutcome, Channel, DialAttempt, EndReason, Erased, MessageStore, NewSession, Page, PageRequest, PersonFile,
    ProviderLog, Session, SessionChange, SessionEvent, SessionFilter, WorkflowStore,
};
use crate::carrier::CallPrice;
use crate::error::Result;
use crate::id::{AttemptId, Epoch, SessionId, TenantId};
use crate::journal::JournalEntry;
use crate::seal::PersonKey;

/// Sessions, their events, and what was exchanged with providers for them.
#[async_trait]
pub trait SessionStore: Send + Sync {
    /// Creates a session in `initiated` together with its first event. Its first owner is [`Epoch::FIRST`].
    ///
    /// If the tenant has an outbound session with this reference, that one is returned, unchanged, and none is created:
    /// whoever asks twice calls once. Its id tells which it was.
    ///
    /// # Errors
    /// `Conflict` if a session has the id; [`refuse_to_call`](super::refuse_to_call) for an outbound session with somebody
    /// who [must not be called](PersonStore::forbid_calls); `Invalid` as [`NewSession::validate`].
    async fn create_session(&self, session: &NewSession) -> Result<Session>;

    /// One session.
    ///
    /// # Errors
    /// `NotFound`, also for another tenant's.
    async fn session(&self, tenant: TenantId, id: SessionId) -> Result<Session>;

    /// The outbound session with this reference, if there is one.
    ///
    /// # Errors
    /// As every store call.
    async fn session_by_reference(&self, tenant: TenantId, reference: &str) -> Result<Option<Session>>;

    /// Changes a session and appends the event that belongs to the change, or does neither.
    ///
    /// # Errors
    /// `Conflict` for a transition the state machine does not have; `Invalid` for a negative cost; `NotFound`.
    async fn change_session(&self, tenant: TenantId, id: SessionId, change: &SessionChange) -> Result<Session>;

    /// A tenant's sessions that match, newest first.
    ///
    /// # Errors
    /// `Invalid` for a page that cannot be.
    async fn sessions(&self, tenant: TenantId, filter: &SessionFilter, page: PageRequest) -> Result<Page<Session>>;

    /// Appends an event that changes nothing. If it is older than the session's last event it gets that event's time.
    ///
    /// # Errors
    /// `NotFound` if the tenant has no such session; `Conflict` if the event exists.
    async fn append_event(&self, tenant: TenantId, event: &SessionEvent) -> Result<()>;

    /// A session's events in chronological order.
    ///
    /// # Errors
    /// `NotFound` if the tenant has no such session; `Invalid` for a page that cannot be.
    async fn events(&self, tenant: TenantId, session: SessionId, page: PageRequest) -> Result<Page<SessionEvent>>;

    /// Keeps an exchange with a provider, which holds no personal data.
    ///
    /// # Errors
    /// `Invalid` naming `error_message` for a failure without one; `NotFound` if the tenant has no such session;
    /// `Conflict` if it exists.
    async fn log_provider(&self, tenant: TenantId, log: &ProviderLog) -> Result<()>;

    /// A session's exchanges with providers, oldest first.
    ///
    /// # Errors
    /// `NotFound` if the tenant has no such session.
    async fn provider_logs(&self, tenant: TenantId, session: SessionId) -> Result<Vec<ProviderLog>>;
}

/// The journals of sessions.
#[async_trait]
pub trait JournalStore: Send + Sync {
    /// Appends entries and, in the same transaction, everything that follows from them: events
    /// ([`event_of`](super::event_of)), the rows of the store's [`Extension`](super::Extension)s, and of a
    /// [`Fact::DoNotCall`](crate::journal::Fact::DoNotCall) what [`forbid_calls`](PersonStore::forbid_calls) does for every
    /// key of the session's person. When it returns, they are stored for good; when it fails, nothing is. Entries already
    /// there (same session and number) are skipped.
    ///
    /// # Errors
    /// `Conflict` if an entry's epoch is not its session's newest, or another entry has its number; `Invalid` for
    /// number 0; `NotFound`; what an extension refuses.
    async fn append(&self, tenant: TenantId, entries: &[JournalEntry]) -> Result<()>;

    /// A session's journal in order.
    ///
    /// # Errors
    /// `NotFound`.
    async fn journal(&self, tenant: TenantId, session: SessionId) -> Result<Vec<JournalEntry>>;
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

    /// Records how an attempt ended without having reached anybody, and changes its session, or does neither.
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

    /// Records what the carrier charges for an attempt's call, and adds it to its session, or does neither. Returns whether it is
    /// news: the first price stays, whatever is told later.
    ///
    /// # Errors
    /// `NotFound`.
    async fn charge_attempt(&self, tenant: TenantId, attempt: AttemptId, price: &CallPrice) -> Result<bool>;

    /// One attempt.
    ///
    /// # Errors
    /// `NotFound`.
    async fn attempt(&self, tenant: TenantId, id: AttemptId) -> Result<DialAttempt>;

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

/// Everything of one person.
#[async_trait]
pub trait PersonStore: Send + Sync {
    /// Everything stored about a person, the store's [`Extension`](super::Extension)s included.
    ///
    /// # Errors
    /// What an extension refuses.
    async fn export_person(&self, tenant: TenantId, person: PersonKey) -> Result<PersonFile>;

    /// Deletes everything about a person in one transaction, beyond recovery from the store's own files: the sessions with
    /// all that belongs to them, events and runs of workflows about them too, and what the extensions keep. A session that is not over is deleted as well: end its
    /// call before. What stays are the wishes not to be called any more, or written to, of which nothing is kept but the key and the time:
    /// without it the wish could not be respected.
    ///
    /// # Errors
    /// What an extension refuses; nothing is then erased.
    async fn erase_person(&self, tenant: TenantId, person: PersonKey) -> Result<Erased>;

    /// Keeps that a person must not be called any more, from `at` on, and ends the sessions that wait to call the person
    /// ([`EndReason::DoNotCall`]). It outlives every session, and [erasure](Self::erase_person). An earlier wish stays as it
    /// is. Returns the sessions that ended.
    ///
    /// # Errors
    /// As every store call.
    async fn forbid_calls(&self, tenant: TenantId, person: PersonKey, at: Timestamp) -> Result<Vec<Session>>;

    /// Since when a person must not be called any more; `None` for somebody who may be.
    ///
    /// # Errors
    /// As every store call.
    async fn calls_forbidden_since(&self, tenant: TenantId, person: PersonKey) -> Result<Option<Timestamp>>;

    /// Forgets that a person must not be called: somebody who changed their mind says so.
    ///
    /// # Errors
    /// As every store call.
    async fn allow_calls(&self, tenant: TenantId, person: PersonKey) -> Result<()>;

    /// Keeps that a person wants no more messages over this channel, from `at` on. It outlives every session, and
    /// [erasure](Self::erase_person). An earlier wish stays as it is.
    ///
    /// # Errors
    /// As every store call.
    async fn forbid_messages(
        &self,
        tenant: TenantId,
        person: PersonKey,
        channel: &Channel,
        at: Timestamp,
    ) -> Result<()>;

    /// Since when a person wants no more messages over this channel; `None` for somebody who may be written to.
    ///
    /// # Errors
    /// As every store call.
    async fn messages_forbidden_since(
        &self,
        tenant: TenantId,
        person: PersonKey,
        channel: &Channel,
    ) -> Result<Option<Timestamp>>;

    /// Forgets that a person wanted no more messages over this channel: they changed their mind.
    ///
    /// # Errors
    /// As every store call.
    async fn allow_messages(&self, tenant: TenantId, person: PersonKey, channel: &Channel) -> Result<()>;
}

/// What handlers, routes and dialogues are given: everything of one tenant at a time, and nothing across tenants.
pub trait Store:
    SessionStore + JournalStore + DialStore + PersonStore + MessageStore + WorkflowStore + Debug + 'static
{
}

impl<T> Store for T where
    T: SessionStore + JournalStore + DialStore + PersonStore + MessageStore + WorkflowStore + Debug + 'static + ?Sized
{
}
