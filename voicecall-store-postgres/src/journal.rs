//! Journals and what follows from them: the table `facts`.

use std::sync::Arc;

use voicecall_core::event::Event;
use voicecall_core::journal::{Fact, JournalEntry};
use voicecall_core::store::{JournalStore, RenewedContent, event_of};
use voicecall_core::{CallTime, Error, ErrorKind, FactRow, Result, SealedRow, SessionId, TenantId, async_trait};

use crate::column::{Document, params};
use crate::connection::{Db, Row};
use crate::fault::{Fault, Outcome};
use crate::store::{Extensions, extend};
use crate::{PostgresStore, do_not_call, events, pending_events, sessions};

const APPEND: &str = "append to journal";

#[async_trait]
impl JournalStore for PostgresStore {
    async fn append(&self, tenant: TenantId, entries: &[JournalEntry]) -> Result<()> {
        if entries.is_empty() {
            return Ok(());
        }
        let (entries, extensions) = (entries.to_vec(), self.extensions());
        self.write(APPEND, tenant, move |db| async move { append_all(&db, &extensions, tenant, entries).await }).await
    }

    async fn journal(&self, tenant: TenantId, session: SessionId) -> Result<Vec<JournalEntry>> {
        self.read("read journal", tenant, move |db| async move {
            sessions::owner(&db, tenant, session).await?;
            of_session(&db, tenant, session).await
        })
        .await
    }
}

pub(crate) async fn of_session(db: &Db, tenant: TenantId, session: SessionId) -> Outcome<Vec<JournalEntry>> {
    let query = "SELECT * FROM voicecall.facts WHERE tenant_id = $1 AND session_id = $2 ORDER BY seq";
    db.query(query, params![tenant, session]).await?.iter().map(|row| read(db, row)).collect()
}

/// Appends entries with what follows from them.
pub(crate) async fn append_all(
    db: &Db,
    extensions: &Arc<Extensions>,
    tenant: TenantId,
    entries: Vec<JournalEntry>,
) -> Outcome<()> {
    // Of several sessions always in the same order, so that two appends do not wait for each other.
    let mut locked: Vec<_> = entries.iter().map(|entry| entry.session).collect();
    locked.sort_unstable();
    locked.dedup();
    for session in locked {
        sessions::lock(db, tenant, session).await?;
    }
    for entry in entries {
        append(db, extensions, tenant, entry).await?;
    }
    Ok(())
}

async fn append(db: &Db, extensions: &Arc<Extensions>, tenant: TenantId, entry: JournalEntry) -> Outcome<()> {
    if entry.epoch != sessions::owner(db, tenant, entry.session).await? {
        return Err(not_the_owner(APPEND));
    }
    if entry.seq == 0 {
        return Err(Error::invalid("seq", "from 1").into());
    }
    if !insert(db, tenant, &entry).await? {
        return if is_stored(db, tenant, &entry).await? {
            Ok(())
        } else {
            Err(Fault::conflict(APPEND, "another entry has the number"))
        };
    }
    if let Some(event) = event_of(&entry) {
        events::append(db, tenant, event).await?;
    }
    if entry.fact.is_wish() {
        sessions::take_in(db, tenant, &entry).await?;
    }
    // Only who has ended may have words: nobody else is asked about.
    let has_words = matches!(entry.fact, Fact::Ended { .. }) && has_words(db, tenant, entry.session).await?;
    pending_events::tell(db, Event::of_fact::<Fault>(tenant, &entry, || Ok(has_words))?).await?;
    if entry.fact == Fact::DoNotCall {
        do_not_call::forbid_person_of(db, tenant, entry.session, entry.at).await?;
    }
    extend(db, extensions, move |extension, transaction| extension.project(transaction, tenant, &entry)).await?;
    Ok(())
}

/// Whether a session's journal has a line of a transcript.
async fn has_words(db: &Db, tenant: TenantId, session: SessionId) -> Outcome<bool> {
    let query = "SELECT EXISTS (SELECT FROM voicecall.facts
        WHERE tenant_id = $1 AND session_id = $2 AND fact ->> 'fact' IN ('said', 'heard')) AS has_words";
    db.query_one(query, params![tenant, session]).await?.get("has_words")
}

/// What an owner hears that is not the newest.
pub(crate) fn not_the_owner(operation: &'static str) -> Fault {
    let error = Error::new(ErrorKind::Conflict, operation).with_field("epoch");
    error.with_message("the session has another owner").into()
}

/// Whether the entry is new.
async fn insert(db: &Db, tenant: TenantId, entry: &JournalEntry) -> Outcome<bool> {
    let insert = "INSERT INTO voicecall.facts (tenant_id, session_id, seq, epoch, at, offset_micros, fact)
        VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT DO NOTHING";
    let (offset, fact) = (entry.offset.as_micros(), Document(db.seal().seal_fact(entry.row(tenant), &entry.fact)?));
    let values = params![tenant, entry.session, entry.seq, entry.epoch, entry.at, offset, fact];
    Ok(db.execute(insert, values).await? > 0)
}

/// Whether the entry with this number is this one.
async fn is_stored(db: &Db, tenant: TenantId, entry: &JournalEntry) -> Outcome<bool> {
    let query = "SELECT epoch = $4 AND at = $5 AND offset_micros = $6 AS same, fact
        FROM voicecall.facts WHERE tenant_id = $1 AND session_id = $2 AND seq = $3";
    let values = params![tenant, entry.session, entry.seq, entry.epoch, entry.at, entry.offset.as_micros()];
    let row = db.query_one(query, values).await?;
    let stored: Document = row.get("fact")?;
    Ok(row.get("same")? && db.seal().is_fact(entry.row(tenant), &stored.0, &entry.fact)?)
}

fn read(db: &Db, row: &Row) -> Outcome<JournalEntry> {
    let fact = FactRow { tenant: row.get("tenant_id")?, session: row.get("session_id")?, seq: row.get("seq")? };
    let stored: Document = row.get("fact")?;
    Ok(JournalEntry {
        session: fact.session,
        epoch: row.get("epoch")?,
        seq: fact.seq,
        at: row.get("at")?,
        offset: CallTime::from_micros(row.get("offset_micros")?),
        fact: db.seal().open_fact(fact, &stored.0)?,
    })
}

/// Brings the facts of a session into the form in which they would be written now.
pub(crate) async fn renew(db: &Db, row: SealedRow, session: SessionId, done: &mut RenewedContent) -> Outcome<()> {
    let query = "SELECT seq, fact FROM voicecall.facts WHERE tenant_id = $1 AND session_id = $2 ORDER BY seq";
    // What stands there is compared: it may have changed since it was read.
    let update = "UPDATE voicecall.facts SET fact = $1
                  WHERE tenant_id = $2 AND session_id = $3 AND seq = $4 AND fact::text = $5";
    for found in db.query(query, params![row.tenant, session]).await? {
        let (seq, stored) = (found.get("seq")?, found.get::<Document>("fact")?.0);
        match db.seal().renew_fact(FactRow { tenant: row.tenant, session, seq }, &stored) {
            Ok(Some(anew)) => {
                let values = params![Document(anew), row.tenant, session, seq, stored];
                done.note(Some(db.execute(update, values).await? > 0));
            }
            Ok(None) => {}
            Err(_) => done.note_unreadable(row),
        }
    }
    Ok(())
}
