//! Journals, and what follows from each entry.

use std::collections::{BTreeMap, HashMap};

use async_trait::async_trait;

use super::rows::Rows;
use super::{MemoryStore, MemoryTables, conflict};
use crate::error::{Error, Result};
use crate::event::Event;
use crate::id::{SessionId, TenantId};
use crate::journal::{Fact, JournalEntry};
use crate::store::{JournalStore, Session, event_of};

#[async_trait]
impl JournalStore for MemoryStore {
    async fn append(&self, tenant: TenantId, entries: &[JournalEntry]) -> Result<()> {
        self.append_within(&mut self.lock(), tenant, entries)
    }

    async fn journal(&self, tenant: TenantId, session: SessionId) -> Result<Vec<JournalEntry>> {
        Ok(self.lock().sessions.get("read journal", tenant, session)?.journal.values().cloned().collect())
    }
}

impl MemoryStore {
    /// Appends within a transaction, whole or not at all.
    pub(super) fn append_within(
        &self,
        tables: &mut MemoryTables,
        tenant: TenantId,
        entries: &[JournalEntry],
    ) -> Result<()> {
        check(tables, tenant, entries)?;
        let before = Before::of(tables, entries);
        let (mut wishes, mut told) = (Vec::new(), Vec::new());
        for entry in entries {
            let row = tables.sessions.get_mut("append to journal", tenant, entry.session)?;
            if row.journal.insert(entry.seq, entry.clone()).is_some() {
                continue;
            }
            if entry.fact == Fact::DoNotCall {
                wishes.push((entry.session, entry.at));
            }
            if let Some(event) = event_of(entry) {
                row.push_event(event);
            }
            // Undone with the rest if an extension refuses the entry.
            let _changed = row.session.take_in(entry);
            let has_words = || Ok(row.journal.values().any(|entry| entry.fact.is_spoken()));
            told.extend(Event::of_fact(tenant, entry, has_words)?);
            for extension in &self.extensions {
                if let Err(error) = extension.project(tables, tenant, entry) {
                    before.restore(tables);
                    return Err(error);
                }
            }
        }
        tables.tell(told);
        // Nothing can be refused any more: what ends now are sessions of others.
        wishes.into_iter().try_for_each(|(session, at)| tables.forbid_person_of(tenant, session, at))
    }
}

/// Finds what forbids the batch before any of it is written.
fn check(tables: &MemoryTables, tenant: TenantId, entries: &[JournalEntry]) -> Result<()> {
    let mut batch: HashMap<(SessionId, u64), &JournalEntry> = HashMap::new();
    for entry in entries {
        let row = tables.sessions.get("append to journal", tenant, entry.session)?;
        if entry.epoch != row.session.owner {
            return Err(conflict("append to journal", "the session has another owner").with_field("epoch"));
        }
        if entry.seq == 0 {
            return Err(Error::invalid("seq", "from 1"));
        }
        let earlier = batch.insert((entry.session, entry.seq), entry).or_else(|| row.journal.get(&entry.seq));
        if earlier.is_some_and(|earlier| earlier != entry) {
            return Err(conflict("append to journal", "another entry has the number").with_field("seq"));
        }
    }
    Ok(())
}

/// What an append may change, as it was: an extension may still refuse it.
struct Before {
    sessions: HashMap<SessionId, (Session, usize, Rows)>,
    fresh: Vec<(SessionId, u64)>,
    tables: Rows,
}

impl Before {
    fn of(tables: &MemoryTables, entries: &[JournalEntry]) -> Self {
        let rows: BTreeMap<_, _> = entries
            .iter()
            .filter_map(|entry| Some((entry.session, tables.sessions.rows.get(&entry.session)?)))
            .collect();
        let is_fresh =
            |entry: &&JournalEntry| rows.get(&entry.session).is_some_and(|row| !row.journal.contains_key(&entry.seq));
        Self {
            fresh: entries.iter().filter(is_fresh).map(|entry| (entry.session, entry.seq)).collect(),
            sessions: rows
                .into_iter()
                .map(|(id, row)| (id, (row.session.clone(), row.events.len(), row.rows.clone())))
                .collect(),
            tables: tables.rows.clone(),
        }
    }

    fn restore(self, tables: &mut MemoryTables) {
        for (id, seq) in self.fresh {
            if let Some(row) = tables.sessions.rows.get_mut(&id) {
                row.journal.remove(&seq);
            }
        }
        for (id, (session, events, rows)) in self.sessions {
            if let Some(row) = tables.sessions.rows.get_mut(&id) {
                row.session = session;
                row.events.truncate(events);
                row.rows = rows;
            }
        }
        tables.rows = self.tables;
    }
}
