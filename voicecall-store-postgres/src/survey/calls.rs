//! Sessions with what the survey keeps of them: the table `survey_calls`.

use jiff::Timestamp;
use uuid::Uuid;
use voicecall_core::store::{Page, PageRequest, RenewedContent, Resealed, Session, SessionChange, SessionFilter};
use voicecall_core::{Result, SealedAddress, SealedRow, SessionId, TenantId, async_trait};
use voicecall_survey::store::{
    Anonymised, CallAttachment, CallRecord, CallResponse, CallStore, Report, ReportRange, SurveyCall,
    SurveyMaintenanceStore, check_answers, check_end,
};

use super::{directory, report, responses};
use crate::column::{Bound, Json, params};
use crate::connection::{Db, Row};
use crate::fault::{Fault, Outcome};
use crate::roles::Role::Maintenance;
use crate::{PostgresStore, journal, keys, sessions};

#[async_trait]
impl CallStore for PostgresStore {
    async fn call(&self, tenant: TenantId, session: SessionId) -> Result<SurveyCall> {
        self.read("read call", tenant, move |db| async move {
            let session = sessions::find(&db, tenant, session).await?;
            join(&db, session).await
        })
        .await
    }

    async fn calls(&self, tenant: TenantId, filter: &SessionFilter, page: PageRequest) -> Result<Page<SurveyCall>> {
        page.validate()?;
        let filter = filter.clone();
        self.read("list calls", tenant, move |db| async move {
            let Page { items, total } = sessions::list(&db, tenant, &filter, page).await?;
            Ok(Page { items: join_all(&db, items).await?, total })
        })
        .await
    }

    async fn attach_to_call(
        &self,
        tenant: TenantId,
        session: SessionId,
        what: &CallAttachment,
        at: Timestamp,
    ) -> Result<()> {
        let what = what.clone();
        self.write("attach to call", tenant, move |db| async move {
            sessions::lock(&db, tenant, session).await?;
            let mut record = record(&db, tenant, session).await?;
            record.attach(&what, at);
            save(&db, tenant, session, &record).await
        })
        .await
    }

    async fn complete_call(
        &self,
        tenant: TenantId,
        session: SessionId,
        change: &SessionChange,
        responses: &[CallResponse],
    ) -> Result<Session> {
        check_end(session, change, responses)?;
        let (change, answers) = (change.clone(), responses.to_vec());
        self.write("complete call", tenant, move |db| async move {
            let ended = sessions::apply(&db, tenant, session, &change).await?;
            for response in &answers {
                responses::save(&db, tenant, response).await?;
            }
            Ok(ended)
        })
        .await
    }

    async fn report(&self, tenant: TenantId, range: &ReportRange) -> Result<Report> {
        let range = range.clone();
        self.read("count calls", tenant, move |db| async move { report::count(&db, tenant, &range).await }).await
    }

    async fn anonymise_call(&self, tenant: TenantId, session: SessionId, texts: &Anonymised) -> Result<()> {
        check_answers(session, &texts.responses)?;
        let texts = texts.clone();
        self.write("anonymise call", tenant, move |db| async move { anonymise(&db, tenant, session, texts).await })
            .await
    }
}

