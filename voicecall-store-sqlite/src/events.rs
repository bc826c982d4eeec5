//! A session's timeline: the tables `call_events` and `call_events_archive`.

use rusqlite::{Connection, Row, ToSql, named_params};
use voicecall_core::SessionId;
use voicecall_core::store::{CallEvent, Page, PageRequest};

use crate::column::{At, Count, Json, Text};
use crate::fault::Outcome;

/// Appends an event, not before the one before.
pub(crate) fn append(db: &Connection, event: CallEvent) -> Outcome<()> {
    let query = "SELECT max(timestamp) FROM all_call_events WHERE call_session_id = ?";
    let last: Option<At> = db.prepare_cached(query)?.query_row((Text(event.session),), |row| row.get(0))?;
    let event = event.not_before(last.map(|at| at.0));
    let insert = "INSERT INTO call_events (id, call_session_id, event_type, event_data, timestamp, source, metadata)
        VALUES (:id, :call_session_id, :event_type, :event_data, :timestamp, :source, :metadata)";
    db.prepare_cached(insert)?.execute(named_params! {
        ":id": Text(event.id),
        ":call_session_id": Text(event.session),
        ":event_type": Text(event.event_type),
        ":event_data": Json(&event.data),
        ":timestamp": At(event.timestamp),
        ":source": Text(event.source),
        ":metadata": event.metadata.as_ref().map(Json),
    })?;
    Ok(())
}

pub(crate) fn page(db: &Connection, session: SessionId, page: PageRequest) -> Outcome<Page<CallEvent>> {
    let count = "SELECT count(*) FROM all_call_events WHERE call_session_id = ?";
    let total: Count = db.prepare_cached(count)?.query_row((Text(session),), |row| row.get(0))?;
    Ok(Page { items: some(db, session, page.per_page, Count(page.offset()))?, total: total.0 })
}

/// All events of a session, archived ones too.
pub(crate) fn of_session(db: &Connection, session: SessionId) -> Outcome<Vec<CallEvent>> {
    // To SQLite a negative limit is none.
    some(db, session, -1, Count(0))
}

fn some(db: &Connection, session: SessionId, limit: impl ToSql, offset: Count) -> Outcome<Vec<CallEvent>> {
    let query = "SELECT * FROM all_call_events WHERE call_session_id = ? ORDER BY timestamp, live, position
                 LIMIT ? OFFSET ?";
    let mut query = db.prepare_cached(query)?;
    Ok(query.query_map((Text(session), limit, offset), read)?.collect::<rusqlite::Result<_>>()?)
}

fn read(row: &Row<'_>) -> rusqlite::Result<CallEvent> {
    Ok(CallEvent {
        id: row.get::<_, Text<_>>("id")?.0,
        session: row.get::<_, Text<_>>("call_session_id")?.0,
        event_type: row.get::<_, Text<_>>("event_type")?.0,
        data: row.get::<_, Json<_>>("event_data")?.0,
        timestamp: row.get::<_, At>("timestamp")?.0,
        source: row.get::<_, Text<_>>("source")?.0,
        metadata: row.get::<_, Option<Json<_>>>("metadata")?.map(|metadata| metadata.0),
    })
}
