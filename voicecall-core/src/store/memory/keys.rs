//! Which keys the data was sealed with.

use async_trait::async_trait;
use uuid::Uuid;

use super::MemoryStore;
use crate::error::Result;
use crate::id::SessionId;
use crate::seal::{Canary, SealedAddress, SealedRow};
use crate::store::{KeyStore, RenewedContent, Resealed, SealedRows};

#[async_trait]
impl SealedRows for MemoryStore {
    async fn sealed_addresses(&self, after: Option<Uuid>, limit: u32) -> Result<Vec<(SealedRow, SealedAddress)>> {
        let tables = self.lock();
        let behind = tables.sessions().filter(|session| after.is_none_or(|after| *session.id.as_uuid() > after));
        let sealed = behind.filter_map(|session| Some((session.row(), session.remote.clone()?)));
        Ok(sealed.take(limit as usize).collect())
    }

    async fn reseal(&self, rows: &[Resealed]) -> Result<u64> {
        let mut tables = self.lock();
        let mut changed = 0;
        for row in tables.sessions.rows.values_mut() {
            let own = row.session.row();
            let Some(remote) = &mut row.session.remote else { continue };
            if let Some(new) = rows.iter().find(|new| new.row == own && new.before == remote.sealed) {
                remote.sealed = new.after.clone();
                changed += 1;
            }
        }
        Ok(changed)
    }

    /// Nothing of it is at rest: there is nothing to seal.
    async fn renew_content(&self, _after: Option<SessionId>, _sessions: u32) -> Result<RenewedContent> {
        Ok(RenewedContent::default())
    }
}

#[async_trait]
impl KeyStore for MemoryStore {
    async fn canaries(&self) -> Result<Vec<Canary>> {
        Ok(self.lock().canaries.clone())
    }

    async fn keep_canary(&self, canary: &Canary) -> Result<()> {
        let canaries = &mut self.lock().canaries;
        if !canaries.iter().any(|kept| kept.key == canary.key) {
            canaries.push(canary.clone());
        }
        Ok(())
    }

    async fn forget_canary(&self, key: &str) -> Result<()> {
        self.lock().canaries.retain(|kept| kept.key != key);
        Ok(())
    }
}
