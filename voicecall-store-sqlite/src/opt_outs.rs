//! Who asked for no more messages: the table `opt_outs`.

use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension};
use voicecall_core::store::Channel;
use voicecall_core::{PersonKey, TenantId};

use crate::column::{At, Text};
use crate::fault::Outcome;

/// Since when a person wants no messages over a channel.
pub(crate) fn since(
    db: &Connection,
    tenant: TenantId,
    person: PersonKey,
    channel: &Channel,
) -> Outcome<Option<Timestamp>> {
    let query = "SELECT since FROM opt_outs WHERE tenant_id = ? AND person = ? AND channel = ?";
    let key = (Text(tenant), *person.lookup().as_bytes(), channel.as_str());
    Ok(db.prepare_cached(query)?.query_row(key, |row| row.get::<_, At>(0)).optional()?.map(|at| at.0))
}

/// Keeps a wish. An earlier one stays as it is.
pub(crate) fn forbid(
    db: &Connection,
    tenant: TenantId,
    person: PersonKey,
    channel: &Channel,
    at: Timestamp,
) -> Outcome<()> {
    let insert = "INSERT INTO opt_outs (tenant_id, person, channel, since) VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING";
    db.prepare_cached(insert)?.execute((Text(tenant), *person.lookup().as_bytes(), channel.as_str(), At(at)))?;
    Ok(())
}

/// Forgets a wish.
pub(crate) fn allow(db: &Connection, tenant: TenantId, person: PersonKey, channel: &Channel) -> Outcome<()> {
    let delete = "DELETE FROM opt_outs WHERE tenant_id = ? AND person = ? AND channel = ?";
    db.prepare_cached(delete)?.execute((Text(tenant), *person.lookup().as_bytes(), channel.as_str()))?;
    Ok(())
}
