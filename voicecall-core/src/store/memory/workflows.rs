//! Events, runs and subscriptions.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use async_trait::async_trait;
use jiff::Timestamp;

use super::{MemoryStore, MemoryTables, conflict, not_found};
use crate::error::Result;
use crate::event::Event;
use crate::id::{ConversationId, EventId, RunId, SessionId, SubscriptionId, TenantId};
use crate::seal::PersonKey;
use crate::store::{
    LeaseTerm, Page, PageRequest, Run, RunFilter, RunState, Subscription, WorkflowQueueStore, WorkflowStore,
};

#[derive(Default)]
pub(super) struct Workflows {
    keeps: bool,
    /// What nobody has taken up, in the order in which it happened.
    pending: BTreeMap<u64, Event>,
    place_of: HashMap<EventId, u64>,
    last_place: u64,
    runs: BTreeMap<RunId, Run>,
    /// Those with which something is to be done, by when.
    waiting: BTreeSet<(Timestamp, RunId)>,
    of_session: HashMap<SessionId, BTreeSet<RunId>>,
    subscriptions: BTreeMap<SubscriptionId, Subscription>,
}

impl Workflows {
    fn run(&self, operation: &'static str, tenant: TenantId, id: RunId) -> Result<&Run> {
        self.runs.get(&id).filter(|run| run.tenant == tenant).ok_or_else(|| not_found(operation))
    }

    fn subscription(&self, operation: &'static str, tenant: TenantId, id: SubscriptionId) -> Result<&Subscription> {
        self.subscriptions.get(&id).filter(|row| row.tenant == tenant).ok_or_else(|| not_found(operation))
    }

    fn tell(&mut self, event: Event) {
        if self.place_of.contains_key(&event.id) {
            return;
        }
        self.last_place += 1;
        self.place_of.insert(event.id, self.last_place);
        self.pending.insert(self.last_place, event);
    }

    /// Whether it was pending.
    fn take(&mut self, event: EventId) -> bool {
        self.place_of.remove(&event).is_some_and(|place| self.pending.remove(&place).is_some())
    }

    fn put_run(&mut self, run: Run) {
        self.remove_run(run.id);
        if run.state == RunState::Waiting {
            self.waiting.insert((run.due_at, run.id));
        }
        if let Some(session) = run.event.session {
            self.of_session.entry(session).or_default().insert(run.id);
        }
        self.runs.insert(run.id, run);
    }

    fn remove_run(&mut self, id: RunId) {
        let Some(run) = self.runs.remove(&id) else { return };
        self.waiting.remove(&(run.due_at, id));
        if let Some(of_session) = run.event.session.and_then(|session| self.of_session.get_mut(&session)) {
            of_session.remove(&id);
        }
    }

    fn forget_pending(&mut self, is_gone: impl Fn(&Event) -> bool) {
        let gone: Vec<_> = self.pending.values().filter(|event| is_gone(event)).map(|event| event.id).collect();
        for id in gone {
            self.take(id);
        }
    }

    fn remove_runs(&mut self, is_gone: impl Fn(&Run) -> bool) {
        let gone: Vec<_> = self.runs.values().filter(|run| is_gone(run)).map(|run| run.id).collect();
        gone.into_iter().for_each(|id| self.remove_run(id));
    }
}

impl MemoryTables {
    /// Keeps events for whoever takes them up, if anybody does.
    pub(super) fn tell(&mut self, events: impl IntoIterator<Item = Event>) {
        if self.workflows.keeps {
            events.into_iter().for_each(|event| self.workflows.tell(event));
        }
    }

    pub(super) fn forget_events_of_session(&mut self, session: SessionId) {
        let workflows = &mut self.workflows;
        for run in workflows.of_session.remove(&session).unwrap_or_default() {
            workflows.remove_run(run);
        }
        workflows.forget_pending(|event| event.session == Some(session));
    }

    /// Forgets what is about a person, and about the conversation that is gone with them. What is about their sessions goes
    /// with those.
    pub(super) fn forget_events_of_person(
        &mut self,
        tenant: TenantId,
        person: PersonKey,
        conversation: Option<ConversationId>,
    ) {
        let is_gone = |event: &Event| {
            event.tenant == tenant
                && (event.person == Some(person) || conversation.is_some() && event.conversation == conversation)
        };
        self.workflows.forget_pending(is_gone);
        self.workflows.remove_runs(|run| is_gone(&run.event));
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
        workflows.put_run(run.clone());
        Ok(run)
    }

    async fn drop_run(&self, tenant: TenantId, id: RunId) -> Result<()> {
        let workflows = &mut self.lock().workflows;
        workflows.run("drop run", tenant, id)?;
        workflows.remove_run(id);
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
        workflows.remove_runs(|run| run.subscription == Some(id));
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
        Ok(self.lock().workflows.pending.values().take(limit as usize).cloned().collect())
    }

    async fn start_runs(&self, event: &Event, runs: &[Run]) -> Result<bool> {
        let workflows = &mut self.lock().workflows;
        if !workflows.take(event.id) {
            return Ok(false);
        }
        for run in runs.iter().filter(|run| !workflows.runs.contains_key(&run.id)).cloned().collect::<Vec<_>>() {
            workflows.put_run(run);
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
        let waiting = tables.workflows.waiting.iter().take_while(|(due_at, _)| *due_at <= now);
        let due = waiting.filter_map(|(_, id)| tables.workflows.runs.get(id));
        let free = due.filter(|run| run.leased_until.is_none_or(|until| until <= now));
        let mut of_lane: HashMap<String, u32> = HashMap::new();
        let fits = |run: &&Run| {
            let lane = run.lane();
            if busy.contains(&lane) || !definitions.contains(&run.definition()) {
                return false;
            }
            let taken = of_lane.entry(lane).or_default();
            *taken += 1;
            *taken <= per_lane
        };
        Ok(free.filter(fits).take(limit as usize).cloned().collect())
    }

    async fn claim_run(&self, tenant: TenantId, id: RunId, term: LeaseTerm) -> Result<Run> {
        let workflows = &mut self.lock().workflows;
        let mut run = workflows.run("claim run", tenant, id)?.clone();
        run.claim(term.now, term)?;
        workflows.put_run(run.clone());
        Ok(run)
    }

    async fn save_run(&self, run: &Run, goes_on: Option<LeaseTerm>) -> Result<()> {
        let workflows = &mut self.lock().workflows;
        let mut saved = workflows.run("save run", run.tenant, run.id)?.clone();
        saved.advance(run, goes_on)?;
        workflows.put_run(saved);
        Ok(())
    }

    async fn purge_runs(&self, state: RunState, before: Timestamp, limit: u32) -> Result<u64> {
        let workflows = &mut self.lock().workflows;
        let mut old: Vec<_> =
            workflows.runs.values().filter(|run| run.state == state && run.updated_at < before).collect();
        old.sort_by_key(|run| (run.updated_at, run.id));
        let old: Vec<_> = old.into_iter().take(limit as usize).map(|run| run.id).collect();
        old.iter().for_each(|id| workflows.remove_run(*id));
        Ok(old.len() as u64)
    }
}
