//! What was said with a person before a session, over every channel.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Channel, Direction, PageRequest, Session, SessionFilter, Store};
use crate::dialogue::{Past, PastLine};
use crate::error::Result;
use crate::id::{ConversationId, TenantId};
use crate::journal::{Fact, Speaker};
use crate::seal::PersonKey;

/// The most calls whose words are read.
const CALLS: u32 = 10;

/// What a [conversation](super::Conversation) remembers, as its `memory` holds it.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Memory {
    /// What was said longest ago, summed up.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub summary: Option<String>,
    /// Until when what was said is in the summary.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub summed_until: Option<Timestamp>,
    /// What the application remembers of its own.
    #[serde(default, skip_serializing_if = "Value::is_null")]
    pub notes: Value,
}

impl Memory {
    /// Reads what a conversation remembers; what is no memory is none.
    #[must_use]
    pub fn of(memory: &Value) -> Self {
        Self::deserialize(memory).unwrap_or_default()
    }

    /// As a conversation holds it.
    #[must_use]
    pub fn to_value(&self) -> Value {
        // Without maps of other keys than strings nothing can fail.
        serde_json::to_value(self).unwrap_or_default()
    }
}

/// What was said with a session's person before it, in calls and messages: of what is not summed up yet at most the newest
/// `lines`. Nothing for somebody who is in no conversation, because nobody has written anything.
///
/// # Errors
/// As every store call.
pub async fn past<S: Store + ?Sized>(store: &S, session: &Session, lines: usize) -> Result<Past> {
    let (tenant, Some(person)) = (session.tenant, session.person) else { return Ok(Past::default()) };
    let Some(conversation) = store.conversation_with(tenant, person).await? else { return Ok(Past::default()) };
    let memory = Memory::of(&conversation.memory);
    let since = memory.summed_until;
    let newest = conversation.last_message;
    let mut all = of_messages(store, (tenant, conversation.id), newest, lines).await?;
    all.extend(of_calls(store, tenant, person).await?);
    all.retain(|(of, line)| *of != session.id && since.is_none_or(|since| line.at > since));
    all.sort_by_key(|(_, line)| line.at);
    let dropped = all.len().saturating_sub(lines);
    let lines = all.into_iter().skip(dropped).map(|(_, line)| line).collect();
    Ok(Past { summary: memory.summary, lines })
}

type Line = (crate::id::SessionId, PastLine);

async fn of_messages<S: Store + ?Sized>(
    store: &S,
    (tenant, conversation): (TenantId, ConversationId),
    newest: u64,
    lines: usize,
) -> Result<Vec<Line>> {
    let limit = u32::try_from(lines).unwrap_or(u32::MAX);
    let messages = store.messages(tenant, conversation, newest.saturating_sub(u64::from(limit)), limit).await?;
    let line = |message: super::Message| {
        let speaker = if message.direction == Direction::Inbound { Speaker::Caller } else { Speaker::Agent };
        let (at, channel, text) = (message.at, message.channel, message.text);
        (message.session, PastLine { speaker, channel, at, text })
    };
    Ok(messages.into_iter().map(line).collect())
}

async fn of_calls<S: Store + ?Sized>(store: &S, tenant: TenantId, person: PersonKey) -> Result<Vec<Line>> {
    let filter = SessionFilter { person: Some(person), ..SessionFilter::default() };
    let page = store.sessions(tenant, &filter, PageRequest { page: 1, per_page: CALLS }).await?;
    let mut lines = Vec::new();
    for call in page.items.into_iter().filter(|session| session.channel == Channel::Voice) {
        for entry in store.journal(tenant, call.id).await? {
            let (speaker, text) = match entry.fact {
                Fact::Heard(turn) => (Speaker::Caller, turn.text.unwrap_or_default()),
                Fact::Said { heard, .. } => (Speaker::Agent, heard),
                _ => continue,
            };
            if !text.trim().is_empty() {
                lines.push((call.id, PastLine { speaker, channel: Channel::Voice, at: entry.at, text }));
            }
        }
    }
    Ok(lines)
}
