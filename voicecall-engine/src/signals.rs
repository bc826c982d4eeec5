//! What reaches a process that does not run the session: left in the store for the one that does, which looks for it.

use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinSet;
use tokio::time::{Instant, MissedTickBehavior, interval, sleep};
use tracing::{error, warn};

use super::CallEngine;
use super::address::CallKey;
use voicecall_core::call::InputEvent;
use voicecall_core::carrier::CallStatus;
use voicecall_core::store::{EndReason, Lease, Session, Signal};
use voicecall_core::{CarrierCallId, ErrorKind, Result};

/// How often is looked for signals.
const LOOK_EVERY: Duration = Duration::from_millis(250);

/// How long it is not looked for them after the store has failed.
const STORE_IS_AWAY: Duration = Duration::from_secs(2);

/// How long the owner of a session may take to end it. It looks every quarter of a second.
const STOPS_WITHIN: Duration = Duration::from_secs(3);

impl CallEngine {
    /// Whether another process runs a session.
    pub(super) fn is_run_elsewhere(&self, session: &Session) -> bool {
        self.is_leased_elsewhere(session.leased_until) && !session.status.is_final() && !self.is_ours(session)
    }

    /// Leaves word for the process that runs a session. One that is over needs none.
    pub(super) async fn signal(&self, session: &Session, signal: &Signal) -> Result<()> {
        match self.store.signal(session.tenant, session.id, signal).await {
            Err(error) if error.kind() == ErrorKind::Conflict => Ok(()),
            result => result,
        }
    }

    /// Has the process that runs a session end it. Returns whether it did.
    pub(super) async fn stop_elsewhere(&self, session: &Session, reason: EndReason) -> Result<bool> {
        self.signal(session, &Signal::Stop { reason }).await?;
        let begun = Instant::now();
        while begun.elapsed() < STOPS_WITHIN {
            sleep(LOOK_EVERY).await;
            if self.store.session(session.tenant, session.id).await?.status.is_final() {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Looks for signals to what runs here. Each is acted on in a task of its own: a stop must not wait behind a carrier that
    /// is slow to hang up another call.
    pub(super) async fn take_signals(self: &Arc<Self>) {
        if !self.config.shares_store {
            return;
        }
        let mut tick = interval(LOOK_EVERY);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut acting = JoinSet::new();
        while !(self.is_draining() && self.count() == (0, 0)) {
            tokio::select! {
                _ = tick.tick() => {}
                Some(done) = acting.join_next() => {
                    if let Err(error) = done {
                        error!(%error, "acting on a signal panicked");
                    }
                    continue;
                }
            }
            let held = self.held_leases();
            if held.is_empty() {
                continue;
            }
            match self.store.take_signals(&held).await {
                Ok(taken) => taken.into_iter().for_each(|told| {
                    let engine = Arc::clone(self);
                    acting.spawn(async move { engine.take_signal(told).await });
                }),
                Err(error) => {
                    warn!(%error, "nobody can tell this process anything while the store is away");
                    sleep(STORE_IS_AWAY).await;
                }
            }
        }
        while acting.join_next().await.is_some() {}
    }

    async fn take_signal(self: &Arc<Self>, (lease, signal): (Lease, Signal)) {
        if let Err(error) = self.act_on(lease, signal).await {
            warn!(session = %lease.session, %error, "what another process told could not be done");
        }
    }

    async fn act_on(self: &Arc<Self>, Lease { tenant, session: id, .. }: Lease, signal: Signal) -> Result<()> {
        match signal {
            Signal::Status { attempt, call, status } => {
                let key = CallKey::of(&self.store.attempt(tenant, attempt).await?)?;
                let session = self.store.session(tenant, id).await?;
                self.take_status(&session, key, &call, status).await;
            }
            Signal::Detected { attempt, call, answered_by } => {
                let key = CallKey::of(&self.store.attempt(tenant, attempt).await?)?;
                let session = self.store.session(tenant, id).await?;
                self.detected(&session, key, &call, answered_by).await?;
            }
            Signal::Wrote { text } => {
                self.pass_on(tenant, id, &text).await;
            }
            Signal::Stop { reason } => match self.stop(tenant, id, reason).await {
                Err(error) if error.kind() == ErrorKind::Conflict => {}
                result => result?,
            },
            signal => warn!(session = %id, ?signal, "another process told something that this one does not know"),
        }
        Ok(())
    }

    /// Takes in how far the carrier says that a call has come.
    pub(super) async fn take_status(&self, session: &Session, key: CallKey, call: &CarrierCallId, status: CallStatus) {
        if status == CallStatus::Completed {
            self.tell_live(session.id, call, InputEvent::CallEnded);
        }
        self.advance(session, key, status).await;
    }
}
