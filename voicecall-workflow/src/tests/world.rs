//! A business whose calls start workflows.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use jiff::Timestamp;
use serde_json::{Value, json};
use tokio::task::JoinHandle;
use voicecall_core::event::EventType;
use voicecall_core::store::{
    EventStore, MemoryStore, NewSession, PageRequest, Run, RunFilter, SessionStore, StepState,
};
use voicecall_core::{Clock, Error, ErrorKind, Result, TenantId, Vault, async_trait};

use crate::*;

pub(super) struct World {
    pub(super) tenant: TenantId,
    pub(super) store: Arc<MemoryStore>,
    pub(super) vault: Arc<Vault>,
    pub(super) config: WorkflowConfig,
    pub(super) receivers: Receivers,
    pub(super) workflows: Arc<Workflows>,
    definitions: Vec<Workflow>,
    running: Vec<JoinHandle<()>>,
}

impl World {
    /// One process, which runs.
    pub(super) async fn new(definitions: impl IntoIterator<Item = Workflow>) -> Self {
        let mut world = Self::stopped(definitions).await;
        world.start();
        world
    }

    /// The same that looks for what is due but seldom: for tests of days.
    pub(super) async fn patient(definitions: impl IntoIterator<Item = Workflow>) -> Self {
        let mut world = Self::stopped(definitions).await;
        world.config.look_every = Duration::from_secs(60);
        let store = Arc::clone(&world.store) as Arc<dyn EventStore>;
        world.workflows = world.another(world.definitions.clone(), store);
        world.start();
        world
    }

    pub(super) async fn stopped(definitions: impl IntoIterator<Item = Workflow>) -> Self {
        let definitions: Vec<_> = definitions.into_iter().collect();
        let (store, vault) = (Arc::new(MemoryStore::new()), Arc::new(Vault::generate().unwrap()));
        let receivers = Receivers::default();
        let config = WorkflowConfig {
            clock: Clock::from("2026-11-28T08:00:00Z".parse().unwrap()),
            client: Some(Arc::new(receivers.clone())),
            ..WorkflowConfig::default()
        };
        let given = Arc::clone(&store) as Arc<dyn EventStore>;
        let workflows = Workflows::new(config.clone(), given, definitions.clone(), Arc::clone(&vault)).unwrap();
        workflows.check().await.unwrap();
        let tenant = TenantId::new();
        Self { tenant, store, vault, config, receivers, workflows, definitions, running: Vec::new() }
    }

    /// As another process has it, or the next one, with these workflows.
    pub(super) fn another(&self, definitions: Vec<Workflow>, store: Arc<dyn EventStore>) -> Arc<Workflows> {
        Workflows::new(self.config.clone(), store, definitions, Arc::clone(&self.vault)).unwrap()
    }

    pub(super) fn start(&mut self) {
        self.running.push(tokio::spawn(Arc::clone(&self.workflows).run_background(std::future::pending::<()>())));
    }

    /// One more process with the same workflows.
    pub(super) fn join(&mut self) {
        let another = self.another(self.definitions.clone(), Arc::clone(&self.store) as _);
        self.running.push(tokio::spawn(another.run_background(std::future::pending::<()>())));
    }

    /// Dies in the middle of whatever it does.
    pub(super) async fn kill(&mut self) {
        for running in self.running.drain(..) {
            running.abort();
            let _ = running.await;
        }
    }

    /// Dies, and begins again with these workflows.
    pub(super) async fn restart(&mut self, definitions: Vec<Workflow>) {
        self.kill().await;
        self.workflows = self.another(definitions, Arc::clone(&self.store) as _);
        self.start();
    }

    /// A call is ordered: `call.initiated` and `call.status`.
    pub(super) async fn call(&self) {
        self.call_of(self.tenant).await;
    }

    pub(super) async fn call_of(&self, tenant: TenantId) {
        let at = self.config.clock.now();
        let to = "+46701234567".parse().unwrap();
        let new = NewSession::outbound_to(&self.vault, tenant, &to, at).unwrap();
        self.store.create_session(&new).await.unwrap();
        self.workflows.wake();
    }

    /// All runs of the tenant, oldest first.
    pub(super) async fn runs(&self) -> Vec<Run> {
        let all = PageRequest { page: 1, per_page: 100 };
        let mut runs = self.workflows.runs(self.tenant).list(&RunFilter::default(), all).await.unwrap().items;
        runs.reverse();
        runs
    }

    /// The one run there is.
    pub(super) async fn run(&self) -> Run {
        let mut runs = self.runs().await;
        assert_eq!(runs.len(), 1);
        runs.remove(0)
    }
}

