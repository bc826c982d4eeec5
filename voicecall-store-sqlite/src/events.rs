//! A session's timeline: the table `call_events`.

use rusqlite::{Connection, OptionalExtension, Row, named_params};
use voicecall_core::SessionId;
use voicecall_core::store::{CallEvent, Page, PageRequest};

use crate::column::{At, Count, Json, Text};
use crate::fault::Outcome;

/// Appends an event, not before the one before.
pub(crate) fn append(db: &Connection, event: CallEvent) -> Outcome<()> {
    let query = "SELECT timestamp FROM call_events WHERE call_session_id = ? ORDER BY position DESC LIMIT 1";
    let last: Option<At> = db.prepare_cached(query)?.query_row((Text(event.session),), |row| row.get(0)).optional()?;
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
    let count = "SELECT count(*) FROM call_events WHERE call_session_id = ?";
    let total: Count = db.prepare_cached(count)?.query_row((Text(session),), |row| row.get(0))?;
    let query = "SELECT * FROM call_events WHERE call_session_id = ? ORDER BY position LIMIT ? OFFSET ?";
    let items = db
        .prepare_cached(query)?
        .query_map((Text(session), page.per_page, Count(page.offset())), read)?
        .collect::<rusqlite::Result<_>>()?;
    Ok(Page { items, total: total.0 })
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
