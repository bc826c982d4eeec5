//! Everything of one person.

use std::collections::BTreeMap;

use async_trait::async_trait;
use jiff::Timestamp;
use serde_json::Value;

use super::{MemoryStore, MemoryTables, Timeline};
use crate::error::Result;
use crate::id::{SessionId, TenantId};
use crate::seal::PersonKey;
use crate::store::{Channel, Erased, PersonFile, PersonStore, Session, SessionFile};

#[async_trait]
impl PersonStore for MemoryStore {
    async fn export_person(&self, tenant: TenantId, person: PersonKey) -> Result<PersonFile> {
        let mut tables = self.lock();
        let mut extensions = BTreeMap::new();
        for extension in &self.extensions {
            match extension.export(&mut tables, tenant, person)? {
                Value::Null => {}
                kept => drop(extensions.insert(extension.name(), kept)),
            }
        }
        let mut sessions: Vec<_> = tables.of_person(tenant, person).map(|row| file(&tables, row)).collect();
        sessions.sort_by_key(|file| (file.session.started_at, file.session.id));
        let calls_forbidden_since = tables.do_not_call.get(&(tenant, person)).copied();
        Ok(PersonFile { sessions, extensions, calls_forbidden_since })
    }

    async fn erase_person(&self, tenant: TenantId, person: PersonKey) -> Result<Erased> {
        let mut tables = self.lock();
        let before = tables.rows.clone();
        let sessions: Vec<_> = tables.of_person(tenant, person).map(|row| row.session.id).collect();
        let of_sessions: Vec<_> = tables.of_person(tenant, person).map(|row| row.rows.clone()).collect();
        let mut extensions = BTreeMap::new();
        for extension in &self.extensions {
            match extension.erase(&mut tables, tenant, person) {
                Ok(0) => {}
                Ok(rows) => drop(extensions.insert(extension.name(), rows)),
                Err(error) => {
                    tables.rows = before;
                    for (session, rows) in sessions.iter().zip(of_sessions) {
                        if let Some(row) = tables.sessions.rows.get_mut(session) {
                            row.rows = rows;
                        }
                    }
                    return Err(error);
                }
            }
        }
        for &session in &sessions {
            tables.remove_session(session);
        }
        tables.forget_person(tenant, person);
        Ok(Erased { sessions, extensions })
    }

    async fn forbid_calls(&self, tenant: TenantId, person: PersonKey, at: Timestamp) -> Result<Vec<Session>> {
        self.lock().forbid(tenant, person, at)
    }

    async fn calls_forbidden_since(&self, tenant: TenantId, person: PersonKey) -> Result<Option<Timestamp>> {
        Ok(self.lock().do_not_call.get(&(tenant, person)).copied())
    }

    async fn allow_calls(&self, tenant: TenantId, person: PersonKey) -> Result<()> {
        self.lock().do_not_call.remove(&(tenant, person));
        Ok(())
    }

    async fn forbid_messages(
        &self,
        tenant: TenantId,
        person: PersonKey,
        channel: &Channel,
        at: Timestamp,
    ) -> Result<()> {
        self.lock().messages.opt_outs().entry((tenant, person, channel.clone())).or_insert(at);
        Ok(())
    }

    async fn messages_forbidden_since(
        &self,
        tenant: TenantId,
        person: PersonKey,
        channel: &Channel,
    ) -> Result<Option<Timestamp>> {
        Ok(self.lock().messages.opt_outs().get(&(tenant, person, channel.clone())).copied())
    }

    async fn allow_messages(&self, tenant: TenantId, person: PersonKey, channel: &Channel) -> Result<()> {
        self.lock().messages.opt_outs().remove(&(tenant, person, channel.clone()));
        Ok(())
    }
}

impl MemoryTables {
    pub(super) fn remove_session(&mut self, id: SessionId) {
        if let Some(row) = self.sessions.remove(id) {
            self.attempts.remove(&row.attempts);
            self.forget_session_of_contacts(id);
            self.signals.retain(|(session, _)| *session != id);
            self.forget_messages_of(id);
            self.forget_events_of_session(id);
        }
    }

    fn of_person(&self, tenant: TenantId, person: PersonKey) -> impl Iterator<Item = &Timeline> {
        let rows = self.sessions.rows.values();
        rows.filter(move |row| row.session.tenant == tenant && row.session.is_with(person))
    }
}

fn file(tables: &MemoryTables, row: &Timeline) -> SessionFile {
    SessionFile {
        session: row.session.clone(),
        events: row.archived.iter().chain(&row.events).cloned().collect(),
        journal: row.journal.values().cloned().collect(),
        attempts: tables.attempts.of(&row.attempts),
        provider_logs: row.provider_logs.clone(),
        messages: tables.messages.of_whole_session(row.session.id),
    }
}
