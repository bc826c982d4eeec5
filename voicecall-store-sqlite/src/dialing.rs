//! Attempts to reach a phone: the table `attempts`.

use std::collections::HashMap;

use jiff::Timestamp;
use rusqlite::{Connection, Row, named_params};
use voicecall_core::carrier::CallPrice;
use voicecall_core::event::Event;
use voicecall_core::store::{AttemptOutcome, AttemptState, DialAttempt, DialStore, EndReason, Session, SessionChange};
use voicecall_core::{AttemptId, CarrierCallId, Epoch, Result, SessionId, TenantId, async_trait};

use crate::column::{At, Count, Json, Text, word};
use crate::fault::{Fault, Outcome};
use crate::{SqliteStore, contacts, journal, pending_events, sessions};

#[async_trait]
impl DialStore for SqliteStore {
    async fn plan_attempt(&self, attempt: &DialAttempt) -> Result<()> {
        let attempt = attempt.clone();
        self.write("plan attempt", move |db| {
            if attempt.state != AttemptState::Planned {
                return Err(Fault::conflict("plan attempt", "it is more than planned"));
            }
            sessions::owner(db, attempt.tenant, attempt.session)?;
            insert(db, &attempt)
        })
        .await
    }

    async fn begin_sending(&self, tenant: TenantId, attempt: AttemptId, epoch: Epoch) -> Result<()> {
        // Read and write are one transaction of the only thread that writes, under the file's lock.
        self.write("begin to send", move |db| {
            let mut attempt = find(db, tenant, attempt)?;
            if sessions::owner(db, tenant, attempt.session)? != epoch {
                return Err(journal::not_the_owner("begin to send"));
            }
            attempt.begin_sending(epoch)?;
            contacts::note_order(db, attempt.session, true)?;
            save(db, &attempt)
        })
        .await
    }

    async fn settle_attempt(&self, tenant: TenantId, attempt: AttemptId, outcome: &AttemptOutcome) -> Result<()> {
        let outcome = outcome.clone();
        self.write("settle attempt", move |db| {
            let mut attempt = find(db, tenant, attempt)?;
            attempt.settle(&outcome)?;
            if matches!(outcome, AttemptOutcome::Rejected(_)) {
                contacts::note_order(db, attempt.session, false)?;
            }
            // A call that belongs to another attempt breaks the table's uniqueness: a conflict.
            save(db, &attempt)
        })
        .await
    }

    async fn finish_attempt(
        &self,
        tenant: TenantId,
        attempt: AttemptId,
        outcome: EndReason,
        change: &SessionChange,
    ) -> Result<Session> {
        let change = change.clone();
        self.write("finish attempt", move |db| {
            let mut attempt = find(db, tenant, attempt)?;
            attempt.finish(outcome)?;
            save(db, &attempt)?;
            let session = sessions::apply(db, tenant, attempt.session, &change)?;
            pending_events::tell(db, Event::of_attempt(&session, attempt.id, outcome, &change))?;
            Ok(session)
        })
        .await
    }

    async fn charge_attempt(&self, tenant: TenantId, attempt: AttemptId, price: &CallPrice) -> Result<bool> {
        let price = price.clone();
        self.write("charge attempt", move |db| {
            let mut attempt = find(db, tenant, attempt)?;
            let is_news = attempt.charge(&price);
            if is_news {
                save(db, &attempt)?;
                sessions::charge(db, tenant, attempt.session, &price)?;
            }
            Ok(is_news)
        })
        .await
    }

    async fn attempt(&self, tenant: TenantId, id: AttemptId) -> Result<DialAttempt> {
        self.read("read attempt", move |db| find(db, tenant, id)).await
    }

    async fn attempts(&self, tenant: TenantId, session: SessionId) -> Result<Vec<DialAttempt>> {
        self.read("read attempts", move |db| {
            sessions::owner(db, tenant, session)?;
            of_session(db, session)
        })
        .await
    }

    async fn count_attempts(&self, tenant: TenantId, sessions: &[SessionId]) -> Result<HashMap<SessionId, u64>> {
        let sessions = sessions.to_vec();
        self.read("count attempts", move |db| {
            let query = "SELECT session_id, count(*) FROM attempts
                         WHERE tenant_id = ? AND session_id IN (SELECT value FROM json_each(?))
                         GROUP BY session_id";
            let count = |row: &Row<'_>| Ok((row.get::<_, Text<_>>(0)?.0, row.get::<_, Count>(1)?.0));
            let params = (Text(tenant), Json(&sessions));
            Ok(db.prepare_cached(query)?.query_map(params, count)?.collect::<rusqlite::Result<_>>()?)
        })
        .await
    }
}