#[async_trait]
impl SurveyMaintenanceStore for PostgresStore {
    async fn unanalysed_calls(&self, since: Timestamp, limit: u32) -> Result<Vec<SurveyCall>> {
        self.read_as(Maintenance, "read calls to analyse", move |db| async move {
            let wanted = "ended_at >= $1 AND analysis IS NULL AND anonymised_at IS NULL AND (transcript IS NOT NULL
                OR EXISTS (SELECT FROM voicecall.facts AS fact WHERE fact.tenant_id = session.tenant_id
                    AND fact.session_id = session.id AND fact ->> 'fact' IN ('said', 'heard')))";
            first_ended(&db, wanted, since, limit).await
        })
        .await
    }

    async fn old_transcripts(&self, before: Timestamp, limit: u32) -> Result<Vec<SurveyCall>> {
        self.read_as(Maintenance, "read old transcripts", move |db| async move {
            first_ended(&db, "ended_at < $1 AND anonymised_at IS NULL", before, limit).await
        })
        .await
    }

    async fn sealed_phones(&self, after: Option<Uuid>, limit: u32) -> Result<Vec<(SealedRow, SealedAddress)>> {
        self.read_as(Maintenance, "read sealed phones", move |db| async move {
            directory::sealed_phones(&db, after, limit).await
        })
        .await
    }

    async fn reseal_phones(&self, rows: &[Resealed]) -> Result<u64> {
        let rows = rows.to_vec();
        self.write_as(Maintenance, "seal anew", move |db| async move {
            let update = "UPDATE voicecall.customer_verifications SET phone = $1
                          WHERE id = $2 AND tenant_id = $3 AND phone = $4";
            keys::replace(&db, update, rows).await
        })
        .await
    }

    async fn renew_answers(&self, after: Option<SessionId>, sessions: u32) -> Result<RenewedContent> {
        self.write_as(Maintenance, "renew content", move |db| async move {
            let (found, mut done) = keys::next_sessions(&db, after, sessions).await?;
            for (row, session) in found {
                renew(&db, row, session, &mut done).await?;
                responses::renew(&db, row, session, &mut done).await?;
            }
            Ok(done)
        })
        .await
    }
}

/// Brings the row of a session into the form in which it would be written now.
async fn renew(db: &Db, row: SealedRow, session: SessionId, done: &mut RenewedContent) -> Outcome<()> {
    let Some(before) = stored(db, row.tenant, session).await? else { return Ok(()) };
    match before.renewed(db.seal(), row.tenant, session) {
        Ok(Some(anew)) => {
            // What stands there is compared: it may have been attached to, or anonymised.
            let update = "UPDATE voicecall.survey_calls SET transcript = $1, analysis = $2
                WHERE tenant_id = $3 AND session_id = $4 AND transcript IS NOT DISTINCT FROM $5
                    AND analysis::text IS NOT DISTINCT FROM $6::json::text";
            let (analysis, analysis_before) = (anew.analysis.map(Json), before.analysis.map(Json));
            let values = params![anew.transcript, analysis, row.tenant, session, before.transcript, analysis_before];
            done.note(Some(db.execute(update, values).await? > 0));
        }
        Ok(None) => {}
        Err(_) => done.note_unreadable(row),
    }
    Ok(())
}

async fn first_ended(db: &Db, wanted: &str, at: Timestamp, limit: u32) -> Outcome<Vec<SurveyCall>> {
    let query = format!(
        "SELECT session.* FROM voicecall.sessions AS session LEFT JOIN voicecall.survey_calls AS call
             ON call.tenant_id = session.tenant_id AND call.session_id = session.id
         WHERE {wanted} ORDER BY ended_at, id LIMIT $2"
    );
    join_all(db, sessions::many(db.query(&query, params![Bound(at), limit]).await?)?).await
}

async fn join_all(db: &Db, sessions: Vec<Session>) -> Outcome<Vec<SurveyCall>> {
    let mut calls = Vec::with_capacity(sessions.len());
    for session in sessions {
        calls.push(join(db, session).await?);
    }
    Ok(calls)
}

async fn join(db: &Db, session: Session) -> Outcome<SurveyCall> {
    let record = record(db, session.tenant, session.id).await?;
    let journal = journal::of_session(db, session.tenant, session.id).await?;
    Ok(SurveyCall::new(session, record, &journal))
}

