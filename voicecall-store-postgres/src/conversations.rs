//! Conversations and who is in them: the tables `conversations`, `participants` and `participant_channels`.

use jiff::Timestamp;
use voicecall_core::event::Event;
use voicecall_core::store::{Conversation, ConversationChange, ConversationState, Page, PageRequest, Participant};
use voicecall_core::{ConversationId, Error, ErrorKind, PersonKey, TenantId};

use crate::column::{Json, params};
use crate::connection::{Db, Row};
use crate::fault::{Fault, Outcome};
use crate::{pending_events, threads};

/// The tenant's conversation; another tenant's is not found.
pub(crate) async fn find(db: &Db, tenant: TenantId, id: ConversationId) -> Outcome<Conversation> {
    let query = "SELECT * FROM voicecall.conversations WHERE id = $1 AND tenant_id = $2";
    complete(db, read(&db.query_one(query, params![id, tenant]).await?)?).await
}

/// The tenant's conversation, if there is one, which nobody else changes until the transaction is over. Whoever locks
/// sessions in it as well locks it before them.
pub(crate) async fn lock(db: &Db, tenant: TenantId, id: ConversationId) -> Outcome<Option<Conversation>> {
    let query = "SELECT * FROM voicecall.conversations WHERE id = $1 AND tenant_id = $2 FOR NO KEY UPDATE";
    match db.query_opt(query, params![id, tenant]).await? {
        Some(row) => Ok(Some(complete(db, read(&row)?).await?)),
        None => Ok(None),
    }
}

/// The conversation somebody is in.
pub(crate) async fn with(db: &Db, tenant: TenantId, person: PersonKey) -> Outcome<Option<Conversation>> {
    match id_with(db, tenant, person).await? {
        Some(id) => Ok(Some(find(db, tenant, id).await?)),
        None => Ok(None),
    }
}

/// The conversation somebody is in, locked.
pub(crate) async fn lock_with(db: &Db, tenant: TenantId, person: PersonKey) -> Outcome<Option<Conversation>> {
    while let Some(id) = id_with(db, tenant, person).await? {
        // Who was in it may have left while somebody else had it: each statement sees what was committed before it.
        if let Some(known) = lock(db, tenant, id).await?
            && known.is_with(person)
        {
            return Ok(Some(known));
        }
    }
    Ok(None)
}

async fn id_with(db: &Db, tenant: TenantId, person: PersonKey) -> Outcome<Option<ConversationId>> {
    let query = "SELECT conversation_id FROM voicecall.participants WHERE tenant_id = $1 AND person = $2";
    db.query_opt(query, params![tenant, person]).await?.map(|row| row.get("conversation_id")).transpose()
}

/// A tenant's conversations, those with the newest change first.
pub(crate) async fn page(
    db: &Db,
    tenant: TenantId,
    state: Option<ConversationState>,
    page: PageRequest,
) -> Outcome<Page<Conversation>> {
    const MATCHING: &str = "FROM voicecall.conversations WHERE tenant_id = $1 AND ($2 IS NULL OR state = $2)";
    let total = db.query_one(&format!("SELECT count(*) AS total {MATCHING}"), params![tenant, state]).await?;
    // Both are numbers, already checked.
    let (limit, offset) = (page.per_page, page.offset());
    let query = format!("SELECT * {MATCHING} ORDER BY updated_at DESC, id DESC LIMIT {limit} OFFSET {offset}");
    let mut items = Vec::new();
    for row in db.query(&query, params![tenant, state]).await? {
        items.push(complete(db, read(&row)?).await?);
    }
    Ok(Page { items, total: total.get("total")? })
}

/// A conversation that begins with somebody, before its first message, unless they are in one by now. One that has the id
/// goes on.
pub(crate) async fn begin(
    db: &Db,
    tenant: TenantId,
    id: ConversationId,
    first: &Participant,
    at: Timestamp,
) -> Outcome<Conversation> {
    db.take_turns(first.person.lookup().as_bytes()).await?;
    if let Some(known) = lock_with(db, tenant, first.person).await? {
        return Ok(known);
    }
    if let Some(known) = lock(db, tenant, id).await? {
        return Ok(known);
    }
    let new = Conversation::new(id, tenant, first.clone(), at);
    let insert = "INSERT INTO voicecall.conversations
        (id, tenant_id, state, last_message, memory, created_at, updated_at) VALUES ($1, $2, $3, $4, $5, $6, $7)";
    let memory = Json(new.memory.clone());
    let values = params![new.id, new.tenant, new.state, new.last_message, memory, new.created_at, new.updated_at];
    db.execute(insert, values).await?;
    add(db, &new, first).await?;
    pending_events::tell(db, Event::of_new_conversation(&new)).await?;
    Ok(new)
}

/// Changes a conversation, and ends its sessions of messages if it is closed.
pub(crate) async fn change(
    db: &Db,
    tenant: TenantId,
    id: ConversationId,
    change: &ConversationChange,
    at: Timestamp,
) -> Outcome<Conversation> {
    let before = lock(db, tenant, id).await?.ok_or(Fault::NotFound)?;
    let mut after = before.clone();
    after.apply(change, at)?;
    save(db, &before, &after).await?;
    if *change == ConversationChange::Close {
        threads::end_all(db, tenant, id, at).await?;
    }
    Ok(after)
}

