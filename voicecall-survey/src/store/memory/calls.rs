//! Sessions with what the survey keeps of them.

use jiff::Timestamp;
use uuid::Uuid;
use voicecall_core::journal::Fact;
use voicecall_core::store::{
    MemoryStore, MemoryTables, Page, PageRequest, RenewedContent, Resealed, Session, SessionChange, SessionFilter,
    SessionStore,
};
use voicecall_core::{Result, SealedAddress, SealedRow, SessionId, TenantId, async_trait};

use super::conflict;
use super::directory::Directory;
use crate::store::{
    Anonymised, CallAttachment, CallRecord, CallResponse, CallStore, Counting, Report, ReportRange, SurveyCall,
    SurveyMaintenanceStore, check_answers, check_end,
};

#[async_trait]
impl CallStore for MemoryStore {
    async fn call(&self, tenant: TenantId, session: SessionId) -> Result<SurveyCall> {
        self.transaction(|tables| Ok(join(tables, tables.session(tenant, session)?)))
    }

    async fn calls(&self, tenant: TenantId, filter: &SessionFilter, page: PageRequest) -> Result<Page<SurveyCall>> {
        let Page { items, total } = self.sessions(tenant, filter, page).await?;
        self.transaction(|tables| {
            Ok(Page { items: items.iter().map(|session| join(tables, session)).collect(), total })
        })
    }

    async fn attach_to_call(
        &self,
        tenant: TenantId,
        session: SessionId,
        what: &CallAttachment,
        at: Timestamp,
    ) -> Result<()> {
        self.transaction(|tables| {
            tables.row_mut::<CallRecord>(tenant, session)?.attach(what, at);
            Ok(())
        })
    }

    async fn complete_call(
        &self,
        tenant: TenantId,
        session: SessionId,
        change: &SessionChange,
        responses: &[CallResponse],
    ) -> Result<Session> {
        check_end(session, change, responses)?;
        self.transaction(|tables| {
            let ended = tables.change_session(tenant, session, change)?;
            let record = tables.row_mut::<CallRecord>(tenant, session)?;
            responses.iter().for_each(|response| record.replace(response));
            Ok(ended)
        })
    }

    async fn report(&self, tenant: TenantId, range: &ReportRange) -> Result<Report> {
        self.transaction(|tables| {
            let (mut counting, nothing) = (Counting::new(range), CallRecord::default());
            for session in tables.sessions().filter(|session| session.tenant == tenant) {
                counting.add(session, tables.row(session.id).unwrap_or(&nothing));
            }
            Ok(counting.finish())
        })
    }

    async fn anonymise_call(&self, tenant: TenantId, session: SessionId, texts: &Anonymised) -> Result<()> {
        check_answers(session, &texts.responses)?;
        self.transaction(|tables| {
            if !tables.session(tenant, session)?.status.is_final() {
                return Err(conflict("anonymise call", "the session is not over"));
            }
            let record = tables.row_mut::<CallRecord>(tenant, session)?;
            record.transcript = texts.transcript.clone();
            record.analysis = texts.analysis.clone();
            record.responses = texts.responses.clone();
            record.anonymised_at = Some(texts.at);
            record.updated_at = Some(texts.at);
            tables.forget_words(tenant, session)
        })
    }
}

#[async_trait]
impl SurveyMaintenanceStore for MemoryStore {
    async fn unanalysed_calls(&self, since: Timestamp, limit: u32) -> Result<Vec<SurveyCall>> {
        self.transaction(|tables| {
            let is_wanted = |session: &Session, record: &CallRecord| {
                session.ended_at.is_some_and(|ended| ended >= since)
                    && record.analysis.is_none()
                    && record.anonymised_at.is_none()
                    && (record.transcript.is_some() || has_words(tables, session.id))
            };
            Ok(first_ended(tables, limit, is_wanted))
        })
    }

    async fn old_transcripts(&self, before: Timestamp, limit: u32) -> Result<Vec<SurveyCall>> {
        self.transaction(|tables| {
            let is_wanted = |session: &Session, record: &CallRecord| {
                session.ended_at.is_some_and(|ended| ended < before) && record.anonymised_at.is_none()
            };
            Ok(first_ended(tables, limit, is_wanted))
        })
    }

    async fn sealed_phones(&self, after: Option<Uuid>, limit: u32) -> Result<Vec<(SealedRow, SealedAddress)>> {
        self.transaction(|tables| {
            Ok(tables.table::<Directory>().map(|table| table.sealed_phones(after, limit)).unwrap_or_default())
        })
    }

    async fn reseal_phones(&self, rows: &[Resealed]) -> Result<u64> {
        self.transaction(|tables| Ok(tables.table_mut::<Directory>().reseal(rows)))
    }

    /// Nothing of it is at rest: there is nothing to seal.
    async fn renew_answers(&self, _after: Option<SessionId>, _sessions: u32) -> Result<RenewedContent> {
        Ok(RenewedContent::default())
    }
}

fn has_words(tables: &MemoryTables, session: SessionId) -> bool {
    tables.journal(session).any(|entry| matches!(entry.fact, Fact::Said { .. } | Fact::Heard(_)))
}

fn first_ended(
    tables: &MemoryTables,
    limit: u32,
    is_wanted: impl Fn(&Session, &CallRecord) -> bool,
) -> Vec<SurveyCall> {
    let nothing = CallRecord::default();
    let wanted = tables.sessions().filter(|session| is_wanted(session, tables.row(session.id).unwrap_or(&nothing)));
    let mut wanted: Vec<_> = wanted.collect();
    wanted.sort_by_key(|session| (session.ended_at, session.id));
    wanted.into_iter().take(limit as usize).map(|session| join(tables, session)).collect()
}

fn join(tables: &MemoryTables, session: &Session) -> SurveyCall {
    let record = tables.row::<CallRecord>(session.id).cloned().unwrap_or_default();
    let journal: Vec<_> = tables.journal(session.id).cloned().collect();
    SurveyCall::new(session.clone(), record, &journal)
}
