//! Attempts to reach a phone.

use std::collections::HashMap;

use async_trait::async_trait;
use jiff::Timestamp;

use super::{MemoryStore, conflict, not_found};
use crate::carrier::CallPrice;
use crate::error::Result;
use crate::event::Event;
use crate::id::{AccountName, AttemptId, CarrierCallId, Epoch, SessionId, TenantId};
use crate::store::{AttemptOutcome, AttemptState, DialAttempt, DialStore, EndReason, Session, SessionChange};

#[derive(Default)]
pub(super) struct Attempts {
    rows: HashMap<AttemptId, DialAttempt>,
    of_call: HashMap<(String, Option<AccountName>, CarrierCallId), AttemptId>,
}

impl Attempts {
    /// The attempts with these ids, in the order they were planned.
    pub(super) fn of(&self, ids: &[AttemptId]) -> Vec<DialAttempt> {
        let mut attempts: Vec<_> = ids.iter().filter_map(|id| self.rows.get(id)).cloned().collect();
        attempts.sort_by_key(|attempt| attempt.created_at);
        attempts
    }

    pub(super) fn remove(&mut self, ids: &[AttemptId]) {
        self.rows.retain(|id, _| !ids.contains(id));
        self.of_call.retain(|_, id| !ids.contains(id));
    }

    /// The attempt that became this call.
    pub(super) fn of_call(
        &self,
        carrier: &str,
        account: Option<AccountName>,
        call: &CarrierCallId,
    ) -> Option<&DialAttempt> {
        self.rows.get(self.of_call.get(&(carrier.to_owned(), account, call.clone()))?)
    }

    /// Those since `since` whose price is not known and may come, oldest first.
    pub(super) fn unpriced(&self, since: Timestamp) -> Vec<(TenantId, AttemptId)> {
        let mut unpriced: Vec<_> =
            self.rows.values().filter(|row| row.created_at >= since && row.may_be_charged()).collect();
        unpriced.sort_by_key(|row| (row.created_at, row.id));
        unpriced.into_iter().map(|row| (row.tenant, row.id)).collect()
    }

    fn get_mut(&mut self, operation: &'static str, tenant: TenantId, id: AttemptId) -> Result<&mut DialAttempt> {
        self.rows.get_mut(&id).filter(|row| row.tenant == tenant).ok_or_else(|| not_found(operation))
    }
}

#[async_trait]
impl DialStore for MemoryStore {
    async fn plan_attempt(&self, attempt: &DialAttempt) -> Result<()> {
        let mut data = self.lock();
        if attempt.state != AttemptState::Planned {
            return Err(conflict("plan attempt", "it is more than planned").with_field("state"));
        }
        if data.attempts.rows.contains_key(&attempt.id) {
            return Err(conflict("plan attempt", "the attempt exists"));
        }
        data.sessions.get_mut("plan attempt", attempt.tenant, attempt.session)?.attempts.push(attempt.id);
        data.attempts.rows.insert(attempt.id, attempt.clone());
        Ok(())
    }

    async fn begin_sending(&self, tenant: TenantId, attempt: AttemptId, epoch: Epoch) -> Result<()> {
        let mut data = self.lock();
        let session = data.attempts.get_mut("begin to send", tenant, attempt)?.session;
        if data.sessions.get("begin to send", tenant, session)?.session.owner != epoch {
            return Err(conflict("begin to send", "the session has another owner").with_field("epoch"));
        }
        data.attempts.get_mut("begin to send", tenant, attempt)?.begin_sending(epoch)?;
        data.note_order(session, true);
        Ok(())
    }

    async fn settle_attempt(&self, tenant: TenantId, attempt: AttemptId, outcome: &AttemptOutcome) -> Result<()> {
        let mut data = self.lock();
        let attempts = &mut data.attempts;
        let mut settled = attempts.get_mut("settle attempt", tenant, attempt)?.clone();
        settled.settle(outcome)?;
        if let Some(call) = &settled.call {
            let key = (settled.carrier.clone(), settled.account, call.clone());
            if *attempts.of_call.entry(key).or_insert(attempt) != attempt {
                return Err(conflict("settle attempt", "the call belongs to another attempt"));
            }
        }
        let session = settled.session;
        attempts.rows.insert(attempt, settled);
        if matches!(outcome, AttemptOutcome::Rejected(_)) {
            data.note_order(session, false);
        }
        Ok(())
    }

    async fn finish_attempt(
        &self,
        tenant: TenantId,
        attempt: AttemptId,
        outcome: EndReason,
        change: &SessionChange,
    ) -> Result<Session> {
        let mut data = self.lock();
        let mut finished = data.attempts.get_mut("finish attempt", tenant, attempt)?.clone();
        finished.finish(outcome)?;
        let row = data.sessions.get_mut("finish attempt", tenant, finished.session)?;
        let session = row.change(change)?;
        data.attempts.rows.insert(attempt, finished);
        data.tell(Event::of_session(&session, change));
        data.tell(Event::of_attempt(&session, attempt, outcome, change));
        Ok(session)
    }

    async fn charge_attempt(&self, tenant: TenantId, attempt: AttemptId, price: &CallPrice) -> Result<bool> {
        let mut data = self.lock();
        let row = data.attempts.get_mut("charge attempt", tenant, attempt)?;
        let (is_news, session) = (row.charge(price), row.session);
        if is_news {
            data.sessions.get_mut("charge attempt", tenant, session)?.session.charge(price);
        }
        Ok(is_news)
    }

    async fn attempt(&self, tenant: TenantId, id: AttemptId) -> Result<DialAttempt> {
        self.lock().attempts.get_mut("read attempt", tenant, id).cloned()
    }

    async fn attempts(&self, tenant: TenantId, session: SessionId) -> Result<Vec<DialAttempt>> {
        let data = self.lock();
        let ids = &data.sessions.get("read attempts", tenant, session)?.attempts;
        Ok(data.attempts.of(ids))
    }

    async fn count_attempts(&self, tenant: TenantId, sessions: &[SessionId]) -> Result<HashMap<SessionId, u64>> {
        let data = self.lock();
        let own = sessions.iter().filter_map(|id| data.sessions.rows.get(id));
        let own = own.filter(|row| row.session.tenant == tenant && !row.attempts.is_empty());
        Ok(own.map(|row| (row.session.id, row.attempts.len() as u64)).collect())
    }
}
