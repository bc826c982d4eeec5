//! Conversations: what is said over several sessions, and over messages that belong to no call.

use jiff::Timestamp;
use serde_json::Value;

use super::Channel;
use crate::id::{ConversationId, TenantId};
use crate::seal::PersonKey;

/// A thread with one or more people, which outlives the sessions in it: a call, the messages after it, another call.
///
/// A session names its conversation ([`Session::conversation`](super::Session::conversation)) and knows no more of it,
/// so that messages and memory are rows of their own and change no column of sessions.
#[derive(Debug, Clone, PartialEq)]
pub struct Conversation {
    /// Its id.
    pub id: ConversationId,
    /// Whose.
    pub tenant: TenantId,
    /// The people in it, us apart.
    pub participants: Vec<Participant>,
    /// The number of its latest message; 0 before the first. A message is appended with the number that follows, in one
    /// transaction with this one, so that messages have one order over all channels.
    pub last_message: u64,
    /// What is remembered from one session to the next, as the dialogue wrote it.
    pub memory: Value,
    /// When the row was made.
    pub created_at: Timestamp,
    /// When the row last changed.
    pub updated_at: Timestamp,
}

/// Somebody in a conversation, over one channel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Participant {
    /// Who.
    pub person: PersonKey,
    /// Over what they take part.
    pub channel: Channel,
}
