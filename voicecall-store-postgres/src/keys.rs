//! Which keys the data was sealed with: the table `canaries`, and sealed addresses wherever they stand.

use uuid::Uuid;
use voicecall_core::store::{KeyStore, Resealed, SealedRows};
use voicecall_core::{Canary, Result, SealedAddress, SealedRow, async_trait};

use crate::column::params;
use crate::connection::Db;
use crate::fault::{Fault, Outcome};
use crate::roles::Role::Maintenance;
use crate::{PostgresStore, sessions};

#[async_trait]
impl SealedRows for PostgresStore {
    async fn sealed_addresses(&self, after: Option<Uuid>, limit: u32) -> Result<Vec<(SealedRow, SealedAddress)>> {
        self.read_as(Maintenance, "read sealed addresses", move |db| async move {
            let query = "SELECT * FROM voicecall.sessions WHERE remote IS NOT NULL AND id > $1 ORDER BY id LIMIT $2";
            let sessions = sessions::many(db.query(query, params![behind(after), limit]).await?)?;
            Ok(sessions.into_iter().filter_map(|session| Some((session.row(), session.remote?))).collect())
        })
        .await
    }

    async fn reseal(&self, rows: &[Resealed]) -> Result<u64> {
        let rows = rows.to_vec();
        let update = "UPDATE voicecall.sessions SET remote = $1 WHERE id = $2 AND tenant_id = $3 AND remote = $4";
        self.write_as(Maintenance, "seal anew", move |db| async move { replace(&db, update, &rows).await }).await
    }
}

#[async_trait]
impl KeyStore for PostgresStore {
    async fn canaries(&self) -> Result<Vec<Canary>> {
        self.read_as(Maintenance, "read canaries", move |db| async move {
            let rows = db.query("SELECT key, code FROM voicecall.canaries ORDER BY key", params![]).await?;
            rows.iter()
                .map(|row| {
                    let unreadable = |_| Fault::Unreadable("code".to_owned(), None);
                    let code = row.get::<Vec<u8>>("code")?.try_into().map_err(unreadable)?;
                    Ok(Canary { key: row.get("key")?, code })
                })
                .collect()
        })
        .await
    }

    async fn keep_canary(&self, canary: &Canary) -> Result<()> {
        let canary = canary.clone();
        self.write_as(Maintenance, "keep canary", move |db| async move {
            let insert = "INSERT INTO voicecall.canaries (key, code) VALUES ($1, $2) ON CONFLICT DO NOTHING";
            db.execute(insert, params![canary.key, canary.code.to_vec()]).await.map(drop)
        })
        .await
    }

    async fn forget_canary(&self, key: &str) -> Result<()> {
        let key = key.to_owned();
        self.write_as(Maintenance, "forget canary", move |db| async move {
            db.execute("DELETE FROM voicecall.canaries WHERE key = $1", params![key]).await.map(drop)
        })
        .await
    }
}

/// What every id behind `after` is greater than: none is zero.
pub(crate) fn behind(after: Option<Uuid>) -> Uuid {
    after.unwrap_or(Uuid::nil())
}

/// Carries out `update` (ciphertext, id, tenant, ciphertext before) for each row, and counts those that it changed.
pub(crate) async fn replace(db: &Db, update: &str, rows: &[Resealed]) -> Outcome<u64> {
    let mut changed = 0;
    for Resealed { row, before, after } in rows {
        let (before, after) = (before.as_bytes().to_vec(), after.as_bytes().to_vec());
        changed += db.execute(update, params![after, row.id, row.tenant, before]).await?;
    }
    Ok(changed)
}
