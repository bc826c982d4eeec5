//! What is done with events, runs and subscriptions.

use jiff::Timestamp;
use voicecall_core::event::Event;
use voicecall_core::store::{
    LeaseTerm, Page, PageRequest, Run, RunFilter, RunState, Subscription, WorkflowQueueStore, WorkflowStore,
};
use voicecall_core::{Result, RunId, SubscriptionId, TenantId, async_trait};

use crate::{SqliteStore, pending_events, runs, subscriptions};

#[async_trait]
impl WorkflowStore for SqliteStore {
    async fn run(&self, tenant: TenantId, id: RunId) -> Result<Run> {
        self.read("read run", move |db| runs::find(db, tenant, id)).await
    }

    async fn runs(&self, tenant: TenantId, filter: &RunFilter, page: PageRequest) -> Result<Page<Run>> {
        page.validate()?;
        let filter = filter.clone();
        self.read("list runs", move |db| runs::page(db, tenant, &filter, page)).await
    }

    async fn replay_run(&self, tenant: TenantId, id: RunId, at: Timestamp) -> Result<Run> {
        self.write("replay run", move |db| {
            let mut run = runs::find(db, tenant, id)?;
            run.replay(at)?;
            runs::save(db, &run)?;
            Ok(run)
        })
        .await
    }

    async fn drop_run(&self, tenant: TenantId, id: RunId) -> Result<()> {
        self.write("drop run", move |db| runs::remove(db, tenant, id)).await?;
        self.forget_traces().await;
        Ok(())
    }

    async fn put_subscription(&self, subscription: &Subscription) -> Result<()> {
        let subscription = subscription.clone();
        self.write("put subscription", move |db| subscriptions::put(db, &subscription)).await
    }

    async fn subscription(&self, tenant: TenantId, id: SubscriptionId) -> Result<Subscription> {
        self.read("read subscription", move |db| subscriptions::find(db, tenant, id)).await
    }

    async fn subscriptions(&self, tenant: TenantId) -> Result<Vec<Subscription>> {
        self.read("list subscriptions", move |db| subscriptions::of_tenant(db, tenant)).await
    }

    async fn remove_subscription(&self, tenant: TenantId, id: SubscriptionId) -> Result<()> {
        self.write("remove subscription", move |db| subscriptions::remove(db, tenant, id)).await?;
        self.forget_traces().await;
        Ok(())
    }
}

#[async_trait]
impl WorkflowQueueStore for SqliteStore {
    async fn keep_events(&self, keeps: bool) -> Result<()> {
        self.write("keep events", move |db| pending_events::keep(db, keeps)).await
    }

    async fn pending_events(&self, limit: u32) -> Result<Vec<Event>> {
        self.read("read events", move |db| pending_events::first(db, limit)).await
    }

    async fn start_runs(&self, event: &Event, begin: &[Run]) -> Result<bool> {
        let (id, begin) = (event.id, begin.to_vec());
        self.write("start runs", move |db| {
            if !pending_events::take(db, id)? {
                return Ok(false);
            }
            begin.iter().try_for_each(|run| runs::insert(db, run))?;
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
        self.read("read due runs", move |db| runs::due(db, now, &definitions, &busy, per_lane, limit)).await
    }

    async fn claim_run(&self, tenant: TenantId, id: RunId, term: LeaseTerm) -> Result<Run> {
        self.write("claim run", move |db| {
            let mut run = runs::find(db, tenant, id)?;
            run.claim(term.now, term)?;
            runs::save(db, &run)?;
            Ok(run)
        })
        .await
    }

    async fn save_run(&self, run: &Run, goes_on: Option<LeaseTerm>) -> Result<()> {
        let progress = run.clone();
        self.write("save run", move |db| {
            let mut run = runs::find(db, progress.tenant, progress.id)?;
            run.advance(&progress, goes_on)?;
            runs::save(db, &run)
        })
        .await
    }

    async fn purge_runs(&self, state: RunState, before: Timestamp, limit: u32) -> Result<u64> {
        let gone = self.write("purge runs", move |db| runs::purge(db, state, before, limit)).await?;
        if gone > 0 {
            self.forget_traces().await;
        }
        Ok(gone)
    }
}