impl Drop for World {
    fn drop(&mut self) {
        self.running.iter().for_each(JoinHandle::abort);
    }
}

pub(super) async fn wait(seconds: u64) {
    tokio::time::sleep(Duration::from_secs(seconds)).await;
}

/// A workflow that calls start.
pub(super) fn on_call(name: &'static str) -> Workflow {
    Workflow::new(name).on(EventType::CallInitiated)
}

/// How far each step has come.
pub(super) fn states(run: &Run) -> Vec<(&str, StepState, u32)> {
    run.steps.iter().map(|(name, record)| (name.as_str(), record.state, record.attempts)).collect()
}

pub(super) fn away() -> Error {
    Error::new(ErrorKind::Unavailable, "ask")
}

/// What was done, by the key it was done under, and how often it was asked for.
#[derive(Debug, Clone, Default)]
pub(super) struct Ledger(Arc<Mutex<BTreeMap<String, u32>>>);

impl Ledger {
    /// Does something once for each key, and says how often it was asked for.
    pub(super) fn note(&self, key: &str) -> u32 {
        let mut all = self.0.lock().unwrap();
        let count = all.entry(key.to_owned()).or_default();
        *count += 1;
        *count
    }

    /// How often each step was asked for, over all runs; and for how many runs.
    pub(super) fn of_step(&self, step: &str) -> (usize, u32) {
        let all = self.0.lock().unwrap();
        let of_step: Vec<_> = all.iter().filter(|(key, _)| key.ends_with(&format!("/{step}"))).collect();
        (of_step.len(), of_step.iter().map(|(_, count)| **count).sum())
    }

    /// A step that is noted here, and takes a while.
    pub(super) fn step(&self, name: &'static str, millis: u64) -> Step {
        let ledger = self.clone();
        Step::new(name, move |run: StepRun| {
            let ledger = ledger.clone();
            async move {
                let asked = ledger.note(&run.key);
                tokio::time::sleep(Duration::from_millis(millis)).await;
                Ok(json!({ "asked": asked }))
            }
        })
    }

    /// A step that fails so often, and is then done.
    pub(super) fn failing(
        &self,
        name: &'static str,
        times: u32,
        error: impl Fn() -> Error + Send + Sync + 'static,
    ) -> Step {
        let ledger = self.clone();
        Step::new(name, move |run: StepRun| {
            let outcome = if ledger.note(&run.key) <= times { Err(error()) } else { Ok(Value::Null) };
            async move { outcome }
        })
    }
}

/// What a receiver of webhooks does with one.
#[derive(Debug, Clone, Copy)]
pub(super) enum Receives {
    Answers(u16),
    AsksToWait(u64),
    Hangs,
}

/// The receivers of webhooks, by their hosts.
#[derive(Debug, Clone, Default)]
pub(super) struct Receivers(Arc<Mutex<Inboxes>>);

#[derive(Debug, Default)]
struct Inboxes {
    next: HashMap<String, VecDeque<Receives>>,
    got: Vec<(WebhookPost, tokio::time::Instant)>,
}

impl Receivers {
    pub(super) fn then(&self, host: &str, all: impl IntoIterator<Item = Receives>) {
        self.0.lock().unwrap().next.entry(host.to_owned()).or_default().extend(all);
    }

    /// What a host has got, and when.
    pub(super) fn got(&self, host: &str) -> Vec<(WebhookPost, tokio::time::Instant)> {
        let all = self.0.lock().unwrap();
        all.got.iter().filter(|(post, _)| post.url.host_str() == Some(host)).cloned().collect()
    }
}

#[async_trait]
impl WebhookClient for Receivers {
    async fn post(&self, request: &WebhookPost) -> Result<WebhookReply> {
        let next = {
            let mut all = self.0.lock().unwrap();
            all.got.push((request.clone(), tokio::time::Instant::now()));
            let host = request.url.host_str().unwrap_or_default();
            all.next.get_mut(host).and_then(VecDeque::pop_front).unwrap_or(Receives::Answers(204))
        };
        match next {
            Receives::Answers(status) => Ok(WebhookReply { status, retry_after: None }),
            Receives::AsksToWait(seconds) => {
                Ok(WebhookReply { status: 503, retry_after: Some(Duration::from_secs(seconds)) })
            }
            Receives::Hangs => {
                tokio::time::sleep(request.timeout).await;
                Err(Error::new(ErrorKind::Timeout, "deliver webhook"))
            }
        }
    }
}

/// The time of day in tests.
pub(super) fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}
