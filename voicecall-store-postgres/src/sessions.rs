//! Sessions: the table `sessions`.

use voicecall_core::carrier::CallPrice;
use voicecall_core::event::Event;
use voicecall_core::journal::JournalEntry;
use voicecall_core::store::{
    Direction, NewSession, Page, PageRequest, ProviderLog, Session, SessionChange, SessionEvent, SessionFilter,
    SessionStore, refuse_to_call,
};
use voicecall_core::{Epoch, PersonKey, Result, Sealed, SealedAddress, SessionId, TenantId, async_trait};

use crate::column::{Bound, Json, params};
use crate::connection::{Db, Row};
use crate::fault::{Fault, Outcome};
use crate::{PostgresStore, do_not_call, events, pending_events, provider_log};

#[async_trait]
impl SessionStore for PostgresStore {
    async fn create_session(&self, session: &NewSession) -> Result<Session> {
        session.validate()?;
        let new = session.clone();
        self.write("create session", new.tenant, move |db| async move { create(&db, &new).await }).await
    }

    async fn session(&self, tenant: TenantId, id: SessionId) -> Result<Session> {
        self.read("read session", tenant, move |db| async move { find(&db, tenant, id).await }).await
    }

    async fn session_by_reference(&self, tenant: TenantId, reference: &str) -> Result<Option<Session>> {
        let reference = reference.to_owned();
        self.read("read session", tenant, move |db| async move { by_reference(&db, tenant, &reference).await }).await
    }

    async fn change_session(&self, tenant: TenantId, id: SessionId, change: &SessionChange) -> Result<Session> {
        let change = change.clone();
        self.write("change session", tenant, move |db| async move { apply(&db, tenant, id, &change).await }).await
    }

    async fn sessions(&self, tenant: TenantId, filter: &SessionFilter, page: PageRequest) -> Result<Page<Session>> {
        page.validate()?;
        let filter = filter.clone();
        self.read("list sessions", tenant, move |db| async move { list(&db, tenant, &filter, page).await }).await
    }

    async fn append_event(&self, tenant: TenantId, event: &SessionEvent) -> Result<()> {
        let event = event.clone();
        self.write("append event", tenant, move |db| async move {
            lock(&db, tenant, event.session).await?;
            events::append(&db, tenant, event).await
        })
        .await
    }

    async fn events(&self, tenant: TenantId, session: SessionId, page: PageRequest) -> Result<Page<SessionEvent>> {
        page.validate()?;
        self.read("read events", tenant, move |db| async move {
            owner(&db, tenant, session).await?;
            events::page(&db, tenant, session, page).await
        })
        .await
    }

    async fn log_provider(&self, tenant: TenantId, log: &ProviderLog) -> Result<()> {
        log.validate()?;
        let log = log.clone();
        self.write("log provider", tenant, move |db| async move {
            owner(&db, tenant, log.session).await?;
            provider_log::insert(&db, tenant, &log).await
        })
        .await
    }

    async fn provider_logs(&self, tenant: TenantId, session: SessionId) -> Result<Vec<ProviderLog>> {
        self.read("read provider logs", tenant, move |db| async move {
            owner(&db, tenant, session).await?;
            provider_log::of_session(&db, tenant, session).await
        })
        .await
    }
}

async fn create(db: &Db, new: &NewSession) -> Outcome<Session> {
    let session = Session::created(new);
    let reference = new.reference.as_deref().filter(|_| new.direction == Direction::Outbound);
    if let Some(reference) = reference
        && let Some(known) = by_reference(db, new.tenant, reference).await?
    {
        return Ok(known);
    }
    if session.direction == Direction::Outbound && do_not_call::forbids(db, &session).await? {
        return Err(refuse_to_call("create session").into());
    }
    if let Some(session) = begin(db, new).await? {
        return Ok(session);
    }
    // Somebody else was first, and has committed: each statement sees what was committed before it.
    match reference {
        Some(reference) => by_reference(db, new.tenant, reference).await?.ok_or(Fault::NotFound),
        None => Err(Fault::conflict("create session", "it exists")),
    }
}

/// Creates a session together with its first event; `None` if the tenant has one with its reference.
pub(crate) async fn begin(db: &Db, new: &NewSession) -> Outcome<Option<Session>> {
    let session = Session::created(new);
    if !insert(db, &session).await? {
        return Ok(None);
    }
    events::append(db, new.tenant, SessionEvent::of_creation(new)).await?;
    pending_events::tell(db, Event::of_creation(&session)).await?;
    Ok(Some(session))
}

