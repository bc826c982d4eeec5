//! Forgetting what is old, and what is one customer's.

use jiff::Timestamp;
use rusqlite::{Connection, Row, named_params};
use voicecall_core::journal::JournalEntry;
use voicecall_core::store::{
    Anonymised, Erased, RetentionRun, RetentionStore, Session, SessionFile, SubjectFile, check_answers,
};
use voicecall_core::{LookupHash, Result, SessionId, TenantId, async_trait};

use crate::column::{At, Count, Text};
use crate::fault::{Fault, Outcome};
use crate::{SqliteStore, dialing, directory, events, journal, provider_log, responses, sessions};

#[async_trait]
impl RetentionStore for SqliteStore {
    async fn archive_events(&self, before: Timestamp, limit: u32) -> Result<u64> {
        self.write("archive events", move |db| {
            // In the order of their session's timeline, so that what is archived is always its beginning.
            let old = "FROM call_events WHERE position IN (
                           SELECT position FROM call_events WHERE timestamp < ?
                           AND call_session_id IN (SELECT id FROM call_sessions WHERE ended_at IS NOT NULL)
                           ORDER BY timestamp, position LIMIT ?)";
            let columns = "id, call_session_id, event_type, event_data, timestamp, source, metadata";
            let copy = format!("INSERT INTO call_events_archive ({columns}) SELECT {columns} {old} ORDER BY position");
            let copied = db.execute(&copy, (At(before), limit))?;
            db.execute(&format!("DELETE {old}"), (At(before), limit))?;
            Ok(copied as u64)
        })
        .await
    }

    async fn purge_provider_logs(&self, before: Timestamp, limit: u32) -> Result<u64> {
        self.write("purge provider logs", move |db| {
            let delete = "DELETE FROM telephony_provider_logs WHERE position IN (
                              SELECT position FROM telephony_provider_logs WHERE timestamp < ? LIMIT ?)";
            Ok(db.execute(delete, (At(before), limit))? as u64)
        })
        .await
    }

    async fn old_failed_sessions(&self, before: Timestamp, limit: u32) -> Result<Vec<Session>> {
        self.read("read old failed sessions", move |db| ended(db, "status = 'failed'", before, limit)).await
    }

    async fn delete_session(&self, tenant: TenantId, session: SessionId) -> Result<()> {
        self.write("delete session", move |db| {
            if !sessions::find(db, tenant, session)?.status.is_final() {
                return Err(Fault::conflict("delete session", "the session is not over"));
            }
            db.execute("DELETE FROM call_sessions WHERE id = ?", (Text(session),))?;
            Ok(())
        })
        .await?;
        self.forget_traces("delete session").await
    }

    async fn old_recordings(&self, before: Timestamp, limit: u32) -> Result<Vec<Session>> {
        self.read("read old recordings", move |db| ended(db, "recording_url IS NOT NULL", before, limit)).await
    }

    async fn forget_recording(&self, tenant: TenantId, session: SessionId, at: Timestamp) -> Result<()> {
        self.write("forget recording", move |db| {
            let mut session = sessions::find(db, tenant, session)?;
            session.recording_url = None;
            session.updated_at = at;
            sessions::save(db, &session)
        })
        .await
    }

    async fn old_transcripts(&self, before: Timestamp, limit: u32) -> Result<Vec<Session>> {
        self.read("read old transcripts", move |db| ended(db, "anonymised_at IS NULL", before, limit)).await
    }

    async fn anonymise_session(&self, tenant: TenantId, session: SessionId, texts: &Anonymised) -> Result<()> {
        check_answers(session, &texts.responses)?;
        let texts = texts.clone();
        self.write("anonymise session", move |db| anonymise(db, tenant, session, &texts)).await?;
        self.forget_traces("anonymise session").await
    }

    async fn subject(&self, tenant: TenantId, customer: LookupHash) -> Result<SubjectFile> {
        self.read("read subject", move |db| subject(db, tenant, customer)).await
    }

    async fn erase_subject(&self, tenant: TenantId, customer: LookupHash) -> Result<Erased> {
        let erased = self
            .write("erase subject", move |db| {
                let delete =
                    "DELETE FROM call_sessions WHERE business_id = ? AND customer_phone_lookup = ? RETURNING id";
                let sessions = db
                    .prepare_cached(delete)?
                    .query_map((Text(tenant), customer.as_bytes()), |row| row.get::<_, Text<_>>(0).map(|id| id.0))?
                    .collect::<rusqlite::Result<_>>()?;
                let delete = "DELETE FROM customer_verifications WHERE business_id = ? AND phone_lookup = ?";
                let verifications = db.execute(delete, (Text(tenant), customer.as_bytes()))? as u64;
                Ok(Erased { sessions, verifications })
            })
            .await?;
        self.forget_traces("erase subject").await?;
        Ok(erased)
    }

    async fn log_retention(&self, run: &RetentionRun) -> Result<()> {
        let run = run.clone();
        self.write("log retention", move |db| {
            let insert = "INSERT INTO retention_runs (job, at, before, affected, error)
                          VALUES (:job, :at, :before, :affected, :error)";
            db.prepare_cached(insert)?.execute(named_params! {
                ":job": Text(run.job),
                ":at": At(run.at),
                ":before": At(run.before),
                ":affected": Count(run.affected),
                ":error": run.error,
            })?;
            Ok(())
        })
        .await
    }

    async fn retention_runs(&self, limit: u32) -> Result<Vec<RetentionRun>> {
        self.read("read retention runs", move |db| {
            let query = "SELECT * FROM retention_runs ORDER BY position DESC LIMIT ?";
            Ok(db.prepare_cached(query)?.query_map((limit,), read_run)?.collect::<rusqlite::Result<_>>()?)
        })
        .await
    }
}

