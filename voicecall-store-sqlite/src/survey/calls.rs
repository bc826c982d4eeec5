//! Sessions with what the survey keeps of them: the table `survey_calls`.

use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension, Row, named_params};
use uuid::Uuid;
use voicecall_core::store::{Page, PageRequest, RenewedContent, Resealed, Session, SessionChange, SessionFilter};
use voicecall_core::{Result, SealedAddress, SealedRow, SessionId, TenantId, async_trait};
use voicecall_survey::store::{
    Anonymised, CallAttachment, CallRecord, CallResponse, CallStore, Report, ReportRange, SurveyCall,
    SurveyMaintenanceStore, check_answers, check_end,
};

use super::{directory, report, responses};
use crate::column::{At, Count, Json, Text};
use crate::fault::{Fault, Outcome};
use crate::transaction::Transaction;
use crate::{SqliteStore, journal, keys, sessions};

#[async_trait]
impl CallStore for SqliteStore {
    async fn call(&self, tenant: TenantId, session: SessionId) -> Result<SurveyCall> {
        self.read("read call", move |db| join(db, sessions::find(db, tenant, session)?)).await
    }

    async fn calls(&self, tenant: TenantId, filter: &SessionFilter, page: PageRequest) -> Result<Page<SurveyCall>> {
        page.validate()?;
        let filter = filter.clone();
        self.read("list calls", move |db| {
            let Page { items, total } = sessions::list(db, tenant, &filter, page)?;
            let items = items.into_iter().map(|session| join(db, session)).collect::<Outcome<_>>()?;
            Ok(Page { items, total })
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
        self.write("attach to call", move |db| {
            sessions::owner(db, tenant, session)?;
            let mut record = record(db, tenant, session)?;
            record.attach(&what, at);
            save(db, tenant, session, &record)
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
        self.write("complete call", move |db| {
            let ended = sessions::apply(db, tenant, session, &change)?;
            answers.iter().try_for_each(|response| responses::save(db, tenant, response))?;
            Ok(ended)
        })
        .await
    }

    async fn report(&self, tenant: TenantId, range: &ReportRange) -> Result<Report> {
        let range = range.clone();
        self.read("count calls", move |db| report::count(db, tenant, &range)).await
    }

    async fn anonymise_call(&self, tenant: TenantId, session: SessionId, texts: &Anonymised) -> Result<()> {
        check_answers(session, &texts.responses)?;
        let texts = texts.clone();
        self.write("anonymise call", move |db| anonymise(db, tenant, session, &texts)).await?;
        self.forget_traces().await;
        Ok(())
    }
}

#[async_trait]
impl SurveyMaintenanceStore for SqliteStore {
    async fn unanalysed_calls(&self, since: Timestamp, limit: u32) -> Result<Vec<SurveyCall>> {
        self.read("read calls to analyse", move |db| {
            let wanted = "ended_at >= ? AND analysis IS NULL AND anonymised_at IS NULL AND (transcript IS NOT NULL
                OR EXISTS (SELECT 1 FROM facts WHERE facts.session_id = id AND fact ->> '$.fact' IN ('said', 'heard')))";
            first_ended(db, wanted, since, limit)
        })
        .await
    }

    async fn old_transcripts(&self, before: Timestamp, limit: u32) -> Result<Vec<SurveyCall>> {
        self.read("read old transcripts", move |db| {
            first_ended(db, "ended_at < ? AND anonymised_at IS NULL", before, limit)
        })
        .await
    }

    async fn sealed_phones(&self, after: Option<Uuid>, limit: u32) -> Result<Vec<(SealedRow, SealedAddress)>> {
        self.read("read sealed phones", move |db| directory::sealed_phones(db, after, limit)).await
    }

    async fn reseal_phones(&self, rows: &[Resealed]) -> Result<u64> {
        let rows = rows.to_vec();
        let update = "UPDATE customer_verifications SET phone = ?1 WHERE id = ?2 AND business_id = ?3 AND phone = ?4";
        self.write("seal anew", move |db| keys::replace(db, update, &rows)).await
    }

    async fn renew_answers(&self, after: Option<SessionId>, sessions: u32) -> Result<RenewedContent> {
        let renewed = self.write("renew content", move |db| keys::renew(db, after, sessions, renew)).await?;
        if renewed.renewed > 0 {
            self.forget_traces().await;
        }
        Ok(renewed)
    }
}

/// Brings what is kept of a session into the form in which it would be written now.
fn renew(db: &Transaction<'_>, row: SealedRow, session: SessionId, done: &mut RenewedContent) -> Outcome<()> {
    match stored(db, session)?.map(|record| record.renewed(db.seal(), row.tenant, session)).transpose() {
        Ok(Some(Some(anew))) => {
            write(db, session, &anew)?;
            done.note(Some(true));
        }
        Ok(_) => {}
        Err(_) => done.note_unreadable(row),
    }
    responses::renew(db, row, session, done)
}

fn first_ended(db: &Transaction<'_>, wanted: &str, at: Timestamp, limit: u32) -> Outcome<Vec<SurveyCall>> {
    let query = format!(
        "SELECT sessions.* FROM sessions LEFT JOIN survey_calls ON session_id = id WHERE {wanted}
         ORDER BY ended_at, id LIMIT ?"
    );
    let found: Vec<Session> =
        db.prepare_cached(&query)?.query_map((At(at), limit), sessions::read)?.collect::<rusqlite::Result<_>>()?;
    found.into_iter().map(|session| join(db, session)).collect()
}

fn join(db: &Transaction<'_>, session: Session) -> Outcome<SurveyCall> {
    let record = record(db, session.tenant, session.id)?;
    let journal = journal::of_session(db, session.tenant, session.id)?;
    Ok(SurveyCall::new(session, record, &journal))
}

fn anonymise(db: &Transaction<'_>, tenant: TenantId, id: SessionId, texts: &Anonymised) -> Outcome<()> {
    if !sessions::find(db, tenant, id)?.status.is_final() {
        return Err(Fault::conflict("anonymise call", "the session is not over"));
    }
    let mut record = record(db, tenant, id)?;
    record.transcript.clone_from(&texts.transcript);
    record.analysis.clone_from(&texts.analysis);
    record.anonymised_at = Some(texts.at);
    record.updated_at = Some(texts.at);
    save(db, tenant, id, &record)?;
    db.execute("DELETE FROM survey_responses WHERE session_id = ?", (Text(id),))?;
    texts.responses.iter().try_for_each(|response| responses::save(db, tenant, response))?;
    for entry in journal::of_session(db, tenant, id)?.iter().filter(|entry| entry.fact.needs_consent()) {
        db.execute("DELETE FROM facts WHERE session_id = ? AND seq = ?", (Text(id), Count(entry.seq)))?;
    }
    Ok(())
}

/// What is kept of a session; a record of nothing if nothing is.
pub(super) fn record(db: &Transaction<'_>, tenant: TenantId, session: SessionId) -> Outcome<CallRecord> {
    let record = stored(db, session)?.map(|record| record.opened(db.seal(), tenant, session)).transpose()?;
    Ok(CallRecord { responses: responses::of_session(db, tenant, session)?, ..record.unwrap_or_default() })
}

/// As it stands in its row, without the answers.
fn stored(db: &Connection, session: SessionId) -> Outcome<Option<CallRecord>> {
    let query = "SELECT * FROM survey_calls WHERE session_id = ?";
    Ok(db.prepare_cached(query)?.query_row((Text(session),), read).optional()?)
}

pub(super) fn exists(db: &Connection, session: SessionId) -> Outcome<bool> {
    let query = "SELECT EXISTS (SELECT 1 FROM survey_calls WHERE session_id = ?)";
    Ok(db.prepare_cached(query)?.query_row((Text(session),), |row| row.get(0))?)
}

/// Notes that something of a call changed.
pub(super) fn touch(db: &Connection, session: SessionId, at: Timestamp) -> Outcome<()> {
    let upsert = "INSERT INTO survey_calls (session_id, questions_asked, updated_at) VALUES (?, '[]', ?)
                  ON CONFLICT (session_id) DO UPDATE SET updated_at = excluded.updated_at";
    db.prepare_cached(upsert)?.execute((Text(session), At(at)))?;
    Ok(())
}

/// Writes everything but the answers, which are rows of their own.
pub(super) fn save(db: &Transaction<'_>, tenant: TenantId, session: SessionId, record: &CallRecord) -> Outcome<()> {
    write(db, session, &record.sealed(db.seal(), tenant, session)?)
}

fn write(db: &Connection, session: SessionId, record: &CallRecord) -> Outcome<()> {
    let replace = "INSERT OR REPLACE INTO survey_calls
        (session_id, questions_asked, ai_session_id, transcript, analysis, anonymised_at, updated_at)
        VALUES (:session_id, :questions_asked, :ai_session_id, :transcript, :analysis, :anonymised_at, :updated_at)";
    db.prepare_cached(replace)?.execute(named_params! {
        ":session_id": Text(session),
        ":questions_asked": Json(&record.questions_asked),
        ":ai_session_id": record.ai_session,
        ":transcript": record.transcript,
        ":analysis": record.analysis.as_ref().map(Json),
        ":anonymised_at": record.anonymised_at.map(At),
        ":updated_at": record.updated_at.map(At),
    })?;
    Ok(())
}

fn read(row: &Row<'_>) -> rusqlite::Result<CallRecord> {
    Ok(CallRecord {
        questions_asked: row.get::<_, Json<_>>("questions_asked")?.0,
        ai_session: row.get("ai_session_id")?,
        transcript: row.get("transcript")?,
        analysis: row.get::<_, Option<Json<_>>>("analysis")?.map(|analysis| analysis.0),
        anonymised_at: row.get::<_, Option<At>>("anonymised_at")?.map(|at| at.0),
        responses: Vec::new(),
        updated_at: row.get::<_, Option<At>>("updated_at")?.map(|at| at.0),
    })
}
