//! Forgetting what is old, and what is one customer's.

use async_trait::async_trait;
use jiff::Timestamp;

use super::sessions::Timeline;
use super::{Data, MemoryStore, conflict};
use crate::error::Result;
use crate::id::{SessionId, TenantId};
use crate::seal::LookupHash;
use crate::store::{
    Anonymised, Erased, RetentionRun, RetentionStore, Session, SessionFile, SessionStatus, SubjectFile, check_answers,
};

#[async_trait]
impl RetentionStore for MemoryStore {
    async fn archive_events(&self, before: Timestamp, limit: u32) -> Result<u64> {
        let mut left = limit as usize;
        for row in self.lock().sessions.rows.values_mut().filter(|row| row.session.status.is_final()) {
            let old = row.events.iter().take_while(|event| event.timestamp < before).take(left).count();
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

    async fn old_transcripts(&self, before: Timestamp, limit: u32) -> Result<Vec<Session>> {
        Ok(self.lock().ended_before(before, limit, |session| session.anonymised_at.is_none()))
    }

    async fn anonymise_session(&self, tenant: TenantId, session: SessionId, texts: &Anonymised) -> Result<()> {
        check_answers(session, &texts.responses)?;
        let mut data = self.lock();
        let row = data.sessions.get_mut("anonymise session", tenant, session)?;
        if !row.session.status.is_final() {
            return Err(conflict("anonymise session", "the session is not over"));
        }
        row.session.transcript = texts.transcript.clone();
        row.session.analysis = texts.analysis.clone();
        row.session.anonymised_at = Some(texts.at);
        row.session.updated_at = texts.at;
        row.responses = texts.responses.clone();
        row.journal.retain(|_, entry| !entry.fact.needs_consent());
        Ok(())
    }

    async fn subject(&self, tenant: TenantId, customer: LookupHash) -> Result<SubjectFile> {
        let data = self.lock();
        let own = data.verifications.values().filter(|row| row.tenant == tenant && row.phone.lookup == customer);
        let mut verifications: Vec<_> = own.cloned().collect();
        verifications.sort_by_key(|verification| verification.id);
        let mut sessions: Vec<_> = data.of_subject(tenant, customer).map(|row| file(&data, row)).collect();
        sessions.sort_by_key(|file| (file.session.started_at, file.session.id));
        Ok(SubjectFile { verifications, sessions })
    }

    async fn erase_subject(&self, tenant: TenantId, customer: LookupHash) -> Result<Erased> {
        let mut data = self.lock();
        let sessions: Vec<_> = data.of_subject(tenant, customer).map(|row| row.session.id).collect();
        for &session in &sessions {
            data.remove_session(session);
        }
        let all = data.verifications.len();
        data.verifications.retain(|_, row| row.tenant != tenant || row.phone.lookup != customer);
        Ok(Erased { sessions, verifications: (all - data.verifications.len()) as u64 })
    }

    async fn log_retention(&self, run: &RetentionRun) -> Result<()> {
        self.lock().retention_runs.push(run.clone());
        Ok(())
    }

    async fn retention_runs(&self, limit: u32) -> Result<Vec<RetentionRun>> {
        Ok(self.lock().retention_runs.iter().rev().take(limit as usize).cloned().collect())
    }
}

impl Data {
    fn remove_session(&mut self, id: SessionId) {
        if let Some(row) = self.sessions.remove(id) {
            self.attempts.remove(&row.attempts);
        }
        for log in self.selection_logs.iter_mut().filter(|log| log.session == Some(id)) {
            log.session = None;
        }
    }

    fn of_subject(&self, tenant: TenantId, customer: LookupHash) -> impl Iterator<Item = &Timeline> {
        let rows = self.sessions.rows.values();
        rows.filter(move |row| row.session.tenant == tenant && row.session.phone.lookup == customer)
    }

    fn ended_before(&self, before: Timestamp, limit: u32, is_wanted: impl Fn(&Session) -> bool) -> Vec<Session> {
        let ended = self.sessions.rows.values().map(|row| &row.session);
        let ended = ended.filter(|session| session.ended_at.is_some_and(|ended| ended < before) && is_wanted(session));
        let mut ended: Vec<_> = ended.collect();
        ended.sort_by_key(|session| (session.ended_at, session.id));
        ended.into_iter().take(limit as usize).cloned().collect()
    }
}

fn file(data: &Data, row: &Timeline) -> SessionFile {
    SessionFile {
        session: row.session.clone(),
        events: row.archived.iter().chain(&row.events).cloned().collect(),
        responses: row.responses.clone(),
        journal: row.journal.values().cloned().collect(),
        attempts: data.attempts.of(&row.attempts),
        provider_logs: row.provider_logs.clone(),
    }
}
