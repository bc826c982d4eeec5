//! Exchanges with providers.

use async_trait::async_trait;

use super::{MemoryStore, conflict};
use crate::error::Result;
use crate::id::{SessionId, TenantId};
use crate::store::{ProviderLog, ProviderLogStore};

#[async_trait]
impl ProviderLogStore for MemoryStore {
    async fn log_provider(&self, tenant: TenantId, log: &ProviderLog) -> Result<()> {
        log.validate()?;
        let mut data = self.lock();
        let logs = &mut data.sessions.get_mut("log provider", tenant, log.session)?.provider_logs;
        if logs.iter().any(|existing| existing.id == log.id) {
            return Err(conflict("log provider", "the exchange exists"));
        }
        logs.push(log.clone());
        Ok(())
    }

    async fn provider_logs(&self, tenant: TenantId, session: SessionId) -> Result<Vec<ProviderLog>> {
        let data = self.lock();
        let mut logs = data.sessions.get("read provider logs", tenant, session)?.provider_logs.clone();
        logs.sort_by_key(|log| log.timestamp);
        Ok(logs)
    }
}
