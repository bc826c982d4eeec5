//! A session's timeline: the tables `session_events` and `session_events_archive`.

use rusqlite::{Connection, Row, ToSql, named_params};
use voicecall_core::SessionId;
use voicecall_core::store::{Page, PageRequest, SessionEvent};

use crate::column::{At, Count, Json, Text, word};
use crate::fault::Outcome;

/// Appends an event, not before the one before.
pub(crate) fn append(db: &Connection, event: SessionEvent) -> Outcome<()> {
    let query = "SELECT max(at) FROM all_session_events WHERE session_id = ?";
    let last: Option<At> = db.prepare_cached(query)?.query_row((Text(event.session),), |row| row.get(0))?;
    let event = event.not_before(last.map(|at| at.0));
    let insert = "INSERT INTO session_events (id, session_id, kind, data, at, source, metadata)
        VALUES (:id, :session_id, :kind, :data, :at, :source, :metadata)";
    db.prepare_cached(insert)?.execute(named_params! {
        ":id": Text(event.id),
        ":session_id": Text(event.session),
        ":kind": event.kind.as_str(),
        ":data": Json(&event.data),
        ":at": At(event.at),
        ":source": Text(event.source),
        ":metadata": event.metadata.as_ref().map(Json),
    })?;
    Ok(())
}

pub(crate) fn page(db: &Connection, session: SessionId, page: PageRequest) -> Outcome<Page<SessionEvent>> {
    let count = "SELECT count(*) FROM all_session_events WHERE session_id = ?";
    let total: Count = db.prepare_cached(count)?.query_row((Text(session),), |row| row.get(0))?;
    Ok(Page { items: some(db, session, page.per_page, Count(page.offset()))?, total: total.0 })
}

/// All events of a session, archived ones too.
pub(crate) fn of_session(db: &Connection, session: SessionId) -> Outcome<Vec<SessionEvent>> {
    // To SQLite a negative limit is none.
    some(db, session, -1, Count(0))
}

fn some(db: &Connection, session: SessionId, limit: impl ToSql, offset: Count) -> Outcome<Vec<SessionEvent>> {
    let query = "SELECT * FROM all_session_events WHERE session_id = ? ORDER BY at, live, position
                 LIMIT ? OFFSET ?";
    let mut query = db.prepare_cached(query)?;
    Ok(query.query_map((Text(session), limit, offset), read)?.collect::<rusqlite::Result<_>>()?)
}

fn read(row: &Row<'_>) -> rusqlite::Result<SessionEvent> {
    Ok(SessionEvent {
        id: row.get::<_, Text<_>>("id")?.0,
        session: row.get::<_, Text<_>>("session_id")?.0,
        kind: row.get::<_, String>("kind")?.into(),
        data: row.get::<_, Json<_>>("data")?.0,
        at: row.get::<_, At>("at")?.0,
        source: word(row, "source")?,
        metadata: row.get::<_, Option<Json<_>>>("metadata")?.map(|metadata| metadata.0),
    })
}
