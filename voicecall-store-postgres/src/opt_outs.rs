//! Who asked for no more messages: the table `opt_outs`.

use jiff::Timestamp;
use voicecall_core::store::Channel;
use voicecall_core::{PersonKey, TenantId};

use crate::column::params;
use crate::connection::Db;
use crate::fault::Outcome;

/// Since when a person wants no messages over a channel.
pub(crate) async fn since(
    db: &Db,
    tenant: TenantId,
    person: PersonKey,
    channel: &Channel,
) -> Outcome<Option<Timestamp>> {
    let query = "SELECT since FROM voicecall.opt_outs WHERE tenant_id = $1 AND person = $2 AND channel = $3";
    let row = db.query_opt(query, params![tenant, person, channel.as_str().to_owned()]).await?;
    row.map(|row| row.get("since")).transpose()
}

/// Keeps a wish. An earlier one stays as it is.
pub(crate) async fn forbid(
    db: &Db,
    tenant: TenantId,
    person: PersonKey,
    channel: &Channel,
    at: Timestamp,
) -> Outcome<()> {
    let insert = "INSERT INTO voicecall.opt_outs (tenant_id, person, channel, since) VALUES ($1, $2, $3, $4)
        ON CONFLICT DO NOTHING";
    db.execute(insert, params![tenant, person, channel.as_str().to_owned(), at]).await?;
    Ok(())
}

/// Forgets a wish.
pub(crate) async fn allow(db: &Db, tenant: TenantId, person: PersonKey, channel: &Channel) -> Outcome<()> {
    let delete = "DELETE FROM voicecall.opt_outs WHERE tenant_id = $1 AND person = $2 AND channel = $3";
    db.execute(delete, params![tenant, person, channel.as_str().to_owned()]).await?;
    Ok(())
}