/// Carries out a change together with its event.
pub(crate) async fn apply(db: &Db, tenant: TenantId, id: SessionId, change: &SessionChange) -> Outcome<Session> {
    let mut session = lock(db, tenant, id).await?;
    session.apply(change)?;
    save(db, &session).await?;
    if let Some(event) = SessionEvent::of_change(id, change) {
        events::append(db, tenant, event).await?;
    }
    pending_events::tell(db, Event::of_session(&session, change)).await?;
    Ok(session)
}

pub(crate) async fn list(
    db: &Db,
    tenant: TenantId,
    filter: &SessionFilter,
    page: PageRequest,
) -> Outcome<Page<Session>> {
    // Written only where it is asked for, so that the person's index is used then.
    let of_person = if filter.person.is_some() { "AND (person = $7 OR remote_lookup = $7)" } else { "" };
    let condition = format!(
        "FROM voicecall.sessions WHERE tenant_id = $1 {of_person}
        AND (cardinality($2) = 0 OR status = ANY ($2)) AND ($3 IS NULL OR end_reason = $3)
        AND ($4 IS NULL OR direction = $4) AND ($5 IS NULL OR started_at >= $5) AND ($6 IS NULL OR started_at < $6)"
    );
    let statuses: Vec<String> = filter.statuses.iter().map(ToString::to_string).collect();
    let matching = || -> Outcome<_> {
        let mut all = params![
            tenant,
            statuses,
            filter.end_reason,
            filter.direction,
            filter.from.map(Bound),
            filter.until.map(Bound)
        ];
        if let Some(person) = filter.person {
            all.extend(params![person]);
        }
        Ok(all)
    };
    let total = db.query_one(&format!("SELECT count(*) AS total {condition}"), matching()?).await?;
    // Both are numbers, already checked.
    let (limit, offset) = (page.per_page, page.offset());
    let query = format!("SELECT * {condition} ORDER BY started_at DESC, id DESC LIMIT {limit} OFFSET {offset}");
    Ok(Page { items: many(db.query(&query, matching()?).await?)?, total: total.get("total")? })
}

/// Adds what the carrier charges for one of a session's calls, which is locked.
pub(crate) async fn charge(db: &Db, mut session: Session, price: &CallPrice) -> Outcome<()> {
    session.charge(price);
    save(db, &session).await
}

/// A price as two columns.
pub(crate) fn price_columns(price: Option<&CallPrice>) -> (Option<u64>, Option<String>) {
    price.map(|price| (price.micros, price.currency.clone())).unzip()
}

/// A price of two columns.
pub(crate) fn read_price(row: &Row, micros: &str, currency: &str) -> Outcome<Option<CallPrice>> {
    let price = (row.get::<Option<u64>>(micros)?, row.get(currency)?);
    Ok(if let (Some(micros), Some(currency)) = price { Some(CallPrice { micros, currency }) } else { None })
}

/// Writes what an entry of a session's journal means for its row, which is locked.
pub(crate) async fn take_in(db: &Db, tenant: TenantId, entry: &JournalEntry) -> Outcome<()> {
    let mut session = find(db, tenant, entry.session).await?;
    if session.take_in(entry) { save(db, &session).await } else { Ok(()) }
}

/// The tenant's session; another tenant's is not found.
pub(crate) async fn find(db: &Db, tenant: TenantId, id: SessionId) -> Outcome<Session> {
    let query = "SELECT * FROM voicecall.sessions WHERE id = $1 AND tenant_id = $2";
    read(&db.query_one(query, params![id, tenant]).await?)
}

/// The tenant's session, which nobody else changes until the transaction is over.
pub(crate) async fn lock(db: &Db, tenant: TenantId, id: SessionId) -> Outcome<Session> {
    let query = "SELECT * FROM voicecall.sessions WHERE id = $1 AND tenant_id = $2 FOR NO KEY UPDATE";
    read(&db.query_one(query, params![id, tenant]).await?)
}

/// A person's sessions, oldest first.
pub(crate) async fn of_person(db: &Db, tenant: TenantId, person: PersonKey) -> Outcome<Vec<Session>> {
    let query = "SELECT * FROM voicecall.sessions WHERE tenant_id = $1 AND (person = $2 OR remote_lookup = $2)
                 ORDER BY started_at, id";
    many(db.query(query, params![tenant, person]).await?)
}

