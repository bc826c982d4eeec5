//! Who is being called, and how often people were.

use jiff::{SignedDuration, Timestamp};
use rusqlite::{Connection, OptionalExtension, ToSql};
use voicecall_core::store::{Claim, ContactLimits, refuse_by_limit, refuse_second_call};
use voicecall_core::{SessionId, TenantId};

use crate::column::{At, Text};
use crate::fault::Outcome;

/// Rows that are too old are deleted some at a time, so that no claim waits for many.
const FORGOTTEN_AT_A_TIME: u32 = 16;

/// Refuses a turn beyond its limits.
pub(crate) fn check(db: &Connection, tenant: TenantId, session: SessionId, claim: &Claim) -> Outcome<()> {
    let Some(number) = claim.number else { return Ok(()) };
    let is_called = "SELECT 1 FROM contacts JOIN sessions ON sessions.id = session_id
                     WHERE number = ? AND session_id <> ? AND direction = 'outbound' AND due_at IS NULL
                         AND status IN ('initiated', 'connecting', 'in_progress')";
    if db.prepare_cached(is_called)?.exists((number.as_bytes(), Text(session)))? {
        return Err(refuse_second_call().into());
    }
    let newest = |of: &str, key: &dyn ToSql, n: u32| -> Outcome<Option<Timestamp>> {
        let query = format!("SELECT at FROM contacts WHERE {of} = ? AND ordered ORDER BY at DESC LIMIT 1 OFFSET ?");
        let row = db.prepare_cached(&query)?.query_row((key, n.saturating_sub(1)), |row| row.get::<_, At>(0));
        Ok(row.optional()?.map(|at| at.0))
    };
    let limits = &claim.limits;
    let of_number = ContactLimits::wait(&limits.per_number, claim.at, |n| newest("number", number.as_bytes(), n))?;
    let of_tenant = ContactLimits::wait(&limits.per_tenant, claim.at, |n| newest("tenant_id", &Text(tenant), n))?;
    match of_number.max(of_tenant) {
        Some(wait) => Err(refuse_by_limit(wait).into()),
        None => Ok(()),
    }
}

/// Keeps that a session is about to call.
pub(crate) fn begin(db: &Connection, tenant: TenantId, session: SessionId, claim: &Claim) -> Outcome<()> {
    let Some(number) = claim.number else { return Ok(()) };
    let given_up = "DELETE FROM contacts WHERE session_id = ? AND NOT ordered";
    db.prepare_cached(given_up)?.execute((Text(session),))?;
    let oldest = SignedDuration::try_from(ContactLimits::LONGEST).unwrap_or(SignedDuration::MAX);
    let oldest = claim.at.saturating_sub(oldest).unwrap_or(Timestamp::MIN);
    let old = "DELETE FROM contacts WHERE id IN (SELECT id FROM contacts WHERE at < ? ORDER BY at LIMIT ?)";
    db.prepare_cached(old)?.execute((At(oldest), FORGOTTEN_AT_A_TIME))?;
    let insert = "INSERT INTO contacts (number, tenant_id, session_id, at, ordered) VALUES (?, ?, ?, ?, 0)";
    db.prepare_cached(insert)?.execute((number.as_bytes(), Text(tenant), Text(session), At(claim.at)))?;
    Ok(())
}

/// Keeps whether the order of a session's newest attempt was given.
pub(crate) fn note_order(db: &Connection, session: SessionId, ordered: bool) -> Outcome<()> {
    let update = "UPDATE contacts SET ordered = ?
                  WHERE id = (SELECT id FROM contacts WHERE session_id = ? ORDER BY id DESC LIMIT 1)";
    db.prepare_cached(update)?.execute((ordered, Text(session)))?;
    Ok(())
}
