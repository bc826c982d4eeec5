//! Sessions: the table `sessions`.

use rusqlite::{Connection, OptionalExtension, Row, named_params};
use voicecall_core::carrier::CallPrice;
use voicecall_core::event::Event;
use voicecall_core::journal::JournalEntry;
use voicecall_core::store::{
    Direction, NewSession, Page, PageRequest, ProviderLog, Session, SessionChange, SessionEvent, SessionFilter,
    SessionStore, refuse_to_call,
};
use voicecall_core::{CarrierCallId, Epoch, LookupHash, PersonKey, Result, SessionId, TenantId, async_trait};

use crate::column::{At, Count, Json, Text, address, word};
use crate::fault::Outcome;
use crate::{SqliteStore, do_not_call, events, pending_events, provider_log};

#[async_trait]
impl SessionStore for SqliteStore {
    async fn create_session(&self, session: &NewSession) -> Result<Session> {
        session.validate()?;
        let new = session.clone();
        // Read and write are one transaction of the only thread that writes, under the file's lock.
        self.write("create session", move |db| {
            let reference = new.reference.as_deref().filter(|_| new.direction == Direction::Outbound);
            if let Some(known) =
                reference.map(|reference| by_reference(db, new.tenant, reference)).transpose()?.flatten()
            {
                return Ok(known);
            }
            let session = Session::created(&new);
            if session.direction == Direction::Outbound && do_not_call::forbids(db, &session)? {
                return Err(refuse_to_call("create session").into());
            }
            begin(db, &new)
        })
        .await
    }

    async fn session(&self, tenant: TenantId, id: SessionId) -> Result<Session> {
        self.read("read session", move |db| find(db, tenant, id)).await
    }

    async fn session_by_reference(&self, tenant: TenantId, reference: &str) -> Result<Option<Session>> {
        let reference = reference.to_owned();
        self.read("read session", move |db| by_reference(db, tenant, &reference)).await
    }

    async fn change_session(&self, tenant: TenantId, id: SessionId, change: &SessionChange) -> Result<Session> {
        let change = change.clone();
        self.write("change session", move |db| apply(db, tenant, id, &change)).await
    }

    async fn sessions(&self, tenant: TenantId, filter: &SessionFilter, page: PageRequest) -> Result<Page<Session>> {
        page.validate()?;
        let filter = filter.clone();
        self.read("list sessions", move |db| list(db, tenant, &filter, page)).await
    }

    async fn append_event(&self, tenant: TenantId, event: &SessionEvent) -> Result<()> {
        let event = event.clone();
        self.write("append event", move |db| {
            owner(db, tenant, event.session)?;
            events::append(db, event.clone())
        })
        .await
    }

    async fn events(&self, tenant: TenantId, session: SessionId, page: PageRequest) -> Result<Page<SessionEvent>> {
        page.validate()?;
        self.read("read events", move |db| {
            owner(db, tenant, session)?;
            events::page(db, session, page)
        })
        .await
    }

    async fn log_provider(&self, tenant: TenantId, log: &ProviderLog) -> Result<()> {
        log.validate()?;
        let log = log.clone();
        self.write("log provider", move |db| {
            owner(db, tenant, log.session)?;
            provider_log::insert(db, &log)
        })
        .await
    }

    async fn provider_logs(&self, tenant: TenantId, session: SessionId) -> Result<Vec<ProviderLog>> {
        self.read("read provider logs", move |db| {
            owner(db, tenant, session)?;
            provider_log::of_session(db, session)
        })
        .await
    }
}

/// Creates a session together with its first event.
pub(crate) fn begin(db: &Connection, new: &NewSession) -> Outcome<Session> {
    let session = Session::created(new);
    insert(db, &session)?;
    events::append(db, SessionEvent::of_creation(new))?;
    pending_events::tell(db, Event::of_creation(&session))?;
    Ok(session)
}

/// Carries out a change together with its event.
pub(crate) fn apply(db: &Connection, tenant: TenantId, id: SessionId, change: &SessionChange) -> Outcome<Session> {
    let mut session = find(db, tenant, id)?;
    session.apply(change)?;
    save(db, &session)?;
    if let Some(event) = SessionEvent::of_change(id, change) {
        events::append(db, event)?;
    }
    pending_events::tell(db, Event::of_session(&session, change))?;
    Ok(session)
}

