//! Who must not be called any more: the table `do_not_call`.

use jiff::Timestamp;
use voicecall_core::store::Session;
use voicecall_core::{PersonKey, SessionId, TenantId};

use crate::column::params;
use crate::connection::Db;
use crate::fault::Outcome;
use crate::sessions;

/// Since when a person must not be called.
pub(crate) async fn since(db: &Db, tenant: TenantId, person: PersonKey) -> Outcome<Option<Timestamp>> {
    let query = "SELECT since FROM voicecall.do_not_call WHERE tenant_id = $1 AND person = $2";
    db.query_opt(query, params![tenant, person]).await?.map(|row| row.get("since")).transpose()
}

/// Whether a session's person must not be called.
pub(crate) async fn forbids(db: &Db, session: &Session) -> Outcome<bool> {
    for person in session.people() {
        if since(db, session.tenant, person).await?.is_some() {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Keeps a wish, and ends the sessions that wait to call the person. One that is created meanwhile ends when its turn comes.
pub(crate) async fn forbid(db: &Db, tenant: TenantId, person: PersonKey, at: Timestamp) -> Outcome<Vec<Session>> {
    let insert =
        "INSERT INTO voicecall.do_not_call (tenant_id, person, since) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING";
    db.execute(insert, params![tenant, person, at]).await?;
    let mut ended = Vec::new();
    for session in sessions::of_person(db, tenant, person).await? {
        // Its turn may have been taken since it was listed: it is looked at again once nobody else can change it.
        if session.due_at.is_some()
            && let Some(end) = sessions::lock(db, tenant, session.id).await?.end_uncalled(at)
        {
            ended.push(sessions::apply(db, tenant, session.id, &end).await?);
        }
    }
    Ok(ended)
}

/// What follows from the wish of a session's person.
pub(crate) async fn forbid_person_of(db: &Db, tenant: TenantId, id: SessionId, at: Timestamp) -> Outcome<()> {
    for person in sessions::find(db, tenant, id).await?.people() {
        forbid(db, tenant, person, at).await?;
    }
    Ok(())
}

/// Forgets a wish.
pub(crate) async fn allow(db: &Db, tenant: TenantId, person: PersonKey) -> Outcome<()> {
    let delete = "DELETE FROM voicecall.do_not_call WHERE tenant_id = $1 AND person = $2";
    db.execute(delete, params![tenant, person]).await?;
    Ok(())
}
