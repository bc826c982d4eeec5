//! In which session and conversation a person's next message is.

use jiff::Timestamp;
use voicecall_core::store::{EndReason, EventSource, NewSession, SessionChange, Thread};
use voicecall_core::{ConversationId, SessionId, TenantId};

use crate::column::params;
use crate::connection::Db;
use crate::fault::{Fault, Outcome};
use crate::{conversations, sessions};

/// The place of a thread's next message, whose session and conversation begin if there are none to go on with. Until the
/// transaction is over, nobody else takes a place in the conversation.
pub(crate) async fn go_on(db: &Db, thread: &Thread, at: Timestamp) -> Outcome<(ConversationId, SessionId, u64)> {
    let (fresh, who) = thread.participant()?;
    let new = &thread.session;
    let before = match conversations::lock_with(db, new.tenant, who.person).await? {
        Some(known) => known,
        None => conversations::begin(db, new.tenant, fresh, &who, at).await?,
    };
    let session = match lock_open(db, before.id, thread).await? {
        Some((session, latest)) if thread.goes_on(latest, at) => session,
        over => {
            if let Some((over, _)) = over {
                end(db, new.tenant, over, at).await?;
            }
            let begun = sessions::begin(db, &NewSession { conversation: Some(before.id), ..new.clone() }).await?;
            begun.ok_or_else(|| Fault::conflict("take message", "a session has the reference"))?.id
        }
    };
    let mut after = before.clone();
    let number = after.take_message(Some(who), at);
    conversations::save(db, &before, &after).await?;
    Ok((after.id, session, number))
}

/// The session a thread's next message goes to, if it has not been idle for too long, and when its latest message was:
/// one that has messages in the conversation and has not ended, by the thread's channel, account and addresses.
async fn lock_open(db: &Db, conversation: ConversationId, thread: &Thread) -> Outcome<Option<(SessionId, Timestamp)>> {
    let query = "SELECT session.id, latest.at FROM voicecall.sessions AS session CROSS JOIN LATERAL (
            SELECT at FROM voicecall.messages AS message
            WHERE message.tenant_id = session.tenant_id AND message.session_id = session.id
            ORDER BY number DESC LIMIT 1) AS latest
        WHERE session.tenant_id = $1 AND conversation_id = $2 AND ended_at IS NULL AND channel = $3
            AND account IS NOT DISTINCT FROM $4 AND local IS NOT DISTINCT FROM $5 AND remote_lookup = $6
        ORDER BY session.id LIMIT 1 FOR NO KEY UPDATE OF session";
    let new = &thread.session;
    let values = params![
        new.tenant,
        conversation,
        new.channel.as_str().to_owned(),
        new.account,
        new.local,
        new.remote.as_ref().map(|remote| remote.lookup),
    ];
    let Some(row) = db.query_opt(query, values).await? else { return Ok(None) };
    Ok(Some((row.get("id")?, row.get("at")?)))
}

/// Ends the sessions of messages of a conversation that is closed.
pub(crate) async fn end_all(db: &Db, tenant: TenantId, conversation: ConversationId, at: Timestamp) -> Outcome<()> {
    let query = "SELECT id FROM voicecall.sessions AS session
        WHERE tenant_id = $1 AND conversation_id = $2 AND ended_at IS NULL AND EXISTS (
            SELECT FROM voicecall.messages AS message
            WHERE message.tenant_id = session.tenant_id AND message.session_id = session.id)
        ORDER BY id FOR NO KEY UPDATE";
    for row in db.query(query, params![tenant, conversation]).await? {
        end(db, tenant, row.get("id")?, at).await?;
    }
    Ok(())
}

/// Ends a session that is open, and locked.
async fn end(db: &Db, tenant: TenantId, session: SessionId, at: Timestamp) -> Outcome<()> {
    let end = SessionChange::Ended { reason: EndReason::Completed, source: EventSource::System, at };
    sessions::apply(db, tenant, session, &end).await.map(drop)
}