/// Writes everything that can change.
pub(crate) async fn save(db: &Db, before: &Conversation, after: &Conversation) -> Outcome<()> {
    let update = "UPDATE voicecall.conversations SET state = $2, last_message = $3, memory = $4, updated_at = $5
        WHERE id = $1";
    let memory = Json(after.memory.clone());
    db.execute(update, params![after.id, after.state, after.last_message, memory, after.updated_at]).await?;
    for gone in before.participants.iter().filter(|who| !after.participants.contains(who)) {
        remove(db, after.tenant, gone).await?;
    }
    for new in after.participants.iter().filter(|who| !before.participants.contains(who)) {
        add(db, after, new).await?;
    }
    pending_events::tell(db, Event::of_conversation(before, after)).await
}

/// The number of the next message that answers somebody, who need not be in the conversation any more: what they wrote is
/// answered although it may be gone. Whoever takes one has locked the conversation.
pub(crate) async fn take_number(db: &Db, tenant: TenantId, id: ConversationId, at: Timestamp) -> Outcome<u64> {
    let Some(before) = lock(db, tenant, id).await? else {
        let query = "SELECT coalesce(max(number), 0) + 1 AS next FROM voicecall.messages
            WHERE tenant_id = $1 AND conversation_id = $2";
        return db.query_one(query, params![tenant, id]).await?.get("next");
    };
    let mut after = before.clone();
    let number = after.take_message(None, at);
    save(db, &before, &after).await?;
    Ok(number)
}

/// Forgets the conversation somebody alone is in, or that they are in one with others; it is locked.
pub(crate) async fn forget_person(db: &Db, conversation: &Conversation, person: PersonKey) -> Outcome<()> {
    let is_over = conversation.participants.iter().all(|who| who.person == person);
    if is_over {
        let delete = "DELETE FROM voicecall.conversations WHERE tenant_id = $1 AND id = $2";
        db.execute(delete, params![conversation.tenant, conversation.id]).await?;
    } else {
        let delete = "DELETE FROM voicecall.participants WHERE tenant_id = $1 AND conversation_id = $2 AND person = $3";
        db.execute(delete, params![conversation.tenant, conversation.id, person]).await?;
    }
    pending_events::forget_person(db, conversation.tenant, person, is_over.then_some(conversation.id)).await?;
    let gone: Vec<_> = conversation.participants.iter().filter(|who| who.person == person).cloned().collect();
    pending_events::tell(db, Event::of_erasure(conversation, is_over, &gone, Timestamp::now())).await
}

/// Takes somebody in, who is in no other conversation.
async fn add(db: &Db, conversation: &Conversation, who: &Participant) -> Outcome<()> {
    // Waits for whoever takes the same person in elsewhere, and then sees where that is.
    let insert = "INSERT INTO voicecall.participants AS known (tenant_id, person, conversation_id) VALUES ($1, $2, $3)
        ON CONFLICT (tenant_id, person) DO UPDATE SET conversation_id = known.conversation_id RETURNING conversation_id";
    let row = db.query_one(insert, params![conversation.tenant, who.person, conversation.id]).await?;
    if row.get::<ConversationId>("conversation_id")? != conversation.id {
        return Err(in_another().into());
    }
    let insert = "INSERT INTO voicecall.participant_channels (tenant_id, person, channel) VALUES ($1, $2, $3)";
    db.execute(insert, params![conversation.tenant, who.person, who.channel.as_str().to_owned()]).await?;
    Ok(())
}

fn in_another() -> Error {
    let error = Error::new(ErrorKind::Conflict, "change conversation").with_field("participants");
    error.with_message("the person is in another")
}

/// Lets somebody go, who may stay over another channel.
async fn remove(db: &Db, tenant: TenantId, who: &Participant) -> Outcome<()> {
    let delete = "DELETE FROM voicecall.participant_channels WHERE tenant_id = $1 AND person = $2 AND channel = $3";
    db.execute(delete, params![tenant, who.person, who.channel.as_str().to_owned()]).await?;
    let delete = "DELETE FROM voicecall.participants WHERE tenant_id = $1 AND person = $2 AND NOT EXISTS
        (SELECT FROM voicecall.participant_channels WHERE tenant_id = $1 AND person = $2)";
    db.execute(delete, params![tenant, who.person]).await?;
    Ok(())
}

/// With who is in it.
async fn complete(db: &Db, conversation: Conversation) -> Outcome<Conversation> {
    let query = "SELECT person, channel FROM voicecall.participants
        JOIN voicecall.participant_channels USING (tenant_id, person)
        WHERE tenant_id = $1 AND conversation_id = $2 ORDER BY position";
    let rows = db.query(query, params![conversation.tenant, conversation.id]).await?;
    let participants = rows
        .iter()
        .map(|row| Ok(Participant { person: row.get("person")?, channel: row.get::<String>("channel")?.into() }));
    Ok(Conversation { participants: participants.collect::<Outcome<_>>()?, ..conversation })
}

fn read(row: &Row) -> Outcome<Conversation> {
    Ok(Conversation {
        id: row.get("id")?,
        tenant: row.get("tenant_id")?,
        state: row.get("state")?,
        participants: Vec::new(),
        last_message: row.get("last_message")?,
        memory: row.get::<Json<_>>("memory")?.0,
        created_at: row.get("created_at")?,
        updated_at: row.get("updated_at")?,
    })
}
