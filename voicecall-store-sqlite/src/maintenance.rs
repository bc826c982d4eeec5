//! Forgetting what is old: the table `retention_runs`.

use jiff::Timestamp;
use rusqlite::{Connection, Row, named_params};
use voicecall_core::store::{MaintenanceStore, RetentionRun, Session};
use voicecall_core::{Result, SessionId, TenantId, async_trait};

use crate::column::{At, Count, Json, Text, word};
use crate::fault::{Fault, Outcome};
use crate::{SqliteStore, sessions};

#[async_trait]
impl MaintenanceStore for SqliteStore {
    async fn archive_events(&self, before: Timestamp, limit: u32) -> Result<u64> {
        self.write("archive events", move |db| {
            // In the order of their session's timeline, so that what is archived is always its beginning.
            let old = "FROM session_events WHERE position IN (
                           SELECT position FROM session_events WHERE at < ?
                           AND session_id IN (SELECT id FROM sessions WHERE ended_at IS NOT NULL)
                           ORDER BY at, position LIMIT ?)";
            let columns = "id, session_id, kind, data, at, source, metadata";
            let copy =
                format!("INSERT INTO session_events_archive ({columns}) SELECT {columns} {old} ORDER BY position");
            let copied = db.execute(&copy, (At(before), limit))?;
            db.execute(&format!("DELETE {old}"), (At(before), limit))?;
            Ok(copied as u64)
        })
        .await
    }

    async fn purge_provider_logs(&self, before: Timestamp, limit: u32) -> Result<u64> {
        self.write("purge provider logs", move |db| {
            let delete = "DELETE FROM provider_logs WHERE position IN (
                              SELECT position FROM provider_logs WHERE at < ? LIMIT ?)";
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
            db.execute("DELETE FROM sessions WHERE id = ?", (Text(session),))?;
            Ok(())
        })
        .await?;
        self.forget_traces().await;
        Ok(())
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

    async fn existing_sessions(&self, ids: &[SessionId]) -> Result<Vec<Session>> {
        let ids = ids.to_vec();
        self.read("read sessions", move |db| {
            let query = "SELECT * FROM sessions WHERE id IN (SELECT value FROM json_each(?))";
            Ok(db.prepare_cached(query)?.query_map((Json(&ids),), sessions::read)?.collect::<rusqlite::Result<_>>()?)
        })
        .await
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
    let query = format!("SELECT * FROM sessions WHERE ended_at < ? AND {condition} ORDER BY ended_at, id LIMIT ?");
    Ok(db.prepare_cached(&query)?.query_map((At(before), limit), sessions::read)?.collect::<rusqlite::Result<_>>()?)
}

fn read_run(row: &Row<'_>) -> rusqlite::Result<RetentionRun> {
    Ok(RetentionRun {
        job: word(row, "job")?,
        at: row.get::<_, At>("at")?.0,
        before: row.get::<_, At>("before")?.0,
        affected: row.get::<_, Count>("affected")?.0,
        error: row.get("error")?,
    })
}
