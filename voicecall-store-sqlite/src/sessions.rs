//! Sessions: the table `call_sessions`.

use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension, Row, named_params};
use voicecall_core::store::{
    CallEvent, CallResponse, NewSession, Page, PageRequest, Session, SessionChange, SessionFilter, SessionStore,
    check_end,
};
use voicecall_core::{CarrierCallId, Epoch, Result, SessionId, TenantId, VerificationId, async_trait};

use crate::column::{At, Count, Json, Text, phone};
use crate::fault::Outcome;
use crate::{SqliteStore, events, responses};

/// The longest duration the table takes.
const LONGEST_CALL_SECONDS: u64 = 120;

/// Goes from business to business along the index, and reads the first of each: what it costs grows with the businesses
/// that have somebody waiting, not with those who wait.
const DUE_SESSIONS: &str = "
    WITH RECURSIVE waiting (business) AS (
        SELECT min(business_id) FROM call_sessions WHERE due_at IS NOT NULL
        UNION ALL
        SELECT (SELECT min(business_id) FROM call_sessions WHERE due_at IS NOT NULL AND business_id > business)
            FROM waiting WHERE business IS NOT NULL
    )
    SELECT * FROM (
        SELECT session.*, row_number() OVER (PARTITION BY business_id ORDER BY priority, due_at, session.id) AS place
            FROM waiting CROSS JOIN call_sessions AS session
            WHERE session.id IN (
                SELECT id FROM call_sessions WHERE business_id = business AND due_at <= :now
                    ORDER BY priority, due_at, id LIMIT :per_tenant
            )
    ) ORDER BY place, priority, due_at, id LIMIT :limit";

#[async_trait]
impl SessionStore for SqliteStore {
    async fn create_session(&self, session: &NewSession) -> Result<Session> {
        let new = session.clone();
        self.write("create session", move |db| {
            let session = Session::created(&new);
            insert(db, &session)?;
            events::append(db, CallEvent::of_creation(&new))?;
            Ok(session)
        })
        .await
    }

    async fn session(&self, tenant: TenantId, id: SessionId) -> Result<Session> {
        self.read("read session", move |db| find(db, tenant, id)).await
    }

    async fn session_of_verification(&self, tenant: TenantId, id: VerificationId) -> Result<Option<Session>> {
        self.read("read session", move |db| {
            let query = "SELECT * FROM call_sessions WHERE business_id = ? AND verification_id = ?";
            Ok(db.prepare_cached(query)?.query_row((Text(tenant), Text(id)), read).optional()?)
        })
        .await
    }

    async fn change_session(&self, tenant: TenantId, id: SessionId, change: &SessionChange) -> Result<Session> {
        let change = change.clone();
        self.write("change session", move |db| apply(db, tenant, id, &change)).await
    }

    async fn complete_session(
        &self,
        tenant: TenantId,
        id: SessionId,
        change: &SessionChange,
        responses: &[CallResponse],
    ) -> Result<Session> {
        check_end(id, change, responses)?;
        let (change, responses) = (change.clone(), responses.to_vec());
        self.write("complete session", move |db| {
            let session = apply(db, tenant, id, &change)?;
            responses.iter().try_for_each(|response| responses::save(db, response))?;
            Ok(session)
        })
        .await
    }

    async fn sessions(&self, tenant: TenantId, filter: &SessionFilter, page: PageRequest) -> Result<Page<Session>> {
        page.validate()?;
        let filter = filter.clone();
        self.read("list sessions", move |db| list(db, tenant, &filter, page)).await
    }

    async fn due_sessions(&self, now: Timestamp, per_tenant: u32, limit: u32) -> Result<Vec<Session>> {
        self.read("read due sessions", move |db| {
            let values = named_params! { ":now": At(now), ":per_tenant": per_tenant, ":limit": limit };
            Ok(db.prepare_cached(DUE_SESSIONS)?.query_map(values, read)?.collect::<rusqlite::Result<_>>()?)
        })
        .await
    }

    async fn count_waiting(&self) -> Result<u64> {
        self.read("count waiting sessions", move |db| {
            let count = "SELECT count(*) FROM call_sessions WHERE due_at IS NOT NULL";
            Ok(db.prepare_cached(count)?.query_row((), |row| row.get::<_, Count>(0))?.0)
        })
        .await
    }

    async fn claim_session(
        &self,
        tenant: TenantId,
        id: SessionId,
        at: Timestamp,
        hold: Timestamp,
    ) -> Result<(Session, Epoch)> {
        // Read and write are one transaction of the only thread that writes, under the file's lock.
        self.write("claim session", move |db| {
            let mut session = find(db, tenant, id)?;
            session.claim(at, hold)?;
            save(db, &session)?;
            Ok((session, next_owner(db, id)?))
        })
        .await
    }