async fn by_reference(db: &Db, tenant: TenantId, reference: &str) -> Outcome<Option<Session>> {
    let query = "SELECT * FROM voicecall.sessions WHERE tenant_id = $1 AND reference = $2 AND direction = 'outbound'";
    db.query_opt(query, params![tenant, reference.to_owned()]).await?.as_ref().map(read).transpose()
}

/// The epoch of the tenant's session's newest owner; another tenant's session is not found.
pub(crate) async fn owner(db: &Db, tenant: TenantId, id: SessionId) -> Outcome<Epoch> {
    let query = "SELECT owner_epoch FROM voicecall.sessions WHERE id = $1 AND tenant_id = $2";
    db.query_one(query, params![id, tenant]).await?.get("owner_epoch")
}

/// Whether the row is new: it is not if the tenant has a session with its reference.
async fn insert(db: &Db, session: &Session) -> Outcome<bool> {
    let insert = "INSERT INTO voicecall.sessions
        (id, tenant_id, channel, direction, remote, remote_lookup, account, local, reference, conversation_id, person,
         priority, status, due_at, started_at, connected_at, metadata, owner_epoch, created_at, updated_at)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20)
        ON CONFLICT (tenant_id, reference) WHERE direction = 'outbound' AND reference IS NOT NULL DO NOTHING";
    let values = params![
        session.id,
        session.tenant,
        session.channel.as_str().to_owned(),
        session.direction,
        session.remote.as_ref().map(|remote| remote.sealed.as_bytes().to_vec()),
        session.remote.as_ref().map(|remote| remote.lookup),
        session.account,
        session.local,
        session.reference,
        session.conversation,
        session.person,
        session.priority,
        session.status,
        session.due_at,
        session.started_at,
        session.connected_at,
        Json(session.metadata.clone()),
        session.owner,
        session.created_at,
        session.updated_at,
    ];
    Ok(db.execute(insert, values).await? > 0)
}

/// Writes everything that a tenant can change.
async fn save(db: &Db, session: &Session) -> Outcome<()> {
    let update =
        "UPDATE voicecall.sessions SET account = $2, status = $3, due_at = $4, connected_at = $5, ended_at = $6,
        end_reason = $7, carrier_call = $8, cost_micros = $9, recording_url = $10, updated_at = $11,
        call_back_at = $12, carrier_price_micros = $13, carrier_price_currency = $14 WHERE id = $1";
    let (micros, currency) = price_columns(session.carrier_price.as_ref());
    let values = params![
        session.id,
        session.account,
        session.status,
        session.due_at,
        session.connected_at,
        session.ended_at,
        session.end_reason,
        session.carrier_call,
        session.cost_micros,
        session.recording_url,
        session.updated_at,
        session.call_back_at,
        micros,
        currency,
    ];
    db.execute(update, values).await?;
    Ok(())
}

pub(crate) fn many(rows: Vec<Row>) -> Outcome<Vec<Session>> {
    rows.iter().map(read).collect()
}

pub(crate) fn read(row: &Row) -> Outcome<Session> {
    let remote = match row.get::<Option<Vec<u8>>>("remote")? {
        Some(sealed) => Some(SealedAddress { sealed: Sealed::from_bytes(sealed), lookup: row.get("remote_lookup")? }),
        None => None,
    };
    let new = NewSession {
        id: row.get("id")?,
        channel: row.get::<String>("channel")?.into(),
        direction: row.get("direction")?,
        account: row.get("account")?,
        local: row.get("local")?,
        reference: row.get("reference")?,
        conversation: row.get("conversation_id")?,
        person: row.get("person")?,
        priority: row.get("priority")?,
        metadata: row.get::<Json<_>>("metadata")?.0,
        ..NewSession::inbound(row.get("tenant_id")?, remote, row.get("started_at")?)
    };
    let mut session = Session::created(&new);
    session.status = row.get("status")?;
    session.due_at = row.get("due_at")?;
    session.call_back_at = row.get("call_back_at")?;
    session.connected_at = row.get("connected_at")?;
    session.ended_at = row.get("ended_at")?;
    session.end_reason = row.get("end_reason")?;
    session.carrier_call = row.get("carrier_call")?;
    session.cost_micros = row.get("cost_micros")?;
    session.carrier_price = read_price(row, "carrier_price_micros", "carrier_price_currency")?;
    session.recording_url = row.get("recording_url")?;
    session.owner = row.get("owner_epoch")?;
    session.leased_until = row.get("leased_until")?;
    session.created_at = row.get("created_at")?;
    session.updated_at = row.get("updated_at")?;
    Ok(session)
}
