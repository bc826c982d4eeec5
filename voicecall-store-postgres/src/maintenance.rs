//! Forgetting what is old: the table `retention_runs`.

use jiff::Timestamp;
use voicecall_core::store::{MaintenanceStore, RetentionRun, Session};
use voicecall_core::{Result, SessionId, TenantId, async_trait};

use crate::column::{Bound, params, uuids};
use crate::connection::{Db, Row};
use crate::fault::{Fault, Outcome};
use crate::roles::Role::Maintenance;
use crate::{PostgresStore, sessions};

#[async_trait]
impl MaintenanceStore for PostgresStore {
    async fn archive_events(&self, before: Timestamp, limit: u32) -> Result<u64> {
        self.write_as(Maintenance, "archive events", move |db| async move {
            // In the order of their session's timeline, so that what is archived is always its beginning.
            let archive = "WITH old AS (
                    DELETE FROM voicecall.session_events WHERE position IN (
                        SELECT position FROM voicecall.session_events AS event WHERE at < $1 AND EXISTS (
                            SELECT FROM voicecall.sessions
                            WHERE id = session_id AND sessions.tenant_id = event.tenant_id AND ended_at IS NOT NULL)
                        ORDER BY at, position LIMIT $2)
                    RETURNING position, id, tenant_id, session_id, kind, data, at, source, metadata)
                INSERT INTO voicecall.session_events_archive
                    (id, tenant_id, session_id, kind, data, at, source, metadata)
                SELECT id, tenant_id, session_id, kind, data, at, source, metadata FROM old ORDER BY position";
            db.execute(archive, params![Bound(before), limit]).await
        })
        .await
    }

    async fn purge_provider_logs(&self, before: Timestamp, limit: u32) -> Result<u64> {
        self.write_as(Maintenance, "purge provider logs", move |db| async move {
            let delete = "DELETE FROM voicecall.provider_logs WHERE position IN (
                SELECT position FROM voicecall.provider_logs WHERE at < $1 ORDER BY at LIMIT $2)";
            db.execute(delete, params![Bound(before), limit]).await
        })
        .await
    }

    async fn old_failed_sessions(&self, before: Timestamp, limit: u32) -> Result<Vec<Session>> {
        self.read_as(Maintenance, "read old failed sessions", move |db| async move {
            ended(&db, "status = 'failed'", before, limit).await
        })
        .await
    }

    async fn delete_session(&self, tenant: TenantId, session: SessionId) -> Result<()> {
        self.write_as(Maintenance, "delete session", move |db| async move {
            if !sessions::lock(&db, tenant, session).await?.status.is_final() {
                return Err(Fault::conflict("delete session", "the session is not over"));
            }
            db.execute("DELETE FROM voicecall.sessions WHERE id = $1", params![session]).await?;
            Ok(())
        })
        .await
    }

    async fn old_recordings(&self, before: Timestamp, limit: u32) -> Result<Vec<Session>> {
        self.read_as(Maintenance, "read old recordings", move |db| async move {
            ended(&db, "recording_url IS NOT NULL", before, limit).await
        })
        .await
    }

    async fn forget_recording(&self, tenant: TenantId, session: SessionId, at: Timestamp) -> Result<()> {
        self.write_as(Maintenance, "forget recording", move |db| async move {
            let forget = "UPDATE voicecall.sessions SET recording_url = NULL, updated_at = $3
                          WHERE id = $1 AND tenant_id = $2";
            let forgotten = db.execute(forget, params![session, tenant, at]).await?;
            if forgotten == 0 { Err(Fault::NotFound) } else { Ok(()) }
        })
        .await
    }

    async fn existing_sessions(&self, ids: &[SessionId]) -> Result<Vec<Session>> {
        let ids = uuids(ids);
        self.read_as(Maintenance, "read sessions", move |db| async move {
            sessions::many(db.query("SELECT * FROM voicecall.sessions WHERE id = ANY ($1)", params![ids]).await?)
        })
        .await
    }

    async fn log_retention(&self, run: &RetentionRun) -> Result<()> {
        let run = run.clone();
        self.write_as(Maintenance, "log retention", move |db| async move {
            let insert = "INSERT INTO voicecall.retention_runs (job, at, before, affected, error)
                          VALUES ($1, $2, $3, $4, $5)";
            db.execute(insert, params![run.job, run.at, run.before, run.affected, run.error]).await?;
            Ok(())
        })
        .await
    }

    async fn retention_runs(&self, limit: u32) -> Result<Vec<RetentionRun>> {
        self.read_as(Maintenance, "read retention runs", move |db| async move {
            let query = "SELECT * FROM voicecall.retention_runs ORDER BY position DESC LIMIT $1";
            db.query(query, params![limit]).await?.iter().map(read_run).collect()
        })
        .await
    }
}

async fn ended(db: &Db, condition: &str, before: Timestamp, limit: u32) -> Outcome<Vec<Session>> {
    let query =
        format!("SELECT * FROM voicecall.sessions WHERE ended_at < $1 AND {condition} ORDER BY ended_at, id LIMIT $2");
    sessions::many(db.query(&query, params![Bound(before), limit]).await?)
}

fn read_run(row: &Row) -> Outcome<RetentionRun> {
    Ok(RetentionRun {
        job: row.get("job")?,
        at: row.get("at")?,
        before: row.get("before")?,
        affected: row.get("affected")?,
        error: row.get("error")?,
    })
}
