//! Sessions, their events and responses.

use std::collections::{BTreeMap, HashMap};

use async_trait::async_trait;
use jiff::Timestamp;

use super::{MemoryStore, conflict, not_found};
use crate::error::Result;
use crate::id::{AttemptId, Epoch, SessionId, TenantId, VerificationId};
use crate::journal::JournalEntry;
use crate::store::{
    CallEvent, CallPriority, CallResponse, NewSession, Page, PageRequest, ProviderLog, Session, SessionChange,
    SessionFilter, SessionStore, check_end,
};

#[derive(Default)]
pub(super) struct Sessions {
    pub(super) rows: BTreeMap<SessionId, Timeline>,
    of_verification: HashMap<(TenantId, VerificationId), SessionId>,
}

/// A session and everything that is only found through it.
pub(super) struct Timeline {
    pub(super) session: Session,
    pub(super) owner: Epoch,
    pub(super) journal: BTreeMap<u64, JournalEntry>,
    pub(super) responses: Vec<CallResponse>,
    pub(super) provider_logs: Vec<ProviderLog>,
    pub(super) attempts: Vec<AttemptId>,
    pub(super) archived: Vec<CallEvent>,
    pub(super) events: Vec<CallEvent>,
}

impl Sessions {
    /// The tenant's session; another tenant's is not found.
    pub(super) fn get(&self, operation: &'static str, tenant: TenantId, id: SessionId) -> Result<&Timeline> {
        self.rows.get(&id).filter(|row| row.session.tenant == tenant).ok_or_else(|| not_found(operation))
    }

    pub(super) fn get_mut(
        &mut self,
        operation: &'static str,
        tenant: TenantId,
        id: SessionId,
    ) -> Result<&mut Timeline> {
        self.rows.get_mut(&id).filter(|row| row.session.tenant == tenant).ok_or_else(|| not_found(operation))
    }
}

impl Sessions {
    /// Deletes a session with everything that is only found through it.
    pub(super) fn remove(&mut self, id: SessionId) -> Option<Timeline> {
        let row = self.rows.remove(&id)?;
        self.of_verification.retain(|_, session| *session != id);
        Some(row)
    }
}

impl Timeline {
    fn new(new: &NewSession) -> Self {
        Self {
            session: Session::created(new),
            owner: Epoch::FIRST,
            journal: BTreeMap::new(),
            responses: Vec::new(),
            provider_logs: Vec::new(),
            attempts: Vec::new(),
            archived: Vec::new(),
            events: vec![CallEvent::of_creation(new)],
        }
    }

    pub(super) fn push_event(&mut self, event: CallEvent) {
        let last = self.events.last().or(self.archived.last()).map(|event| event.timestamp);
        self.events.push(event.not_before(last));
    }
}

#[async_trait]
impl SessionStore for MemoryStore {
    async fn create_session(&self, new: &NewSession) -> Result<Session> {
        let sessions = &mut self.lock().sessions;
        if sessions.rows.contains_key(&new.id) {
            return Err(conflict("create session", "the session exists"));
        }
        if sessions.of_verification.contains_key(&(new.tenant, new.verification)) {
            return Err(conflict("create session", "the verification has a session"));
        }
        let row = Timeline::new(new);
        let session = row.session.clone();
        sessions.of_verification.insert((new.tenant, new.verification), new.id);
        sessions.rows.insert(new.id, row);
        Ok(session)
    }

    async fn session(&self, tenant: TenantId, id: SessionId) -> Result<Session> {
        Ok(self.lock().sessions.get("read session", tenant, id)?.session.clone())
    }

    async fn session_of_verification(&self, tenant: TenantId, id: VerificationId) -> Result<Option<Session>> {
        let sessions = &self.lock().sessions;
        let row = sessions.of_verification.get(&(tenant, id)).and_then(|id| sessions.rows.get(id));
        Ok(row.map(|row| row.session.clone()))
    }

    async fn change_session(&self, tenant: TenantId, id: SessionId, change: &SessionChange) -> Result<Session> {
        let mut data = self.lock();
        let row = data.sessions.get_mut("change session", tenant, id)?;
        row.session.apply(change)?;
        if let Some(event) = CallEvent::of_change(id, change) {
            row.push_event(event);
        }
        Ok(row.session.clone())
    }

