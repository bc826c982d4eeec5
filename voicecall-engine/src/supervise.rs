//! The watch over calls, independent of their own tasks: none outlives its limit, none is forgotten.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, MissedTickBehavior, interval};
use tracing::{error, warn};

use super::CallEngine;
use super::address::CallKey;
use super::leases::RENEW_EVERY;
use voicecall_core::carrier::CallStatus;
use voicecall_core::store::{EndReason, EventSource, SessionStatus};
use voicecall_core::{AttemptId, SessionId, TenantId};
use voicecall_core::{ErrorKind, Result};

/// How often is looked.
const EVERY: Duration = Duration::from_secs(1);

/// How much longer than allowed anything may take before it is ended from here.
const GRACE: Duration = Duration::from_secs(15);

/// How often open sessions that no process seems to run are settled.
const RECOVER_EVERY: Duration = Duration::from_secs(60);

impl CallEngine {
    /// Does what sessions need beside their calls: calls those that are due, in their permitted hours and again if they
    /// were not reached; ends calls that outlive their limit; settles those of which nothing is heard. Returns when the
    /// engine [shuts down](Self::shutdown).
    pub async fn run_background(self: &Arc<Self>) {
        tokio::join!(
            self.dispatch(),
            self.supervise(),
            self.renew_leases(),
            self.take_signals(),
            self.probe_accounts(),
            self.ask_for_prices()
        );
    }

    async fn supervise(self: &Arc<Self>) {
        let mut tick = interval(EVERY);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut last_recovery = Instant::now();
        loop {
            tick.tick().await;
            self.end_overdue_calls().await;
            self.take_back_late_calls().await;
            self.ask_after_silent_calls().await;
            if last_recovery.elapsed() >= RECOVER_EVERY {
                last_recovery = Instant::now();
                if let Err(error) = self.recover().await {
                    warn!(%error, "open sessions could not be recovered");
                }
            }
            if self.is_draining() && self.count() == (0, 0) {
                return;
            }
        }
    }

    /// Goes on holding what runs here, in a task that waits for nobody but the store: a slow carrier must not cost a
    /// healthy call its owner.
    async fn renew_leases(&self) {
        let mut tick = interval(EVERY);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut last = Instant::now();
        while !(self.is_draining() && self.count() == (0, 0)) {
            tick.tick().await;
            if last.elapsed() >= RENEW_EVERY {
                last = Instant::now();
                self.renew_held_leases().await;
            }
        }
    }

    /// Asks accounts that fail whether they are healthy again, each by itself.
    async fn probe_accounts(&self) {
        let mut tick = interval(EVERY);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        while !self.is_draining() {
            tick.tick().await;
            futures_util::future::join_all(self.accounts.all().iter().map(|account| account.probe())).await;
        }
    }

    /// Ends calls beyond the limit after which the carrier itself should have ended them.
    async fn end_overdue_calls(&self) {
        let overdue: Vec<_> = {
            let state = self.state();
            let overdue = state.live.iter().filter(|(_, live)| live.since.elapsed() >= live.time_limit + GRACE);
            overdue
                .map(|(&id, live)| (id, live.tenant, Arc::clone(&live.account), live.call.clone(), live.abort.clone()))
                .collect()
        };
        for (session, tenant, account, call, abort) in overdue {
            error!(%session, "a call outlived its limit and is ended");
            if let Err(error) = account.hang_up(&call).await {
                warn!(%session, %error, "the carrier did not hang up");
            }
            self.close_call(tenant, session, EndReason::Timeout, EventSource::System).await;
            if let Some(abort) = abort {
                abort.abort();
            }
        }
    }

    /// Takes back calls that the carrier has let wait until the hours had passed in which they were ordered.
    async fn take_back_late_calls(&self) {
        let now = self.now();
        let late: Vec<_> = {
            let mut state = self.state();
            let late = state.ringing.iter_mut().filter(|(_, ringing)| ringing.until.is_some_and(|until| until <= now));
            late.map(|(&attempt, ringing)| {
                // Asked about later if this does not settle it; its answer is refused anyway.
                ringing.until = None;
                (attempt, ringing.tenant, ringing.session)
            })
            .collect()
        };
        for (attempt, tenant, session) in late {
            if let Err(error) = self.take_back(attempt, tenant, session).await {
                warn!(%session, %error, "a call could not be taken back when its hours had passed");
            }
        }
    }

    async fn take_back(&self, attempt: AttemptId, tenant: TenantId, session: SessionId) -> Result<()> {
        // Without a name it is being looked for.
        let attempt = self.store.attempt(tenant, attempt).await?;
        let Some(call) = attempt.call.clone() else { return Ok(()) };
        let session = self.store.session(tenant, session).await?;
        if session.status != SessionStatus::Connecting {
            return Ok(());
        }
        warn!(session = %session.id, "the permitted hours have passed while a call waited at the carrier");
        // First the books: an answer is refused from now on.
        self.attempt_over(&session, attempt.id, EndReason::CallFailed, EventSource::System).await;
        self.remove_ringing(attempt.id);
        self.accounts.of(&attempt)?.hang_up(&call).await
    }

    /// Asks the carrier about calls that should have been answered or given up by now: its report may be lost.
    async fn ask_after_silent_calls(self: &Arc<Self>) {
        let patience = self.rules().ring_timeout + GRACE;
        let silent: Vec<_> = {
            let mut state = self.state();
            let silent = state.ringing.iter_mut().filter(|(_, ringing)| ringing.since.elapsed() >= patience);
            silent
                .map(|(&attempt, ringing)| {
                    // Asked again if this does not settle it.
                    ringing.since = Instant::now();
                    (attempt, ringing.tenant, ringing.session)
                })
                .collect()
        };
        for (attempt, tenant, session) in silent {
            self.ask_after(attempt, tenant, session).await;
        }
    }

    async fn ask_after(self: &Arc<Self>, attempt: AttemptId, tenant: TenantId, session: SessionId) {
        let asked = async {
            let attempt = self.store.attempt(tenant, attempt).await?;
            let key = CallKey::of(&attempt)?;
            // Without a name it is being looked for.
            let Some(call) = attempt.call else { return Ok(None) };
            match self.accounts.get(key.account)?.backend().fetch(&call).await {
                Ok(call) => Ok(Some((key, call.status))),
                Err(error) if error.kind() == ErrorKind::NotFound => Ok(Some((key, CallStatus::Failed))),
                Err(error) => Err(error),
            }
        };
        match asked.await {
            Ok(Some((key, status))) => match self.store.session(tenant, session).await {
                Ok(session) => self.advance(&session, key, status).await,
                Err(error) => warn!(%session, %error, "a silent call could not be settled"),
            },
            Ok(None) => {}
            Err(error) => warn!(%session, %error, "a silent call could not be asked after"),
        }
    }
}
