//! Waiting, owners, and whose a carrier's call is.

use jiff::Timestamp;
use rusqlite::{OptionalExtension, named_params};
use voicecall_core::store::{
    AcquireLease, Claim, Lease, LeaseTerm, QueueStore, Route, RoutingStore, Session, Signal, refuse_to_call,
};
use voicecall_core::{
    AccountName, AttemptId, CarrierCallId, Epoch, Error, ErrorKind, Result, SessionId, TenantId, async_trait,
};

use crate::column::{At, Count, Json, Text};
use crate::{SqliteStore, contacts, dialing, do_not_call, sessions};

/// Goes from tenant to tenant along the index, and reads the first of each: what it costs grows with the tenants
/// that have somebody waiting, not with those who wait.
const DUE_SESSIONS: &str = "
    WITH RECURSIVE waiting (tenant) AS (
        SELECT min(tenant_id) FROM sessions WHERE due_at IS NOT NULL
        UNION ALL
        SELECT (SELECT min(tenant_id) FROM sessions WHERE due_at IS NOT NULL AND tenant_id > tenant)
            FROM waiting WHERE tenant IS NOT NULL
    )
    SELECT * FROM (
        SELECT session.*, row_number() OVER (PARTITION BY tenant_id ORDER BY priority, due_at, session.id) AS place
            FROM waiting CROSS JOIN sessions AS session
            WHERE session.id IN (
                SELECT id FROM sessions WHERE tenant_id = tenant AND due_at <= :now
                    ORDER BY priority, due_at, id LIMIT :per_tenant
            )
    ) ORDER BY place, priority, due_at, id LIMIT :limit";

#[async_trait]
impl QueueStore for SqliteStore {
    async fn due_sessions(&self, now: Timestamp, per_tenant: u32, limit: u32) -> Result<Vec<Session>> {
        self.read("read due sessions", move |db| {
            let values = named_params! { ":now": At(now), ":per_tenant": per_tenant, ":limit": limit };
            Ok(db.prepare_cached(DUE_SESSIONS)?.query_map(values, sessions::read)?.collect::<rusqlite::Result<_>>()?)
        })
        .await
    }

    async fn count_waiting(&self) -> Result<u64> {
        self.read("count waiting sessions", move |db| {
            let count = "SELECT count(*) FROM sessions WHERE due_at IS NOT NULL";
            Ok(db.prepare_cached(count)?.query_row((), |row| row.get::<_, Count>(0))?.0)
        })
        .await
    }

    async fn claim_session(&self, tenant: TenantId, id: SessionId, claim: &Claim) -> Result<(Session, Epoch)> {
        let claim = claim.clone();
        // Read and write are one transaction of the only thread that writes, under the file's lock.
        self.write("claim session", move |db| {
            let mut session = sessions::find(db, tenant, id)?;
            if let Some(end) = session.end_uncalled(claim.at)
                && do_not_call::forbids(db, &session)?
            {
                sessions::apply(db, tenant, id, &end)?;
                return Ok(None);
            }
            let owner = session.claim(&claim)?;
            contacts::check(db, tenant, id, &claim)?;
            contacts::begin(db, tenant, id, &claim)?;
            sessions::save(db, &session)?;
            Ok(Some((session, owner)))
        })
        .await?
        // Outside of the transaction, which keeps that the session is over.
        .ok_or_else(|| refuse_to_call("claim session"))
    }

    async fn open_sessions(&self) -> Result<Vec<Session>> {
        self.read("read open sessions", move |db| {
            let query = "SELECT * FROM sessions WHERE status IN ('initiated', 'connecting', 'in_progress')
                         AND channel = 'voice' ORDER BY created_at, id";
            Ok(db.prepare_cached(query)?.query_map((), sessions::read)?.collect::<rusqlite::Result<_>>()?)
        })
        .await
    }

    async fn unpriced_attempts(&self, since: Timestamp, limit: u32) -> Result<Vec<(TenantId, AttemptId)>> {
        self.read("read unpriced attempts", move |db| dialing::unpriced(db, since, limit)).await
    }

    async fn acquire_lease(&self, tenant: TenantId, session: SessionId, how: AcquireLease) -> Result<Epoch> {
        self.write("acquire lease", move |db| {
            let mut session = sessions::find(db, tenant, session)?;
            let owner = session.acquire_lease(how)?;
            sessions::save(db, &session)?;
            Ok(owner)
        })
        .await
    }

