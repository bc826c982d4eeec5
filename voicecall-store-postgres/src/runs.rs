//! Runs of workflows: the table `runs`.

use jiff::Timestamp;
use voicecall_core::store::{Page, PageRequest, Run, RunFilter, RunState};
use voicecall_core::{RunId, TenantId};

use crate::column::{Bound, Json, params};
use crate::connection::{Db, Row};
use crate::fault::{Fault, Outcome};

/// The tenant's run; another tenant's is not found.
pub(crate) async fn find(db: &Db, tenant: TenantId, id: RunId) -> Outcome<Run> {
    let query = "SELECT * FROM voicecall.runs WHERE id = $1 AND tenant_id = $2";
    read(&db.query_one(query, params![id, tenant]).await?)
}

/// The tenant's run, which nobody else changes until the transaction is over.
pub(crate) async fn lock(db: &Db, tenant: TenantId, id: RunId) -> Outcome<Run> {
    let query = "SELECT * FROM voicecall.runs WHERE id = $1 AND tenant_id = $2 FOR NO KEY UPDATE";
    read(&db.query_one(query, params![id, tenant]).await?)
}

pub(crate) async fn page(db: &Db, tenant: TenantId, filter: &RunFilter, page: PageRequest) -> Outcome<Page<Run>> {
    const MATCHING: &str = "FROM voicecall.runs
        WHERE tenant_id = $1 AND ($2 IS NULL OR state = $2) AND ($3 IS NULL OR workflow = $3)";
    let matching = || -> Outcome<_> { Ok(params![tenant, filter.state, filter.workflow]) };
    let total = db.query_one(&format!("SELECT count(*) AS total {MATCHING}"), matching()?).await?;
    // Both are numbers, already checked.
    let (limit, offset) = (page.per_page, page.offset());
    let query = format!("SELECT * {MATCHING} ORDER BY created_at DESC, id DESC LIMIT {limit} OFFSET {offset}");
    let rows = db.query(&query, matching()?).await?;
    Ok(Page { items: rows.iter().map(read).collect::<Outcome<_>>()?, total: total.get("total")? })
}

/// Goes from lane to lane along the index, and reads the first of each: what it costs grows with the lanes in which
/// something waits, not with what waits. Leases run by the server's clock.
const DUE: &str = "
    WITH RECURSIVE waiting (lane) AS (
        (SELECT lane FROM voicecall.runs WHERE state = 'waiting' ORDER BY lane LIMIT 1)
        UNION ALL
        SELECT (SELECT lane FROM voicecall.runs WHERE state = 'waiting' AND lane > waiting.lane ORDER BY lane LIMIT 1)
            FROM waiting WHERE waiting.lane IS NOT NULL
    )
    SELECT first.* FROM waiting CROSS JOIN LATERAL (
        SELECT * FROM voicecall.runs AS due
            WHERE due.lane = waiting.lane AND state = 'waiting' AND due_at <= $1
                AND (leased_until IS NULL OR leased_until <= $2) AND definition = ANY ($3)
            ORDER BY due_at, id LIMIT $5
    ) AS first WHERE waiting.lane <> ALL ($4) ORDER BY due_at, id LIMIT $6";

pub(crate) async fn due(
    db: &Db,
    (now, clock): (Timestamp, Timestamp),
    definitions: Vec<String>,
    busy: Vec<String>,
    per_lane: u32,
    limit: u32,
) -> Outcome<Vec<Run>> {
    let values = params![Bound(now), clock, definitions, busy, per_lane, limit];
    db.query(DUE, values).await?.iter().map(read).collect()
}

/// Does nothing if the run exists.
pub(crate) async fn insert(db: &Db, run: &Run) -> Outcome<()> {
    let insert = "INSERT INTO voicecall.runs
        (id, tenant_id, workflow, version, definition, lane, subscription_id, session_id, conversation_id, person, event,
         state, due_at, leased_until, epoch, steps, created_at, updated_at)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18)
        ON CONFLICT (id) DO NOTHING";
    let values = params![
        run.id,
        run.tenant,
        run.workflow,
        run.version,
        run.definition(),
        run.lane(),
        run.subscription,
        run.event.session,
        run.event.conversation,
        run.event.person,
        Json(run.event.clone()),
        run.state,
        run.due_at,
        run.leased_until,
        run.epoch,
        Json(run.steps.clone()),
        run.created_at,
        run.updated_at,
    ];
    db.execute(insert, values).await?;
    Ok(())
}

/// Writes everything that can change.
pub(crate) async fn save(db: &Db, run: &Run) -> Outcome<()> {
    let update = "UPDATE voicecall.runs SET state = $2, due_at = $3, leased_until = $4, epoch = $5, steps = $6,
        updated_at = $7 WHERE id = $1";
    let steps = Json(run.steps.clone());
    db.execute(update, params![run.id, run.state, run.due_at, run.leased_until, run.epoch, steps, run.updated_at])
        .await?;
    Ok(())
}

pub(crate) async fn remove(db: &Db, tenant: TenantId, id: RunId) -> Outcome<()> {
    let delete = "DELETE FROM voicecall.runs WHERE id = $1 AND tenant_id = $2";
    if db.execute(delete, params![id, tenant]).await? == 0 { Err(Fault::NotFound) } else { Ok(()) }
}

pub(crate) async fn purge(db: &Db, state: RunState, before: Timestamp, limit: u32) -> Outcome<u64> {
    let purge = "DELETE FROM voicecall.runs WHERE id IN
        (SELECT id FROM voicecall.runs WHERE state = $1 AND updated_at < $2 ORDER BY updated_at, id LIMIT $3)";
    db.execute(purge, params![state, Bound(before), limit]).await
}

fn read(row: &Row) -> Outcome<Run> {
    let event = row.get::<Json<_>>("event")?.0;
    let (workflow, version) = (row.get::<String>("workflow")?, row.get("version")?);
    let mut run = Run::new(event, workflow, version, row.get("subscription_id")?, row.get("created_at")?);
    run.id = row.get("id")?;
    run.state = row.get("state")?;
    run.due_at = row.get("due_at")?;
    run.leased_until = row.get("leased_until")?;
    run.epoch = row.get("epoch")?;
    run.steps = row.get::<Json<_>>("steps")?.0;
    run.updated_at = row.get("updated_at")?;
    Ok(run)
}
