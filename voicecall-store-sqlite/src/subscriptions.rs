//! Where events are delivered to: the table `subscriptions`.

use rusqlite::{Connection, Row, named_params};
use url::Url;
use voicecall_core::store::Subscription;
use voicecall_core::{SubscriptionId, TenantId};

use crate::column::{At, Json, Text, word};
use crate::fault::{Fault, Outcome};

pub(crate) fn put(db: &Connection, row: &Subscription) -> Outcome<()> {
    let upsert = "INSERT INTO subscriptions
        (id, tenant_id, url, events, state, generation, rotated_at, created_at, updated_at)
        VALUES (:id, :tenant_id, :url, :events, :state, :generation, :rotated_at, :created_at, :updated_at)
        ON CONFLICT (id) DO UPDATE SET url = excluded.url, events = excluded.events, state = excluded.state,
            generation = excluded.generation, rotated_at = excluded.rotated_at, updated_at = excluded.updated_at
            WHERE tenant_id = excluded.tenant_id";
    let written = db.prepare_cached(upsert)?.execute(named_params! {
        ":id": Text(row.id),
        ":tenant_id": Text(row.tenant),
        ":url": row.url.as_str(),
        ":events": Json(&row.events),
        ":state": Text(row.state),
        ":generation": row.generation,
        ":rotated_at": At(row.rotated_at),
        ":created_at": At(row.created_at),
        ":updated_at": At(row.updated_at),
    })?;
    if written == 0 { Err(Fault::conflict("put subscription", "the subscription exists")) } else { Ok(()) }
}

pub(crate) fn find(db: &Connection, tenant: TenantId, id: SubscriptionId) -> Outcome<Subscription> {
    let query = "SELECT * FROM subscriptions WHERE id = ? AND tenant_id = ?";
    Ok(db.prepare_cached(query)?.query_row((Text(id), Text(tenant)), read)?)
}

/// All of a tenant, oldest first.
pub(crate) fn of_tenant(db: &Connection, tenant: TenantId) -> Outcome<Vec<Subscription>> {
    let query = "SELECT * FROM subscriptions WHERE tenant_id = ? ORDER BY created_at, id";
    Ok(db.prepare_cached(query)?.query_map((Text(tenant),), read)?.collect::<rusqlite::Result<_>>()?)
}

pub(crate) fn remove(db: &Connection, tenant: TenantId, id: SubscriptionId) -> Outcome<()> {
    find(db, tenant, id)?;
    db.prepare_cached("DELETE FROM subscriptions WHERE id = ?")?.execute((Text(id),))?;
    Ok(())
}

fn read(row: &Row<'_>) -> rusqlite::Result<Subscription> {
    let url = row.get::<_, Text<Url>>("url")?.0;
    let events: Json<Vec<_>> = row.get("events")?;
    let created_at = row.get::<_, At>("created_at")?.0;
    let new = Subscription::new(row.get::<_, Text<_>>("tenant_id")?.0, url, events.0, created_at);
    Ok(Subscription {
        id: row.get::<_, Text<_>>("id")?.0,
        state: word(row, "state")?,
        generation: row.get("generation")?,
        rotated_at: row.get::<_, At>("rotated_at")?.0,
        updated_at: row.get::<_, At>("updated_at")?.0,
        ..new
    })
}
