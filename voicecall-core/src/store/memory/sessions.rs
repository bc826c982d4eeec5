//! Sessions, their events, and what was exchanged with providers for them.

use std::collections::{BTreeMap, HashMap};

use async_trait::async_trait;

use super::rows::Rows;
use super::{MemoryStore, conflict, not_found};
use crate::error::Result;
use crate::event::Event;
use crate::id::{AttemptId, SessionId, TenantId};
use crate::journal::JournalEntry;
use crate::store::{
    Direction, NewSession, Page, PageRequest, ProviderLog, Session, SessionChange, SessionEvent, SessionFilter,
    SessionStore, refuse_to_call,
};

#[derive(Default)]
pub(super) struct Sessions {
    pub(super) rows: BTreeMap<SessionId, Timeline>,
    by_reference: HashMap<(TenantId, String), SessionId>,
}

/// A session and everything that is only found through it.
pub(super) struct Timeline {
    pub(super) session: Session,
    pub(super) journal: BTreeMap<u64, JournalEntry>,
    pub(super) provider_logs: Vec<ProviderLog>,
    pub(super) attempts: Vec<AttemptId>,
    pub(super) rows: Rows,
    pub(super) archived: Vec<SessionEvent>,
    pub(super) events: Vec<SessionEvent>,
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
    fn by_reference(&self, reference: &(TenantId, String)) -> Option<&Timeline> {
        self.rows.get(self.by_reference.get(reference)?)
    }

    /// Deletes a session with everything that is only found through it.
    pub(super) fn remove(&mut self, id: SessionId) -> Option<Timeline> {
        let row = self.rows.remove(&id)?;
        self.by_reference.retain(|_, session| *session != id);
        Some(row)
    }
}

impl Timeline {
    pub(super) fn new(new: &NewSession) -> Self {
        Self {
            session: Session::created(new),
            journal: BTreeMap::new(),
            provider_logs: Vec::new(),
            attempts: Vec::new(),
            rows: Rows::default(),
            archived: Vec::new(),
            events: vec![SessionEvent::of_creation(new)],
        }
    }

    /// Changes the session and appends the event that belongs to the change.
    pub(super) fn change(&mut self, change: &SessionChange) -> Result<Session> {
        self.session.apply(change)?;
        if let Some(event) = SessionEvent::of_change(self.session.id, change) {
            self.push_event(event);
        }
        Ok(self.session.clone())
    }

    pub(super) fn push_event(&mut self, event: SessionEvent) {
        let last = self.events.last().or(self.archived.last()).map(|event| event.at);
        self.events.push(event.not_before(last));
    }
}

#[async_trait]
impl SessionStore for MemoryStore {
    async fn create_session(&self, new: &NewSession) -> Result<Session> {
        new.validate()?;
        let mut tables = self.lock();
        let reference = new.reference.clone().filter(|_| new.direction == Direction::Outbound);
        let reference = reference.map(|reference| (new.tenant, reference));
        if let Some(row) = reference.as_ref().and_then(|reference| tables.sessions.by_reference(reference)) {
            return Ok(row.session.clone());
        }
        let row = Timeline::new(new);
        if new.direction == Direction::Outbound && tables.forbids(&row.session) {
            return Err(refuse_to_call("create session"));
        }
        let sessions = &mut tables.sessions;
        if sessions.rows.contains_key(&new.id) {
            return Err(conflict("create session", "the session exists"));
        }
        let session = row.session.clone();
        sessions.by_reference.extend(reference.map(|reference| (reference, new.id)));
        sessions.rows.insert(new.id, row);
        tables.tell(Event::of_creation(&session));
        Ok(session)
    }

    async fn session(&self, tenant: TenantId, id: SessionId) -> Result<Session> {
        Ok(self.lock().sessions.get("read session", tenant, id)?.session.clone())
    }

    async fn session_by_reference(&self, tenant: TenantId, reference: &str) -> Result<Option<Session>> {
        let sessions = &self.lock().sessions;
        Ok(sessions.by_reference(&(tenant, reference.to_owned())).map(|row| row.session.clone()))
    }

    async fn change_session(&self, tenant: TenantId, id: SessionId, change: &SessionChange) -> Result<Session> {
        self.lock().change_session(tenant, id, change)
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

    async fn append_event(&self, tenant: TenantId, event: &SessionEvent) -> Result<()> {
        let mut data = self.lock();
        let row = data.sessions.get_mut("append event", tenant, event.session)?;
        if row.archived.iter().chain(&row.events).any(|existing| existing.id == event.id) {
            return Err(conflict("append event", "the event exists"));
        }
        row.push_event(event.clone());
        Ok(())
    }

    async fn events(&self, tenant: TenantId, session: SessionId, page: PageRequest) -> Result<Page<SessionEvent>> {
        page.validate()?;
        let data = self.lock();
        let row = data.sessions.get("read events", tenant, session)?;
        let before = usize::try_from(page.offset()).unwrap_or(usize::MAX);
        let all = row.archived.iter().chain(&row.events);
        let items = all.skip(before).take(page.per_page as usize).cloned().collect();
        Ok(Page { items, total: (row.archived.len() + row.events.len()) as u64 })
    }

    async fn log_provider(&self, tenant: TenantId, log: &ProviderLog) -> Result<()> {
        log.validate()?;
        let mut tables = self.lock();
        let logs = &mut tables.sessions.get_mut("log provider", tenant, log.session)?.provider_logs;
        if logs.iter().any(|existing| existing.id == log.id) {
            return Err(conflict("log provider", "the exchange exists"));
        }
        logs.push(log.clone());
        Ok(())
    }

    async fn provider_logs(&self, tenant: TenantId, session: SessionId) -> Result<Vec<ProviderLog>> {
        let tables = self.lock();
        let mut logs = tables.sessions.get("read provider logs", tenant, session)?.provider_logs.clone();
        logs.sort_by_key(|log| log.timestamp);
        Ok(logs)
    }
}
