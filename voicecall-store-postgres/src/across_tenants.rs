//! Waiting, owners, and whose a carrier's call is.

use std::collections::HashSet;

use jiff::Timestamp;
use uuid::Uuid;
use voicecall_core::event::Event;
use voicecall_core::store::{
    AcquireLease, Claim, Lease, LeaseTerm, QueueStore, Route, RoutingStore, Session, SessionEvent, Signal,
    refuse_to_call,
};
use voicecall_core::{
    AccountName, AttemptId, CarrierCallId, Epoch, Error, ErrorKind, Result, SessionId, TenantId, async_trait,
};

use crate::column::{Bound, Json, params};
use crate::connection::Db;
use crate::fault::Outcome;
use crate::roles::Role::{Queue, Routing};
use crate::{PostgresStore, contacts, do_not_call, events, pending_events, sessions};

/// Goes from tenant to tenant along the index, and reads the first of each: what it costs grows with the tenants that have
/// somebody waiting, not with those who wait. Those whose turn somebody is just taking are left out.
const DUE_SESSIONS: &str = "
    WITH RECURSIVE waiting (tenant) AS (
        (SELECT tenant_id FROM voicecall.sessions WHERE due_at IS NOT NULL ORDER BY tenant_id LIMIT 1)
        UNION ALL
        SELECT (SELECT tenant_id FROM voicecall.sessions WHERE due_at IS NOT NULL AND tenant_id > tenant
                ORDER BY tenant_id LIMIT 1)
            FROM waiting WHERE tenant IS NOT NULL
    )
    SELECT first.* FROM waiting CROSS JOIN LATERAL (
        SELECT session.*, row_number() OVER (ORDER BY priority, due_at, id) AS place FROM (
            SELECT * FROM voicecall.sessions WHERE tenant_id = tenant AND due_at <= $1
                ORDER BY priority, due_at, id LIMIT $2
        ) AS session
    ) AS first ORDER BY place, priority, due_at, id LIMIT $3";

#[async_trait]
impl QueueStore for PostgresStore {
    fn is_shared(&self) -> bool {
        true
    }

    async fn due_sessions(&self, now: Timestamp, per_tenant: u32, limit: u32) -> Result<Vec<Session>> {
        self.read_as(Queue, "read due sessions", move |db| async move {
            sessions::many(db.query(DUE_SESSIONS, params![Bound(now), per_tenant, limit]).await?)
        })
        .await
    }

    async fn count_waiting(&self) -> Result<u64> {
        self.read_as(Queue, "count waiting sessions", move |db| async move {
            let count = "SELECT count(*) AS total FROM voicecall.sessions WHERE due_at IS NOT NULL";
            db.query_one(count, params![]).await?.get("total")
        })
        .await
    }

    async fn claim_session(&self, tenant: TenantId, id: SessionId, claim: &Claim) -> Result<(Session, Epoch)> {
        let claim = claim.clone();
        self.write_as(Queue, "claim session", move |db| async move { take_turn(&db, tenant, id, &claim).await })
            .await?
            // Outside of the transaction, which keeps that the session is over.
            .ok_or_else(|| refuse_to_call("claim session"))
    }

    async fn open_sessions(&self) -> Result<Vec<Session>> {
        self.read_as(Queue, "read open sessions", move |db| async move {
            let query = "SELECT * FROM voicecall.sessions WHERE ended_at IS NULL AND channel = 'voice'
                ORDER BY created_at, id";
            sessions::many(db.query(query, params![]).await?)
        })
        .await
    }

    async fn unpriced_attempts(&self, since: Timestamp, limit: u32) -> Result<Vec<(TenantId, AttemptId)>> {
        self.read_as(Queue, "read unpriced attempts", move |db| async move {
            let query = "SELECT tenant_id, id FROM voicecall.attempts
                WHERE state = 'accepted' AND price_micros IS NULL AND created_at >= $1
                    AND coalesce(outcome, '') NOT IN ('busy', 'no_answer', 'call_failed', 'canceled')
                ORDER BY created_at, id LIMIT $2";
            let rows = db.query(query, params![Bound(since), limit]).await?;
            rows.iter().map(|row| Ok((row.get("tenant_id")?, row.get("id")?))).collect()
        })
        .await
    }

