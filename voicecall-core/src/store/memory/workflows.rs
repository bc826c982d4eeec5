//! Events, runs and subscriptions.

use std::collections::{BTreeMap, HashMap, HashSet};

use async_trait::async_trait;
use jiff::Timestamp;

use super::{MemoryStore, MemoryTables, conflict, not_found};
use crate::error::Result;
use crate::event::Event;
use crate::id::{ConversationId, RunId, SessionId, SubscriptionId, TenantId};
use crate::seal::PersonKey;
use crate::store::{
    LeaseTerm, Page, PageRequest, Run, RunFilter, RunState, Subscription, WorkflowQueueStore, WorkflowStore,
};

#[derive(Default)]
pub(super) struct Workflows {
    keeps: bool,
    pending: Vec<Event>,
    runs: BTreeMap<RunId, Run>,
    subscriptions: BTreeMap<SubscriptionId, Subscription>,
}

impl Workflows {
    fn run(&self, operation: &'static str, tenant: TenantId, id: RunId) -> Result<&Run> {
        self.runs.get(&id).filter(|run| run.tenant == tenant).ok_or_else(|| not_found(operation))
    }

    fn subscription(&self, operation: &'static str, tenant: TenantId, id: SubscriptionId) -> Result<&Subscription> {
        self.subscriptions.get(&id).filter(|row| row.tenant == tenant).ok_or_else(|| not_found(operation))
    }

    /// Forgets what happened where this holds, and what is made of it.
    fn forget(&mut self, is_gone: impl Fn(&Event) -> bool) {
        self.pending.retain(|event| !is_gone(event));
        self.runs.retain(|_, run| !is_gone(&run.event));
    }
}

impl MemoryTables {
    /// Keeps events for whoever takes them up, if anybody does.
    pub(super) fn tell(&mut self, events: impl IntoIterator<Item = Event>) {
        if self.workflows.keeps {
            let pending = &mut self.workflows.pending;
            for event in events {
                if pending.iter().all(|known| known.id != event.id) {
                    pending.push(event);
                }
            }
        }
    }

    pub(super) fn forget_events_of_session(&mut self, session: SessionId) {
        self.workflows.forget(|event| event.session == Some(session));
    }

    pub(super) fn forget_events_of_person(
        &mut self,
        tenant: TenantId,
        person: PersonKey,
        conversation: Option<ConversationId>,
    ) {
        self.workflows.forget(|event| {
            event.tenant == tenant
                && (event.person == Some(person) || conversation.is_some() && event.conversation == conversation)
        });
    }
}

#[async_trait]
impl WorkflowStore for MemoryStore {
    async fn run(&self, tenant: TenantId, id: RunId) -> Result<Run> {
        self.lock().workflows.run("read run", tenant, id).cloned()
    }

    async fn runs(&self, tenant: TenantId, filter: &RunFilter, page: PageRequest) -> Result<Page<Run>> {
        page.validate()?;
        let tables = self.lock();
        let own = tables.workflows.runs.values().filter(|run| run.tenant == tenant);
        let mut found: Vec<_> = own.filter(|run| filter.matches(run)).collect();
        found.sort_by_key(|run| std::cmp::Reverse((run.created_at, run.id)));
        let before = usize::try_from(page.offset()).unwrap_or(usize::MAX);
        let items = found.iter().skip(before).take(page.per_page as usize).map(|&run| run.clone()).collect();
        Ok(Page { items, total: found.len() as u64 })
    }

    async fn replay_run(&self, tenant: TenantId, id: RunId, at: Timestamp) -> Result<Run> {
        let workflows = &mut self.lock().workflows;
        let mut run = workflows.run("replay run", tenant, id)?.clone();
        run.replay(at)?;
        workflows.runs.insert(id, run.clone());
        Ok(run)
    }

    async fn drop_run(&self, tenant: TenantId, id: RunId) -> Result<()> {
        let workflows = &mut self.lock().workflows;
        workflows.run("drop run", tenant, id)?;
        workflows.runs.remove(&id);
        Ok(())
    }

    async fn put_subscription(&self, subscription: &Subscription) -> Result<()> {
        let rows = &mut self.lock().workflows.subscriptions;
        if rows.get(&subscription.id).is_some_and(|known| known.tenant != subscription.tenant) {
            return Err(conflict("put subscription", "the subscription exists"));
        }
        rows.insert(subscription.id, subscription.clone());
        Ok(())
    }

