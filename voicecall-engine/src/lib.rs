#![doc = include_str!("../README.md")]
#![cfg_attr(docsrs, feature(doc_cfg))]

mod accounts;
mod address;
mod breaker;
mod call_back;
mod config;
mod decision;
mod destinations;
mod dial;
mod dispatcher;
mod ending;
mod erase;
mod failover;
mod fairness;
mod health;
mod incoming;
mod leases;
mod live;
mod named;
mod observe;
mod plan;
mod policy;
mod prices;
mod queue;
mod recording;
mod recovery;
mod registry;
mod resume;
mod retry;
mod rules;
mod settings;
mod shared_address;
mod signals;
mod sink;
mod stop;
mod supervise;
mod ticket;
mod transfer;
mod voicemail;
mod webhook;
mod written;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};
use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::{Notify, broadcast, mpsc, watch};
use tokio::task::AbortHandle;
use tokio::time::Instant;

pub use accounts::CarrierAccount;
pub use address::{CallKey, ReportOf};
pub use config::EngineConfig;
pub use decision::IncomingDecision;
pub use destinations::Destinations;
pub use erase::ErasedPerson;
pub use health::{AccountHealth, ConnectionState, EngineHealth, HealthStatus};
pub use observe::{LiveEvent, LiveEventKind, Observer};
pub use plan::{CallHandler, CallOutcome, CallPlan, PlanRequest};
pub use policy::{Backoff, CallBackPolicy, DialPolicy};
pub use recording::RecordingFolder;
pub use recovery::Recovered;
pub use registry::Registry;
pub use rules::CallRules;
pub use settings::AccountSettings;
pub use ticket::MediaTicket;
pub use voicemail::{Voicemail, WhileDetecting};

use accounts::{Account, Accounts};
use ticket::Tickets;
use voicecall_core::Result;
use voicecall_core::Vault;
use voicecall_core::call::InputEvent;
use voicecall_core::model::ServiceHealth;
use voicecall_core::store::{EngineStore, Store};
use voicecall_core::{AccountName, AttemptId, CarrierCallId, Epoch, SessionId, TenantId};

/// Runs the calls of one process.
#[derive(Debug)]
pub struct CallEngine {
    config: EngineConfig,
    /// Those of the configuration until they are changed.
    rules: RwLock<Arc<CallRules>>,
    /// Held while rules or accounts are changed, so that of two changes none is lost and each is checked against the other.
    changing: Mutex<()>,
    store: Arc<dyn EngineStore>,
    accounts: Accounts,
    handler: Arc<dyn CallHandler>,
    vault: Arc<Vault>,
    state: Mutex<State>,
    recorder: recording::RecordingThread,
    events: Arc<observe::EventBus>,
    changed: Notify,
    /// Somebody has come to wait, or may be called earlier than expected.
    due: Notify,
}

#[derive(Debug, Default)]
struct State {
    draining: bool,
    /// Calls placed, not connected yet, with what they will need.
    ringing: HashMap<AttemptId, Ringing>,
    /// Calls whose socket is ours.
    live: HashMap<SessionId, Live>,
    /// Calls whose socket was lost and may come back.
    broken: HashMap<SessionId, resume::Broken>,
    /// How often the carrier was told to connect a call again.
    resumes_told: HashMap<SessionId, usize>,
    /// Plans of calls that were refused, for their next attempt: an application may have given what it cannot give twice.
    unused_plans: HashMap<SessionId, (Instant, CallPlan)>,
    tickets: Tickets,
    /// Calls that came in lately.
    incoming: incoming::IncomingCalls,
}

#[derive(Debug)]
struct Ringing {
    tenant: TenantId,
    session: SessionId,
    since: Instant,
    /// As whom this process owns the session, once it does.
    epoch: Option<Epoch>,
    /// When the phone must ring no more.
    until: Option<Timestamp>,
    plan: Option<CallPlan>,
}

impl Ringing {
    fn new(tenant: TenantId, session: SessionId) -> Self {
        Self { tenant, session, since: Instant::now(), epoch: None, until: None, plan: None }
    }
}

#[derive(Debug)]
struct Live {
    tenant: TenantId,
    call: CarrierCallId,
    /// Through which account.
    account: Arc<Account>,
    since: Instant,
    /// How long it may last, by the rules it began with.
    time_limit: Duration,
    epoch: Option<Epoch>,
    /// Set once nothing of the call may be recorded any more.
    discarded: recording::Discarded,
    amd: watch::Sender<voicemail::AmdResult>,
    control: mpsc::Sender<Box<InputEvent<'static>>>,
    /// Ends the call's task, whatever it is doing.
    abort: Option<AbortHandle>,
}