pub(crate) fn list(
    db: &Connection,
    tenant: TenantId,
    filter: &SessionFilter,
    page: PageRequest,
) -> Outcome<Page<Session>> {
    // Written only where it is asked for, so that the person's index is used then.
    let of_person = if filter.person.is_some() { "AND (person = :person OR remote_lookup = :person)" } else { "" };
    let matching = format!(
        "FROM sessions WHERE tenant_id = :tenant_id {of_person}
        AND (:statuses = '[]' OR status IN (SELECT value FROM json_each(:statuses)))
        AND (:end_reason IS NULL OR end_reason = :end_reason)
        AND (:direction IS NULL OR direction = :direction)
        AND (:from IS NULL OR started_at >= :from) AND (:until IS NULL OR started_at < :until)"
    );
    let statuses = Json(&filter.statuses);
    let person = filter.person.map(|person| *person.lookup().as_bytes());
    let mut params = named_params! {
        ":tenant_id": Text(tenant),
        ":statuses": statuses,
        ":end_reason": filter.end_reason.map(Text),
        ":direction": filter.direction.map(Text),
        ":from": filter.from.map(At),
        ":until": filter.until.map(At),
        ":person": person,
    };
    if person.is_none() {
        params = &params[..params.len() - 1];
    }
    let total: Count =
        db.prepare_cached(&format!("SELECT count(*) {matching}"))?.query_row(params, |row| row.get(0))?;
    // Both are numbers, already checked.
    let (limit, offset) = (page.per_page, page.offset());
    let query = format!("SELECT * {matching} ORDER BY started_at DESC, id DESC LIMIT {limit} OFFSET {offset}");
    let items = db.prepare(&query)?.query_map(params, read)?.collect::<rusqlite::Result<_>>()?;
    Ok(Page { items, total: total.0 })
}

/// Adds what the carrier charges for one of a session's calls.
pub(crate) fn charge(db: &Connection, tenant: TenantId, id: SessionId, price: &CallPrice) -> Outcome<()> {
    let mut session = find(db, tenant, id)?;
    session.charge(price);
    save(db, &session)
}

/// A price of two columns.
pub(crate) fn read_price(row: &Row<'_>, micros: &str, currency: &str) -> rusqlite::Result<Option<CallPrice>> {
    let price = (row.get::<_, Option<Count>>(micros)?, row.get(currency)?);
    Ok(if let (Some(Count(micros)), Some(currency)) = price { Some(CallPrice { micros, currency }) } else { None })
}

/// Writes what an entry of a session's journal means for its row.
pub(crate) fn take_in(db: &Connection, tenant: TenantId, entry: &JournalEntry) -> Outcome<()> {
    let mut session = find(db, tenant, entry.session)?;
    if session.take_in(entry) { save(db, &session) } else { Ok(()) }
}

/// The tenant's session; another tenant's is not found.
pub(crate) fn find(db: &Connection, tenant: TenantId, id: SessionId) -> Outcome<Session> {
    let query = "SELECT * FROM sessions WHERE id = ? AND tenant_id = ?";
    Ok(db.prepare_cached(query)?.query_row((Text(id), Text(tenant)), read)?)
}

/// A person's sessions, oldest first.
pub(crate) fn of_person(db: &Connection, tenant: TenantId, person: PersonKey) -> Outcome<Vec<Session>> {
    let query = "SELECT * FROM sessions WHERE tenant_id = ?1 AND (person = ?2 OR remote_lookup = ?2)
                 ORDER BY started_at, id";
    let of = (Text(tenant), *person.lookup().as_bytes());
    Ok(db.prepare_cached(query)?.query_map(of, read)?.collect::<rusqlite::Result<_>>()?)
}

fn by_reference(db: &Connection, tenant: TenantId, reference: &str) -> Outcome<Option<Session>> {
    let query = "SELECT * FROM sessions WHERE tenant_id = ? AND reference = ? AND direction = 'outbound'";
    Ok(db.prepare_cached(query)?.query_row((Text(tenant), reference), read).optional()?)
}

/// The epoch of the tenant's session's newest owner; another tenant's session is not found.
pub(crate) fn owner(db: &Connection, tenant: TenantId, id: SessionId) -> Outcome<Epoch> {
    let query = "SELECT owner_epoch FROM sessions WHERE id = ? AND tenant_id = ?";
    Ok(db.prepare_cached(query)?.query_row((Text(id), Text(tenant)), |row| row.get(0)).map(Epoch)?)
}

