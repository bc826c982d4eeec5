//! Forgetting what is old.

use async_trait::async_trait;
use jiff::Timestamp;

use super::{MemoryStore, MemoryTables, conflict};
use crate::error::Result;
use crate::id::{SessionId, TenantId};
use crate::store::{MaintenanceStore, RetentionRun, Session, SessionStatus};

#[async_trait]
impl MaintenanceStore for MemoryStore {
    async fn archive_events(&self, before: Timestamp, limit: u32) -> Result<u64> {
        let mut left = limit as usize;
        for row in self.lock().sessions.rows.values_mut().filter(|row| row.session.status.is_final()) {
            let old = row.events.iter().take_while(|event| event.at < before).take(left).count();
            row.archived.extend(row.events.drain(..old));
            left -= old;
        }
        Ok(u64::from(limit) - left as u64)
    }

    async fn purge_provider_logs(&self, before: Timestamp, limit: u32) -> Result<u64> {
        let mut left = limit as usize;
        for row in self.lock().sessions.rows.values_mut() {
            row.provider_logs.retain(|log| {
                let is_kept = log.timestamp >= before || left == 0;
                left -= usize::from(!is_kept);
                is_kept
            });
        }
        Ok(u64::from(limit) - left as u64)
    }

    async fn old_failed_sessions(&self, before: Timestamp, limit: u32) -> Result<Vec<Session>> {
        Ok(self.lock().ended_before(before, limit, |session| session.status == SessionStatus::Failed))
    }

    async fn delete_session(&self, tenant: TenantId, session: SessionId) -> Result<()> {
        let mut data = self.lock();
        if !data.sessions.get("delete session", tenant, session)?.session.status.is_final() {
            return Err(conflict("delete session", "the session is not over"));
        }
        data.remove_session(session);
        Ok(())
    }

    async fn old_recordings(&self, before: Timestamp, limit: u32) -> Result<Vec<Session>> {
        Ok(self.lock().ended_before(before, limit, |session| session.recording_url.is_some()))
    }

    async fn forget_recording(&self, tenant: TenantId, session: SessionId, at: Timestamp) -> Result<()> {
        let mut data = self.lock();
        let session = &mut data.sessions.get_mut("forget recording", tenant, session)?.session;
        session.recording_url = None;
        session.updated_at = at;
        Ok(())
    }

    async fn existing_sessions(&self, ids: &[SessionId]) -> Result<Vec<Session>> {
        let tables = self.lock();
        Ok(ids.iter().filter_map(|id| Some(tables.sessions.rows.get(id)?.session.clone())).collect())
    }

    async fn log_retention(&self, run: &RetentionRun) -> Result<()> {
        self.lock().retention_runs.push(run.clone());
        Ok(())
    }

    async fn retention_runs(&self, limit: u32) -> Result<Vec<RetentionRun>> {
        Ok(self.lock().retention_runs.iter().rev().take(limit as usize).cloned().collect())
    }
}

impl MemoryTables {
    fn ended_before(&self, before: Timestamp, limit: u32, is_wanted: impl Fn(&Session) -> bool) -> Vec<Session> {
        let is_old = |session: &&Session| session.ended_at.is_some_and(|ended| ended < before) && is_wanted(session);
        let mut ended: Vec<_> = self.sessions().filter(is_old).collect();
        ended.sort_by_key(|session| (session.ended_at, session.id));
        ended.into_iter().take(limit as usize).cloned().collect()
    }
}
