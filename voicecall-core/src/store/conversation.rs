//! Conversations: what is said with a person over several sessions, calls and messages.

use jiff::Timestamp;
use serde_json::Value;

use super::Channel;
use crate::error::{Error, ErrorKind, Result};
use crate::id::{ConversationId, TenantId};
use crate::seal::PersonKey;
use crate::text_enum;

text_enum! {
    /// Whether a conversation goes on.
    ConversationState, "state" {
        /// It does.
        Active = "active",
        /// It was closed. The next message, in or out, opens it again.
        Closed = "closed",
    }
}

/// What is said with one or more people, which outlives the sessions in it: a call, the messages after it, another call.
///
/// A session names its conversation ([`Session::conversation`](super::Session::conversation)) and knows no more of it,
/// so that messages and memory are rows of their own and change no column of sessions. A person is in one conversation of a
/// tenant at a time.
#[derive(Debug, Clone, PartialEq)]
pub struct Conversation {
    /// Its id.
    pub id: ConversationId,
    /// Whose.
    pub tenant: TenantId,
    /// Whether it goes on.
    pub state: ConversationState,
    /// The people in it, us apart, in the order in which they came.
    pub participants: Vec<Participant>,
    /// The number of its latest message; 0 before the first. A message is appended with the number that follows, in one
    /// transaction with this one, so that messages have one order over all channels.
    pub last_message: u64,
    /// What is remembered from one session to the next; `null` for nothing.
    pub memory: Value,
    /// When the row was made.
    pub created_at: Timestamp,
    /// When the row last changed.
    pub updated_at: Timestamp,
}

/// Somebody in a conversation, over one channel. Who writes over several is several participants with one key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Participant {
    /// Who.
    pub person: PersonKey,
    /// Over what they take part.
    pub channel: Channel,
}

/// A change of a conversation.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum ConversationChange {
    /// Somebody takes part. Who does already changes nothing.
    Add(Participant),
    /// Somebody does not take part any more. Who does not changes nothing.
    Remove(Participant),
    /// Something is remembered in the place of what was.
    Remember {
        /// What was remembered: if it is something else by now, nothing is changed.
        before: Value,
        /// What is to be remembered.
        after: Value,
    },
    /// It is over, and with it the sessions of messages in it.
    Close,
}

impl Conversation {
    /// A conversation with one participant, before its first message.
    #[must_use]
    pub fn new(id: ConversationId, tenant: TenantId, first: Participant, at: Timestamp) -> Self {
        Self {
            id,
            tenant,
            state: ConversationState::Active,
            participants: vec![first],
            last_message: 0,
            memory: Value::Null,
            created_at: at,
            updated_at: at,
        }
    }

    /// Whether somebody takes part, over whichever channel.
    #[must_use]
    pub fn is_with(&self, person: PersonKey) -> bool {
        self.participants.iter().any(|participant| participant.person == person)
    }

    /// Carries out a change, as every store does inside its transaction.
    ///
    /// # Errors
    /// `Conflict` naming `memory` if something else is remembered by now; `Invalid` naming `participants` for the removal of
    /// the last one.
    pub fn apply(&mut self, change: &ConversationChange, at: Timestamp) -> Result<()> {
        match change {
            ConversationChange::Add(who) if self.participants.contains(who) => return Ok(()),
            ConversationChange::Add(who) => self.participants.push(who.clone()),
            ConversationChange::Remove(who) if self.participants == [who.clone()] => {
                return Err(Error::invalid("participants", "at least one; close the conversation instead"));
            }
            ConversationChange::Remove(who) => self.participants.retain(|other| other != who),
            ConversationChange::Remember { before, .. } if *before != self.memory => {
                return Err(Error::new(ErrorKind::Conflict, "change conversation")
                    .with_field("memory")
                    .with_message("something else is remembered by now"));
            }
            ConversationChange::Remember { after, .. } => self.memory = after.clone(),
            ConversationChange::Close => self.state = ConversationState::Closed,
        }
        self.updated_at = at;
        Ok(())
    }

    /// Takes in the next message, as every store does inside its transaction: one from or to somebody who may be new, or an
    /// answer. Returns its number.
    pub fn take_message(&mut self, with: Option<Participant>, at: Timestamp) -> u64 {
        self.state = ConversationState::Active;
        let new = with.filter(|with| !self.participants.contains(with));
        self.participants.extend(new);
        self.last_message += 1;
        self.updated_at = self.updated_at.max(at);
        self.last_message
    }
}