pub(crate) fn of_session(db: &Connection, session: SessionId) -> Outcome<Vec<DialAttempt>> {
    let query = "SELECT * FROM attempts WHERE session_id = ? ORDER BY created_at, position";
    Ok(db.prepare_cached(query)?.query_map((Text(session),), read)?.collect::<rusqlite::Result<_>>()?)
}

/// Attempts of all tenants whose price is not known and may come, oldest first.
pub(crate) fn unpriced(db: &Connection, since: Timestamp, limit: u32) -> Outcome<Vec<(TenantId, AttemptId)>> {
    let query = "SELECT tenant_id, id FROM attempts
        WHERE state = 'accepted' AND price_micros IS NULL AND created_at >= ?
            AND coalesce(outcome, '') NOT IN ('busy', 'no_answer', 'call_failed', 'canceled')
        ORDER BY created_at, id LIMIT ?";
    let read = |row: &Row<'_>| Ok((row.get::<_, Text<_>>(0)?.0, row.get::<_, Text<_>>(1)?.0));
    Ok(db.prepare_cached(query)?.query_map((At(since), limit), read)?.collect::<rusqlite::Result<_>>()?)
}

fn find(db: &Connection, tenant: TenantId, id: AttemptId) -> Outcome<DialAttempt> {
    let query = "SELECT * FROM attempts WHERE id = ? AND tenant_id = ?";
    Ok(db.prepare_cached(query)?.query_row((Text(id), Text(tenant)), read)?)
}

fn insert(db: &Connection, attempt: &DialAttempt) -> Outcome<()> {
    let insert = "INSERT INTO attempts (id, tenant_id, session_id, carrier, account, state, created_at)
        VALUES (:id, :tenant_id, :session_id, :carrier, :account, :state, :created_at)";
    db.prepare_cached(insert)?.execute(named_params! {
        ":id": Text(attempt.id),
        ":tenant_id": Text(attempt.tenant),
        ":session_id": Text(attempt.session),
        ":carrier": attempt.carrier,
        ":account": attempt.account.map(Text),
        ":state": Text(attempt.state),
        ":created_at": At(attempt.created_at),
    })?;
    Ok(())
}

/// Writes everything that can change.
fn save(db: &Connection, attempt: &DialAttempt) -> Outcome<()> {
    let update = "UPDATE attempts
        SET state = :state, epoch = :epoch, carrier_call = :carrier_call, reason = :reason, outcome = :outcome,
            price_micros = :price_micros, price_currency = :price_currency
        WHERE id = :id";
    db.prepare_cached(update)?.execute(named_params! {
        ":id": Text(attempt.id),
        ":state": Text(attempt.state),
        ":epoch": attempt.epoch.map(|epoch| epoch.0),
        ":carrier_call": attempt.call.as_ref().map(CarrierCallId::as_str),
        ":reason": attempt.reason,
        ":outcome": attempt.outcome.map(Text),
        ":price_micros": attempt.price.as_ref().map(|price| Count(price.micros)),
        ":price_currency": attempt.price.as_ref().map(|price| price.currency.as_str()),
    })?;
    Ok(())
}

fn read(row: &Row<'_>) -> rusqlite::Result<DialAttempt> {
    Ok(DialAttempt {
        id: row.get::<_, Text<_>>("id")?.0,
        tenant: row.get::<_, Text<_>>("tenant_id")?.0,
        session: row.get::<_, Text<_>>("session_id")?.0,
        carrier: row.get("carrier")?,
        account: row.get::<_, Option<Text<_>>>("account")?.map(|account| account.0),
        state: word(row, "state")?,
        epoch: row.get::<_, Option<u32>>("epoch")?.map(Epoch),
        call: row.get::<_, Option<String>>("carrier_call")?.map(CarrierCallId::new),
        reason: row.get("reason")?,
        outcome: row.get::<_, Option<String>>("outcome")?.map(|_| word(row, "outcome")).transpose()?,
        price: sessions::read_price(row, "price_micros", "price_currency")?,
        created_at: row.get::<_, At>("created_at")?.0,
    })
}
