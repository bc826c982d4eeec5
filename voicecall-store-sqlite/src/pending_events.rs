//! What happened and nobody has taken up: the table `pending_events`.

use rusqlite::{Connection, named_params};
use voicecall_core::event::Event;
use voicecall_core::{ConversationId, EventId, PersonKey, TenantId};

use crate::column::{Json, Text};
use crate::fault::Outcome;

/// Keeps events, if anybody takes them up.
pub(crate) fn tell(db: &Connection, events: impl IntoIterator<Item = Event>) -> Outcome<()> {
    let insert = "INSERT INTO pending_events (id, tenant_id, session_id, conversation_id, person, event)
        SELECT :id, :tenant_id, :session_id, :conversation_id, :person, :event WHERE EXISTS (SELECT 1 FROM event_keeping)
        ON CONFLICT DO NOTHING";
    for event in events {
        db.prepare_cached(insert)?.execute(named_params! {
            ":id": Text(event.id),
            ":tenant_id": Text(event.tenant),
            ":session_id": event.session.map(Text),
            ":conversation_id": event.conversation.map(Text),
            ":person": event.person.map(|person| *person.lookup().as_bytes()),
            ":event": Json(&event),
        })?;
    }
    Ok(())
}

pub(crate) fn keep(db: &Connection, keeps: bool) -> Outcome<()> {
    let change =
        if keeps { "INSERT INTO event_keeping VALUES (1) ON CONFLICT DO NOTHING" } else { "DELETE FROM event_keeping" };
    db.prepare_cached(change)?.execute(())?;
    Ok(())
}

/// The oldest of them.
pub(crate) fn first(db: &Connection, limit: u32) -> Outcome<Vec<Event>> {
    let mut query = db.prepare_cached("SELECT event FROM pending_events ORDER BY position LIMIT ?")?;
    let events = query.query_map((limit,), |row| row.get::<_, Json<_>>(0).map(|event| event.0))?;
    Ok(events.collect::<rusqlite::Result<_>>()?)
}

/// Whether it was there.
pub(crate) fn take(db: &Connection, id: EventId) -> Outcome<bool> {
    Ok(db.prepare_cached("DELETE FROM pending_events WHERE id = ?")?.execute((Text(id),))? > 0)
}

/// Forgets what is about a person, and about the conversation that is gone with them. What is about their sessions goes with
/// those.
pub(crate) fn forget_person(
    db: &Connection,
    tenant: TenantId,
    person: PersonKey,
    conversation: Option<ConversationId>,
) -> Outcome<()> {
    for table in ["pending_events", "runs"] {
        let of_person = format!("DELETE FROM {table} WHERE tenant_id = ? AND person = ?");
        db.prepare_cached(&of_person)?.execute((Text(tenant), *person.lookup().as_bytes()))?;
        let of_conversation = format!("DELETE FROM {table} WHERE conversation_id = ? AND tenant_id = ?");
        db.prepare_cached(&of_conversation)?.execute((conversation.map(Text), Text(tenant)))?;
    }
    Ok(())
}
