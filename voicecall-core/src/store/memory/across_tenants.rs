//! Waiting, owners, and whose a carrier's call is.

use std::collections::HashMap;

use async_trait::async_trait;
use jiff::Timestamp;

use super::{MemoryStore, MemoryTables, conflict};
use crate::error::Result;
use crate::id::{AccountName, AttemptId, CarrierCallId, Epoch, SessionId, TenantId};
use crate::store::{
    AcquireLease, CallPriority, Claim, Lease, LeaseTerm, QueueStore, Route, RoutingStore, Session, Signal,
    refuse_to_call,
};

#[async_trait]
impl QueueStore for MemoryStore {
    async fn due_sessions(&self, now: Timestamp, per_tenant: u32, limit: u32) -> Result<Vec<Session>> {
        let tables = self.lock();
        let mut due: Vec<_> = tables.sessions().filter(|session| session.due_at.is_some_and(|at| at <= now)).collect();
        due.sort_by_key(|session| (session.priority != CallPriority::High, session.due_at, session.id));
        let mut of_tenant = HashMap::new();
        let mut placed: Vec<_> = due
            .into_iter()
            .map(|session| {
                let before = of_tenant.entry(session.tenant).or_insert(0_u32);
                *before += 1;
                (*before, session)
            })
            .filter(|(place, _)| *place <= per_tenant)
            .collect();
        // Stable: who stand at the same place of their tenants keep their order.
        placed.sort_by_key(|(place, _)| *place);
        Ok(placed.into_iter().take(limit as usize).map(|(_, session)| session.clone()).collect())
    }

    async fn count_waiting(&self) -> Result<u64> {
        Ok(self.lock().sessions().filter(|session| session.due_at.is_some()).count() as u64)
    }

    async fn claim_session(&self, tenant: TenantId, id: SessionId, claim: &Claim) -> Result<(Session, Epoch)> {
        let mut tables = self.lock();
        let session = tables.session(tenant, id)?;
        if let Some(end) = session.end_uncalled(claim.at).filter(|_| tables.forbids(session)) {
            tables.change_session(tenant, id, &end)?;
            return Err(refuse_to_call("claim session"));
        }
        let mut claimed = session.clone();
        let owner = claimed.claim(claim)?;
        tables.check_contact(tenant, id, claim)?;
        tables.begin_contact(tenant, id, claim);
        tables.sessions.get_mut("claim session", tenant, id)?.session = claimed.clone();
        Ok((claimed, owner))
    }

    async fn open_sessions(&self) -> Result<Vec<Session>> {
        let tables = self.lock();
        let mut open: Vec<_> = tables.sessions().filter(|session| session.is_open_call()).cloned().collect();
        open.sort_by_key(|session| session.created_at);
        Ok(open)
    }

    async fn unpriced_attempts(&self, since: Timestamp, limit: u32) -> Result<Vec<(TenantId, AttemptId)>> {
        let mut unpriced = self.lock().attempts.unpriced(since);
        unpriced.truncate(limit as usize);
        Ok(unpriced)
    }

    async fn acquire_lease(&self, tenant: TenantId, session: SessionId, how: AcquireLease) -> Result<Epoch> {
        let mut tables = self.lock();
        let row = tables.sessions.get_mut("acquire lease", tenant, session)?;
        row.session.acquire_lease(how)
    }

    async fn renew_leases(&self, leases: &[Lease], term: LeaseTerm) -> Result<Vec<Lease>> {
        let mut tables = self.lock();
        let mut lost = Vec::new();
        for lease in leases {
            match tables.sessions.get_mut("renew lease", lease.tenant, lease.session) {
                Ok(row) if row.session.owner == lease.epoch => row.session.leased_until = Some(term.until()),
                _ => lost.push(*lease),
            }
        }
        Ok(lost)
    }

    async fn signal(&self, tenant: TenantId, session: SessionId, signal: &Signal) -> Result<()> {
        let mut tables = self.lock();
        if tables.sessions.get("signal", tenant, session)?.session.status.is_final() {
            return Err(conflict("signal", "the session is over"));
        }
        tables.signals.push((session, signal.clone()));
        Ok(())
    }

    async fn take_signals(&self, leases: &[Lease]) -> Result<Vec<(Lease, Signal)>> {
        let mut tables = self.lock();
        if tables.signals.is_empty() {
            return Ok(Vec::new());
        }
        let owned = |lease: &&Lease| {
            let row = tables.sessions.get("take signals", lease.tenant, lease.session);
            row.is_ok_and(|row| row.session.owner == lease.epoch)
        };
        let owned: HashMap<_, _> = leases.iter().filter(owned).map(|lease| (lease.session, *lease)).collect();
        let MemoryTables { sessions, signals, .. } = &mut *tables;
        // Nobody owns a session that is over.
        signals.retain(|(id, _)| sessions.rows.get(id).is_some_and(|row| !row.session.status.is_final()));
        let taken = signals.extract_if(.., |(session, _)| owned.contains_key(session));
        Ok(taken.filter_map(|(session, signal)| Some((*owned.get(&session)?, signal))).collect())
    }
}

#[async_trait]
impl RoutingStore for MemoryStore {
    async fn route_call(
        &self,
        carrier: &str,
        account: Option<AccountName>,
        call: &CarrierCallId,
    ) -> Result<Option<Route>> {
        Ok(self.lock().attempts.of_call(carrier, account, call).map(|attempt| Route {
            tenant: attempt.tenant,
            session: attempt.session,
            attempt: Some(attempt.id),
        }))
    }
}