fn ended(db: &Connection, condition: &str, before: Timestamp, limit: u32) -> Outcome<Vec<Session>> {
    let query = format!("SELECT * FROM call_sessions WHERE ended_at < ? AND {condition} ORDER BY ended_at, id LIMIT ?");
    Ok(db.prepare_cached(&query)?.query_map((At(before), limit), sessions::read)?.collect::<rusqlite::Result<_>>()?)
}

fn anonymise(db: &Connection, tenant: TenantId, id: SessionId, texts: &Anonymised) -> Outcome<()> {
    let mut session = sessions::find(db, tenant, id)?;
    if !session.status.is_final() {
        return Err(Fault::conflict("anonymise session", "the session is not over"));
    }
    session.transcript.clone_from(&texts.transcript);
    session.analysis.clone_from(&texts.analysis);
    session.anonymised_at = Some(texts.at);
    session.updated_at = texts.at;
    sessions::save(db, &session)?;
    db.execute("DELETE FROM call_responses WHERE call_session_id = ?", (Text(id),))?;
    texts.responses.iter().try_for_each(|response| responses::save(db, response))?;
    let words = journal::of_session(db, id)?.into_iter().filter(|entry| entry.fact.needs_consent());
    for JournalEntry { seq, .. } in words {
        db.execute("DELETE FROM journal WHERE call_session_id = ? AND seq = ?", (Text(id), Count(seq)))?;
    }
    Ok(())
}

fn subject(db: &Connection, tenant: TenantId, customer: LookupHash) -> Outcome<SubjectFile> {
    let of = (Text(tenant), customer.as_bytes());
    let query = "SELECT * FROM customer_verifications WHERE business_id = ? AND phone_lookup = ? ORDER BY id";
    let verifications =
        db.prepare_cached(query)?.query_map(of, directory::read_verification)?.collect::<rusqlite::Result<_>>()?;
    let query =
        "SELECT * FROM call_sessions WHERE business_id = ? AND customer_phone_lookup = ? ORDER BY started_at, id";
    let mut files = Vec::new();
    for session in db.prepare_cached(query)?.query_map(of, sessions::read)? {
        let session = session?;
        let id = session.id;
        files.push(SessionFile {
            session,
            events: events::of_session(db, id)?,
            responses: responses::of_session(db, id)?,
            journal: journal::of_session(db, id)?,
            attempts: dialing::of_session(db, id)?,
            provider_logs: provider_log::of_session(db, id)?,
        });
    }
    Ok(SubjectFile { verifications, sessions: files })
}

fn read_run(row: &Row<'_>) -> rusqlite::Result<RetentionRun> {
    Ok(RetentionRun {
        job: row.get::<_, Text<_>>("job")?.0,
        at: row.get::<_, At>("at")?.0,
        before: row.get::<_, At>("before")?.0,
        affected: row.get::<_, Count>("affected")?.0,
        error: row.get("error")?,
    })
}
