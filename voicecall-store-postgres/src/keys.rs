//! Which keys the data was sealed with: the table `canaries`, and sealed addresses wherever they stand.

use uuid::Uuid;
use voicecall_core::store::{KeyStore, RenewedContent, Resealed, SealedRows};
use voicecall_core::{Canary, Result, SealedAddress, SealedRow, SessionId, async_trait};

use crate::column::params;
use crate::connection::{Db, Row};
use crate::fault::Outcome;
use crate::roles::Role::Maintenance;
use crate::{PostgresStore, journal, sessions};

#[async_trait]
impl SealedRows for PostgresStore {
    async fn sealed_addresses(&self, after: Option<Uuid>, limit: u32) -> Result<Vec<(SealedRow, SealedAddress)>> {
        self.read_as(Maintenance, "read sealed addresses", move |db| async move {
            let query = "SELECT * FROM voicecall.sessions
                         WHERE remote IS NOT NULL AND ($1 IS NULL OR id > $1) ORDER BY id LIMIT $2";
            let sessions = sessions::many(db.query(query, params![after, limit]).await?)?;
            Ok(sessions.into_iter().filter_map(|session| Some((session.row(), session.remote?))).collect())
        })
        .await
    }

    async fn reseal(&self, rows: &[Resealed]) -> Result<u64> {
        let rows = rows.to_vec();
        self.write_as(Maintenance, "seal anew", move |db| async move {
            let update = "UPDATE voicecall.sessions SET remote = $1 WHERE id = $2 AND tenant_id = $3 AND remote = $4";
            replace(&db, update, rows).await
        })
        .await
    }

    async fn renew_content(&self, after: Option<SessionId>, sessions: u32) -> Result<RenewedContent> {
        self.write_as(Maintenance, "renew content", move |db| async move {
            let (found, mut done) = next_sessions(&db, after, sessions).await?;
            for (row, session) in found {
                journal::renew(&db, row, session, &mut done).await?;
            }
            Ok(done)
        })
        .await
    }
}

/// The next sessions in the order of their ids, and that they were looked at.
pub(crate) async fn next_sessions(
    db: &Db,
    after: Option<SessionId>,
    sessions: u32,
) -> Outcome<(Vec<(SealedRow, SessionId)>, RenewedContent)> {
    let query = "SELECT id, tenant_id FROM voicecall.sessions WHERE $1 IS NULL OR id > $1 ORDER BY id LIMIT $2";
    let rows = db.query(query, params![after, sessions]).await?;
    let read = |row: &Row| {
        let session = row.get("id")?;
        Ok((SealedRow::session(row.get("tenant_id")?, session), session))
    };
    let found = rows.iter().map(read).collect::<Outcome<Vec<_>>>()?;
    let last = found.last().map(|(_, session)| *session);
    Ok((found, RenewedContent { last, ..RenewedContent::default() }))
}

#[async_trait]
impl KeyStore for PostgresStore {
    async fn canaries(&self) -> Result<Vec<Canary>> {
        self.read_as(Maintenance, "read canaries", move |db| async move {
            let rows = db.query("SELECT key, code FROM voicecall.canaries", params![]).await?;
            rows.iter().map(|row| Ok(Canary { key: row.get("key")?, code: row.get("code")? })).collect()
        })
        .await
    }

    async fn keep_canary(&self, canary: &Canary) -> Result<()> {
        let canary = canary.clone();
        self.write_as(Maintenance, "keep canary", move |db| async move {
            let insert = "INSERT INTO voicecall.canaries (key, code) VALUES ($1, $2) ON CONFLICT DO NOTHING";
            db.execute(insert, params![canary.key, canary.code]).await?;
            Ok(())
        })
        .await
    }

    async fn forget_canary(&self, key: &str) -> Result<()> {
        let key = key.to_owned();
        self.write_as(Maintenance, "forget canary", move |db| async move {
            db.execute("DELETE FROM voicecall.canaries WHERE key = $1", params![key]).await?;
            Ok(())
        })
        .await
    }
}

/// Carries out `update` (ciphertext, id, tenant, ciphertext before) for each row, and counts those that it changed. In the
/// order of their ids, so that two who do so do not wait for each other.
pub(crate) async fn replace(db: &Db, update: &str, mut rows: Vec<Resealed>) -> Outcome<u64> {
    rows.sort_by_key(|resealed| resealed.row.id);
    let mut changed = 0;
    for Resealed { row, before, after } in rows {
        let values = params![after.as_bytes().to_vec(), row.id, row.tenant, before.as_bytes().to_vec()];
        changed += db.execute(update, values).await?;
    }
    Ok(changed)
}
