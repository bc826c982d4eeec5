//! Runs of workflows: the table `runs`.

use jiff::Timestamp;
use rusqlite::{Connection, Row, named_params};
use voicecall_core::store::{Page, PageRequest, Run, RunFilter, RunState};
use voicecall_core::{Epoch, RunId, TenantId};

use crate::column::{At, Count, Json, Text, word};
use crate::fault::Outcome;

/// The tenant's run; another tenant's is not found.
pub(crate) fn find(db: &Connection, tenant: TenantId, id: RunId) -> Outcome<Run> {
    let query = "SELECT * FROM runs WHERE id = ? AND tenant_id = ?";
    Ok(db.prepare_cached(query)?.query_row((Text(id), Text(tenant)), read)?)
}

pub(crate) fn page(db: &Connection, tenant: TenantId, filter: &RunFilter, page: PageRequest) -> Outcome<Page<Run>> {
    // Written only where it is asked for, so that the state's index is used then.
    let in_state = if filter.state.is_some() { "AND state = :state" } else { "AND :state IS NULL" };
    let matching =
        format!("FROM runs WHERE tenant_id = :tenant {in_state} AND (:workflow IS NULL OR workflow = :workflow)");
    let params = named_params! {
        ":tenant": Text(tenant), ":state": filter.state.map(Text), ":workflow": filter.workflow,
    };
    let total: Count =
        db.prepare_cached(&format!("SELECT count(*) {matching}"))?.query_row(params, |row| row.get(0))?;
    // Both are numbers, already checked.
    let (limit, offset) = (page.per_page, page.offset());
    let query = format!("SELECT * {matching} ORDER BY created_at DESC, id DESC LIMIT {limit} OFFSET {offset}");
    let items = db.prepare(&query)?.query_map(params, read)?.collect::<rusqlite::Result<_>>()?;
    Ok(Page { items, total: total.0 })
}

/// Goes from lane to lane along the index, and reads the first of each: what it costs grows with the lanes in which
/// something waits, not with what waits.
const DUE: &str = "
    WITH RECURSIVE waiting (lane) AS (
        SELECT min(lane) FROM runs WHERE state = 'waiting'
        UNION ALL
        SELECT (SELECT min(lane) FROM runs WHERE state = 'waiting' AND lane > waiting.lane)
            FROM waiting WHERE waiting.lane IS NOT NULL
    )
    SELECT first.* FROM waiting CROSS JOIN runs AS first
        WHERE waiting.lane NOT IN (SELECT value FROM json_each(:busy)) AND first.id IN (
            SELECT id FROM runs AS due
                WHERE due.lane = waiting.lane AND due.state = 'waiting' AND due_at <= :now AND (leased_until IS NULL OR leased_until <= :now)
                    AND definition IN (SELECT value FROM json_each(:definitions))
                ORDER BY due_at, id LIMIT :per_lane
        )
    ORDER BY due_at, id LIMIT :limit";

pub(crate) fn due(
    db: &Connection,
    now: Timestamp,
    definitions: &[String],
    busy: &[String],
    per_lane: u32,
    limit: u32,
) -> Outcome<Vec<Run>> {
    let values = named_params! {
        ":now": At(now), ":definitions": Json(definitions), ":busy": Json(busy), ":per_lane": per_lane, ":limit": limit,
    };
    Ok(db.prepare_cached(DUE)?.query_map(values, read)?.collect::<rusqlite::Result<_>>()?)
}

/// Does nothing if the run exists.
pub(crate) fn insert(db: &Connection, run: &Run) -> Outcome<()> {
    let insert = "INSERT INTO runs
        (id, tenant_id, workflow, version, definition, lane, subscription_id, session_id, conversation_id, person, event,
         state, due_at, leased_until, epoch, steps, created_at, updated_at)
        VALUES (:id, :tenant_id, :workflow, :version, :definition, :lane, :subscription_id, :session_id, :conversation_id,
                :person, :event, :state, :due_at, :leased_until, :epoch, :steps, :created_at, :updated_at)
        ON CONFLICT DO NOTHING";
    db.prepare_cached(insert)?.execute(named_params! {
        ":id": Text(run.id),
        ":tenant_id": Text(run.tenant),
        ":workflow": run.workflow,
        ":version": run.version,
        ":definition": run.definition(),
        ":lane": run.lane(),
        ":subscription_id": run.subscription.map(Text),
        ":session_id": run.event.session.map(Text),
        ":conversation_id": run.event.conversation.map(Text),
        ":person": run.event.person.map(|person| *person.lookup().as_bytes()),
        ":event": Json(&run.event),
        ":state": Text(run.state),
        ":due_at": At(run.due_at),
        ":leased_until": run.leased_until.map(At),
        ":epoch": run.epoch.0,
        ":steps": Json(&run.steps),
        ":created_at": At(run.created_at),
        ":updated_at": At(run.updated_at),
    })?;
    Ok(())
}

/// Writes everything that can change.
pub(crate) fn save(db: &Connection, run: &Run) -> Outcome<()> {
    let update = "UPDATE runs SET state = :state, due_at = :due_at, leased_until = :leased_until, epoch = :epoch, steps = :steps,
        updated_at = :updated_at WHERE id = :id";
    db.prepare_cached(update)?.execute(named_params! {
        ":id": Text(run.id),
        ":state": Text(run.state),
        ":due_at": At(run.due_at),
        ":leased_until": run.leased_until.map(At),
        ":epoch": run.epoch.0,
        ":steps": Json(&run.steps),
        ":updated_at": At(run.updated_at),
    })?;
    Ok(())
}

pub(crate) fn remove(db: &Connection, tenant: TenantId, id: RunId) -> Outcome<()> {
    find(db, tenant, id)?;
    db.prepare_cached("DELETE FROM runs WHERE id = ?")?.execute((Text(id),))?;
    Ok(())
}

const PURGE: &str = "DELETE FROM runs WHERE id IN
    (SELECT id FROM runs WHERE state = ? AND updated_at < ? ORDER BY updated_at, id LIMIT ?)";

pub(crate) fn purge(db: &Connection, state: RunState, before: Timestamp, limit: u32) -> Outcome<u64> {
    Ok(db.prepare_cached(PURGE)?.execute((Text(state), At(before), limit))? as u64)
}

/// What finds runs: none that is not found is read.
#[cfg(test)]
pub(crate) const QUERIES: [&str; 2] = [DUE, PURGE];

fn read(row: &Row<'_>) -> rusqlite::Result<Run> {
    let event = row.get::<_, Json<_>>("event")?.0;
    let subscription = row.get::<_, Option<Text<_>>>("subscription_id")?.map(|id| id.0);
    let created_at = row.get::<_, At>("created_at")?.0;
    let mut run = Run::new(event, row.get::<_, String>("workflow")?, row.get("version")?, subscription, created_at);
    run.id = row.get::<_, Text<_>>("id")?.0;
    run.state = word(row, "state")?;
    run.due_at = row.get::<_, At>("due_at")?.0;
    run.leased_until = row.get::<_, Option<At>>("leased_until")?.map(|at| at.0);
    run.epoch = Epoch(row.get("epoch")?);
    run.steps = row.get::<_, Json<_>>("steps")?.0;
    run.updated_at = row.get::<_, At>("updated_at")?.0;
    Ok(run)
}