    async fn acquire_lease(&self, tenant: TenantId, session: SessionId, how: AcquireLease) -> Result<Epoch> {
        self.write_as(Queue, "acquire lease", move |db| async move {
            let mut session = sessions::lock(&db, tenant, session).await?;
            let term = by_the_servers_clock(&db, how.term).await?;
            let owner = session.acquire_lease(AcquireLease { term, ..how })?;
            save_turn(&db, &session).await?;
            Ok(owner)
        })
        .await
    }

    async fn renew_leases(&self, leases: &[Lease], term: LeaseTerm) -> Result<Vec<Lease>> {
        let leases = leases.to_vec();
        self.write_as(Queue, "renew leases", move |db| async move {
            let update = "UPDATE voicecall.sessions SET leased_until = $4
                FROM unnest($1, $2, $3) AS lease (tenant, session, epoch)
                WHERE id = session AND tenant_id = tenant AND owner_epoch = epoch
                RETURNING tenant_id, id, owner_epoch";
            let (tenants, ids, epochs) = columns(&leases);
            let until = by_the_servers_clock(&db, term).await?.until();
            let rows = db.query(update, params![tenants, ids, epochs, until]).await?;
            let renewed = rows.iter().map(|row| {
                Ok(Lease { tenant: row.get("tenant_id")?, session: row.get("id")?, epoch: row.get("owner_epoch")? })
            });
            let renewed = renewed.collect::<Outcome<HashSet<_>>>()?;
            Ok(leases.into_iter().filter(|lease| !renewed.contains(lease)).collect())
        })
        .await
    }

    async fn signal(&self, tenant: TenantId, session: SessionId, signal: &Signal) -> Result<()> {
        let signal = signal.clone();
        self.write_as(Queue, "signal", move |db| async move {
            if sessions::find(&db, tenant, session).await?.status.is_final() {
                return Err(Error::new(ErrorKind::Conflict, "signal").with_message("the session is over").into());
            }
            let insert = "INSERT INTO voicecall.signals (tenant_id, session_id, signal) VALUES ($1, $2, $3)";
            db.execute(insert, params![tenant, session, Json(signal)]).await?;
            Ok(())
        })
        .await
    }

    async fn take_signals(&self, leases: &[Lease]) -> Result<Vec<(Lease, Signal)>> {
        // Seldom is there any: then nothing is written, and the leases are not looked at.
        let left = self.read_as(Queue, "look for signals", move |db| async move {
            let rows = db.query("SELECT DISTINCT session_id FROM voicecall.signals", params![]).await?;
            rows.iter().map(|row| row.get("session_id")).collect::<Outcome<HashSet<SessionId>>>()
        });
        let left = left.await?;
        let leases: Vec<_> = leases.iter().filter(|lease| left.contains(&lease.session)).copied().collect();
        if leases.is_empty() {
            return Ok(Vec::new());
        }
        self.write_as(Queue, "take signals", move |db| async move { take_signals(&db, &leases).await }).await
    }
}

#[async_trait]
impl RoutingStore for PostgresStore {
    async fn route_call(
        &self,
        carrier: &str,
        account: Option<AccountName>,
        call: &CarrierCallId,
    ) -> Result<Option<Route>> {
        let (carrier, call) = (carrier.to_owned(), call.clone());
        self.read_as(Routing, "route call", move |db| async move {
            let query = "SELECT tenant_id, session_id, id FROM voicecall.attempts
                         WHERE carrier = $1 AND coalesce(account, '') = $2 AND carrier_call = $3";
            let account = account.as_ref().map_or("", AccountName::as_str).to_owned();
            let Some(row) = db.query_opt(query, params![carrier, account, call]).await? else { return Ok(None) };
            Ok(Some(Route {
                tenant: row.get("tenant_id")?,
                session: row.get("session_id")?,
                attempt: Some(row.get("id")?),
            }))
        })
        .await
    }
}

