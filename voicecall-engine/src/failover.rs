//! Through which account a session is called next, when one of them fails.
//!
//! Only what was never sent, or certainly refused, goes elsewhere. An order with an unknown outcome is looked for where it was
//! sent, and followed by no other (`dial.rs`).

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::CallEngine;
use super::accounts::{Account, account_of};
use super::plan::{CallPlan, PlanRequest};
use super::policy::DialPolicy;
use voicecall_core::store::{AttemptState, Session};
use voicecall_core::{AccountName, AttemptId, Error, ErrorKind, Result, SessionId};

/// How long a plan waits for the next attempt, which another process may make.
const KEPT_FOR: Duration = Duration::from_secs(600);

impl CallEngine {
    /// The accounts a session may be called through, the next one first: those that have refused it since its phone last rang
    /// come behind the others.
    pub(super) async fn accounts_for(&self, session: &Session, policy: &DialPolicy) -> Result<Vec<Arc<Account>>> {
        let accounts = self.accounts.for_call(policy)?;
        if accounts.len() < 2 {
            return Ok(accounts);
        }
        let refused = self.refused_by(session).await?;
        let (mut next, last): (Vec<_>, Vec<_>) =
            accounts.into_iter().partition(|account| !refused.contains(&account.name()));
        next.extend(last);
        Ok(next)
    }

    /// Whether a session whose order was refused goes to another account at once, which has not refused it yet.
    pub(super) async fn goes_elsewhere(&self, session: &Session, policy: &DialPolicy, refusal: &Error) -> bool {
        // Whoever finds fault with the order itself would be right everywhere.
        let is_the_accounts = refusal.is_retryable()
            || matches!(
                refusal.kind(),
                ErrorKind::Rejected | ErrorKind::Forbidden | ErrorKind::Unauthenticated | ErrorKind::Config
            );
        if !is_the_accounts {
            return false;
        }
        let (Ok(accounts), Ok(refused)) = (self.accounts.for_call(policy), self.refused_by(session).await) else {
            return false;
        };
        accounts.iter().any(|account| !account.is_unfit() && !refused.contains(&account.name()))
    }

    /// Keeps the plan of a call that was refused for the session's next attempt.
    pub(super) fn keep_plan(&self, session: SessionId, attempt: AttemptId) {
        let (now, mut state) = (Instant::now(), self.state());
        state.unused_plans.retain(|_, (since, _)| now - *since < KEPT_FOR);
        if let Some(plan) = state.ringing.get_mut(&attempt).and_then(|ringing| ringing.plan.take()) {
            state.unused_plans.insert(session, (now, plan));
        }
    }

    /// The plan of a session's call: the one that an earlier attempt has not come to use, or a new one.
    pub(super) async fn plan_for(&self, request: &PlanRequest) -> Result<CallPlan> {
        let unused = self.state().unused_plans.remove(&request.session.id);
        match unused {
            Some((_, plan)) => Ok(plan),
            None => self.handler.plan(request).await,
        }
    }

    /// The accounts whose refusals are all that has happened to a session since an order was last taken.
    async fn refused_by(&self, session: &Session) -> Result<Vec<AccountName>> {
        let attempts = self.store.attempts(session.tenant, session.id).await?;
        let refused = attempts.iter().rev().take_while(|attempt| attempt.state == AttemptState::Rejected);
        refused.map(account_of).collect()
    }
}
