//! Who must not be called any more: the table `do_not_call`.

use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension};
use voicecall_core::store::Session;
use voicecall_core::{PersonKey, SessionId, TenantId};

use crate::column::{At, Text};
use crate::fault::Outcome;
use crate::sessions;

/// Since when a person must not be called.
pub(crate) fn since(db: &Connection, tenant: TenantId, person: PersonKey) -> Outcome<Option<Timestamp>> {
    let query = "SELECT since FROM do_not_call WHERE tenant_id = ? AND person = ?";
    let key = (Text(tenant), *person.lookup().as_bytes());
    Ok(db.prepare_cached(query)?.query_row(key, |row| row.get::<_, At>(0)).optional()?.map(|at| at.0))
}

/// Whether a session's person must not be called.
pub(crate) fn forbids(db: &Connection, session: &Session) -> Outcome<bool> {
    for person in session.people() {
        if since(db, session.tenant, person)?.is_some() {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Keeps a wish, and ends the sessions that wait to call the person.
pub(crate) fn forbid(db: &Connection, tenant: TenantId, person: PersonKey, at: Timestamp) -> Outcome<Vec<Session>> {
    let insert = "INSERT INTO do_not_call (tenant_id, person, since) VALUES (?, ?, ?) ON CONFLICT DO NOTHING";
    db.prepare_cached(insert)?.execute((Text(tenant), *person.lookup().as_bytes(), At(at)))?;
    let mut ended = Vec::new();
    for session in sessions::of_person(db, tenant, person)? {
        if let Some(end) = session.end_uncalled(at) {
            ended.push(sessions::apply(db, tenant, session.id, &end)?);
        }
    }
    Ok(ended)
}

/// What follows from the wish of a session's person.
pub(crate) fn forbid_person_of(db: &Connection, tenant: TenantId, id: SessionId, at: Timestamp) -> Outcome<()> {
    for person in sessions::find(db, tenant, id)?.people() {
        forbid(db, tenant, person, at)?;
    }
    Ok(())
}

/// Forgets a wish.
pub(crate) fn allow(db: &Connection, tenant: TenantId, person: PersonKey) -> Outcome<()> {
    let delete = "DELETE FROM do_not_call WHERE tenant_id = ? AND person = ?";
    db.prepare_cached(delete)?.execute((Text(tenant), *person.lookup().as_bytes()))?;
    Ok(())
}
