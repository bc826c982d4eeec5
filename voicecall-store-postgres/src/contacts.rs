//! Who is being called, and how often people were: the table `contacts`.

use jiff::{SignedDuration, Timestamp};
use voicecall_core::store::{Claim, ContactLimits, NumberKey, refuse_by_limit, refuse_second_call};
use voicecall_core::{SessionId, TenantId};

use crate::column::{Bound, Param, params};
use crate::connection::Db;
use crate::fault::Outcome;

/// Rows that are too old are deleted some at a time, so that no claim waits for many.
const FORGOTTEN_AT_A_TIME: u32 = 16;

/// Refuses a turn beyond its limits. Until the transaction is over, no other turn of the same number is taken, and none of
/// the same tenant where that is counted.
pub(crate) async fn check(db: &Db, tenant: TenantId, session: SessionId, claim: &Claim) -> Outcome<()> {
    let Some(number) = claim.number else { return Ok(()) };
    let limits = &claim.limits;
    // The tenant always before the number, so that two turns do not wait for each other.
    if !limits.per_tenant.is_empty() {
        db.take_turns(tenant.as_uuid().as_bytes()).await?;
    }
    db.take_turns(number.as_bytes()).await?;
    let is_called = "SELECT FROM voicecall.contacts AS contact
        JOIN voicecall.sessions AS session ON session.tenant_id = contact.tenant_id AND session.id = contact.session_id
        WHERE number = $1 AND session.id <> $2 AND direction = 'outbound' AND due_at IS NULL AND ended_at IS NULL LIMIT 1";
    if db.query_opt(is_called, params![key(number), session]).await?.is_some() {
        return Err(refuse_second_call().into());
    }
    let of_number = wait(db, &limits.per_number, claim.at, "number = $1", || Ok(params![key(number)])).await?;
    let of_tenant = wait(db, &limits.per_tenant, claim.at, "tenant_id = $1", || Ok(params![tenant])).await?;
    match of_number.max(of_tenant) {
        Some(wait) => Err(refuse_by_limit(wait).into()),
        None => Ok(()),
    }
}

/// How long a call must wait by these limits.
async fn wait(
    db: &Db,
    limits: &[voicecall_core::store::CallsWithin],
    at: Timestamp,
    whose: &str,
    of: impl Fn() -> Outcome<Vec<Param>>,
) -> Outcome<Option<std::time::Duration>> {
    let mut newest = Vec::new();
    for limit in limits {
        let skipped = limit.calls.saturating_sub(1);
        let query = format!(
            "SELECT at FROM voicecall.contacts WHERE {whose} AND ordered ORDER BY at DESC LIMIT 1 OFFSET {skipped}"
        );
        let row = db.query_opt(&query, of()?).await?;
        newest.push((limit.calls, row.map(|row| row.get("at")).transpose()?));
    }
    ContactLimits::wait(limits, at, |n| Ok(newest.iter().find(|(calls, _)| *calls == n).and_then(|(_, at)| *at)))
}

/// Keeps that a session is about to call.
pub(crate) async fn begin(db: &Db, tenant: TenantId, session: SessionId, claim: &Claim) -> Outcome<()> {
    let Some(number) = claim.number else { return Ok(()) };
    let given_up = "DELETE FROM voicecall.contacts WHERE tenant_id = $1 AND session_id = $2 AND NOT ordered";
    db.execute(given_up, params![tenant, session]).await?;
    let oldest = SignedDuration::try_from(ContactLimits::LONGEST).unwrap_or(SignedDuration::MAX);
    let oldest = claim.at.saturating_sub(oldest).unwrap_or(Timestamp::MIN);
    let old = "DELETE FROM voicecall.contacts WHERE position IN
        (SELECT position FROM voicecall.contacts WHERE at < $1 ORDER BY at LIMIT $2 FOR UPDATE SKIP LOCKED)";
    db.execute(old, params![Bound(oldest), FORGOTTEN_AT_A_TIME]).await?;
    let insert = "INSERT INTO voicecall.contacts (number, tenant_id, session_id, at, ordered)
        VALUES ($1, $2, $3, $4, false)";
    db.execute(insert, params![key(number), tenant, session, claim.at]).await?;
    Ok(())
}

/// Keeps whether the order of a session's newest attempt was given.
pub(crate) async fn note_order(db: &Db, tenant: TenantId, session: SessionId, ordered: bool) -> Outcome<()> {
    let update = "UPDATE voicecall.contacts SET ordered = $3 WHERE position =
        (SELECT max(position) FROM voicecall.contacts WHERE tenant_id = $1 AND session_id = $2)";
    db.execute(update, params![tenant, session, ordered]).await?;
    Ok(())
}

fn key(number: NumberKey) -> Vec<u8> {
    number.as_bytes().to_vec()
}
