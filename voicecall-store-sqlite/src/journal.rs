//! Journals and what follows from them: the table `facts`.

use std::sync::Arc;

use rusqlite::{Connection, OptionalExtension, Row, named_params};
use voicecall_core::journal::{Fact, JournalEntry};
use voicecall_core::store::{JournalStore, event_of};
use voicecall_core::{CallTime, Epoch, Error, Result, SessionId, TenantId, async_trait};

use crate::column::{At, Count, Json, Text};
use crate::fault::{Fault, Outcome};
use crate::store::Extensions;
use crate::{SqliteStore, do_not_call, events, sessions};

const APPEND: &str = "append to journal";

#[async_trait]
impl JournalStore for SqliteStore {
    async fn append(&self, tenant: TenantId, entries: &[JournalEntry]) -> Result<()> {
        if entries.is_empty() {
            return Ok(());
        }
        let (entries, extensions) = (entries.to_vec(), Arc::clone(&self.extensions));
        // The transaction undoes what was written before an entry that is refused.
        self.write(APPEND, move |db| append_all(db, &extensions, tenant, &entries)).await
    }

    async fn journal(&self, tenant: TenantId, session: SessionId) -> Result<Vec<JournalEntry>> {
        self.read("read journal", move |db| {
            sessions::owner(db, tenant, session)?;
            of_session(db, session)
        })
        .await
    }
}

pub(crate) fn of_session(db: &Connection, session: SessionId) -> Outcome<Vec<JournalEntry>> {
    let query = "SELECT * FROM facts WHERE session_id = ? ORDER BY seq";
    Ok(db.prepare_cached(query)?.query_map((Text(session),), read)?.collect::<rusqlite::Result<_>>()?)
}

/// Appends entries with what follows from them.
pub(crate) fn append_all(
    db: &Connection,
    extensions: &Extensions,
    tenant: TenantId,
    entries: &[JournalEntry],
) -> Outcome<()> {
    entries.iter().try_for_each(|entry| append(db, extensions, tenant, entry))
}

fn append(mut db: &Connection, extensions: &Extensions, tenant: TenantId, entry: &JournalEntry) -> Outcome<()> {
    if entry.epoch != sessions::owner(db, tenant, entry.session)? {
        return Err(not_the_owner(APPEND));
    }
    if entry.seq == 0 {
        return Err(Error::invalid("seq", "from 1").into());
    }
    match is_stored(db, entry)? {
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
        ":fact": Json(&entry.fact),
    })?;
    if let Some(event) = event_of(entry) {
        events::append(db, event)?;
    }
    if entry.fact == Fact::DoNotCall {
        do_not_call::forbid_person_of(db, tenant, entry.session, entry.at)?;
    }
    extensions.iter().try_for_each(|extension| extension.project(&mut db, tenant, entry)).map_err(Fault::from)
}

/// What an owner hears that is not the newest.
pub(crate) fn not_the_owner(operation: &'static str) -> Fault {
    let error = Error::new(voicecall_core::ErrorKind::Conflict, operation).with_field("epoch");
    error.with_message("the session has another owner").into()
}

/// Whether the entry with this number is this one; `None` if the number is free. Compared as written, since a number
/// with a fraction may read back as its neighbour.
fn is_stored(db: &Connection, entry: &JournalEntry) -> Outcome<Option<bool>> {
    let query = "SELECT epoch = ? AND at = ? AND offset_micros = ? AND fact = ?
                 FROM facts WHERE session_id = ? AND seq = ?";
    let values = (
        entry.epoch.0,
        At(entry.at),
        Count(entry.offset.as_micros()),
        Json(&entry.fact),
        Text(entry.session),
        Count(entry.seq),
    );
    Ok(db.prepare_cached(query)?.query_row(values, |row| row.get(0)).optional()?)
}

fn read(row: &Row<'_>) -> rusqlite::Result<JournalEntry> {
    Ok(JournalEntry {
        session: row.get::<_, Text<_>>("session_id")?.0,
        epoch: Epoch(row.get("epoch")?),
        seq: row.get::<_, Count>("seq")?.0,
        at: row.get::<_, At>("at")?.0,
        offset: CallTime::from_micros(row.get::<_, Count>("offset_micros")?.0),
        fact: row.get::<_, Json<_>>("fact")?.0,
    })
}