    async fn open_sessions(&self) -> Result<Vec<Session>> {
        self.read("read open sessions", move |db| {
            let query = "SELECT * FROM call_sessions WHERE status IN ('initiated', 'connecting', 'in_progress')
                         ORDER BY created_at, id";
            Ok(db.prepare_cached(query)?.query_map((), read)?.collect::<rusqlite::Result<_>>()?)
        })
        .await
    }

    async fn sessions_among(&self, ids: &[SessionId]) -> Result<Vec<Session>> {
        let ids = ids.to_vec();
        self.read("read sessions", move |db| {
            let query = "SELECT * FROM call_sessions WHERE id IN (SELECT value FROM json_each(?))";
            Ok(db.prepare_cached(query)?.query_map((Json(&ids),), read)?.collect::<rusqlite::Result<_>>()?)
        })
        .await
    }

    async fn unanalysed_sessions(&self, since: Timestamp, limit: u32) -> Result<Vec<Session>> {
        self.read("read sessions to analyse", move |db| {
            let query =
                "SELECT * FROM call_sessions WHERE ended_at >= ? AND transcript IS NOT NULL AND analysis IS NULL
                         AND anonymised_at IS NULL ORDER BY ended_at, id LIMIT ?";
            Ok(db.prepare_cached(query)?.query_map((At(since), limit), read)?.collect::<rusqlite::Result<_>>()?)
        })
        .await
    }

    async fn append_event(&self, tenant: TenantId, event: &CallEvent) -> Result<()> {
        let event = event.clone();
        self.write("append event", move |db| {
            owner(db, tenant, event.session)?;
            events::append(db, event.clone())
        })
        .await
    }

    async fn events(&self, tenant: TenantId, session: SessionId, page: PageRequest) -> Result<Page<CallEvent>> {
        page.validate()?;
        self.read("read events", move |db| {
            owner(db, tenant, session)?;
            events::page(db, session, page)
        })
        .await
    }

    async fn responses(&self, tenant: TenantId, session: SessionId) -> Result<Vec<CallResponse>> {
        self.read("read responses", move |db| {
            owner(db, tenant, session)?;
            responses::of_session(db, session)
        })
        .await
    }
}

/// Carries out a change together with its event.
pub(crate) fn apply(db: &Connection, tenant: TenantId, id: SessionId, change: &SessionChange) -> Outcome<Session> {
    let mut session = find(db, tenant, id)?;
    session.apply(change)?;
    save(db, &session)?;
    if let Some(event) = CallEvent::of_change(id, change) {
        events::append(db, event)?;
    }
    Ok(session)
}

fn list(db: &Connection, tenant: TenantId, filter: &SessionFilter, page: PageRequest) -> Outcome<Page<Session>> {
    const MATCHING: &str = "FROM call_sessions WHERE business_id = :business_id
        AND (:statuses = '[]' OR status IN (SELECT value FROM json_each(:statuses)))
        AND (:end_reason IS NULL OR end_reason = :end_reason)
        AND (:from IS NULL OR started_at >= :from) AND (:until IS NULL OR started_at < :until)";
    let statuses = Json(&filter.statuses);
    let params = named_params! {
        ":business_id": Text(tenant),
        ":statuses": statuses,
        ":end_reason": filter.end_reason.map(Text),
        ":from": filter.from.map(At),
        ":until": filter.until.map(At),
    };
    let total: Count =
        db.prepare_cached(&format!("SELECT count(*) {MATCHING}"))?.query_row(params, |row| row.get(0))?;
    // Both are numbers, already checked.
    let (limit, offset) = (page.per_page, page.offset());
    let query = format!("SELECT * {MATCHING} ORDER BY started_at DESC, id DESC LIMIT {limit} OFFSET {offset}");
    let items = db.prepare(&query)?.query_map(params, read)?.collect::<rusqlite::Result<_>>()?;
    Ok(Page { items, total: total.0 })
}

/// The tenant's session; another tenant's is not found.
pub(crate) fn find(db: &Connection, tenant: TenantId, id: SessionId) -> Outcome<Session> {
    let query = "SELECT * FROM call_sessions WHERE id = ? AND business_id = ?";
    Ok(db.prepare_cached(query)?.query_row((Text(id), Text(tenant)), read)?)
}

/// The epoch of the tenant's session's newest owner; another tenant's session is not found.
pub(crate) fn owner(db: &Connection, tenant: TenantId, id: SessionId) -> Outcome<Epoch> {
    let query = "SELECT owner_epoch FROM call_sessions WHERE id = ? AND business_id = ?";
    Ok(db.prepare_cached(query)?.query_row((Text(id), Text(tenant)), |row| row.get(0)).map(Epoch)?)
}

/// Counts the owners of a session up. Returns the epoch of the new one.
pub(crate) fn next_owner(db: &Connection, id: SessionId) -> Outcome<Epoch> {
    let update = "UPDATE call_sessions SET owner_epoch = owner_epoch + 1 WHERE id = ? RETURNING owner_epoch";
    Ok(db.prepare_cached(update)?.query_row((Text(id),), |row| row.get(0)).map(Epoch)?)
}

