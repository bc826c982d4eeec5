//! A store whose process dies at a certain write, before or after it.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use jiff::Timestamp;
use uuid::Uuid;
use voicecall_core::event::Event;
use voicecall_core::store::{
    KeyStore, LeaseTerm, MemoryStore, Page, PageRequest, RenewedContent, Resealed, Run, RunFilter, RunState,
    SealedRows, Subscription, WorkflowQueueStore, WorkflowStore,
};
use voicecall_core::{
    Canary, Result, RunId, SealedAddress, SealedRow, SessionId, SubscriptionId, TenantId, async_trait,
};

#[derive(Debug)]
pub(super) struct Mortal {
    inner: Arc<MemoryStore>,
    /// How many writes are left.
    left: AtomicI64,
    /// Whether the last one is still done.
    is_done: bool,
}

impl Mortal {
    pub(super) fn new(inner: Arc<MemoryStore>, writes: i64, is_done: bool) -> Self {
        Self { inner, left: AtomicI64::new(writes), is_done }
    }

    /// Whether it came to the end.
    pub(super) fn is_dead(&self) -> bool {
        self.left.load(Ordering::SeqCst) < 0
    }

    async fn live(&self) {
        if self.is_dead() {
            std::future::pending::<()>().await;
        }
    }

    /// A write, at which the process may die.
    async fn write<T>(&self, write: impl Future<Output = T> + Send) -> T {
        self.live().await;
        if self.left.fetch_sub(1, Ordering::SeqCst) > 0 {
            return write.await;
        }
        if self.is_done {
            write.await;
        }
        std::future::pending().await
    }
}

#[async_trait]
impl WorkflowQueueStore for Mortal {
    async fn keep_events(&self, keeps: bool) -> Result<()> {
        self.inner.keep_events(keeps).await
    }

    async fn pending_events(&self, limit: u32) -> Result<Vec<Event>> {
        self.live().await;
        self.inner.pending_events(limit).await
    }

    async fn start_runs(&self, event: &Event, runs: &[Run]) -> Result<bool> {
        self.write(self.inner.start_runs(event, runs)).await
    }

    async fn due_runs(
        &self,
        now: Timestamp,
        definitions: &[String],
        busy: &[String],
        per_lane: u32,
        limit: u32,
    ) -> Result<Vec<Run>> {
        self.live().await;
        self.inner.due_runs(now, definitions, busy, per_lane, limit).await
    }

    async fn claim_run(&self, tenant: TenantId, id: RunId, term: LeaseTerm) -> Result<Run> {
        self.write(self.inner.claim_run(tenant, id, term)).await
    }

    async fn save_run(&self, run: &Run, goes_on: Option<LeaseTerm>) -> Result<()> {
        self.write(self.inner.save_run(run, goes_on)).await
    }

    async fn purge_runs(&self, state: RunState, before: Timestamp, limit: u32) -> Result<u64> {
        self.inner.purge_runs(state, before, limit).await
    }
}

#[async_trait]
impl WorkflowStore for Mortal {
    async fn run(&self, tenant: TenantId, id: RunId) -> Result<Run> {
        self.inner.run(tenant, id).await
    }

    async fn runs(&self, tenant: TenantId, filter: &RunFilter, page: PageRequest) -> Result<Page<Run>> {
        self.inner.runs(tenant, filter, page).await
    }

    async fn replay_run(&self, tenant: TenantId, id: RunId, at: Timestamp) -> Result<Run> {
        self.inner.replay_run(tenant, id, at).await
    }

    async fn drop_run(&self, tenant: TenantId, id: RunId) -> Result<()> {
        self.inner.drop_run(tenant, id).await
    }

    async fn put_subscription(&self, subscription: &Subscription) -> Result<()> {
        self.inner.put_subscription(subscription).await
    }

    async fn subscription(&self, tenant: TenantId, id: SubscriptionId) -> Result<Subscription> {
        self.inner.subscription(tenant, id).await
    }

    async fn subscriptions(&self, tenant: TenantId) -> Result<Vec<Subscription>> {
        self.inner.subscriptions(tenant).await
    }

    async fn remove_subscription(&self, tenant: TenantId, id: SubscriptionId) -> Result<()> {
        self.inner.remove_subscription(tenant, id).await
    }
}

#[async_trait]
impl SealedRows for Mortal {
    async fn sealed_addresses(&self, after: Option<Uuid>, limit: u32) -> Result<Vec<(SealedRow, SealedAddress)>> {
        self.inner.sealed_addresses(after, limit).await
    }

    async fn reseal(&self, rows: &[Resealed]) -> Result<u64> {
        self.inner.reseal(rows).await
    }

    async fn renew_content(&self, after: Option<SessionId>, sessions: u32) -> Result<RenewedContent> {
        self.inner.renew_content(after, sessions).await
    }
}

#[async_trait]
impl KeyStore for Mortal {
    async fn canaries(&self) -> Result<Vec<Canary>> {
        self.inner.canaries().await
    }

    async fn keep_canary(&self, canary: &Canary) -> Result<()> {
        self.inner.keep_canary(canary).await
    }

    async fn forget_canary(&self, key: &str) -> Result<()> {
        self.inner.forget_canary(key).await
    }
}
