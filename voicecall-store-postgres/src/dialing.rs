//! Attempts to reach a phone: the table `attempts`.

use std::collections::HashMap;

use voicecall_core::carrier::CallPrice;
use voicecall_core::event::Event;
use voicecall_core::store::{AttemptOutcome, AttemptState, DialAttempt, DialStore, EndReason, Session, SessionChange};
use voicecall_core::{AttemptId, Epoch, Result, SessionId, TenantId, async_trait};

use crate::column::{params, uuids};
use crate::connection::{Db, Row};
use crate::fault::{Fault, Outcome};
use crate::{PostgresStore, contacts, journal, pending_events, sessions};

#[async_trait]
impl DialStore for PostgresStore {
    async fn plan_attempt(&self, attempt: &DialAttempt) -> Result<()> {
        let attempt = attempt.clone();
        self.write("plan attempt", attempt.tenant, move |db| async move {
            if attempt.state != AttemptState::Planned {
                return Err(Fault::conflict("plan attempt", "it is more than planned"));
            }
            sessions::owner(&db, attempt.tenant, attempt.session).await?;
            insert(&db, &attempt).await
        })
        .await
    }

    async fn begin_sending(&self, tenant: TenantId, attempt: AttemptId, epoch: Epoch) -> Result<()> {
        self.write("begin to send", tenant, move |db| async move {
            let (mut attempt, session) = lock(&db, tenant, attempt).await?;
            if session.owner != epoch {
                return Err(journal::not_the_owner("begin to send"));
            }
            attempt.begin_sending(epoch)?;
            contacts::note_order(&db, tenant, attempt.session, true).await?;
            save(&db, &attempt).await
        })
        .await
    }

    async fn settle_attempt(&self, tenant: TenantId, attempt: AttemptId, outcome: &AttemptOutcome) -> Result<()> {
        let outcome = outcome.clone();
        self.write("settle attempt", tenant, move |db| async move {
            let (mut attempt, _) = lock(&db, tenant, attempt).await?;
            attempt.settle(&outcome)?;
            if matches!(outcome, AttemptOutcome::Rejected(_)) {
                contacts::note_order(&db, tenant, attempt.session, false).await?;
            }
            // A call that belongs to another attempt breaks the table's uniqueness: a conflict.
            save(&db, &attempt).await
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
        self.write("finish attempt", tenant, move |db| async move {
            let (mut attempt, _) = lock(&db, tenant, attempt).await?;
            attempt.finish(outcome)?;
            save(&db, &attempt).await?;
            let session = sessions::apply(&db, tenant, attempt.session, &change).await?;
            pending_events::tell(&db, Event::of_attempt(&session, attempt.id, outcome, &change)).await?;
            Ok(session)
        })
        .await
    }

    async fn charge_attempt(&self, tenant: TenantId, attempt: AttemptId, price: &CallPrice) -> Result<bool> {
        let price = price.clone();
        self.write("charge attempt", tenant, move |db| async move {
            let (mut attempt, session) = lock(&db, tenant, attempt).await?;
            let is_news = attempt.charge(&price);
            if is_news {
                save(&db, &attempt).await?;
                sessions::charge(&db, session, &price).await?;
            }
            Ok(is_news)
        })
        .await
    }

    async fn attempt(&self, tenant: TenantId, id: AttemptId) -> Result<DialAttempt> {
        self.read("read attempt", tenant, move |db| async move { find(&db, tenant, id).await }).await
    }

    async fn attempts(&self, tenant: TenantId, session: SessionId) -> Result<Vec<DialAttempt>> {
        self.read("read attempts", tenant, move |db| async move {
            sessions::owner(&db, tenant, session).await?;
            of_session(&db, tenant, session).await
        })
        .await
    }

    async fn count_attempts(&self, tenant: TenantId, sessions: &[SessionId]) -> Result<HashMap<SessionId, u64>> {
        let sessions = uuids(sessions);
        self.read("count attempts", tenant, move |db| async move {
            let query = "SELECT session_id, count(*) AS total FROM voicecall.attempts
                         WHERE tenant_id = $1 AND session_id = ANY ($2) GROUP BY session_id";
            let rows = db.query(query, params![tenant, sessions]).await?;
            rows.iter().map(|row| Ok((row.get("session_id")?, row.get("total")?))).collect()
        })
        .await
    }
}

pub(crate) async fn of_session(db: &Db, tenant: TenantId, session: SessionId) -> Outcome<Vec<DialAttempt>> {
    let query =
        "SELECT * FROM voicecall.attempts WHERE tenant_id = $1 AND session_id = $2 ORDER BY created_at, position";
    db.query(query, params![tenant, session]).await?.iter().map(read).collect()
}

async fn find(db: &Db, tenant: TenantId, id: AttemptId) -> Outcome<DialAttempt> {
    let query = "SELECT * FROM voicecall.attempts WHERE id = $1 AND tenant_id = $2";
    read(&db.query_one(query, params![id, tenant]).await?)
}

/// An attempt with its session, which nobody else changes until the transaction is over: whatever is done to an attempt is
/// done under its session's lock.
async fn lock(db: &Db, tenant: TenantId, id: AttemptId) -> Outcome<(DialAttempt, Session)> {
    let session = find(db, tenant, id).await?.session;
    let session = sessions::lock(db, tenant, session).await?;
    Ok((find(db, tenant, id).await?, session))
}

async fn insert(db: &Db, attempt: &DialAttempt) -> Outcome<()> {
    let insert = "INSERT INTO voicecall.attempts (id, tenant_id, session_id, carrier, account, state, created_at)
        VALUES ($1, $2, $3, $4, $5, $6, $7)";
    let values = params![
        attempt.id,
        attempt.tenant,
        attempt.session,
        attempt.carrier,
        attempt.account,
        attempt.state,
        attempt.created_at,
    ];
    db.execute(insert, values).await?;
    Ok(())
}

/// Writes everything that can change.
async fn save(db: &Db, attempt: &DialAttempt) -> Outcome<()> {
    let update = "UPDATE voicecall.attempts SET state = $2, epoch = $3, carrier_call = $4, reason = $5, outcome = $6,
        price_micros = $7, price_currency = $8 WHERE id = $1";
    let (micros, currency) = sessions::price_columns(attempt.price.as_ref());
    let values = params![
        attempt.id,
        attempt.state,
        attempt.epoch,
        attempt.call,
        attempt.reason,
        attempt.outcome,
        micros,
        currency,
    ];
    db.execute(update, values).await?;
    Ok(())
}

fn read(row: &Row) -> Outcome<DialAttempt> {
    Ok(DialAttempt {
        id: row.get("id")?,
        tenant: row.get("tenant_id")?,
        session: row.get("session_id")?,
        carrier: row.get("carrier")?,
        account: row.get("account")?,
        state: row.get("state")?,
        epoch: row.get("epoch")?,
        call: row.get("carrier_call")?,
        reason: row.get("reason")?,
        outcome: row.get("outcome")?,
        price: sessions::read_price(row, "price_micros", "price_currency")?,
        created_at: row.get("created_at")?,
    })
}
