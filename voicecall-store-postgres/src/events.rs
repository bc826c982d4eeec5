//! A session's timeline: the tables `session_events` and `session_events_archive`.

use voicecall_core::store::{Page, PageRequest, SessionEvent};
use voicecall_core::{SessionId, TenantId};

use crate::column::{Json, params};
use crate::connection::{Db, Row};
use crate::fault::Outcome;

/// Appends an event, not before the one before. Whoever appends has locked the session.
pub(crate) async fn append(db: &Db, tenant: TenantId, event: SessionEvent) -> Outcome<()> {
    let query = "SELECT greatest(
        (SELECT max(at) FROM voicecall.session_events WHERE tenant_id = $1 AND session_id = $2),
        (SELECT max(at) FROM voicecall.session_events_archive WHERE tenant_id = $1 AND session_id = $2)) AS last";
    let last = db.query_one(query, params![tenant, event.session]).await?.get("last")?;
    let event = event.not_before(last);
    let insert = "INSERT INTO voicecall.session_events (id, tenant_id, session_id, kind, data, at, source, metadata)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8)";
    let values = params![
        event.id,
        tenant,
        event.session,
        event.kind.as_str().to_owned(),
        Json(event.data),
        event.at,
        event.source,
        event.metadata.map(Json),
    ];
    db.execute(insert, values).await?;
    Ok(())
}

const EVENTS: &str = "FROM (
    SELECT 0 AS live, * FROM voicecall.session_events_archive WHERE tenant_id = $1 AND session_id = $2
    UNION ALL SELECT 1, * FROM voicecall.session_events WHERE tenant_id = $1 AND session_id = $2) AS event";

pub(crate) async fn page(
    db: &Db,
    tenant: TenantId,
    session: SessionId,
    page: PageRequest,
) -> Outcome<Page<SessionEvent>> {
    let total = db.query_one(&format!("SELECT count(*) AS total {EVENTS}"), params![tenant, session]).await?;
    let items = some(db, tenant, session, Some(i64::from(page.per_page)), page.offset()).await?;
    Ok(Page { items, total: total.get("total")? })
}

/// All events of a session, archived ones too.
pub(crate) async fn of_session(db: &Db, tenant: TenantId, session: SessionId) -> Outcome<Vec<SessionEvent>> {
    some(db, tenant, session, None, 0).await
}

async fn some(
    db: &Db,
    tenant: TenantId,
    session: SessionId,
    limit: Option<i64>,
    offset: u64,
) -> Outcome<Vec<SessionEvent>> {
    let query = format!("SELECT * {EVENTS} ORDER BY at, live, position LIMIT $3 OFFSET $4");
    let rows = db.query(&query, params![tenant, session, limit, offset]).await?;
    rows.iter().map(read).collect()
}

fn read(row: &Row) -> Outcome<SessionEvent> {
    Ok(SessionEvent {
        id: row.get("id")?,
        session: row.get("session_id")?,
        kind: row.get::<String>("kind")?.into(),
        data: row.get::<Json<_>>("data")?.0,
        at: row.get("at")?,
        source: row.get("source")?,
        metadata: row.get::<Option<Json<_>>>("metadata")?.map(|metadata| metadata.0),
    })
}
