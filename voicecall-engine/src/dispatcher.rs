//! Calls those who are due: fair between tenants, at each account's pace, and past whatever cannot be called now.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use futures_util::{StreamExt, stream};
use tokio::time::{Instant, sleep_until, timeout};
use tracing::{error, info, warn};

use super::CallEngine;
use super::accounts::Admission;
use super::policy::DialPolicy;
use voicecall_core::store::{EndReason, EventSource, Session, SessionChange};
use voicecall_core::{Error, ErrorKind, Result, TenantId};

/// How long the dispatcher rests when nothing is due. Whoever submits a session wakes it.
const REST: Duration = Duration::from_secs(1);

/// How many sessions are looked at in a round.
const BATCH: u32 = 256;

/// How long a policy is waited for.
const POLICY_LIMIT: Duration = Duration::from_secs(1);

/// How long a tenant is left alone whose policy failed; doubled with each failure, up to the longest.
const FIRST_DEFERRAL: Duration = Duration::from_secs(1);
const LONGEST_DEFERRAL: Duration = Duration::from_secs(60);

impl CallEngine {
    /// Calls whoever is due until the engine drains.
    pub(super) async fn dispatch(self: &Arc<Self>) {
        let mut deferrals = Deferrals::default();
        while !self.is_draining() {
            let next = self.dispatch_round(&mut deferrals).await;
            tokio::select! {
                () = self.due.notified() => {}
                () = sleep_until(next) => {}
            }
        }
    }

    /// Looks at those who are due, once. Returns when to look again.
    async fn dispatch_round(self: &Arc<Self>, deferrals: &mut Deferrals) -> Instant {
        let rest = Instant::now() + REST;
        if !self.has_room() {
            return rest;
        }
        let due = match self.store.due_sessions(self.now(), BATCH).await {
            Ok(due) => due,
            Err(error) => {
                warn!(%error, "nobody can be called while the store does not tell who is due");
                return rest;
            }
        };
        let now = Instant::now();
        let due: Vec<_> = due.into_iter().filter(|session| !deferrals.holds(session.tenant, now)).collect();
        let asked = stream::iter(due).map(|session| async move {
            let policy = self.policy_in_time(&session).await;
            (session, policy)
        });
        // All side by side, so that one that hangs delays the others once; told in order, so that priority is kept.
        let mut asked = std::pin::pin!(asked.buffered(BATCH as usize));
        let mut next = rest;
        while let Some((session, policy)) = asked.next().await {
            match policy {
                Ok(policy) => {
                    deferrals.clear(session.tenant);
                    if let Some(at) = self.call_when_admitted(&session, policy).await {
                        next = next.min(at);
                    }
                }
                // Stays due: the store or the application is expected back.
                Err(error) if error.is_retryable() => {
                    warn!(session = %session.id, %error, "a tenant's sessions cannot be called now");
                    deferrals.defer(session.tenant, Instant::now());
                }
                Err(error) => {
                    error!(session = %session.id, %error, "a session cannot be called at all");
                    self.end_session(session.tenant, session.id, EndReason::TechnicalFailure, EventSource::System)
                        .await;
                }
            }
        }
        next
    }

    async fn policy_in_time(&self, session: &Session) -> Result<DialPolicy> {
        match timeout(POLICY_LIMIT, self.handler.policy(session)).await {
            Ok(policy) => policy,
            Err(_) => Err(Error::new(ErrorKind::Timeout, "ask for the dial policy")),
        }
    }

    /// Calls a session if its hours and its account allow it. Returns when its account allows the next order, if that is
    /// what it waits for.
    async fn call_when_admitted(self: &Arc<Self>, session: &Session, policy: DialPolicy) -> Option<Instant> {
        let now = self.now();
        let opens = self.permitted(&policy, now);
        if opens > now {
            info!(session = %session.id, until = %opens, "a session waits for the permitted hours");
            let change = SessionChange::Postponed { until: opens, at: now };
            if let Err(error) = self.store.change_session(session.tenant, session.id, &change).await
                && error.kind() != ErrorKind::Conflict
            {
                warn!(session = %session.id, %error, "a session could not be postponed");
            }
            return None;
        }
        let account = match self.accounts.for_call(policy.account) {
            Ok(account) => account,
            Err(error) => {
                error!(session = %session.id, %error, "a session is to be called through an account there is not");
                self.end_session(session.tenant, session.id, EndReason::TechnicalFailure, EventSource::System).await;
                return None;
            }
        };
        if !self.has_room() {
            return None;
        }
        match account.admit(Instant::now()) {
            Admission::Now => {}
            Admission::At(at) => return Some(at),
            Admission::Unfit => return None,
        }
        // Goes on by itself; what comes of it is in the store.
        if let Err(error) = self.begin(session, &account).await {
            // Somebody else may have been quicker.
            if error.kind() != ErrorKind::Conflict {
                warn!(session = %session.id, %error, "a session could not be called");
            }
        }
        Some(account.next_order())
    }

    fn has_room(&self) -> bool {
        let (ringing, live) = self.count();
        !self.is_draining() && ringing + live < self.config.max_live
    }
}

/// Tenants that are left alone for a while, because their policies fail.
#[derive(Debug, Default)]
struct Deferrals(HashMap<TenantId, (Instant, Duration)>);

impl Deferrals {
    fn holds(&self, tenant: TenantId, now: Instant) -> bool {
        self.0.get(&tenant).is_some_and(|(until, _)| *until > now)
    }

    fn defer(&mut self, tenant: TenantId, now: Instant) {
        // Several sessions of a round fail together, and count once.
        if self.holds(tenant, now) {
            return;
        }
        let wait = self.0.get(&tenant).map_or(FIRST_DEFERRAL, |(_, last)| (*last * 2).min(LONGEST_DEFERRAL));
        self.0.insert(tenant, (now + wait, wait));
        // Nobody who has been fit for that long needs to be remembered.
        self.0.retain(|_, (until, _)| now.saturating_duration_since(*until) < LONGEST_DEFERRAL);
    }

    fn clear(&mut self, tenant: TenantId) {
        self.0.remove(&tenant);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_tenant_that_fails_waits_longer_each_time_and_not_for_ever() {
        let (mut deferrals, tenant, start) = (Deferrals::default(), TenantId::new(), Instant::now());
        let mut at = start;
        for expected in [1, 2, 4, 8, 16, 32, 60, 60] {
            deferrals.defer(tenant, at);
            deferrals.defer(tenant, at);
            let wait = Duration::from_secs(expected);
            assert!(deferrals.holds(tenant, at + wait - Duration::from_millis(1)), "{expected}");
            at += wait;
            assert!(!deferrals.holds(tenant, at), "{expected}");
        }
        deferrals.clear(tenant);
        deferrals.defer(tenant, at);
        assert!(!deferrals.holds(tenant, at + FIRST_DEFERRAL));
    }
}
