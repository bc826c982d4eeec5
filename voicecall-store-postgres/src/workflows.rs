//! What is done with events, runs and subscriptions.

use jiff::Timestamp;
use voicecall_core::event::Event;
use voicecall_core::store::{
    LeaseTerm, Page, PageRequest, Run, RunFilter, RunState, Subscription, WorkflowQueueStore, WorkflowStore,
};
use voicecall_core::{Result, RunId, SubscriptionId, TenantId, async_trait};

use crate::across_tenants::{by_the_servers_clock, servers_clock};
use crate::roles::Role::Queue;
use crate::{PostgresStore, pending_events, runs, subscriptions};

#[async_trait]
impl WorkflowStore for PostgresStore {
    async fn run(&self, tenant: TenantId, id: RunId) -> Result<Run> {
        self.read("read run", tenant, move |db| async move { runs::find(&db, tenant, id).await }).await
    }

    async fn runs(&self, tenant: TenantId, filter: &RunFilter, page: PageRequest) -> Result<Page<Run>> {
        page.validate()?;
        let filter = filter.clone();
        self.read("list runs", tenant, move |db| async move { runs::page(&db, tenant, &filter, page).await }).await
    }

    async fn replay_run(&self, tenant: TenantId, id: RunId, at: Timestamp) -> Result<Run> {
        self.write("replay run", tenant, move |db| async move {
            let mut run = runs::lock(&db, tenant, id).await?;
            run.replay(at)?;
            runs::save(&db, &run).await?;
            Ok(run)
        })
        .await
    }

    async fn drop_run(&self, tenant: TenantId, id: RunId) -> Result<()> {
        self.write("drop run", tenant, move |db| async move { runs::remove(&db, tenant, id).await }).await
    }

    async fn put_subscription(&self, subscription: &Subscription) -> Result<()> {
        let row = subscription.clone();
        self.write("put subscription", row.tenant, move |db| async move { subscriptions::put(&db, &row).await }).await
    }

    async fn subscription(&self, tenant: TenantId, id: SubscriptionId) -> Result<Subscription> {
        self.read("read subscription", tenant, move |db| async move { subscriptions::find(&db, tenant, id).await })
            .await
    }

    async fn subscriptions(&self, tenant: TenantId) -> Result<Vec<Subscription>> {
        self.read("list subscriptions", tenant, move |db| async move { subscriptions::of_tenant(&db, tenant).await })
            .await
    }

    async fn remove_subscription(&self, tenant: TenantId, id: SubscriptionId) -> Result<()> {
        let operation = "remove subscription";
        self.write(operation, tenant, move |db| async move { subscriptions::remove(&db, tenant, id).await }).await
    }
}

#[async_trait]
impl WorkflowQueueStore for PostgresStore {
    async fn keep_events(&self, keeps: bool) -> Result<()> {
        self.write_as(Queue, "keep events", move |db| async move { pending_events::keep(&db, keeps).await }).await
    }

    async fn pending_events(&self, limit: u32) -> Result<Vec<Event>> {
        self.read_as(Queue, "read events", move |db| async move { pending_events::first(&db, limit).await }).await
    }

    async fn start_runs(&self, event: &Event, begin: &[Run]) -> Result<bool> {
        let (id, begin) = (event.id, begin.to_vec());
        self.write_as(Queue, "start runs", move |db| async move {
            if !pending_events::take(&db, id).await? {
                return Ok(false);
            }
            for run in &begin {
                runs::insert(&db, run).await?;
            }
            Ok(true)
        })
        .await
    }

    async fn due_runs(
        &self,
        now: Timestamp,
        definitions: &[String],
        busy: &[String],
        per_lane: u32,
        limit: u32,
    ) -> Result<Vec<Run>> {
        let (definitions, busy) = (definitions.to_vec(), busy.to_vec());
        self.read_as(Queue, "read due runs", move |db| async move {
            let clock = servers_clock(&db).await?;
            runs::due(&db, (now, clock), definitions, busy, per_lane, limit).await
        })
        .await
    }

    async fn claim_run(&self, tenant: TenantId, id: RunId, term: LeaseTerm) -> Result<Run> {
        self.write_as(Queue, "claim run", move |db| async move {
            let mut run = runs::lock(&db, tenant, id).await?;
            run.claim(term.now, by_the_servers_clock(&db, term).await?)?;
            runs::save(&db, &run).await?;
            Ok(run)
        })
        .await
    }

    async fn save_run(&self, run: &Run, goes_on: Option<LeaseTerm>) -> Result<()> {
        let progress = run.clone();
        self.write_as(Queue, "save run", move |db| async move {
            let mut run = runs::lock(&db, progress.tenant, progress.id).await?;
            let lease = match goes_on {
                Some(term) => Some(by_the_servers_clock(&db, term).await?),
                None => None,
            };
            run.advance(&progress, lease)?;
            runs::save(&db, &run).await
        })
        .await
    }

    async fn purge_runs(&self, state: RunState, before: Timestamp, limit: u32) -> Result<u64> {
        self.write_as(Queue, "purge runs", move |db| async move { runs::purge(&db, state, before, limit).await }).await
    }
}
