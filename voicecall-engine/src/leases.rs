//! Which process runs a session: whoever has its lease, which is renewed again and again; who does not renew it loses it.

use std::time::Duration;

use jiff::Timestamp;
use tracing::{error, warn};

use super::CallEngine;
use voicecall_core::Result;
use voicecall_core::store::{AcquireLease, Lease, LeaseTerm};

/// How long a lease runs. A process that stands still for longer loses what it runs.
pub(super) const LEASE: Duration = Duration::from_secs(30);

/// How often leases are renewed.
pub(super) const RENEW_EVERY: Duration = Duration::from_secs(10);

impl CallEngine {
    /// The term of a lease that is acquired or renewed now.
    pub(super) fn lease_term(&self) -> LeaseTerm {
        LeaseTerm { now: self.now(), length: LEASE }
    }

    /// The lease of a session that is being talked to here, whoever has it.
    pub(super) fn lease_of_anybody(&self) -> AcquireLease {
        AcquireLease::from_anybody(self.lease_term())
    }

    /// The lease of a session that nobody seems to run.
    pub(super) fn lease_of_nobody(&self) -> AcquireLease {
        AcquireLease { only_if_free: self.config.shares_store, ..self.lease_of_anybody() }
    }

    /// Whether another process seems to have the session's lease: what is done upon it is decided by the store, with its own
    /// clock if it has one.
    pub(super) fn is_leased_elsewhere(&self, leased_until: Option<Timestamp>) -> bool {
        self.config.shares_store && leased_until.is_some_and(|until| until > self.now())
    }

    /// Whether a session is still this process's own; without another process it is.
    ///
    /// # Errors
    /// What the store reports.
    pub(super) async fn still_owns(&self, held: Lease) -> Result<bool> {
        if !self.config.shares_store {
            return Ok(true);
        }
        Ok(self.store.renew_leases(&[held], self.lease_term()).await?.is_empty())
    }

    /// Lets go of a session that nobody needs to run for the time being.
    pub(super) async fn release(&self, held: Lease) {
        let term = LeaseTerm { length: Duration::ZERO, ..self.lease_term() };
        if self.config.shares_store
            && let Err(error) = self.store.renew_leases(&[held], term).await
        {
            // It runs out by itself.
            warn!(session = %held.session, %error, "a lease could not be given up");
        }
    }

    /// Renews the leases of everything that runs here, and drops what is another process's by now.
    pub(super) async fn renew_held_leases(&self) {
        if !self.config.shares_store {
            return;
        }
        match self.store.renew_leases(&self.held_leases(), self.lease_term()).await {
            Ok(lost) => lost.into_iter().for_each(|lost| self.drop_lost(lost)),
            Err(error) => warn!(%error, "leases could not be renewed"),
        }
    }

    /// The leases of everything that runs here.
    pub(super) fn held_leases(&self) -> Vec<Lease> {
        let state = self.state();
        let ringing = state.ringing.values().map(|ringing| (ringing.tenant, ringing.session, ringing.epoch));
        let live = state.live.iter().map(|(id, live)| (live.tenant, *id, live.epoch));
        let broken = state.broken.iter().map(|(id, broken)| (broken.tenant, *id, Some(broken.epoch)));
        let all = ringing.chain(live).chain(broken);
        all.filter_map(|(tenant, session, epoch)| Some(Lease { tenant, session, epoch: epoch? })).collect()
    }

    /// Ends what runs here for a session that is another process's by now, without touching the call.
    fn drop_lost(&self, lost: Lease) {
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
