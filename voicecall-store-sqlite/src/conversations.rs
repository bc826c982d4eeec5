//! Conversations and who is in them: the tables `conversations`, `participants` and `participant_channels`.

use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension, Row, named_params};
use voicecall_core::event::Event;
use voicecall_core::store::{Conversation, ConversationChange, ConversationState, Page, PageRequest, Participant};
use voicecall_core::{ConversationId, Error, ErrorKind, LookupHash, PersonKey, TenantId};

use crate::column::{At, Count, Json, Text, word};
use crate::fault::Outcome;
use crate::{pending_events, threads};

/// The tenant's conversation; another tenant's is not found.
pub(crate) fn find(db: &Connection, tenant: TenantId, id: ConversationId) -> Outcome<Conversation> {
    get(db, tenant, id)?.ok_or_else(|| rusqlite::Error::QueryReturnedNoRows.into())
}

/// The tenant's conversation, if there is one.
pub(crate) fn get(db: &Connection, tenant: TenantId, id: ConversationId) -> Outcome<Option<Conversation>> {
    let query = "SELECT * FROM conversations WHERE id = ? AND tenant_id = ?";
    let found = db.prepare_cached(query)?.query_row((Text(id), Text(tenant)), read).optional()?;
    found.map(|found| complete(db, found)).transpose()
}

const ID_WITH: &str = "SELECT conversation_id FROM participants WHERE tenant_id = ? AND person = ?";

/// The conversation somebody is in.
pub(crate) fn with(db: &Connection, tenant: TenantId, person: PersonKey) -> Outcome<Option<Conversation>> {
    let key = (Text(tenant), *person.lookup().as_bytes());
    let id = db.prepare_cached(ID_WITH)?.query_row(key, |row| row.get::<_, Text<_>>(0)).optional()?;
    Ok(id.map(|id| get(db, tenant, id.0)).transpose()?.flatten())
}

/// A tenant's conversations, those with the newest change first.
pub(crate) fn page(
    db: &Connection,
    tenant: TenantId,
    state: Option<ConversationState>,
    page: PageRequest,
) -> Outcome<Page<Conversation>> {
    const MATCHING: &str = "FROM conversations WHERE tenant_id = :tenant AND (:state IS NULL OR state = :state)";
    let params = named_params! { ":tenant": Text(tenant), ":state": state.map(Text) };
    let total: Count =
        db.prepare_cached(&format!("SELECT count(*) {MATCHING}"))?.query_row(params, |row| row.get(0))?;
    // Both are numbers, already checked.
    let (limit, offset) = (page.per_page, page.offset());
    let query = format!("SELECT * {MATCHING} ORDER BY updated_at DESC, id DESC LIMIT {limit} OFFSET {offset}");
    let found = db.prepare(&query)?.query_map(params, read)?.collect::<rusqlite::Result<Vec<_>>>()?;
    let items = found.into_iter().map(|found| complete(db, found)).collect::<Outcome<_>>()?;
    Ok(Page { items, total: total.0 })
}

/// A conversation that begins with somebody, before its first message. One that has the id goes on.
pub(crate) fn begin(
    db: &Connection,
    tenant: TenantId,
    id: ConversationId,
    first: &Participant,
    at: Timestamp,
) -> Outcome<Conversation> {
    if let Some(known) = get(db, tenant, id)? {
        return Ok(known);
    }
    let new = Conversation::new(id, tenant, first.clone(), at);
    let insert = "INSERT INTO conversations (id, tenant_id, state, last_message, memory, created_at, updated_at)
        VALUES (:id, :tenant_id, :state, :last_message, :memory, :created_at, :updated_at)";
    db.prepare_cached(insert)?.execute(named_params! {
        ":id": Text(new.id),
        ":tenant_id": Text(new.tenant),
        ":state": Text(new.state),
        ":last_message": Count(new.last_message),
        ":memory": Json(&new.memory),
        ":created_at": At(new.created_at),
        ":updated_at": At(new.updated_at),
    })?;
    add(db, &new, first)?;
    pending_events::tell(db, Event::of_new_conversation(&new))?;
    Ok(new)
}

/// Changes a conversation, and ends its sessions of messages if it is closed.
pub(crate) fn change(
    db: &Connection,
    tenant: TenantId,
    id: ConversationId,
    change: &ConversationChange,
    at: Timestamp,
) -> Outcome<Conversation> {
    let before = find(db, tenant, id)?;
    let mut after = before.clone();
    after.apply(change, at)?;
    save(db, &before, &after)?;
    if *change == ConversationChange::Close {
        threads::end_all(db, tenant, id, at)?;
    }
    Ok(after)
}

/// Writes everything that can change.
pub(crate) fn save(db: &Connection, before: &Conversation, after: &Conversation) -> Outcome<()> {
    let update = "UPDATE conversations SET state = :state, last_message = :last_message, memory = :memory,
        updated_at = :updated_at WHERE id = :id";
    db.prepare_cached(update)?.execute(named_params! {
        ":id": Text(after.id),
        ":state": Text(after.state),
        ":last_message": Count(after.last_message),
        ":memory": Json(&after.memory),
        ":updated_at": At(after.updated_at),
    })?;
    let gone = before.participants.iter().filter(|who| !after.participants.contains(who));
    gone.into_iter().try_for_each(|who| remove(db, after.tenant, who))?;
    let new = after.participants.iter().filter(|who| !before.participants.contains(who));
    new.into_iter().try_for_each(|who| add(db, after, who))?;
    pending_events::tell(db, Event::of_conversation(before, after))
}

