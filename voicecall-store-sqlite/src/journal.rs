//! Journals and what follows from them: the table `facts`.

use std::sync::Arc;

use rusqlite::{Connection, OptionalExtension, Row, named_params};
use voicecall_core::event::Event;
use voicecall_core::journal::{Fact, JournalEntry};
use voicecall_core::store::{JournalStore, RenewedContent, event_of};
use voicecall_core::{CallTime, Epoch, Error, FactRow, Result, SealedRow, SessionId, TenantId, async_trait};

use crate::column::{At, Count, Text};
use crate::fault::{Fault, Outcome};
use crate::store::Extensions;
use crate::transaction::Transaction;
use crate::{SqliteStore, do_not_call, events, pending_events, sessions};

const APPEND: &str = "append to journal";

#[async_trait]
impl JournalStore for SqliteStore {
    async fn append(&self, tenant: TenantId, entries: &[JournalEntry]) -> Result<()> {
        if entries.is_empty() {
            return Ok(());
        }
        let (entries, extensions) = (entries.to_vec(), Arc::clone(&self.extensions));
        // The transaction undoes what was written before an entry that is refused.
        self.write(APPEND, move |db| append_all(*db, &extensions, tenant, &entries)).await
    }

    async fn journal(&self, tenant: TenantId, session: SessionId) -> Result<Vec<JournalEntry>> {
        self.read("read journal", move |db| {
            sessions::owner(db, tenant, session)?;
            of_session(db, tenant, session)
        })
        .await
    }
}

pub(crate) fn of_session(db: &Transaction<'_>, tenant: TenantId, session: SessionId) -> Outcome<Vec<JournalEntry>> {
    let mut query = db.prepare_cached("SELECT * FROM facts WHERE session_id = ? ORDER BY seq")?;
    let mut rows = query.query((Text(session),))?;
    let mut entries = Vec::new();
    while let Some(row) = rows.next()? {
        entries.push(read(db, tenant, row)?);
    }
    Ok(entries)
}

/// Appends entries with what follows from them.
pub(crate) fn append_all(
    db: Transaction<'_>,
    extensions: &Extensions,
    tenant: TenantId,
    entries: &[JournalEntry],
) -> Outcome<()> {
    entries.iter().try_for_each(|entry| append(db, extensions, tenant, entry))
}

fn append(mut db: Transaction<'_>, extensions: &Extensions, tenant: TenantId, entry: &JournalEntry) -> Outcome<()> {
    if entry.epoch != sessions::owner(&db, tenant, entry.session)? {
        return Err(not_the_owner(APPEND));
    }
    if entry.seq == 0 {
        return Err(Error::invalid("seq", "from 1").into());
    }
    match is_stored(&db, tenant, entry)? {
        Some(true) => return Ok(()),
        Some(false) => return Err(Fault::conflict(APPEND, "another entry has the number")),
        None => {}
    }
    let insert = "INSERT INTO facts (session_id, seq, epoch, at, offset_micros, fact)
        VALUES (:session_id, :seq, :epoch, :at, :offset_micros, :fact)";
    db.prepare_cached(insert)?.execute(named_params! {
        ":session_id": Text(entry.session),
        ":seq": Count(entry.seq),
        ":epoch": entry.epoch.0,
        ":at": At(entry.at),
        ":offset_micros": Count(entry.offset.as_micros()),
        ":fact": db.seal().seal_fact(entry.row(tenant), &entry.fact)?,
    })?;
    if let Some(event) = event_of(entry) {
        events::append(&db, event)?;
    }
    if entry.fact.is_wish() {
        sessions::take_in(&db, tenant, entry)?;
    }
    let events = Event::of_fact(tenant, entry, || has_words(&db, entry.session))?;
    pending_events::tell(&db, events)?;
    if entry.fact == Fact::DoNotCall {
        do_not_call::forbid_person_of(&db, tenant, entry.session, entry.at)?;
    }
    extensions.iter().try_for_each(|extension| extension.project(&mut db, tenant, entry)).map_err(Fault::from)
}

/// Whether a session's journal has a line of a transcript.
fn has_words(db: &Connection, session: SessionId) -> Outcome<bool> {
    let query = "SELECT EXISTS (SELECT 1 FROM facts WHERE session_id = ? AND fact ->> 'fact' IN ('said', 'heard'))";
    Ok(db.prepare_cached(query)?.query_row((Text(session),), |row| row.get(0))?)
}

/// What an owner hears that is not the newest.
pub(crate) fn not_the_owner(operation: &'static str) -> Fault {
    let error = Error::new(voicecall_core::ErrorKind::Conflict, operation).with_field("epoch");
    error.with_message("the session has another owner").into()
}

/// Whether the entry with this number is this one; `None` if the number is free.
fn is_stored(db: &Transaction<'_>, tenant: TenantId, entry: &JournalEntry) -> Outcome<Option<bool>> {
    let query = "SELECT epoch = ? AND at = ? AND offset_micros = ?, fact FROM facts WHERE session_id = ? AND seq = ?";
    let values = (entry.epoch.0, At(entry.at), Count(entry.offset.as_micros()), Text(entry.session), Count(entry.seq));
    let read = |row: &Row<'_>| Ok((row.get::<_, bool>(0)?, row.get::<_, String>(1)?));
    match db.prepare_cached(query)?.query_row(values, read).optional()? {
        Some((true, fact)) => Ok(Some(db.seal().is_fact(entry.row(tenant), &fact, &entry.fact)?)),
        other => Ok(other.map(|_| false)),
    }
}

fn read(db: &Transaction<'_>, tenant: TenantId, row: &Row<'_>) -> Outcome<JournalEntry> {
    let fact = FactRow { tenant, session: row.get::<_, Text<_>>("session_id")?.0, seq: row.get::<_, Count>("seq")?.0 };
    Ok(JournalEntry {
        session: fact.session,
        epoch: Epoch(row.get("epoch")?),
        seq: fact.seq,
        at: row.get::<_, At>("at")?.0,
        offset: CallTime::from_micros(row.get::<_, Count>("offset_micros")?.0),
        fact: db.seal().open_fact(fact, &row.get::<_, String>("fact")?)?,
    })
}

/// Brings the facts of a session into the form in which they would be written now.
pub(crate) fn renew(
    db: &Transaction<'_>,
    row: SealedRow,
    session: SessionId,
    done: &mut RenewedContent,
) -> Outcome<()> {
    let read = |row: &Row<'_>| Ok((row.get::<_, Count>(0)?.0, row.get::<_, String>(1)?));
    let mut query = db.prepare_cached("SELECT seq, fact FROM facts WHERE session_id = ?")?;
    let facts: Vec<_> = query.query_map((Text(session),), read)?.collect::<rusqlite::Result<_>>()?;
    let mut update = db.prepare_cached("UPDATE facts SET fact = ? WHERE session_id = ? AND seq = ?")?;
    for (seq, fact) in facts {
        match db.seal().renew_fact(FactRow { tenant: row.tenant, session, seq }, &fact) {
            Ok(Some(anew)) => done.note(Some(update.execute((anew, Text(session), Count(seq)))? > 0)),
            Ok(None) => {}
            Err(_) => done.note_unreadable(row),
        }
    }
    Ok(())
}
