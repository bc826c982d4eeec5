//! Sessions from the order to the end, written once for all carriers: dialling, binding sockets, webhooks, sweeping, draining.

mod address;
mod config;
mod dial;
mod live;
mod observe;
mod plan;
mod sink;
mod sweep;
mod ticket;
mod webhook;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{Notify, broadcast, mpsc};

pub use address::CallKey;
pub use config::EngineConfig;
pub use observe::{LiveEvent, LiveEventKind, Observer};
pub use plan::{CallOutcome, CallPlan, CallService};
pub use sweep::Swept;
pub use ticket::MediaTicket;

use crate::agent::VoiceAgent;
use crate::carrier::VoiceBackend;
use crate::dialogue::Action;
use crate::error::{Error, ErrorKind, Result};
use crate::id::{AttemptId, SessionId, TenantId};
use crate::seal::Vault;
use crate::store::{EndReason, Store};
use ticket::Tickets;

/// Runs the calls of one process.
#[derive(Debug)]
pub struct CallEngine {
    config: EngineConfig,
    store: Arc<dyn Store>,
    carrier: Arc<dyn VoiceBackend>,
    agent: Arc<dyn VoiceAgent>,
    service: Arc<dyn CallService>,
    vault: Arc<Vault>,
    state: Mutex<State>,
    recorder: sink::RecordingThread,
    watchers: Arc<observe::Watchers>,
    changed: Notify,
}

#[derive(Debug, Default)]
struct State {
    draining: bool,
    /// Calls placed, not connected yet, with what they will need.
    ringing: HashMap<AttemptId, Ringing>,
    /// Calls whose socket is ours.
    live: HashMap<SessionId, Live>,
    tickets: Tickets,
}

#[derive(Debug)]
struct Ringing {
    tenant: TenantId,
    session: SessionId,
    plan: Option<CallPlan>,
}

#[derive(Debug)]
struct Live {
    tenant: TenantId,
    control: mpsc::Sender<Action>,
}

impl CallEngine {
    /// An engine with nothing to do yet.
    ///
    /// # Errors
    /// `Config` if the agent decides turns itself or does not speak verbatim, which the service's dialogues need; or
    /// if the configuration is wrong.
    pub fn new(
        config: EngineConfig,
        store: Arc<dyn Store>,
        carrier: Arc<dyn VoiceBackend>,
        agent: Arc<dyn VoiceAgent>,
        service: Arc<dyn CallService>,
        vault: Arc<Vault>,
    ) -> Result<Arc<Self>> {
        config.validate()?;
        if agent.owns_turns() || !agent.speaks_verbatim() {
            return Err(Error::config("agent", "an agent that leaves turns to us and speaks verbatim"));
        }
        Ok(Arc::new(Self {
            recorder: sink::RecordingThread::start()?,
            state: Mutex::new(State::default()),
            watchers: Arc::new(observe::Watchers::new()),
            changed: Notify::new(),
            config,
            store,
            carrier,
            agent,
            service,
            vault,
        }))
    }

    /// The store, for whoever serves requests beside the engine.
    #[must_use]
    pub fn store(&self) -> &Arc<dyn Store> {
        &self.store
    }

    /// The carrier.
    #[must_use]
    pub fn carrier(&self) -> &Arc<dyn VoiceBackend> {
        &self.carrier
    }

    /// What happens in calls from now on, in memory only. A slow subscriber misses the oldest.
    #[must_use]
    pub fn subscribe(&self) -> broadcast::Receiver<LiveEvent> {
        self.watchers.subscribe()
    }

    /// Tells `observer` of everything that happens from now on.
    pub fn add_observer(&self, observer: Arc<dyn Observer>) {
        self.watchers.add(observer);
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

    /// Ends a session's call, whatever it is doing.
    ///
    /// # Errors
    /// `NotFound` if the session has no call here.
    pub async fn stop(&self, tenant: TenantId, session: SessionId, reason: EndReason) -> Result<()> {
        let control = {
            let state = self.state();
            state.live.get(&session).filter(|live| live.tenant == tenant).map(|live| live.control.clone())
        };
        match control {
            // A call that ended in the meantime is what was asked for.
            Some(control) => {
                let _ = control.send(Action::EndNow(reason)).await;
                Ok(())
            }
            None => Err(Error::new(ErrorKind::NotFound, "stop call")),
        }
    }

    /// Takes no more calls, waits for the live ones and those that ring up to `limit`, then ends those that are still
    /// live; one that still rings is left to the next sweep. Returns how many had to be ended.
    pub async fn shutdown(&self, limit: Duration) -> usize {
        self.state().draining = true;
        let drained = tokio::time::timeout(limit, self.idle()).await;
        if drained.is_ok() {
            return 0;
        }
        let controls: Vec<_> = {
            let mut state = self.state();
            state.ringing.clear();
            state.live.values().map(|live| live.control.clone()).collect()
        };
        for control in &controls {
            let _ = control.send(Action::EndNow(EndReason::Canceled)).await;
        }
        let _ = tokio::time::timeout(limit, self.idle()).await;
        controls.len()
    }

    async fn idle(&self) {
        loop {
            let changed = self.changed.notified();
            let (ringing, live) = self.count();
            if ringing + live == 0 {
                return;
            }
            changed.await;
        }
    }

    /// Forgets a call that will not be connected.
    fn rings_no_more(&self, attempt: AttemptId) {
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
