//! Which process runs a session: it is held for a while, again and again, and whoever stops doing so has lost it.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use tracing::{error, warn};

use super::CallEngine;
use voicecall_core::Result;
use voicecall_core::store::{AcquireLease, Lease};

/// How long a session is held. A process that stands still for longer loses what it runs.
const HOLD: SignedDuration = SignedDuration::from_secs(30);

/// How often sessions are held on to.
pub(super) const HOLD_EVERY: Duration = Duration::from_secs(10);

impl CallEngine {
    /// Until when a session is held that is taken now.
    pub(super) fn hold_until(&self) -> Timestamp {
        self.now().saturating_add(HOLD).unwrap_or(Timestamp::MAX)
    }

    /// How a session is taken over that is being talked to here.
    pub(super) fn takes_over(&self) -> AcquireLease {
        AcquireLease::from_anybody(self.hold_until())
    }

    /// How a session is taken over that nobody seems to run.
    pub(super) fn takes_up(&self) -> AcquireLease {
        AcquireLease { free_at: self.config.shares_store.then(|| self.now()), ..self.takes_over() }
    }

    /// Whether another process holds the session.
    pub(super) fn is_held_elsewhere(&self, leased_until: Option<Timestamp>) -> bool {
        self.config.shares_store && leased_until.is_some_and(|until| until > self.now())
    }

    /// Whether a session is still this process's own; without another process it is.
    ///
    /// # Errors
    /// What the store reports.
    pub(super) async fn holds(&self, held: Lease) -> Result<bool> {
        if !self.config.shares_store {
            return Ok(true);
        }
        Ok(self.store.renew_leases(&[held], self.hold_until()).await?.is_empty())
    }

    /// Goes on holding everything that runs here, and lets go of what is another process's by now.
    pub(super) async fn hold_on(&self) {
        if !self.config.shares_store {
            return;
        }
        let held: Vec<_> = {
            let state = self.state();
            let ringing = state.ringing.values().map(|ringing| (ringing.tenant, ringing.session, ringing.epoch));
            let live = state.live.iter().map(|(id, live)| (live.tenant, *id, live.epoch));
            let broken = state.broken.iter().map(|(id, broken)| (broken.tenant, *id, Some(broken.epoch)));
            let all = ringing.chain(live).chain(broken);
            all.filter_map(|(tenant, session, epoch)| Some(Lease { tenant, session, epoch: epoch? })).collect()
        };
        match self.store.renew_leases(&held, self.hold_until()).await {
            Ok(lost) => lost.into_iter().for_each(|lost| self.let_go_of(lost)),
            Err(error) => warn!(%error, "sessions could not be held on to"),
        }
    }

    /// Ends what runs here for a session that is another process's by now, without touching the call.
    fn let_go_of(&self, lost: Lease) {
        error!(session = %lost.session, "another process has taken a session over");
        let mut state = self.state();
        state.ringing.retain(|_, ringing| ringing.session != lost.session || ringing.epoch != Some(lost.epoch));
        if state.broken.get(&lost.session).is_some_and(|broken| broken.epoch == lost.epoch) {
            state.broken.remove(&lost.session);
        }
        if state.live.get(&lost.session).is_some_and(|live| live.epoch == Some(lost.epoch))
            && let Some(live) = state.live.remove(&lost.session)
            && let Some(abort) = live.abort
        {
            abort.abort();
        }
        drop(state);
        self.changed.notify_waiters();
    }
}