    async fn subscription(&self, tenant: TenantId, id: SubscriptionId) -> Result<Subscription> {
        self.lock().workflows.subscription("read subscription", tenant, id).cloned()
    }

    async fn subscriptions(&self, tenant: TenantId) -> Result<Vec<Subscription>> {
        let tables = self.lock();
        let own = tables.workflows.subscriptions.values().filter(|row| row.tenant == tenant);
        let mut found: Vec<_> = own.cloned().collect();
        found.sort_by_key(|row| (row.created_at, row.id));
        Ok(found)
    }

    async fn remove_subscription(&self, tenant: TenantId, id: SubscriptionId) -> Result<()> {
        let workflows = &mut self.lock().workflows;
        workflows.subscription("remove subscription", tenant, id)?;
        workflows.subscriptions.remove(&id);
        workflows.runs.retain(|_, run| run.subscription != Some(id));
        Ok(())
    }
}

#[async_trait]
impl WorkflowQueueStore for MemoryStore {
    async fn keep_events(&self, keeps: bool) -> Result<()> {
        self.lock().workflows.keeps = keeps;
        Ok(())
    }

    async fn pending_events(&self, limit: u32) -> Result<Vec<Event>> {
        Ok(self.lock().workflows.pending.iter().take(limit as usize).cloned().collect())
    }

    async fn start_runs(&self, event: &Event, runs: &[Run]) -> Result<bool> {
        let workflows = &mut self.lock().workflows;
        let Some(place) = workflows.pending.iter().position(|pending| pending.id == event.id) else {
            return Ok(false);
        };
        workflows.pending.remove(place);
        for run in runs {
            workflows.runs.entry(run.id).or_insert_with(|| run.clone());
        }
        Ok(true)
    }

    async fn due_runs(
        &self,
        now: Timestamp,
        definitions: &[String],
        busy: &[String],
        per_lane: u32,
        limit: u32,
    ) -> Result<Vec<Run>> {
        let (definitions, busy): (HashSet<_>, HashSet<_>) = (definitions.iter().collect(), busy.iter().collect());
        let tables = self.lock();
        let waiting = tables.workflows.runs.values().filter(|run| run.state == RunState::Waiting && run.due_at <= now);
        let free = waiting.filter(|run| run.leased_until.is_none_or(|until| until <= now));
        let mut due: Vec<_> = free.filter(|run| definitions.contains(&run.definition())).collect();
        due.sort_by_key(|run| (run.due_at, run.id));
        let mut of_lane: HashMap<String, u32> = HashMap::new();
        let fits = |run: &&&Run| {
            let lane = run.lane();
            if busy.contains(&lane) {
                return false;
            }
            let taken = of_lane.entry(lane).or_default();
            *taken += 1;
            *taken <= per_lane
        };
        Ok(due.iter().filter(fits).take(limit as usize).map(|&run| run.clone()).collect())
    }

    async fn claim_run(&self, tenant: TenantId, id: RunId, term: LeaseTerm) -> Result<Run> {
        let workflows = &mut self.lock().workflows;
        let mut run = workflows.run("claim run", tenant, id)?.clone();
        run.claim(term.now, term)?;
        workflows.runs.insert(id, run.clone());
        Ok(run)
    }

    async fn save_run(&self, run: &Run, goes_on: Option<LeaseTerm>) -> Result<()> {
        let workflows = &mut self.lock().workflows;
        let mut saved = workflows.run("save run", run.tenant, run.id)?.clone();
        saved.advance(run, goes_on)?;
        workflows.runs.insert(run.id, saved);
        Ok(())
    }

    async fn purge_runs(&self, state: RunState, before: Timestamp, limit: u32) -> Result<u64> {
        let runs = &mut self.lock().workflows.runs;
        let mut old: Vec<_> = runs.values().filter(|run| run.state == state && run.updated_at < before).collect();
        old.sort_by_key(|run| (run.updated_at, run.id));
        let old: Vec<_> = old.into_iter().take(limit as usize).map(|run| run.id).collect();
        old.iter().for_each(|id| drop(runs.remove(id)));
        Ok(old.len() as u64)
    }
}
