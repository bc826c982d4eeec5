//! Journals, broken in one way.

use super::*;
use crate::id::RecordId;
use crate::journal::{Fact, JournalEntry};

#[async_trait]
impl JournalStore for Broken {
    async fn append(&self, tenant: TenantId, entries: &[JournalEntry]) -> Result<()> {
        for wish in entries.iter().filter(|entry| self.has(Fault::ForbidsTooEarly) && entry.fact == Fact::DoNotCall) {
            for person in self.inner.session(tenant, wish.session).await?.people() {
                self.inner.forbid_calls(tenant, person, wish.at).await?;
            }
        }
        let (mut entries, given) = (entries.to_vec(), entries.len());
        if self.has(Fault::AcceptsStaleOwners) && !entries.is_empty() {
            // An owner is found by trying: every epoch up to the one the store takes.
            for epoch in 1..32 {
                entries.iter_mut().for_each(|entry| entry.epoch = Epoch(epoch));
                if self.inner.append(tenant, &entries).await.is_ok() {
                    return Ok(());
                }
            }
        }
        if self.has(Fault::RefusesTooLate) {
            let refused = self.inner.append(tenant, &entries).await;
            for entry in entries.iter().filter(|_| refused.is_err()) {
                if let Some(event) = event_of(entry) {
                    self.inner.append_event(tenant, &event).await.ok();
                }
            }
            return refused;
        }
        if self.has(Fault::DerivesAgain) {
            for entry in &entries {
                let known = self.inner.journal(tenant, entry.session).await?.contains(entry);
                if let Some(event) = event_of(entry).filter(|_| known) {
                    let again = SessionEvent { id: RecordId::new(), ..event };
                    self.inner.append_event(tenant, &again).await?;
                }
            }
        }
        if self.has(Fault::DropsTakenNumbers) {
            let mut fresh = Vec::new();
            for entry in entries {
                let journal = self.inner.journal(tenant, entry.session).await?;
                if journal.iter().all(|known| known.seq != entry.seq) {
                    fresh.push(entry);
                }
            }
            entries = fresh;
        }
        if self.has(Fault::KeepsRefusedFacts) {
            // Whatever an extension refuses is left out, and the rest kept.
            entries.retain(|entry| entry.fact != Probe::refused_fact());
            let refused = entries.len() < given;
            self.inner.append(tenant, &entries).await?;
            return if refused { Err(crate::Error::new(ErrorKind::Unavailable, "append")) } else { Ok(()) };
        }
        if self.has(Fault::SplitsBatches) {
            for entry in &entries {
                self.inner.append(tenant, std::slice::from_ref(entry)).await?;
            }
            return Ok(());
        }
        scoped!(self, "append", tenant, self.inner.append(tenant, &entries))
    }

    async fn journal(&self, tenant: TenantId, session: SessionId) -> Result<Vec<JournalEntry>> {
        scoped!(self, "journal", tenant, self.inner.journal(tenant, session))
    }
}