fn insert(db: &Connection, session: &Session) -> Outcome<()> {
    let insert = "INSERT INTO call_sessions
        (id, business_id, customer_phone, customer_phone_lookup, verification_id, priority, status, due_at, started_at,
         questions_asked, owner_epoch, created_at, updated_at)
        VALUES (:id, :business_id, :customer_phone, :customer_phone_lookup, :verification_id, :priority, :status, :due_at,
                :started_at, :questions_asked, :owner_epoch, :created_at, :updated_at)";
    db.prepare_cached(insert)?.execute(named_params! {
        ":id": Text(session.id),
        ":business_id": Text(session.tenant),
        ":customer_phone": session.phone.sealed.as_bytes(),
        ":customer_phone_lookup": session.phone.lookup.as_bytes(),
        ":verification_id": Text(session.verification),
        ":priority": Text(session.priority),
        ":status": Text(session.status),
        ":due_at": session.due_at.map(At),
        ":started_at": At(session.started_at),
        ":questions_asked": Json(&session.questions_asked),
        ":owner_epoch": Epoch::FIRST.0,
        ":created_at": At(session.created_at),
        ":updated_at": At(session.updated_at),
    })?;
    Ok(())
}

/// Writes everything that can change.
pub(crate) fn save(db: &Connection, session: &Session) -> Outcome<()> {
    let update = "UPDATE call_sessions SET
        status = :status, due_at = :due_at, connected_at = :connected_at, ended_at = :ended_at, duration_seconds = :duration_seconds,
        end_reason = :end_reason, questions_asked = :questions_asked, ai_session_id = :ai_session_id,
        telephony_call_id = :telephony_call_id, cost_estimate = :cost_estimate, recording_url = :recording_url,
        transcript = :transcript, analysis = :analysis, anonymised_at = :anonymised_at, held_until = :held_until,
        updated_at = :updated_at
        WHERE id = :id";
    db.prepare_cached(update)?.execute(named_params! {
        ":id": Text(session.id),
        ":status": Text(session.status),
        ":due_at": session.due_at.map(At),
        ":connected_at": session.connected_at.map(At),
        ":ended_at": session.ended_at.map(At),
        ":duration_seconds": session.duration_seconds().map(|seconds| seconds.min(LONGEST_CALL_SECONDS) as i64),
        ":end_reason": session.end_reason.map(Text),
        ":questions_asked": Json(&session.questions_asked),
        ":ai_session_id": session.ai_session,
        ":telephony_call_id": session.carrier_call.as_ref().map(CarrierCallId::as_str),
        ":cost_estimate": session.cost_micros,
        ":recording_url": session.recording_url,
        ":transcript": session.transcript,
        ":analysis": session.analysis.as_ref().map(Json),
        ":anonymised_at": session.anonymised_at.map(At),
        ":held_until": session.held_until.map(At),
        ":updated_at": At(session.updated_at),
    })?;
    Ok(())
}

pub(crate) fn read(row: &Row<'_>) -> rusqlite::Result<Session> {
    let new = NewSession {
        id: row.get::<_, Text<_>>("id")?.0,
        tenant: row.get::<_, Text<_>>("business_id")?.0,
        phone: phone(row, "customer_phone", "customer_phone_lookup")?,
        verification: row.get::<_, Text<_>>("verification_id")?.0,
        priority: row.get::<_, Text<_>>("priority")?.0,
        started_at: row.get::<_, At>("started_at")?.0,
    };
    let mut session = Session::created(&new);
    session.status = row.get::<_, Text<_>>("status")?.0;
    session.due_at = row.get::<_, Option<At>>("due_at")?.map(|at| at.0);
    session.connected_at = row.get::<_, Option<At>>("connected_at")?.map(|at| at.0);
    session.ended_at = row.get::<_, Option<At>>("ended_at")?.map(|at| at.0);
    session.end_reason = row.get::<_, Option<Text<_>>>("end_reason")?.map(|reason| reason.0);
    session.questions_asked = row.get::<_, Json<_>>("questions_asked")?.0;
    session.ai_session = row.get("ai_session_id")?;
    session.carrier_call = row.get::<_, Option<String>>("telephony_call_id")?.map(CarrierCallId::new);
    session.cost_micros = row.get("cost_estimate")?;
    session.recording_url = row.get("recording_url")?;
    session.transcript = row.get("transcript")?;
    session.analysis = row.get::<_, Option<Json<_>>>("analysis")?.map(|analysis| analysis.0);
    session.anonymised_at = row.get::<_, Option<At>>("anonymised_at")?.map(|at| at.0);
    session.held_until = row.get::<_, Option<At>>("held_until")?.map(|at| at.0);
    session.created_at = row.get::<_, At>("created_at")?.0;
    session.updated_at = row.get::<_, At>("updated_at")?.0;
    Ok(session)
}
