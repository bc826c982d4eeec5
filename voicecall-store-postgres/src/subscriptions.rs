//! Where events are delivered to: the table `subscriptions`.

use voicecall_core::store::Subscription;
use voicecall_core::{SubscriptionId, TenantId};

use crate::column::{Json, params};
use crate::connection::{Db, Row};
use crate::fault::{Fault, Outcome};

pub(crate) async fn put(db: &Db, row: &Subscription) -> Outcome<()> {
    let update =
        "UPDATE voicecall.subscriptions SET url = $3, events = $4, state = $5, generation = $6, rotated_at = $7,
        updated_at = $8 WHERE id = $1 AND tenant_id = $2";
    let (url, events) = (row.url.to_string(), Json(row.events.clone()));
    let values = params![row.id, row.tenant, url, events, row.state, row.generation, row.rotated_at, row.updated_at];
    if db.execute(update, values).await? > 0 {
        return Ok(());
    }
    let insert = "INSERT INTO voicecall.subscriptions
        (id, tenant_id, url, events, state, generation, rotated_at, created_at, updated_at)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) ON CONFLICT (id) DO NOTHING";
    let (url, events) = (row.url.to_string(), Json(row.events.clone()));
    let values = params![
        row.id,
        row.tenant,
        url,
        events,
        row.state,
        row.generation,
        row.rotated_at,
        row.created_at,
        row.updated_at,
    ];
    // Another tenant's is not seen, and stays as it is.
    let written = db.execute(insert, values).await?;
    if written == 0 { Err(Fault::conflict("put subscription", "the subscription exists")) } else { Ok(()) }
}

pub(crate) async fn find(db: &Db, tenant: TenantId, id: SubscriptionId) -> Outcome<Subscription> {
    let query = "SELECT * FROM voicecall.subscriptions WHERE id = $1 AND tenant_id = $2";
    read(&db.query_one(query, params![id, tenant]).await?)
}

/// All of a tenant, oldest first.
pub(crate) async fn of_tenant(db: &Db, tenant: TenantId) -> Outcome<Vec<Subscription>> {
    let query = "SELECT * FROM voicecall.subscriptions WHERE tenant_id = $1 ORDER BY created_at, id";
    db.query(query, params![tenant]).await?.iter().map(read).collect()
}

pub(crate) async fn remove(db: &Db, tenant: TenantId, id: SubscriptionId) -> Outcome<()> {
    let delete = "DELETE FROM voicecall.subscriptions WHERE id = $1 AND tenant_id = $2";
    if db.execute(delete, params![id, tenant]).await? == 0 { Err(Fault::NotFound) } else { Ok(()) }
}

fn read(row: &Row) -> Outcome<Subscription> {
    let url = row.get::<String>("url")?.parse().map_err(|_| Fault::Unreadable("url".to_owned(), None))?;
    let events: Json<Vec<_>> = row.get("events")?;
    let new = Subscription::new(row.get("tenant_id")?, url, events.0, row.get("created_at")?);
    Ok(Subscription {
        id: row.get("id")?,
        state: row.get("state")?,
        generation: row.get("generation")?,
        rotated_at: row.get("rotated_at")?,
        updated_at: row.get("updated_at")?,
        ..new
    })
}