impl CallEngine {
    /// An engine with nothing to do yet.
    ///
    /// # Errors
    /// `Config` naming what is wrong with the configuration or the accounts.
    pub fn new(
        mut config: EngineConfig,
        store: Arc<dyn EngineStore>,
        accounts: impl Into<Registry>,
        handler: Arc<dyn CallHandler>,
        vault: Arc<Vault>,
    ) -> Result<Arc<Self>> {
        config.validate()?;
        config.shares_store |= store.is_shared();
        let accounts = Accounts::new(accounts.into())?;
        config.rules.check_lines(&accounts)?;
        Ok(Arc::new(Self {
            recorder: recording::RecordingThread::start()?,
            state: Mutex::new(State::default()),
            events: Arc::new(observe::EventBus::new()),
            changed: Notify::new(),
            due: Notify::new(),
            rules: RwLock::new(Arc::new(config.rules.clone())),
            changing: Mutex::default(),
            config,
            store,
            accounts,
            handler,
            vault,
        }))
    }

    /// The settings it was made with.
    #[must_use]
    pub const fn config(&self) -> &EngineConfig {
        &self.config
    }

    /// The store, for whoever serves requests beside the engine: one tenant's at a time.
    #[must_use]
    pub fn store(&self) -> Arc<dyn Store> {
        Arc::<dyn EngineStore>::clone(&self.store)
    }

    /// The carrier accounts, the preferred one first.
    pub fn accounts(&self) -> Vec<CarrierAccount> {
        self.accounts.all().iter().map(|account| account.config().clone()).collect()
    }

    /// The rules by which it calls and answers now.
    #[must_use]
    pub fn rules(&self) -> Arc<CallRules> {
        Arc::clone(&self.rules.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Changes the rules while calls go on: what is on the line keeps those it began with, whatever begins later goes by the
    /// new ones. To call nobody for a while, say `places_calls = false`. `change` may read this engine, but not change it.
    ///
    /// # Errors
    /// `Config` naming the rule that is out of its range, or that a carrier cannot keep. Nothing is changed then.
    pub fn change_rules(&self, change: impl FnOnce(&mut CallRules)) -> Result<()> {
        {
            let _changing = self.changing.lock().unwrap_or_else(PoisonError::into_inner);
            let mut changed = CallRules::clone(&self.rules());
            change(&mut changed);
            changed.validate()?;
            changed.check_lines(&self.accounts)?;
            *self.rules.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(changed);
        }
        self.due.notify_one();
        Ok(())
    }

    /// Puts an account in the place of the one of the same name, or behind all others: with other numbers, another pace, other
    /// prices, or another way to the carrier. Calls that are on the line keep the account they began with, and what a
    /// carrier reports of them is read by the new one.
    ///
    /// # Errors
    /// `Config` naming what is wrong with it. Nothing is changed then.
    pub fn set_account(&self, account: CarrierAccount) -> Result<()> {
        {
            let _changing = self.changing.lock().unwrap_or_else(PoisonError::into_inner);
            self.accounts.set(account, &self.rules())?;
        }
        self.due.notify_one();
        Ok(())
    }

    /// Lets an account rest, or work again: while it rests, calls go through others, and those that may not wait. Calls that
    /// come in through it are answered all the same.
    ///
    /// # Errors
    /// `NotFound` if there is none of this name.
    pub fn rest_account(&self, name: AccountName, rests: bool) -> Result<()> {
        self.accounts.get(name)?.rest(rests);
        self.due.notify_one();
        Ok(())
    }

    /// How the AI services of its calls fare: [`EngineConfig::services`].
    #[must_use]
    pub fn services(&self) -> &[ServiceHealth] {
        &self.config.services
    }

    /// The account of this name.
    ///
    /// # Errors
    /// `NotFound` if there is none.
    pub fn account(&self, name: AccountName) -> Result<CarrierAccount> {
        self.accounts.get(name).map(|account| account.config().clone())
    }

    /// What happens in calls from now on, in memory only. A slow subscriber misses the oldest.
    #[must_use]
    pub fn subscribe(&self) -> broadcast::Receiver<LiveEvent> {
        self.events.subscribe()
    }

    /// Tells `observer` of everything that happens from now on.
    pub fn add_observer(&self, observer: Arc<dyn Observer>) {
        self.events.add(observer);
    }

    /// How many calls ring and how many are connected.
    #[must_use]
    pub fn count(&self) -> (usize, usize) {
        let state = self.state();
        (state.ringing.len(), state.live.len())
    }

    /// Whether new calls are refused because the process is going to end.
    #[must_use]
    pub fn is_draining(&self) -> bool {
        self.state().draining
    }

    /// What time it is.
    fn now(&self) -> Timestamp {
        self.config.clock.now()
    }

    /// Waits until new calls are refused.
    async fn drains(&self) {
        loop {
            let changed = self.changed.notified();
            if self.is_draining() {
                return;
            }
            changed.await;
        }
    }

    async fn idle(&self) {
        loop {
            let changed = self.changed.notified();
            let idle = {
                let state = self.state();
                state.ringing.is_empty() && state.live.is_empty() && state.broken.is_empty()
            };
            if idle {
                return;
            }
            changed.await;
        }
    }

    /// Forgets a call that will not be connected.
    fn remove_ringing(&self, attempt: AttemptId) {
        self.state().ringing.remove(&attempt);
        self.changed.notify_waiters();
    }

    /// A poisoned lock only means that another call's task panicked between two plain map operations; they leave no
    /// half-done state.
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests;
