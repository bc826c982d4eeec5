//! Events, runs and subscriptions, broken in one way.

use super::*;
use crate::event::{Event, EventType};
use crate::id::{RunId, SubscriptionId};

#[async_trait]
impl WorkflowStore for Broken {
    async fn run(&self, tenant: TenantId, id: RunId) -> Result<Run> {
        scoped!(self, "run", tenant, self.inner.run(tenant, id))
    }

    async fn runs(&self, tenant: TenantId, filter: &RunFilter, page: PageRequest) -> Result<Page<Run>> {
        let mut all = self.inner.runs(tenant, filter, page).await?;
        for tenant in self.seen_as("runs", tenant).into_iter().skip(1) {
            all.total += self.inner.runs(tenant, filter, page).await?.total;
        }
        Ok(all)
    }

    async fn replay_run(&self, tenant: TenantId, id: RunId, at: Timestamp) -> Result<Run> {
        let replayed = scoped!(self, "replay_run", tenant, self.inner.replay_run(tenant, id, at));
        match replayed {
            Err(error) if self.has(Fault::ReplaysAnything) && error.kind() == ErrorKind::Conflict => {
                self.inner.run(tenant, id).await
            }
            replayed => replayed,
        }
    }

    async fn drop_run(&self, tenant: TenantId, id: RunId) -> Result<()> {
        scoped!(self, "drop_run", tenant, self.inner.drop_run(tenant, id))
    }

    async fn put_subscription(&self, subscription: &Subscription) -> Result<()> {
        self.meet(subscription.tenant);
        let mut row = subscription.clone();
        if self.has(Fault::ForgetsSecrets) {
            row.generation = 0;
        }
        match self.inner.put_subscription(&row).await {
            Err(_) if self.fault == Fault::Leaks("put_subscription") => Ok(()),
            put => put,
        }
    }

    async fn subscription(&self, tenant: TenantId, id: SubscriptionId) -> Result<Subscription> {
        scoped!(self, "subscription", tenant, self.inner.subscription(tenant, id))
    }

    async fn subscriptions(&self, tenant: TenantId) -> Result<Vec<Subscription>> {
        let mut all = Vec::new();
        for tenant in self.seen_as("subscriptions", tenant) {
            all.extend(self.inner.subscriptions(tenant).await?);
        }
        Ok(all)
    }

    async fn remove_subscription(&self, tenant: TenantId, id: SubscriptionId) -> Result<()> {
        if self.has(Fault::DeliversToNobody) {
            let mut row = self.inner.subscription(tenant, id).await?;
            row.state = SubscriptionState::Disabled;
            return self.inner.put_subscription(&row).await;
        }
        scoped!(self, "remove_subscription", tenant, self.inner.remove_subscription(tenant, id))
    }
}

#[async_trait]
impl WorkflowQueueStore for Broken {
    async fn keep_events(&self, keeps: bool) -> Result<()> {
        self.inner.keep_events(keeps || self.has(Fault::AlwaysTells)).await
    }

    async fn pending_events(&self, limit: u32) -> Result<Vec<Event>> {
        let mut events = self.inner.pending_events(limit).await?;
        let is_lost = |event: &Event| matches!(self.fault, Fault::ForgetsEvents(kind) if kind == event.kind);
        events.retain(|event| !is_lost(event));
        if self.has(Fault::ForgetsAttempts) {
            events.retain(|event| event.data["status"] != "busy");
        }
        Ok(events)
    }

    async fn start_runs(&self, event: &Event, runs: &[Run]) -> Result<bool> {
        self.meet(event.tenant);
        Ok(self.inner.start_runs(event, runs).await? || self.has(Fault::StartsAgain))
    }

    async fn due_runs(
        &self,
        now: Timestamp,
        definitions: &[String],
        busy: &[String],
        per_lane: u32,
        limit: u32,
    ) -> Result<Vec<Run>> {
        let now = if self.has(Fault::RunsTooEarly) { Timestamp::MAX } else { now };
        let per_lane = if self.has(Fault::FindsTheLongestQueue) { u32::MAX } else { per_lane };
        let busy = if self.has(Fault::ForgetsBusyLanes) { &[] } else { busy };
        self.inner.due_runs(now, definitions, busy, per_lane, limit).await
    }

    async fn claim_run(&self, tenant: TenantId, id: RunId, term: LeaseTerm) -> Result<Run> {
        let claimed = scoped!(self, "claim_run", tenant, self.inner.claim_run(tenant, id, term));
        match claimed {
            Err(error) if self.has(Fault::ClaimsRunsAgain) && error.kind() == ErrorKind::Conflict => {
                self.inner.run(tenant, id).await
            }
            claimed => claimed,
        }
    }

    async fn save_run(&self, run: &Run, goes_on: Option<LeaseTerm>) -> Result<()> {
        let mut run = run.clone();
        if self.has(Fault::SavesForAnybody) {
            run.epoch = self.inner.run(run.tenant, run.id).await?.epoch;
        }
        if self.has(Fault::ForgetsOutputs) {
            run.steps.values_mut().for_each(|step| step.output = serde_json::Value::Null);
        }
        self.inner.save_run(&run, goes_on).await
    }

    async fn purge_runs(&self, state: RunState, before: Timestamp, limit: u32) -> Result<u64> {
        let limit = if self.has(Fault::ForgetsLimits) { u32::MAX } else { limit };
        self.inner.purge_runs(state, before, limit).await
    }
}

/// What a store must not forget to tell.
pub(super) const TOLD: [(EventType, &str); 6] = [
    (EventType::CallRinging, "what_happens_in_a_call_is_told_once_somebody_asks"),
    (EventType::StreamEnded, "what_happens_in_a_call_is_told_once_somebody_asks"),
    (EventType::TranscriptionCompleted, "a_transcript_is_told_where_there_is_one"),
    (EventType::MessageDeliveryUpdated, "what_becomes_of_messages_is_told"),
    (EventType::ConversationStateUpdated, "what_becomes_of_messages_is_told"),
    (EventType::ConversationDeleted, "what_is_told_of_somebody_is_erased_with_them"),
];