const NEXT_NUMBER: &str = "SELECT coalesce(max(number), 0) + 1 FROM messages WHERE conversation_id = ?";

/// The number of the next message that answers somebody, who need not be in the conversation any more: what they wrote is
/// answered although it may be gone.
pub(crate) fn take_number(db: &Connection, tenant: TenantId, id: ConversationId, at: Timestamp) -> Outcome<u64> {
    let Some(before) = get(db, tenant, id)? else {
        return Ok(db.prepare_cached(NEXT_NUMBER)?.query_row((Text(id),), |row| row.get::<_, Count>(0))?.0);
    };
    let mut after = before.clone();
    let number = after.take_message(None, at);
    save(db, &before, &after)?;
    Ok(number)
}

/// Forgets the conversation somebody alone is in, or that they are in one with others.
pub(crate) fn forget_person(db: &Connection, tenant: TenantId, person: PersonKey) -> Outcome<()> {
    let Some(before) = with(db, tenant, person)? else {
        return pending_events::forget_person(db, tenant, person, None);
    };
    let delete = "DELETE FROM participants WHERE tenant_id = ? AND person = ?";
    db.prepare_cached(delete)?.execute((Text(tenant), *person.lookup().as_bytes()))?;
    let delete = "DELETE FROM conversations WHERE id = ?1
                  AND NOT EXISTS (SELECT 1 FROM participants WHERE conversation_id = ?1)";
    let is_over = db.prepare_cached(delete)?.execute((Text(before.id),))? > 0;
    pending_events::forget_person(db, tenant, person, is_over.then_some(before.id))?;
    let gone: Vec<_> = before.participants.iter().filter(|who| who.person == person).cloned().collect();
    pending_events::tell(db, Event::of_erasure(&before, is_over, &gone, Timestamp::now()))
}

/// Takes somebody in, who is in no other conversation.
fn add(db: &Connection, conversation: &Conversation, who: &Participant) -> Outcome<()> {
    let person = *who.person.lookup().as_bytes();
    let insert = "INSERT INTO participants (tenant_id, person, conversation_id) VALUES (?, ?, ?)
        ON CONFLICT DO UPDATE SET conversation_id = conversation_id RETURNING conversation_id";
    let key = (Text(conversation.tenant), person, Text(conversation.id));
    let is_in: Text<ConversationId> = db.prepare_cached(insert)?.query_row(key, |row| row.get(0))?;
    if is_in.0 != conversation.id {
        return Err(in_another().into());
    }
    let insert = "INSERT INTO participant_channels (tenant_id, person, channel) VALUES (?, ?, ?)";
    db.prepare_cached(insert)?.execute((Text(conversation.tenant), person, who.channel.as_str()))?;
    Ok(())
}

fn in_another() -> Error {
    let error = Error::new(ErrorKind::Conflict, "change conversation").with_field("participants");
    error.with_message("the person is in another")
}

/// Lets somebody go, who may stay over another channel.
fn remove(db: &Connection, tenant: TenantId, who: &Participant) -> Outcome<()> {
    let person = *who.person.lookup().as_bytes();
    let delete = "DELETE FROM participant_channels WHERE tenant_id = ? AND person = ? AND channel = ?";
    db.prepare_cached(delete)?.execute((Text(tenant), person, who.channel.as_str()))?;
    let delete = "DELETE FROM participants WHERE tenant_id = ?1 AND person = ?2 AND NOT EXISTS
        (SELECT 1 FROM participant_channels WHERE tenant_id = ?1 AND person = ?2)";
    db.prepare_cached(delete)?.execute((Text(tenant), person))?;
    Ok(())
}

const PARTICIPANTS: &str =
    "SELECT person, channel FROM participants JOIN participant_channels USING (tenant_id, person)
    WHERE conversation_id = ? ORDER BY position";

/// With who is in it.
fn complete(db: &Connection, conversation: Conversation) -> Outcome<Conversation> {
    let read = |row: &Row<'_>| {
        let person = LookupHash::from_bytes(row.get::<_, [u8; 16]>(0)?).into();
        Ok(Participant { person, channel: row.get::<_, String>(1)?.into() })
    };
    let mut query = db.prepare_cached(PARTICIPANTS)?;
    let participants = query.query_map((Text(conversation.id),), read)?.collect::<rusqlite::Result<_>>()?;
    Ok(Conversation { participants, ..conversation })
}

fn read(row: &Row<'_>) -> rusqlite::Result<Conversation> {
    Ok(Conversation {
        id: row.get::<_, Text<_>>("id")?.0,
        tenant: row.get::<_, Text<_>>("tenant_id")?.0,
        state: word(row, "state")?,
        participants: Vec::new(),
        last_message: row.get::<_, Count>("last_message")?.0,
        memory: row.get::<_, Json<_>>("memory")?.0,
        created_at: row.get::<_, At>("created_at")?.0,
        updated_at: row.get::<_, At>("updated_at")?.0,
    })
}

/// What finds conversations, and who is in them.
#[cfg(test)]
pub(crate) const QUERIES: [&str; 3] = [ID_WITH, NEXT_NUMBER, PARTICIPANTS];