fn insert(db: &Connection, session: &Session) -> Outcome<()> {
    let insert = "INSERT INTO sessions
        (id, tenant_id, channel, direction, remote, remote_lookup, account, local, reference, conversation_id, person,
         priority, status, due_at, started_at, connected_at, metadata, owner_epoch, created_at, updated_at)
        VALUES (:id, :tenant_id, :channel, :direction, :remote, :remote_lookup, :account, :local, :reference,
                :conversation_id, :person, :priority, :status, :due_at, :started_at, :connected_at, :metadata,
                :owner_epoch, :created_at, :updated_at)";
    db.prepare_cached(insert)?.execute(named_params! {
        ":id": Text(session.id),
        ":tenant_id": Text(session.tenant),
        ":channel": session.channel.as_str(),
        ":direction": Text(session.direction),
        ":remote": session.remote.as_ref().map(|remote| remote.sealed.as_bytes()),
        ":remote_lookup": session.remote.as_ref().map(|remote| remote.lookup.as_bytes().as_slice()),
        ":account": session.account.map(Text),
        ":local": session.local,
        ":reference": session.reference,
        ":conversation_id": session.conversation.map(Text),
        ":person": session.person.map(|person| *person.lookup().as_bytes()),
        ":priority": Text(session.priority),
        ":status": Text(session.status),
        ":due_at": session.due_at.map(At),
        ":started_at": At(session.started_at),
        ":connected_at": session.connected_at.map(At),
        ":metadata": Json(&session.metadata),
        ":owner_epoch": session.owner.0,
        ":created_at": At(session.created_at),
        ":updated_at": At(session.updated_at),
    })?;
    Ok(())
}

/// Writes everything that can change.
pub(crate) fn save(db: &Connection, session: &Session) -> Outcome<()> {
    let update = "UPDATE sessions SET
        account = :account, status = :status, due_at = :due_at, call_back_at = :call_back_at, connected_at = :connected_at, ended_at = :ended_at,
        end_reason = :end_reason, carrier_call = :carrier_call, cost_micros = :cost_micros,
        carrier_price_micros = :carrier_price_micros, carrier_price_currency = :carrier_price_currency,
        recording_url = :recording_url, owner_epoch = :owner_epoch, leased_until = :leased_until, updated_at = :updated_at
        WHERE id = :id";
    db.prepare_cached(update)?.execute(named_params! {
        ":id": Text(session.id),
        ":account": session.account.map(Text),
        ":status": Text(session.status),
        ":due_at": session.due_at.map(At),
        ":call_back_at": session.call_back_at.map(At),
        ":connected_at": session.connected_at.map(At),
        ":ended_at": session.ended_at.map(At),
        ":end_reason": session.end_reason.map(Text),
        ":carrier_call": session.carrier_call.as_ref().map(CarrierCallId::as_str),
        ":cost_micros": session.cost_micros,
        ":carrier_price_micros": session.carrier_price.as_ref().map(|price| Count(price.micros)),
        ":carrier_price_currency": session.carrier_price.as_ref().map(|price| price.currency.as_str()),
        ":recording_url": session.recording_url,
        ":owner_epoch": session.owner.0,
        ":leased_until": session.leased_until.map(At),
        ":updated_at": At(session.updated_at),
    })?;
    Ok(())
}

pub(crate) fn read(row: &Row<'_>) -> rusqlite::Result<Session> {
    let is_withheld = row.get_ref("remote")? == rusqlite::types::ValueRef::Null;
    let new = NewSession {
        id: row.get::<_, Text<_>>("id")?.0,
        channel: row.get::<_, String>("channel")?.into(),
        direction: word(row, "direction")?,
        account: row.get::<_, Option<Text<_>>>("account")?.map(|account| account.0),
        local: row.get("local")?,
        reference: row.get("reference")?,
        conversation: row.get::<_, Option<Text<_>>>("conversation_id")?.map(|id| id.0),
        person: row.get::<_, Option<[u8; 16]>>("person")?.map(|key| LookupHash::from_bytes(key).into()),
        priority: word(row, "priority")?,
        metadata: row.get::<_, Json<_>>("metadata")?.0,
        ..NewSession::inbound(
            row.get::<_, Text<_>>("tenant_id")?.0,
            if is_withheld { None } else { Some(address(row, "remote", "remote_lookup")?) },
            row.get::<_, At>("started_at")?.0,
        )
    };
    let mut session = Session::created(&new);
    session.status = word(row, "status")?;
    session.due_at = row.get::<_, Option<At>>("due_at")?.map(|at| at.0);
    session.call_back_at = row.get::<_, Option<At>>("call_back_at")?.map(|at| at.0);
    session.connected_at = row.get::<_, Option<At>>("connected_at")?.map(|at| at.0);
    session.ended_at = row.get::<_, Option<At>>("ended_at")?.map(|at| at.0);
    session.end_reason = session.ended_at.map(|_| word(row, "end_reason")).transpose()?;
    session.carrier_call = row.get::<_, Option<String>>("carrier_call")?.map(CarrierCallId::new);
    session.cost_micros = row.get("cost_micros")?;
    session.carrier_price = read_price(row, "carrier_price_micros", "carrier_price_currency")?;
    session.recording_url = row.get("recording_url")?;
    session.owner = Epoch(row.get("owner_epoch")?);
    session.leased_until = row.get::<_, Option<At>>("leased_until")?.map(|at| at.0);
    session.created_at = row.get::<_, At>("created_at")?.0;
    session.updated_at = row.get::<_, At>("updated_at")?.0;
    Ok(session)
}
