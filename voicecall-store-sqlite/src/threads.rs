//! In which session and conversation a person's next message is.

use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension, named_params};
use voicecall_core::store::{EndReason, EventSource, NewSession, SessionChange, Thread};
use voicecall_core::{AccountName, ConversationId, SessionId, TenantId};

use crate::column::{At, Text};
use crate::fault::Outcome;
use crate::{conversations, sessions};

/// The place of a thread's next message, whose session and conversation begin if there are none to go on with.
pub(crate) fn go_on(db: &Connection, thread: &Thread, at: Timestamp) -> Outcome<(ConversationId, SessionId, u64)> {
    let (fresh, who) = thread.participant()?;
    let new = &thread.session;
    let before = match conversations::with(db, new.tenant, who.person)? {
        Some(known) => known,
        None => conversations::begin(db, new.tenant, fresh, &who, at)?,
    };
    let open = open(db, before.id, thread)?;
    let session = match open {
        Some((session, latest)) if thread.goes_on(latest, at) => session,
        over => {
            if let Some((over, _)) = over {
                end(db, new.tenant, over, at)?;
            }
            sessions::begin(db, &NewSession { conversation: Some(before.id), ..new.clone() })?.id
        }
    };
    let mut after = before.clone();
    let number = after.take_message(Some(who), at);
    conversations::save(db, &before, &after)?;
    Ok((after.id, session, number))
}

/// A session that has messages in the conversation and has not ended, by the thread's channel, account and addresses.
const OPEN: &str =
    "SELECT id, (SELECT at FROM messages WHERE session_id = sessions.id ORDER BY number DESC LIMIT 1) AS latest
    FROM sessions WHERE conversation_id = :conversation AND status IN ('initiated', 'connecting', 'in_progress')
        AND channel = :channel AND account IS :account AND local IS :local AND remote_lookup IS :remote
        AND latest IS NOT NULL ORDER BY id LIMIT 1";

/// The session a thread's next message goes to, if it has not been idle for too long, and when its latest message was.
fn open(db: &Connection, conversation: ConversationId, thread: &Thread) -> Outcome<Option<(SessionId, Timestamp)>> {
    let new = &thread.session;
    let values = named_params! {
        ":conversation": Text(conversation),
        ":channel": new.channel.as_str(),
        ":account": new.account.as_ref().map(AccountName::as_str),
        ":local": new.local,
        ":remote": new.remote.as_ref().map(|remote| remote.lookup.as_bytes().as_slice()),
    };
    let found =
        db.prepare_cached(OPEN)?.query_row(values, |row| Ok((row.get::<_, Text<_>>(0)?.0, row.get::<_, At>(1)?.0)));
    Ok(found.optional()?)
}

const OPEN_IN_CONVERSATION: &str = "SELECT id FROM sessions
    WHERE conversation_id = ? AND status IN ('initiated', 'connecting', 'in_progress')
        AND EXISTS (SELECT 1 FROM messages WHERE session_id = sessions.id) ORDER BY id";

/// Ends the sessions of messages of a conversation that is closed.
pub(crate) fn end_all(db: &Connection, tenant: TenantId, conversation: ConversationId, at: Timestamp) -> Outcome<()> {
    let mut open = db.prepare_cached(OPEN_IN_CONVERSATION)?;
    let open = open.query_map((Text(conversation),), |row| row.get::<_, Text<_>>(0))?;
    let open = open.collect::<rusqlite::Result<Vec<_>>>()?;
    open.into_iter().try_for_each(|session| end(db, tenant, session.0, at))
}

fn end(db: &Connection, tenant: TenantId, session: SessionId, at: Timestamp) -> Outcome<()> {
    let end = SessionChange::Ended { reason: EndReason::Completed, source: EventSource::System, at };
    sessions::apply(db, tenant, session, &end).map(drop)
}

/// What finds sessions of messages.
#[cfg(test)]
pub(crate) const QUERIES: [&str; 2] = [OPEN, OPEN_IN_CONVERSATION];