    async fn complete_session(
        &self,
        tenant: TenantId,
        id: SessionId,
        change: &SessionChange,
        responses: &[CallResponse],
    ) -> Result<Session> {
        check_end(id, change, responses)?;
        let mut data = self.lock();
        let row = data.sessions.get_mut("complete session", tenant, id)?;
        row.session.apply(change)?;
        for response in responses {
            match row.responses.iter_mut().find(|earlier| earlier.question == response.question) {
                Some(earlier) => *earlier = response.clone(),
                None => row.responses.push(response.clone()),
            }
        }
        if let Some(event) = CallEvent::of_change(id, change) {
            row.push_event(event);
        }
        Ok(row.session.clone())
    }

    async fn sessions(&self, tenant: TenantId, filter: &SessionFilter, page: PageRequest) -> Result<Page<Session>> {
        page.validate()?;
        let data = self.lock();
        let own = data.sessions.rows.values().map(|row| &row.session).filter(|session| session.tenant == tenant);
        let mut found: Vec<_> = own.filter(|session| filter.matches(session)).collect();
        found.sort_by_key(|session| std::cmp::Reverse((session.started_at, session.id)));
        let before = usize::try_from(page.offset()).unwrap_or(usize::MAX);
        let items = found.iter().skip(before).take(page.per_page as usize).map(|&session| session.clone()).collect();
        Ok(Page { items, total: found.len() as u64 })
    }

    async fn due_sessions(&self, now: Timestamp, per_tenant: u32, limit: u32) -> Result<Vec<Session>> {
        let data = self.lock();
        let sessions = data.sessions.rows.values().map(|row| &row.session);
        let mut due: Vec<_> = sessions.filter(|session| session.due_at.is_some_and(|at| at <= now)).collect();
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
        Ok(self.lock().sessions.rows.values().filter(|row| row.session.due_at.is_some()).count() as u64)
    }

    async fn claim_session(
        &self,
        tenant: TenantId,
        id: SessionId,
        at: Timestamp,
        hold: Timestamp,
    ) -> Result<(Session, Epoch)> {
        let mut data = self.lock();
        let row = data.sessions.get_mut("claim session", tenant, id)?;
        row.session.claim(at, hold)?;
        row.owner = row.owner.next();
        Ok((row.session.clone(), row.owner))
    }

    async fn open_sessions(&self) -> Result<Vec<Session>> {
        let data = self.lock();
        let open = data.sessions.rows.values().map(|row| &row.session).filter(|session| !session.status.is_final());
        let mut open: Vec<_> = open.cloned().collect();
        open.sort_by_key(|session| session.created_at);
        Ok(open)
    }

    async fn sessions_among(&self, ids: &[SessionId]) -> Result<Vec<Session>> {
        let data = self.lock();
        let known = ids.iter().filter_map(|id| data.sessions.rows.get(id));
        Ok(known.map(|row| row.session.clone()).collect())
    }

    async fn unanalysed_sessions(&self, since: Timestamp, limit: u32) -> Result<Vec<Session>> {
        let data = self.lock();
        let is_wanted = |session: &&Session| {
            session.ended_at.is_some_and(|ended| ended >= since)
                && session.transcript.is_some()
                && session.analysis.is_none()
                && session.anonymised_at.is_none()
        };
        let mut found: Vec<_> = data.sessions.rows.values().map(|row| &row.session).filter(is_wanted).collect();
        found.sort_by_key(|session| (session.ended_at, session.id));
        Ok(found.into_iter().take(limit as usize).cloned().collect())
    }

    async fn append_event(&self, tenant: TenantId, event: &CallEvent) -> Result<()> {
        let mut data = self.lock();
        let row = data.sessions.get_mut("append event", tenant, event.session)?;
        if row.archived.iter().chain(&row.events).any(|existing| existing.id == event.id) {
            return Err(conflict("append event", "the event exists"));
        }
        row.push_event(event.clone());
        Ok(())
    }

    async fn events(&self, tenant: TenantId, session: SessionId, page: PageRequest) -> Result<Page<CallEvent>> {
        page.validate()?;
        let data = self.lock();
        let row = data.sessions.get("read events", tenant, session)?;
        let before = usize::try_from(page.offset()).unwrap_or(usize::MAX);
        let all = row.archived.iter().chain(&row.events);
        let items = all.skip(before).take(page.per_page as usize).cloned().collect();
        Ok(Page { items, total: (row.archived.len() + row.events.len()) as u64 })
    }

    async fn responses(&self, tenant: TenantId, session: SessionId) -> Result<Vec<CallResponse>> {
        Ok(self.lock().sessions.get("read responses", tenant, session)?.responses.clone())
    }
}