/// Takes a waiting session's turn; `None` if its person must not be called, whereupon it is over.
async fn take_turn(db: &Db, tenant: TenantId, id: SessionId, claim: &Claim) -> Outcome<Option<(Session, Epoch)>> {
    let mut session = sessions::lock(db, tenant, id).await?;
    if let Some(end) = session.end_uncalled(claim.at)
        && do_not_call::forbids(db, &session).await?
    {
        session.apply(&end)?;
        save_turn(db, &session).await?;
        if let Some(event) = SessionEvent::of_change(id, &end) {
            events::append(db, tenant, event).await?;
        }
        pending_events::tell(db, Event::of_session(&session, &end)).await?;
        return Ok(None);
    }
    let owner = session.claim(claim)?;
    contacts::check(db, tenant, id, claim).await?;
    contacts::begin(db, tenant, id, claim).await?;
    session.leased_until = Some(by_the_servers_clock(db, claim.term()).await?.until());
    save_turn(db, &session).await?;
    Ok(Some((session, owner)))
}

/// The term with the server's time: it has been so late since whatever was waited for, and it is the same for all hosts.
pub(crate) async fn by_the_servers_clock(db: &Db, term: LeaseTerm) -> Outcome<LeaseTerm> {
    Ok(LeaseTerm { now: servers_clock(db).await?, ..term })
}

pub(crate) async fn servers_clock(db: &Db) -> Outcome<Timestamp> {
    let clock = "SELECT (extract(epoch FROM clock_timestamp()) * 1000000000)::bigint AS now";
    db.query_one(clock, params![]).await?.get("now")
}

/// Writes what who runs which session can change.
async fn save_turn(db: &Db, session: &Session) -> Outcome<()> {
    let update = "UPDATE voicecall.sessions SET status = $2, due_at = $3, ended_at = $4, end_reason = $5,
        owner_epoch = $6, leased_until = $7, updated_at = $8 WHERE id = $1";
    let values = params![
        session.id,
        session.status,
        session.due_at,
        session.ended_at,
        session.end_reason,
        session.owner,
        session.leased_until,
        session.updated_at,
    ];
    db.execute(update, values).await?;
    Ok(())
}

/// What was left for these owners. Two processes that ask at once do not wait for each other, and none gets what the other
/// gets.
async fn take_signals(db: &Db, leases: &[Lease]) -> Outcome<Vec<(Lease, Signal)>> {
    // Nobody owns a session that is over.
    let over = "DELETE FROM voicecall.signals AS signal USING voicecall.sessions AS session
        WHERE session.id = signal.session_id AND session.tenant_id = signal.tenant_id AND ended_at IS NOT NULL";
    db.execute(over, params![]).await?;
    let take = "WITH taken AS (
            DELETE FROM voicecall.signals AS signal USING (
                SELECT position, epoch FROM voicecall.signals AS left_behind
                JOIN voicecall.sessions AS session
                    ON session.id = left_behind.session_id AND session.tenant_id = left_behind.tenant_id
                JOIN unnest($1, $2, $3) AS lease (tenant, session, epoch)
                    ON session.id = lease.session AND session.tenant_id = tenant AND owner_epoch = epoch
                FOR UPDATE OF left_behind SKIP LOCKED) AS found
            WHERE signal.position = found.position
            RETURNING signal.position, tenant_id, session_id, epoch, signal)
        SELECT * FROM taken ORDER BY position";
    let (tenants, ids, epochs) = columns(leases);
    let rows = db.query(take, params![tenants, ids, epochs]).await?;
    let taken = rows.iter().map(|row| {
        let (tenant, session, epoch) = (row.get("tenant_id")?, row.get("session_id")?, row.get("epoch")?);
        Ok((Lease { tenant, session, epoch }, row.get::<Json<_>>("signal")?.0))
    });
    taken.collect()
}

/// Leases as three parameters of as many elements.
fn columns(leases: &[Lease]) -> (Vec<Uuid>, Vec<Uuid>, Vec<i64>) {
    let tenants = leases.iter().map(|lease| *lease.tenant.as_uuid());
    let sessions = leases.iter().map(|lease| *lease.session.as_uuid());
    (tenants.collect(), sessions.collect(), leases.iter().map(|lease| lease.epoch.0.into()).collect())
}
