//! What a store does with events and with the workflows that they start.

use std::fmt::Debug;

use async_trait::async_trait;
use jiff::Timestamp;

use super::{KeyStore, LeaseTerm, Page, PageRequest, Run, RunFilter, RunState, Subscription};
use crate::error::Result;
use crate::event::Event;
use crate::id::{RunId, SubscriptionId, TenantId};

/// What workflows are given: events, runs and subscriptions, and nothing of calls and messages.
pub trait EventStore: WorkflowStore + WorkflowQueueStore + KeyStore + Debug + 'static {}

impl<T> EventStore for T where T: WorkflowStore + WorkflowQueueStore + KeyStore + Debug + 'static + ?Sized {}

/// A tenant's runs and subscriptions. Every method is one transaction.
#[async_trait]
pub trait WorkflowStore: Send + Sync {
    /// One run.
    ///
    /// # Errors
    /// `NotFound`.
    async fn run(&self, tenant: TenantId, id: RunId) -> Result<Run>;

    /// A tenant's runs that match, newest first: dead letters, above all.
    ///
    /// # Errors
    /// `Invalid` for a page that cannot be.
    async fn runs(&self, tenant: TenantId, filter: &RunFilter, page: PageRequest) -> Result<Page<Run>>;

    /// Lets a dead letter go on from the steps that failed: [`Run::replay`].
    ///
    /// # Errors
    /// `Conflict` unless it is one; `NotFound`.
    async fn replay_run(&self, tenant: TenantId, id: RunId, at: Timestamp) -> Result<Run>;

    /// Deletes a run, in whatever state. What is under way of it leaves nothing behind.
    ///
    /// # Errors
    /// `NotFound`.
    async fn drop_run(&self, tenant: TenantId, id: RunId) -> Result<()>;

    /// Writes a subscription, whether it is new or not.
    ///
    /// # Errors
    /// `Conflict` if another tenant has its id.
    async fn put_subscription(&self, subscription: &Subscription) -> Result<()>;

    /// One subscription.
    ///
    /// # Errors
    /// `NotFound`.
    async fn subscription(&self, tenant: TenantId, id: SubscriptionId) -> Result<Subscription>;

    /// All subscriptions of a tenant, oldest first.
    ///
    /// # Errors
    /// As every store call.
    async fn subscriptions(&self, tenant: TenantId) -> Result<Vec<Subscription>>;

    /// Deletes a subscription with what waits to be delivered to it.
    ///
    /// # Errors
    /// `NotFound`.
    async fn remove_subscription(&self, tenant: TenantId, id: SubscriptionId) -> Result<()>;
}

/// Events and runs of all tenants.
#[async_trait]
pub trait WorkflowQueueStore: Send + Sync {
    /// Whether events are kept from now on, until somebody takes them up: none are before anybody asks for it. A store
    /// remembers it. What nobody takes up stays, so whoever runs no workflows any more says so.
    ///
    /// # Errors
    /// As every store call.
    async fn keep_events(&self, keeps: bool) -> Result<()>;

    /// Events that nobody has taken up, oldest first; at most `limit`.
    ///
    /// # Errors
    /// As every store call.
    async fn pending_events(&self, limit: u32) -> Result<Vec<Event>>;

    /// Takes an event up: it is pending no more, and these runs of it begin, which are none if nobody is interested.
    /// Returns whether it was pending; otherwise nothing begins.
    ///
    /// # Errors
    /// As every store call.
    async fn start_runs(&self, event: &Event, runs: &[Run]) -> Result<bool>;

    /// Runs that wait, are due at `now` and nobody's, of these [definitions](Run::definition): of each [lane](Run::lane) at most
    /// `per_lane`, those that have been due for longest first; at most `limit` in all. Lanes that are `busy` are left out.
    ///
    /// # Errors
    /// As every store call.
    async fn due_runs(
        &self,
        now: Timestamp,
        definitions: &[String],
        busy: &[String],
        per_lane: u32,
        limit: u32,
    ) -> Result<Vec<Run>>;

    /// Takes a run that is due at `term.now` and nobody's, for as long as the lease runs: [`Run::claim`].
    ///
    /// # Errors
    /// `Conflict` for everyone but the first; `NotFound`.
    async fn claim_run(&self, tenant: TenantId, id: RunId, term: LeaseTerm) -> Result<Run>;

    /// Writes how far a run has come: [`Run::advance`]. Whoever goes on with it says for how long nobody else may have it;
    /// otherwise it is due when it says.
    ///
    /// # Errors
    /// `Conflict` naming `epoch` for an earlier owner, or `state`; `NotFound` if it was deleted.
    async fn save_run(&self, run: &Run, goes_on: Option<LeaseTerm>) -> Result<()>;

    /// Deletes runs in this state that have not changed since `before`, oldest first; at most `limit`. Returns how many.
    ///
    /// # Errors
    /// As every store call.
    async fn purge_runs(&self, state: RunState, before: Timestamp, limit: u32) -> Result<u64>;
}
