//! Messages as rows: the table `messages`.

use voicecall_core::event::Event;
use voicecall_core::store::{Channel, Message, NewOutgoing, Thread};
use voicecall_core::{AccountName, CarrierMessageId, ConversationId, MessageId, SessionId, TenantId};

use crate::column::{Json, params};
use crate::connection::{Db, Row};
use crate::fault::Outcome;
use crate::pending_events;

/// The tenant's message; another tenant's is not found.
pub(crate) async fn find(db: &Db, tenant: TenantId, id: MessageId) -> Outcome<Message> {
    let query = "SELECT * FROM voicecall.messages WHERE id = $1 AND tenant_id = $2";
    read(&db.query_one(query, params![id, tenant]).await?)
}

/// The tenant's message, which nobody else changes until the transaction is over.
pub(crate) async fn lock(db: &Db, tenant: TenantId, id: MessageId) -> Outcome<Message> {
    let query = "SELECT * FROM voicecall.messages WHERE id = $1 AND tenant_id = $2 FOR NO KEY UPDATE";
    read(&db.query_one(query, params![id, tenant]).await?)
}

/// The message that came in by this name of the carrier's.
pub(crate) async fn of_carrier(db: &Db, thread: &Thread, id: &CarrierMessageId) -> Outcome<Option<Message>> {
    let query = "SELECT * FROM voicecall.messages WHERE tenant_id = $1 AND carrier = $2 AND coalesce(account, '') = $3
        AND carrier_id = $4 AND direction = 'inbound'";
    let account = thread.session.account.as_ref().map_or("", AccountName::as_str).to_owned();
    let row = db.query_opt(query, params![thread.session.tenant, thread.carrier, account, id.clone()]).await?;
    row.as_ref().map(read).transpose()
}

/// The message with this key of the application's.
pub(crate) async fn of_key(db: &Db, tenant: TenantId, key: &str) -> Outcome<Option<Message>> {
    let query = "SELECT * FROM voicecall.messages WHERE tenant_id = $1 AND key = $2";
    db.query_opt(query, params![tenant, key.to_owned()]).await?.as_ref().map(read).transpose()
}

/// A conversation's messages with a number beyond `after`, in order.
pub(crate) async fn of_conversation(
    db: &Db,
    tenant: TenantId,
    conversation: ConversationId,
    after: u64,
    limit: u32,
) -> Outcome<Vec<Message>> {
    let query = "SELECT * FROM voicecall.messages WHERE tenant_id = $1 AND conversation_id = $2 AND number > $3
        ORDER BY number LIMIT $4";
    let after = after.min(i64::MAX as u64);
    many(db.query(query, params![tenant, conversation, after, limit]).await?)
}

/// A session's messages, in order.
pub(crate) async fn of_session(db: &Db, tenant: TenantId, session: SessionId) -> Outcome<Vec<Message>> {
    let query = "SELECT * FROM voicecall.messages WHERE tenant_id = $1 AND session_id = $2 ORDER BY number";
    many(db.query(query, params![tenant, session]).await?)
}

/// A session's messages that wait to be answered, in order.
pub(crate) async fn unanswered(db: &Db, tenant: TenantId, session: SessionId) -> Outcome<Vec<Message>> {
    let query = "SELECT * FROM voicecall.messages WHERE tenant_id = $1 AND session_id = $2 AND state = 'received'
        ORDER BY number";
    many(db.query(query, params![tenant, session]).await?)
}

pub(crate) fn many(rows: Vec<Row>) -> Outcome<Vec<Message>> {
    rows.iter().map(read).collect()
}

pub(crate) async fn insert(db: &Db, message: &Message) -> Outcome<()> {
    let insert = "INSERT INTO voicecall.messages
        (id, tenant_id, conversation_id, session_id, number, channel, direction, state, text, media, key, despite_opt_out,
         due_at, carrier, account, carrier_id, error, at, updated_at)
        VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19)";
    let values = params![
        message.id,
        message.tenant,
        message.conversation,
        message.session,
        message.number,
        message.channel.as_str().to_owned(),
        message.direction,
        message.state,
        message.text,
        Json(message.media.clone()),
        message.key,
        message.despite_opt_out,
        message.due_at,
        message.carrier,
        message.account,
        message.carrier_id,
        message.error,
        message.at,
        message.updated_at,
    ];
    db.execute(insert, values).await?;
    pending_events::tell(db, [Event::of_new_message(message)]).await
}

/// Writes everything that can change.
pub(crate) async fn save(db: &Db, message: &Message) -> Outcome<()> {
    let update = "UPDATE voicecall.messages SET state = $2, due_at = $3, carrier_id = $4, error = $5, updated_at = $6
        WHERE id = $1";
    let values =
        params![message.id, message.state, message.due_at, message.carrier_id, message.error, message.updated_at];
    db.execute(update, values).await?;
    Ok(())
}

fn read(row: &Row) -> Outcome<Message> {
    let new = NewOutgoing {
        id: row.get("id")?,
        text: row.get("text")?,
        media: row.get::<Json<_>>("media")?.0,
        key: row.get("key")?,
        despite_opt_out: row.get("despite_opt_out")?,
        at: row.get("at")?,
    };
    let of = (row.get("conversation_id")?, row.get("session_id")?, row.get("number")?);
    let (channel, carrier) = (Channel::from(row.get::<String>("channel")?), row.get::<String>("carrier")?);
    let message = Message::outgoing(row.get("tenant_id")?, of, &new);
    let mut message = message.over(&channel, &carrier, row.get("account")?);
    message.direction = row.get("direction")?;
    message.state = row.get("state")?;
    message.due_at = row.get("due_at")?;
    message.carrier_id = row.get("carrier_id")?;
    message.error = row.get("error")?;
    message.updated_at = row.get("updated_at")?;
    Ok(message)
}
