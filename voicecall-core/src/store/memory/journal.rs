//! Journals, and what follows from each entry.

use std::collections::HashMap;

use async_trait::async_trait;
use jiff::Timestamp;

use super::{Data, MemoryStore, Timeline, conflict};
use crate::error::{Error, Result};
use crate::id::{Epoch, SessionId, TenantId};
use crate::journal::JournalEntry;
use crate::store::{HeldSession, JournalStore, Projection, TakeOver, project};

#[async_trait]
impl JournalStore for MemoryStore {
    async fn take_over(&self, tenant: TenantId, session: SessionId, how: TakeOver) -> Result<Epoch> {
        let mut data = self.lock();
        let row = data.sessions.get_mut("take over session", tenant, session)?;
        row.session.take_over(how)?;
        row.owner = row.owner.next();
        Ok(row.owner)
    }

    async fn hold_sessions(&self, held: &[HeldSession], hold: Timestamp) -> Result<Vec<HeldSession>> {
        let mut data = self.lock();
        let mut lost = Vec::new();
        for session in held {
            match data.sessions.get_mut("hold session", session.tenant, session.session) {
                Ok(row) if row.owner == session.epoch => row.session.held_until = Some(hold),
                _ => lost.push(*session),
            }
        }
        Ok(lost)
    }

    async fn append(&self, tenant: TenantId, entries: &[JournalEntry]) -> Result<()> {
        let mut data = self.lock();
        check(&data, tenant, entries)?;
        for entry in entries {
            let row = data.sessions.get_mut("append to journal", tenant, entry.session)?;
            if row.journal.insert(entry.seq, entry.clone()).is_none() {
                row.derive(entry);
            }
        }
        Ok(())
    }

    async fn journal(&self, tenant: TenantId, session: SessionId) -> Result<Vec<JournalEntry>> {
        Ok(self.lock().sessions.get("read journal", tenant, session)?.journal.values().cloned().collect())
    }
}

/// Finds what forbids the batch before any of it is written.
fn check(data: &Data, tenant: TenantId, entries: &[JournalEntry]) -> Result<()> {
    let mut batch: HashMap<(SessionId, u64), &JournalEntry> = HashMap::new();
    for entry in entries {
        let row = data.sessions.get("append to journal", tenant, entry.session)?;
        if entry.epoch != row.owner {
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

impl Timeline {
    fn derive(&mut self, entry: &JournalEntry) {
        for projection in project(entry) {
            match projection {
                Projection::Asked(question) => self.session.asked(question, entry.at),
                Projection::Event(event) => self.push_event(event),
                Projection::Response(response) => {
                    match self.responses.iter_mut().find(|earlier| earlier.question == response.question) {
                        Some(earlier) => earlier.extend(&response),
                        None => self.responses.push(response),
                    }
                }
                Projection::Analysis { question, sentiment, analysis } => {
                    if let Some(response) = self.responses.iter_mut().find(|row| row.question == question) {
                        response.analyse(sentiment, &analysis);
                    }
                }
            }
        }
    }
}
