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

/// First which events these are, by the index alone, and then only those: an event may be long, and none is read that is not
/// asked for.
const SOME: &str = "
    WITH page AS MATERIALIZED (
        SELECT 0 AS live, position, at FROM session_events_archive WHERE session_id = ?1
        UNION ALL SELECT 1, position, at FROM session_events WHERE session_id = ?1
        ORDER BY at, live, position LIMIT ?2 OFFSET ?3
    )
    SELECT 0 AS live, * FROM session_events_archive WHERE position IN (SELECT position FROM page WHERE live = 0)
    UNION ALL
    SELECT 1 AS live, * FROM session_events WHERE position IN (SELECT position FROM page WHERE live = 1)
    ORDER BY at, live, position";

fn some(db: &Connection, session: SessionId, limit: impl ToSql, offset: Count) -> Outcome<Vec<SessionEvent>> {
    let mut query = db.prepare_cached(SOME)?;
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_of_events_is_found_without_reading_any_other() {
        let mut db = Connection::open_in_memory().unwrap();
        crate::schema::migrate(&mut db, crate::schema::MIGRATIONS).unwrap();
        let mut plan = db.prepare(&format!("EXPLAIN QUERY PLAN {SOME}")).unwrap();
        let steps = plan.query_map(("session", 10, 100), |row| row.get::<_, String>("detail")).unwrap();
        let steps: Vec<_> = steps.collect::<rusqlite::Result<_>>().unwrap();
        let count = |what: &str| steps.iter().filter(|step| step.contains(what)).count();
        assert_eq!(count("USING COVERING INDEX session_events_of_session (session_id=?)"), 1, "{steps:#?}");
        assert_eq!(count("USING COVERING INDEX session_events_archive_of_session (session_id=?)"), 1, "{steps:#?}");
        assert_eq!(count("USING INTEGER PRIMARY KEY (rowid=?)"), 2, "{steps:#?}");
        assert_eq!(count("SCAN session_events"), 0, "{steps:#?}");
    }
}
