//! The watch over calls, independent of their own tasks: none outlives its limit, none is forgotten.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, MissedTickBehavior, interval};
use tracing::{error, warn};

use super::CallEngine;
use super::address::CallKey;
use crate::carrier::CallStatus;
use crate::error::ErrorKind;
use crate::id::{AttemptId, SessionId, TenantId};
use crate::store::{EndReason, EventSource};

/// How often is looked.
const EVERY: Duration = Duration::from_secs(1);

/// How much longer than allowed anything may take before it is ended from here.
const GRACE: Duration = Duration::from_secs(15);

/// How often open sessions that no process seems to run are settled.
const SWEEP_EVERY: Duration = Duration::from_secs(60);

impl CallEngine {
    /// Does what sessions need beside their calls: calls those that are due, in their permitted hours and again if they
    /// were not reached; ends calls that outlive their limit; settles those of which nothing is heard. Returns when the
    /// engine [shuts down](Self::shutdown).
    pub async fn tend(self: &Arc<Self>) {
        tokio::join!(self.dispatch(), self.supervise());
    }

    async fn supervise(self: &Arc<Self>) {
        let mut tick = interval(EVERY);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut last_sweep = Instant::now();
        loop {
            tick.tick().await;
            self.end_overdue_calls().await;
            self.ask_after_silent_calls().await;
            if last_sweep.elapsed() >= SWEEP_EVERY {
                last_sweep = Instant::now();
                if let Err(error) = self.sweep().await {
                    warn!(%error, "open sessions could not be swept");
                }
            }
            if self.is_draining() && self.count() == (0, 0) {
                return;
            }
        }
    }

    /// Ends calls beyond the limit after which the carrier itself should have ended them.
    async fn end_overdue_calls(&self) {
        let overdue: Vec<_> = {
            let state = self.state();
            let limit = self.config.time_limit + GRACE;
            let overdue = state.live.iter().filter(|(_, live)| live.since.elapsed() >= limit);
            overdue.map(|(&id, live)| (id, live.tenant, live.call.clone(), live.abort.clone())).collect()
        };
        for (session, tenant, call, abort) in overdue {
            error!(%session, "a call outlived its limit and is ended");
            if let Err(error) = self.carrier.hang_up(&call).await {
                warn!(%session, %error, "the carrier did not hang up");
            }
            self.end_session(tenant, session, EndReason::Timeout, EventSource::System).await;
            if let Some(abort) = abort {
                abort.abort();
            }
        }
    }

    /// Asks the carrier about calls that should have been answered or given up by now: its report may be lost.
    async fn ask_after_silent_calls(self: &Arc<Self>) {
        let patience = self.config.ring_timeout + GRACE;
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
            let call = self.store.attempt(tenant, attempt).await?.call;
            // Without a name it is being looked for.
            let Some(call) = call else { return Ok(None) };
            match self.carrier.fetch(&call).await {
                Ok(call) => Ok(Some(call.status)),
                Err(error) if error.kind() == ErrorKind::NotFound => Ok(Some(CallStatus::Failed)),
                Err(error) => Err(error),
            }
        };
        match asked.await {
            Ok(Some(status)) => match self.store.session(tenant, session).await {
                Ok(session) => self.advance(&session, CallKey { tenant, attempt }, status).await,
                Err(error) => warn!(%session, %error, "a silent call could not be settled"),
            },
            Ok(None) => {}
            Err(error) => warn!(%session, %error, "a silent call could not be asked after"),
        }
    }
}
