//! What works for all tenants at once. It is given to the engine, and to jobs of whoever runs the service, and to nobody
//! who acts for one tenant.

use async_trait::async_trait;
use jiff::Timestamp;

use super::{
    AcquireLease, Claim, KeyStore, Lease, LeaseTerm, MessageQueueStore, RetentionRun, Session, Signal, Store,
    WorkflowQueueStore,
};
use crate::error::Result;
use crate::id::{AccountName, AttemptId, CarrierCallId, Epoch, SessionId, TenantId};

/// Which sessions are to be run, and by whom.
#[async_trait]
pub trait QueueStore: Send + Sync {
    /// Whether it is made for several processes at once. Each engine then leaves to the others the sessions that they hold;
    /// otherwise it takes over whatever a process before it has left.
    fn is_shared(&self) -> bool {
        false
    }

    /// Sessions that wait to be called and are due at `now`: of each tenant at most `per_tenant`, high priority first, then
    /// those that have been due for longest. The first of every tenant stand before the second of any, in the same order; at
    /// most `limit` in all, so that nobody who has many keeps others from being found.
    ///
    /// # Errors
    /// As every store call.
    async fn due_sessions(&self, now: Timestamp, per_tenant: u32, limit: u32) -> Result<Vec<Session>>;

    /// How many sessions wait to be called, due or not.
    ///
    /// # Errors
    /// As every store call.
    async fn count_waiting(&self) -> Result<u64>;

    /// Takes a waiting session's turn, and a lease on it: whoever gets it may call, nobody else. A number is called by one
    /// session at a time, whoever's, and no more often than the claim's limits say; orders count from
    /// [`begin_sending`](super::DialStore::begin_sending) on, unless they are
    /// [rejected](super::AttemptOutcome::Rejected), and outlive the erasure of the person.
    ///
    /// # Errors
    /// `Conflict` if it does not wait to be called; [`refuse_to_call`](super::refuse_to_call) if its person asked meanwhile
    /// not to be called any more, whereupon the session is over; `RateLimited` with a time to wait, as
    /// [`refuse_second_call`](super::refuse_second_call) and [`refuse_by_limit`](super::refuse_by_limit), whereupon it waits
    /// as before; `NotFound`.
    async fn claim_session(&self, tenant: TenantId, id: SessionId, claim: &Claim) -> Result<(Session, Epoch)>;

    /// Calls that have not ended, oldest first, for recovery after a restart. Sessions of messages are not among them: what is
    /// to be done in those is with the messages ([`MessageQueueStore`]).
    ///
    /// # Errors
    /// As every store call.
    async fn open_sessions(&self) -> Result<Vec<Session>>;

    /// Attempts since `since` that became calls for which the carrier may charge, and whose price is not known, oldest first; at
    /// most `limit`. Those that ended without an answer are left out.
    ///
    /// # Errors
    /// As every store call.
    async fn unpriced_attempts(&self, since: Timestamp, limit: u32) -> Result<Vec<(TenantId, AttemptId)>>;

    /// Makes the caller of this method the owner of a session; writes of earlier owners are refused from now on.
    ///
    /// # Errors
    /// `Conflict` if somebody else's lease still runs and [`AcquireLease::only_if_free`] says that this matters; `NotFound`.
    async fn acquire_lease(&self, tenant: TenantId, session: SessionId, how: AcquireLease) -> Result<Epoch>;

    /// Renews leases for this term. Returns those that are lost: their sessions have another owner, or are gone.
    ///
    /// # Errors
    /// As every store call.
    async fn renew_leases(&self, leases: &[Lease], term: LeaseTerm) -> Result<Vec<Lease>>;

    /// Leaves word for the owner of a session, whoever that is when it [looks](Self::take_signals).
    ///
    /// # Errors
    /// `Conflict` if the session is over; `NotFound`.
    async fn signal(&self, tenant: TenantId, session: SessionId, signal: &Signal) -> Result<()>;

    /// Takes what was left for the owners of these sessions, in the order in which it was left; nothing for a lease that is
    /// lost, or a session that is over. What is taken is gone: who takes it acts on it. It is asked several times a second, so that it must cost next to
    /// nothing while there is no signal, however many leases are asked about.
    ///
    /// # Errors
    /// As every store call.
    async fn take_signals(&self, leases: &[Lease]) -> Result<Vec<(Lease, Signal)>>;
}

/// Whose a call is that a carrier tells us of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Route {
    /// The tenant.
    pub tenant: TenantId,
    /// The session.
    pub session: SessionId,
    /// The attempt that became the call; `None` for a call that we did not place.
    pub attempt: Option<AttemptId>,
}

/// From a carrier's names to a tenant's, and nothing else: whoever reads here learns ids only.
#[async_trait]
pub trait RoutingStore: Send + Sync {
    /// Whose this call is, at this account of this carrier; `None` for the account is the carrier's only one.
    ///
    /// # Errors
    /// As every store call.
    async fn route_call(
        &self,
        carrier: &str,
        account: Option<AccountName>,
        call: &CarrierCallId,
    ) -> Result<Option<Route>>;
}

/// Forgetting what is old.
#[async_trait]
pub trait MaintenanceStore: Send + Sync {
    /// Archives events of ended sessions that are older than `before`; at most `limit`, so that calls need not wait for
    /// long. They are still read by [`SessionStore::events`](super::SessionStore::events). Returns how many: fewer than
    /// `limit` are the last.
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

    /// The sessions among `ids`, whoever's and in whatever state, in no particular order. What lies outside the store under
    /// another id belongs to nobody.
    ///
    /// # Errors
    /// As every store call.
    async fn existing_sessions(&self, ids: &[SessionId]) -> Result<Vec<Session>>;

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

/// What the engine is given: a store, and what works across its tenants.
pub trait EngineStore:
    Store + QueueStore + MessageQueueStore + WorkflowQueueStore + RoutingStore + MaintenanceStore + KeyStore
{
}

impl<T> EngineStore for T where
    T: Store
        + QueueStore
        + MessageQueueStore
        + WorkflowQueueStore
        + RoutingStore
        + MaintenanceStore
        + KeyStore
        + ?Sized
{
}
