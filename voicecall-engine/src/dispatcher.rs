//! Calls those who are due: fair between tenants, at each account's pace, and past whatever cannot be called now.

use std::sync::Arc;
use std::time::Duration;

use futures_util::{StreamExt, stream};
use tokio::time::{Instant, sleep_until, timeout};
use tracing::{error, info, warn};

use super::CallEngine;
use super::accounts::Admission;
use super::fairness::{Deferrals, Turns};
use super::policy::DialPolicy;
use voicecall_core::store::{EndReason, EventSource, Session, SessionChange};
use voicecall_core::{Error, ErrorKind, Result};

/// How long the dispatcher rests when nothing is due. Whoever submits a session wakes it.
const REST: Duration = Duration::from_secs(1);

/// How many sessions are looked at in a round, and how many of them may be one tenant's.
const BATCH: u32 = 256;
const PER_TENANT: u32 = 32;

/// How long a policy is waited for.
const POLICY_LIMIT: Duration = Duration::from_secs(1);

impl CallEngine {
    /// Calls whoever is due until the engine drains.
    pub(super) async fn dispatch(self: &Arc<Self>) {
        let (mut deferrals, mut turns) = (Deferrals::default(), Turns::default());
        while !self.is_draining() {
            let next = self.dispatch_round(&mut deferrals, &mut turns).await;
            tokio::select! {
                () = self.due.notified() => {}
                () = sleep_until(next) => {}
            }
        }
    }

    /// Looks at those who are due, once. Returns when to look again.
    async fn dispatch_round(self: &Arc<Self>, deferrals: &mut Deferrals, turns: &mut Turns) -> Instant {
        let rest = Instant::now() + REST;
        if !self.has_room() {
            return rest;
        }
        let due = match self.store.due_sessions(self.now(), PER_TENANT, BATCH).await {
            Ok(due) => due,
            Err(error) => {
                warn!(%error, "nobody can be called while the store does not tell who is due");
                return rest;
            }
        };
        let now = Instant::now();
        let mut due: Vec<_> = due.into_iter().filter(|session| !deferrals.holds(session.tenant, now)).collect();
        turns.sort(&mut due);
        let asked = stream::iter(due).map(|session| async move {
            let policy = self.policy_in_time(&session).await;
            (session, policy)
        });
        // All side by side, so that one that hangs delays the others once; told in order, so that turns and priority
        // are kept.
        let mut asked = std::pin::pin!(asked.buffered(BATCH as usize));
        let mut next = rest;
        while let Some((session, policy)) = asked.next().await {
            match policy {
                Ok(policy) => {
                    deferrals.clear(session.tenant);
                    if let Some(at) = self.call_when_admitted(&session, policy, turns).await {
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

    pub(super) async fn policy_in_time(&self, session: &Session) -> Result<DialPolicy> {
        match timeout(POLICY_LIMIT, self.handler.policy(session)).await {
            Ok(policy) => policy,
            Err(_) => Err(Error::new(ErrorKind::Timeout, "ask for the dial policy")),
        }
    }

    /// Calls a session if its hours and its account allow it. Returns when its account allows the next order, if that is
    /// what it waits for.
    async fn call_when_admitted(
        self: &Arc<Self>,
        session: &Session,
        policy: DialPolicy,
        turns: &mut Turns,
    ) -> Option<Instant> {
        let now = self.now();
        let Some(opens) = self.permitted(&policy, now) else {
            error!(session = %session.id, "the hours of a session and those of the operator have no moment in common");
            self.end_session(session.tenant, session.id, EndReason::NotAllowed, EventSource::System).await;
            return None;
        };
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
        let accounts = match self.accounts_for(session, &policy).await {
            Ok(accounts) => accounts,
            // Stays due: the store is expected back.
            Err(error) if error.is_retryable() => {
                warn!(session = %session.id, %error, "it is not known through which account a session is called");
                return None;
            }
            Err(error) => {
                error!(session = %session.id, %error, "a session is to be called through an account there is not");
                self.end_session(session.tenant, session.id, EndReason::TechnicalFailure, EventSource::System).await;
                return None;
            }
        };
        if !self.has_room() {
            return None;
        }
        // The first that does not fail: nothing was sent through those before it.
        let mut fit = accounts.into_iter().filter_map(|account| match account.admit(Instant::now()) {
            Admission::Unfit => None,
            admission => Some((account, admission)),
        });
        let account = match fit.next()? {
            (account, Admission::Now) => account,
            (_, Admission::At(at)) => return Some(at),
            (_, Admission::Unfit) => return None,
        };
        turns.taken(session.tenant);
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
        let rules = self.rules();
        !self.is_draining() && rules.places_calls && ringing + live < rules.max_live
    }
}