    async fn renew_leases(&self, leases: &[Lease], term: LeaseTerm) -> Result<Vec<Lease>> {
        let leases = leases.to_vec();
        self.write("renew leases", move |db| {
            let update = "UPDATE sessions SET leased_until = ? WHERE id = ? AND tenant_id = ? AND owner_epoch = ?";
            let mut update = db.prepare_cached(update)?;
            let mut lost = Vec::new();
            for lease in &leases {
                if update.execute((At(term.until()), Text(lease.session), Text(lease.tenant), lease.epoch.0))? == 0 {
                    lost.push(*lease);
                }
            }
            Ok(lost)
        })
        .await
    }

    async fn signal(&self, tenant: TenantId, session: SessionId, signal: &Signal) -> Result<()> {
        let signal = serde_json::to_string(signal)
            .map_err(|error| Error::new(ErrorKind::Internal, "signal").with_source(error))?;
        self.write("signal", move |db| {
            if sessions::find(db, tenant, session)?.status.is_final() {
                return Err(Error::new(ErrorKind::Conflict, "signal").with_message("the session is over").into());
            }
            let insert = "INSERT INTO signals (session_id, signal) VALUES (?, ?)";
            db.prepare_cached(insert)?.execute((Text(session), &signal))?;
            Ok(())
        })
        .await
    }

    async fn take_signals(&self, leases: &[Lease]) -> Result<Vec<(Lease, Signal)>> {
        // Seldom is there any: then nothing is written, and the leases are not looked at.
        let left = self.read("look for signals", move |db| {
            let mut left = db.prepare_cached("SELECT DISTINCT session_id FROM signals")?;
            let left = left.query_map((), |row| Ok(row.get::<_, Text<SessionId>>(0)?.0))?;
            Ok(left.collect::<rusqlite::Result<Vec<_>>>()?)
        });
        let left = left.await?;
        let leases: Vec<_> = leases.iter().filter(|lease| left.contains(&lease.session)).copied().collect();
        if leases.is_empty() {
            return Ok(Vec::new());
        }
        self.write("take signals", move |db| {
            // Nobody owns a session that is over.
            db.execute(
                "DELETE FROM signals WHERE session_id IN (SELECT id FROM sessions WHERE ended_at IS NOT NULL)",
                (),
            )?;
            let taken = "DELETE FROM signals WHERE session_id =
                             (SELECT id FROM sessions WHERE id = ? AND tenant_id = ? AND owner_epoch = ?)
                         RETURNING id, signal";
            let mut take = db.prepare_cached(taken)?;
            let mut taken = Vec::new();
            for lease in &leases {
                let key = (Text(lease.session), Text(lease.tenant), lease.epoch.0);
                for row in take.query_map(key, |row| Ok((row.get::<_, i64>(0)?, row.get::<_, Json<Signal>>(1)?.0)))? {
                    let (id, signal) = row?;
                    taken.push((id, *lease, signal));
                }
            }
            taken.sort_by_key(|(id, ..)| *id);
            Ok(taken.into_iter().map(|(_, lease, signal)| (lease, signal)).collect())
        })
        .await
    }
}

#[async_trait]
impl RoutingStore for SqliteStore {
    async fn route_call(
        &self,
        carrier: &str,
        account: Option<AccountName>,
        call: &CarrierCallId,
    ) -> Result<Option<Route>> {
        let (carrier, call) = (carrier.to_owned(), call.clone());
        self.read("route call", move |db| {
            let query = "SELECT tenant_id, session_id, id FROM attempts
                         WHERE carrier = ? AND coalesce(account, '') = ? AND carrier_call = ?";
            let account = account.as_ref().map_or("", AccountName::as_str);
            let route = db.prepare_cached(query)?.query_row((&carrier, account, call.as_str()), |row| {
                Ok(Route {
                    tenant: row.get::<_, Text<_>>(0)?.0,
                    session: row.get::<_, Text<_>>(1)?.0,
                    attempt: Some(row.get::<_, Text<_>>(2)?.0),
                })
            });
            Ok(route.optional()?)
        })
        .await
    }
}