async fn anonymise(db: &Db, tenant: TenantId, id: SessionId, texts: Anonymised) -> Outcome<()> {
    if !sessions::lock(db, tenant, id).await?.status.is_final() {
        return Err(Fault::conflict("anonymise call", "the session is not over"));
    }
    let mut record = record(db, tenant, id).await?;
    record.transcript = texts.transcript;
    record.analysis = texts.analysis;
    record.anonymised_at = Some(texts.at);
    record.updated_at = Some(texts.at);
    save(db, tenant, id, &record).await?;
    let delete = "DELETE FROM voicecall.survey_responses WHERE tenant_id = $1 AND session_id = $2";
    db.execute(delete, params![tenant, id]).await?;
    for response in &texts.responses {
        responses::save(db, tenant, response).await?;
    }
    for entry in journal::of_session(db, tenant, id).await?.iter().filter(|entry| entry.fact.needs_consent()) {
        let delete = "DELETE FROM voicecall.facts WHERE tenant_id = $1 AND session_id = $2 AND seq = $3";
        db.execute(delete, params![tenant, id, entry.seq]).await?;
    }
    Ok(())
}

/// What is kept of a session; a record of nothing if nothing is.
pub(super) async fn record(db: &Db, tenant: TenantId, session: SessionId) -> Outcome<CallRecord> {
    let record = stored(db, tenant, session).await?;
    let record = record.map(|record| record.opened(db.seal(), tenant, session)).transpose()?;
    let responses = responses::of_session(db, tenant, session).await?;
    Ok(CallRecord { responses, ..record.unwrap_or_default() })
}

/// As it stands in its row, without the answers.
async fn stored(db: &Db, tenant: TenantId, session: SessionId) -> Outcome<Option<CallRecord>> {
    let query = "SELECT * FROM voicecall.survey_calls WHERE tenant_id = $1 AND session_id = $2";
    db.query_opt(query, params![tenant, session]).await?.as_ref().map(read).transpose()
}

pub(super) async fn exists(db: &Db, tenant: TenantId, session: SessionId) -> Outcome<bool> {
    let query = "SELECT FROM voicecall.survey_calls WHERE tenant_id = $1 AND session_id = $2";
    Ok(db.query_opt(query, params![tenant, session]).await?.is_some())
}

/// Notes that something of a call changed.
pub(super) async fn touch(db: &Db, tenant: TenantId, session: SessionId, at: Timestamp) -> Outcome<()> {
    let upsert = "INSERT INTO voicecall.survey_calls (tenant_id, session_id, questions_asked, updated_at)
        VALUES ($1, $2, '[]', $3) ON CONFLICT (tenant_id, session_id) DO UPDATE SET updated_at = excluded.updated_at";
    db.execute(upsert, params![tenant, session, at]).await?;
    Ok(())
}

/// Writes everything but the answers, which are rows of their own.
pub(super) async fn save(db: &Db, tenant: TenantId, session: SessionId, record: &CallRecord) -> Outcome<()> {
    let record = record.sealed(db.seal(), tenant, session)?;
    let upsert = "INSERT INTO voicecall.survey_calls
        (tenant_id, session_id, questions_asked, ai_session_id, transcript, analysis, anonymised_at, updated_at)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
        ON CONFLICT (tenant_id, session_id) DO UPDATE SET
            questions_asked = excluded.questions_asked, ai_session_id = excluded.ai_session_id,
            transcript = excluded.transcript, analysis = excluded.analysis,
            anonymised_at = excluded.anonymised_at, updated_at = excluded.updated_at";
    let values = params![
        tenant,
        session,
        Json(record.questions_asked.clone()),
        record.ai_session,
        record.transcript,
        record.analysis.clone().map(Json),
        record.anonymised_at,
        record.updated_at,
    ];
    db.execute(upsert, values).await?;
    Ok(())
}

fn read(row: &Row) -> Outcome<CallRecord> {
    Ok(CallRecord {
        questions_asked: row.get::<Json<_>>("questions_asked")?.0,
        ai_session: row.get("ai_session_id")?,
        transcript: row.get("transcript")?,
        analysis: row.get::<Option<Json<_>>>("analysis")?.map(|analysis| analysis.0),
        anonymised_at: row.get("anonymised_at")?,
        responses: Vec::new(),
        updated_at: row.get("updated_at")?,
    })
}
