//! Messages as rows: the table `messages`.

use rusqlite::{Connection, OptionalExtension, Row, named_params};
use voicecall_core::event::Event;
use voicecall_core::store::{Channel, Message, NewOutgoing, Thread};
use voicecall_core::{AccountName, CarrierMessageId, ConversationId, MessageId, SessionId, TenantId};

use crate::column::{At, Count, Json, Text, word};
use crate::fault::Outcome;
use crate::pending_events;

/// The tenant's message; another tenant's is not found.
pub(crate) fn find(db: &Connection, tenant: TenantId, id: MessageId) -> Outcome<Message> {
    let query = "SELECT * FROM messages WHERE id = ? AND tenant_id = ?";
    Ok(db.prepare_cached(query)?.query_row((Text(id), Text(tenant)), read)?)
}

const OF_CARRIER: &str = "SELECT * FROM messages WHERE tenant_id = ? AND carrier = ? AND coalesce(account, '') = ?
    AND carrier_id = ? AND direction = 'inbound'";

/// The message that came in by this name of the carrier's.
pub(crate) fn of_carrier(db: &Connection, thread: &Thread, id: &CarrierMessageId) -> Outcome<Option<Message>> {
    let new = &thread.session;
    let account = new.account.as_ref().map_or("", AccountName::as_str);
    let key = (Text(new.tenant), &thread.carrier, account, id.as_str());
    Ok(db.prepare_cached(OF_CARRIER)?.query_row(key, read).optional()?)
}

const OF_KEY: &str = "SELECT * FROM messages WHERE tenant_id = ? AND key = ?";

/// The message with this key of the application's.
pub(crate) fn of_key(db: &Connection, tenant: TenantId, key: &str) -> Outcome<Option<Message>> {
    Ok(db.prepare_cached(OF_KEY)?.query_row((Text(tenant), key), read).optional()?)
}

const OF_CONVERSATION: &str =
    "SELECT * FROM messages WHERE conversation_id = ? AND tenant_id = ? AND number > ? ORDER BY number LIMIT ?";

/// A conversation's messages with a number beyond `after`, in order.
pub(crate) fn of_conversation(
    db: &Connection,
    tenant: TenantId,
    conversation: ConversationId,
    after: u64,
    limit: u32,
) -> Outcome<Vec<Message>> {
    let after = Count(after.min(i64::MAX as u64));
    many(db, OF_CONVERSATION, (Text(conversation), Text(tenant), after, limit))
}

const OF_SESSION: &str = "SELECT * FROM messages WHERE session_id = ? ORDER BY number";

/// A session's messages, in order.
pub(crate) fn of_session(db: &Connection, session: SessionId) -> Outcome<Vec<Message>> {
    many(db, OF_SESSION, (Text(session),))
}

const UNANSWERED: &str = "SELECT * FROM messages WHERE session_id = ? AND state = 'received' ORDER BY number";

/// A session's messages that wait to be answered, in order.
pub(crate) fn unanswered(db: &Connection, session: SessionId) -> Outcome<Vec<Message>> {
    many(db, UNANSWERED, (Text(session),))
}

pub(crate) fn many(db: &Connection, query: &str, params: impl rusqlite::Params) -> Outcome<Vec<Message>> {
    Ok(db.prepare_cached(query)?.query_map(params, read)?.collect::<rusqlite::Result<_>>()?)
}

pub(crate) fn insert(db: &Connection, message: &Message) -> Outcome<()> {
    let insert = "INSERT INTO messages
        (id, tenant_id, conversation_id, session_id, number, channel, direction, state, text, media, key, despite_opt_out,
         due_at, carrier, account, carrier_id, error, at, updated_at)
        VALUES (:id, :tenant_id, :conversation_id, :session_id, :number, :channel, :direction, :state, :text, :media, :key,
                :despite_opt_out, :due_at, :carrier, :account, :carrier_id, :error, :at, :updated_at)";
    db.prepare_cached(insert)?.execute(named_params! {
        ":id": Text(message.id),
        ":tenant_id": Text(message.tenant),
        ":conversation_id": Text(message.conversation),
        ":session_id": Text(message.session),
        ":number": Count(message.number),
        ":channel": message.channel.as_str(),
        ":direction": Text(message.direction),
        ":state": Text(message.state),
        ":text": message.text,
        ":media": Json(&message.media),
        ":key": message.key,
        ":despite_opt_out": message.despite_opt_out,
        ":due_at": At(message.due_at),
        ":carrier": message.carrier,
        ":account": message.account.map(Text),
        ":carrier_id": message.carrier_id.as_ref().map(CarrierMessageId::as_str),
        ":error": message.error,
        ":at": At(message.at),
        ":updated_at": At(message.updated_at),
    })?;
    pending_events::tell(db, [Event::of_new_message(message)])
}

/// Writes everything that can change.
pub(crate) fn save(db: &Connection, message: &Message) -> Outcome<()> {
    let update = "UPDATE messages SET state = :state, due_at = :due_at, carrier_id = :carrier_id, error = :error,
        updated_at = :updated_at WHERE id = :id";
    db.prepare_cached(update)?.execute(named_params! {
        ":id": Text(message.id),
        ":state": Text(message.state),
        ":due_at": At(message.due_at),
        ":carrier_id": message.carrier_id.as_ref().map(CarrierMessageId::as_str),
        ":error": message.error,
        ":updated_at": At(message.updated_at),
    })?;
    Ok(())
}

/// What finds messages: no message that is not found is read.
#[cfg(test)]
pub(crate) const QUERIES: [&str; 5] = [OF_CARRIER, OF_KEY, OF_CONVERSATION, OF_SESSION, UNANSWERED];

fn read(row: &Row<'_>) -> rusqlite::Result<Message> {
    let at = row.get::<_, At>("at")?.0;
    let new = NewOutgoing {
        id: row.get::<_, Text<_>>("id")?.0,
        text: row.get("text")?,
        media: row.get::<_, Json<_>>("media")?.0,
        key: row.get("key")?,
        despite_opt_out: row.get("despite_opt_out")?,
        at,
    };
    let (conversation, session) = (row.get::<_, Text<_>>("conversation_id")?.0, row.get::<_, Text<_>>("session_id")?.0);
    let of = (conversation, session, row.get::<_, Count>("number")?.0);
    let (channel, carrier) = (Channel::from(row.get::<_, String>("channel")?), row.get::<_, String>("carrier")?);
    let account = row.get::<_, Option<Text<_>>>("account")?.map(|account| account.0);
    let mut message =
        Message::outgoing(row.get::<_, Text<_>>("tenant_id")?.0, of, &new).over(&channel, &carrier, account);
    message.direction = word(row, "direction")?;
    message.state = word(row, "state")?;
    message.due_at = row.get::<_, At>("due_at")?.0;
    message.carrier_id = row.get::<_, Option<String>>("carrier_id")?.map(CarrierMessageId::new);
    message.error = row.get("error")?;
    message.updated_at = row.get::<_, At>("updated_at")?.0;
    Ok(message)
}
