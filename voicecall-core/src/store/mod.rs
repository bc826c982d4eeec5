//! Keeping things: records, and the store traits, cut by what must happen in one transaction.
//!
//! Every call is scoped by [`TenantId`]: another tenant's row is [`NotFound`](crate::ErrorKind::NotFound).
//! Implementations pass the conformance suite in `testing`.

mod dial;
mod directory;
mod log;
mod memory;
mod projection;
mod question;
mod session;

use std::fmt::Debug;

use async_trait::async_trait;

pub use dial::{AttemptOutcome, AttemptState, DialAttempt};
pub use directory::{BusinessContext, CallPreferences, CustomerVerification, StoreInfo, VerificationStatus};
pub use log::{CallEvent, CallEventType, CallResponse, EventSource, ProviderLog, ProviderOperation};
pub use memory::MemoryStore;
pub use projection::{Projection, project};
pub use question::{Priority, QuestionConfiguration, SelectionLog};
pub use session::{EndReason, NewSession, Session, SessionChange, SessionStatus};

use crate::error::{Error, Result};
use crate::id::{AttemptId, CarrierCallId, Epoch, QuestionId, SessionId, TenantId, VerificationId};
use crate::journal::JournalEntry;

/// A page of a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page<T> {
    /// The items of this page.
    pub items: Vec<T>,
    /// How many there are on all pages.
    pub total: u64,
}

/// Which page of a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PageRequest {
    /// From 1.
    pub page: u32,
    /// From 1 to 100.
    pub per_page: u32,
}

impl PageRequest {
    /// The longest page.
    pub const MAX_PER_PAGE: u32 = 100;

    /// Checks both ranges, as every store does.
    ///
    /// # Errors
    /// `Invalid` naming `page` or `limit`.
    pub fn validate(self) -> Result<()> {
        if self.page == 0 {
            return Err(Error::invalid("page", "from 1"));
        }
        if !(1..=Self::MAX_PER_PAGE).contains(&self.per_page) {
            return Err(Error::invalid("limit", "1 to 100"));
        }
        Ok(())
    }

    /// How many items come before this page.
    #[must_use]
    pub const fn offset(self) -> u64 {
        (self.page as u64).saturating_sub(1) * self.per_page as u64
    }
}

impl Default for PageRequest {
    fn default() -> Self {
        Self { page: 1, per_page: 50 }
    }
}

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

    /// Sessions that have not ended, of all tenants, for the sweep after a restart.
    ///
    /// # Errors
    /// As every store call.
    async fn open_sessions(&self) -> Result<Vec<Session>>;

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
    /// `NotFound`.
    async fn take_over(&self, tenant: TenantId, session: SessionId) -> Result<Epoch>;

    /// Appends entries and, in the same transaction, everything [`project`] derives from them. When it returns,
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
    /// `Invalid` as [`SelectionLog::validate`]; `Conflict` if it exists.
    async fn log_selection(&self, log: &SelectionLog) -> Result<()>;

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

    /// The one-way step that allows the request to the carrier, exactly once per attempt, whoever asks how often.
    ///
    /// # Errors
    /// `Conflict` for everyone but the first; `NotFound`.
    async fn begin_sending(&self, tenant: TenantId, attempt: AttemptId, epoch: Epoch) -> Result<()>;

    /// Records what became of the request. Learning the call's name twice is fine; a settled attempt stays settled.
    ///
    /// # Errors
    /// `Conflict` if it contradicts what is settled, or the call belongs to another attempt; `NotFound`.
    async fn settle_attempt(&self, tenant: TenantId, attempt: AttemptId, outcome: &AttemptOutcome) -> Result<()>;

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

/// A whole store: every small one, over the same data.
pub trait Store:
    SessionStore + JournalStore + QuestionStore + DialStore + DirectoryStore + ProviderLogStore + Debug + 'static
{
}

impl<T> Store for T where
    T: SessionStore + JournalStore + QuestionStore + DialStore + DirectoryStore + ProviderLogStore + Debug + 'static
{
}
