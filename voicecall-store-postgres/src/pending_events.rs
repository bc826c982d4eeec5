//! What happened and nobody has taken up: the table `pending_events`.

use voicecall_core::event::Event;
use voicecall_core::{ConversationId, EventId, PersonKey, TenantId};

use crate::column::{Json, params};
use crate::connection::Db;
use crate::fault::Outcome;

/// Keeps events, if anybody takes them up: one way there and back for all.
const TELL: &str = "INSERT INTO voicecall.pending_events (id, tenant_id, session_id, conversation_id, person, event)
    SELECT (told ->> 'id')::uuid, (told ->> 'tenant')::uuid, (told ->> 'session')::uuid,
        (told ->> 'conversation')::uuid, decode(told ->> 'person', 'hex'), told
    FROM json_array_elements($1) WITH ORDINALITY AS event (told, place)
    WHERE EXISTS (SELECT FROM voicecall.event_keeping) ORDER BY place ON CONFLICT (id) DO NOTHING";

pub(crate) async fn tell(db: &Db, events: impl IntoIterator<Item = Event>) -> Outcome<()> {
    let events: Vec<_> = events.into_iter().collect();
    if !events.is_empty() {
        db.execute(TELL, params![Json(events)]).await?;
    }
    Ok(())
}

pub(crate) async fn keep(db: &Db, keeps: bool) -> Outcome<()> {
    let change = if keeps {
        "INSERT INTO voicecall.event_keeping VALUES (true) ON CONFLICT DO NOTHING"
    } else {
        "DELETE FROM voicecall.event_keeping"
    };
    db.execute(change, params![]).await?;
    Ok(())
}

/// The oldest of them.
pub(crate) async fn first(db: &Db, limit: u32) -> Outcome<Vec<Event>> {
    let query = "SELECT event FROM voicecall.pending_events ORDER BY position LIMIT $1";
    let rows = db.query(query, params![limit]).await?;
    rows.iter().map(|row| Ok(row.get::<Json<_>>("event")?.0)).collect()
}

/// Whether it was there. Whoever else takes it waits, and then does not find it.
pub(crate) async fn take(db: &Db, id: EventId) -> Outcome<bool> {
    Ok(db.execute("DELETE FROM voicecall.pending_events WHERE id = $1", params![id]).await? > 0)
}

/// Forgets what is about a person, and about the conversation that is gone with them. What is about their sessions goes with
/// those.
pub(crate) async fn forget_person(
    db: &Db,
    tenant: TenantId,
    person: PersonKey,
    conversation: Option<ConversationId>,
) -> Outcome<()> {
    for table in ["pending_events", "runs"] {
        let delete =
            format!("DELETE FROM voicecall.{table} WHERE tenant_id = $1 AND (person = $2 OR conversation_id = $3)");
        db.execute(&delete, params![tenant, person, conversation]).await?;
    }
    Ok(())
}
