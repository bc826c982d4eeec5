//! Attempts to call, broken in one way.

use std::collections::HashMap;

use super::*;
use crate::carrier::CallPrice;

#[async_trait]
impl DialStore for Broken {
    async fn plan_attempt(&self, attempt: &DialAttempt) -> Result<()> {
        let plan = async |tenant| self.inner.plan_attempt(&DialAttempt { tenant, ..attempt.clone() }).await;
        let tenant = attempt.tenant;
        scoped!(self, "plan_attempt", tenant, plan(tenant))
    }

    async fn begin_sending(&self, tenant: TenantId, attempt: AttemptId, epoch: Epoch) -> Result<()> {
        if self.has(Fault::SendsForAnybody) {
            for epoch in (2..9).map(Epoch) {
                if self.inner.begin_sending(tenant, attempt, epoch).await.is_ok() {
                    return Ok(());
                }
            }
        }
        if self.has(Fault::ChecksThenSends) {
            let planned = self.inner.attempt(tenant, attempt).await?.state == AttemptState::Planned;
            tokio::task::yield_now().await;
            let sent = self.inner.begin_sending(tenant, attempt, epoch).await;
            return if planned { Ok(()) } else { sent };
        }
        let sent = scoped!(self, "begin_sending", tenant, self.inner.begin_sending(tenant, attempt, epoch));
        match sent {
            Err(error) if self.has(Fault::SendsAgain) && error.kind() == ErrorKind::Conflict => Ok(()),
            sent => sent,
        }
    }

    async fn settle_attempt(&self, tenant: TenantId, attempt: AttemptId, outcome: &AttemptOutcome) -> Result<()> {
        let settled = scoped!(self, "settle_attempt", tenant, self.inner.settle_attempt(tenant, attempt, outcome));
        if self.has(Fault::Resettles) { Ok(()) } else { settled }
    }

    async fn finish_attempt(
        &self,
        tenant: TenantId,
        attempt: AttemptId,
        outcome: EndReason,
        change: &SessionChange,
    ) -> Result<Session> {
        let finish = async |tenant| self.inner.finish_attempt(tenant, attempt, outcome, change).await;
        let finished = scoped!(self, "finish_attempt", tenant, finish(tenant));
        if self.has(Fault::FinishesAgain) && finished.is_err() {
            let session = self.inner.attempt(tenant, attempt).await?.session;
            return self.inner.change_session(tenant, session, change).await;
        }
        finished
    }

    async fn charge_attempt(&self, tenant: TenantId, attempt: AttemptId, price: &CallPrice) -> Result<bool> {
        let news = scoped!(self, "charge_attempt", tenant, self.inner.charge_attempt(tenant, attempt, price))?;
        Ok(news || self.has(Fault::ChargesAgain))
    }

    async fn attempt(&self, tenant: TenantId, id: AttemptId) -> Result<DialAttempt> {
        scoped!(self, "attempt", tenant, self.inner.attempt(tenant, id))
    }

    async fn attempts(&self, tenant: TenantId, session: SessionId) -> Result<Vec<DialAttempt>> {
        scoped!(self, "attempts", tenant, self.inner.attempts(tenant, session))
    }

    async fn count_attempts(&self, tenant: TenantId, sessions: &[SessionId]) -> Result<HashMap<SessionId, u64>> {
        let mut counts = HashMap::new();
        for tenant in self.seen_as("count_attempts", tenant) {
            counts.extend(self.inner.count_attempts(tenant, sessions).await?);
        }
        Ok(counts)
    }
}
