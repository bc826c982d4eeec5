//! Which keys the data was sealed with: the table `canaries`, and sealed addresses wherever they stand.

use rusqlite::{Connection, Row};
use uuid::Uuid;
use voicecall_core::store::{KeyStore, RenewedContent, Resealed, SealedRows, Session};
use voicecall_core::{Canary, Result, SealedAddress, SealedRow, SessionId, TenantId, async_trait};

use crate::column::Text;
use crate::fault::Outcome;
use crate::transaction::Transaction;
use crate::{SqliteStore, journal, sessions};

#[async_trait]
impl SealedRows for SqliteStore {
    async fn sealed_addresses(&self, after: Option<Uuid>, limit: u32) -> Result<Vec<(SealedRow, SealedAddress)>> {
        self.read("read sealed addresses", move |db| {
            let query = "SELECT * FROM sessions WHERE remote IS NOT NULL AND id > ? ORDER BY id LIMIT ?";
            let row = |row: &Row<'_>| sessions::read(row);
            let sessions: Vec<Session> =
                db.prepare_cached(query)?.query_map((behind(after), limit), row)?.collect::<rusqlite::Result<_>>()?;
            Ok(sessions.into_iter().filter_map(|session| Some((session.row(), session.remote?))).collect())
        })
        .await
    }

    async fn reseal(&self, rows: &[Resealed]) -> Result<u64> {
        let rows = rows.to_vec();
        let update = "UPDATE sessions SET remote = ?1 WHERE id = ?2 AND tenant_id = ?3 AND remote = ?4";
        self.write("seal anew", move |db| replace(db, update, &rows)).await
    }

    async fn renew_content(&self, after: Option<SessionId>, sessions: u32) -> Result<RenewedContent> {
        let renewed = self.write("renew content", move |db| renew(db, after, sessions, journal::renew)).await?;
        // What is sealed now stands nowhere as it was.
        if renewed.renewed > 0 {
            self.forget_traces().await;
        }
        Ok(renewed)
    }
}

/// Does `work` for the next sessions in the order of their ids.
pub(crate) fn renew(
    db: &Transaction<'_>,
    after: Option<SessionId>,
    sessions: u32,
    work: impl Fn(&Transaction<'_>, SealedRow, SessionId, &mut RenewedContent) -> Outcome<()>,
) -> Outcome<RenewedContent> {
    let query = "SELECT id, tenant_id FROM sessions WHERE id > ? ORDER BY id LIMIT ?";
    let behind = behind(after.map(|after| *after.as_uuid()));
    let read = |row: &Row<'_>| Ok((row.get::<_, Text<SessionId>>(0)?.0, row.get::<_, Text<TenantId>>(1)?.0));
    let found: Vec<_> =
        db.prepare_cached(query)?.query_map((behind, sessions), read)?.collect::<rusqlite::Result<_>>()?;
    let mut done = RenewedContent { last: found.last().map(|(session, _)| *session), ..RenewedContent::default() };
    for (session, tenant) in found {
        work(db, SealedRow::session(tenant, session), session, &mut done)?;
    }
    Ok(done)
}

#[async_trait]
impl KeyStore for SqliteStore {
    async fn canaries(&self) -> Result<Vec<Canary>> {
        self.read("read canaries", |db| {
            let canary = |row: &Row<'_>| Ok(Canary { key: row.get("key")?, code: row.get("code")? });
            Ok(db.prepare_cached("SELECT * FROM canaries")?.query_map([], canary)?.collect::<rusqlite::Result<_>>()?)
        })
        .await
    }

    async fn keep_canary(&self, canary: &Canary) -> Result<()> {
        let canary = canary.clone();
        self.write("keep canary", move |db| {
            let insert = "INSERT INTO canaries (key, code) VALUES (?, ?) ON CONFLICT DO NOTHING";
            db.execute(insert, (&canary.key, canary.code))?;
            Ok(())
        })
        .await
    }

    async fn forget_canary(&self, key: &str) -> Result<()> {
        let key = key.to_owned();
        self.write("forget canary", move |db| {
            db.execute("DELETE FROM canaries WHERE key = ?", (&key,))?;
            Ok(())
        })
        .await
    }
}

/// What every id behind `after` is greater than, as text.
pub(crate) fn behind(after: Option<Uuid>) -> String {
    after.map(|after| after.to_string()).unwrap_or_default()
}

/// Carries out `update` (ciphertext, id, tenant, ciphertext before) for each row, and counts those that it changed.
pub(crate) fn replace(db: &Connection, update: &str, rows: &[Resealed]) -> Outcome<u64> {
    let mut update = db.prepare_cached(update)?;
    let mut changed = 0;
    for Resealed { row, before, after } in rows {
        changed += update.execute((after.as_bytes(), Text(row.id), Text(row.tenant), before.as_bytes()))?;
    }
    Ok(changed as u64)
}
