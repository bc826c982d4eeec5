//! What happened with calls and messages, for workflows and for the user's own systems.
//!
//! Events are made from rows as they change, by [`Event::of_session`] and its siblings, inside the transaction that changes
//! the row: a store that [keeps events](crate::store::WorkflowQueueStore::keep_events) writes both or neither. An event's id
//! follows from what happened, so that the same report again makes the same event. No event holds what somebody said, a
//! telephone number or an address; `person` is the keyed hash by which the tenant finds its own.

mod of_call;
mod of_message;
#[cfg(test)]
mod tests;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::id::{ConversationId, EventId, MessageId, RecordId, SessionId, TenantId};
use crate::seal::PersonKey;
use crate::text_enum;

text_enum! {
    /// What happened. The names are those that receivers of webhooks see.
    EventType, "type" {
        /// A call has another status: `data.status` is `initiated`, `ringing`, `in-progress`, `completed`, `busy`,
        /// `no-answer`, `failed` or `canceled`. Also comes for an attempt that reached nobody while another one follows.
        CallStatus = "call.status",
        /// A call was ordered, or came in.
        CallInitiated = "call.initiated",
        /// The carrier has the call, and nobody has answered. Comes again for each further attempt.
        CallRinging = "call.ringing",
        /// The other side is on the line.
        CallAnswered = "call.answered",
        /// A call that somebody had answered is over.
        CallCompleted = "call.completed",
        /// A call reached nobody, or broke for a fault of ours or a provider's.
        CallFailed = "call.failed",
        /// The call's audio runs; once more after it had broken off.
        StreamStarted = "stream.started",
        /// The call's audio has ended.
        StreamEnded = "stream.ended",
        /// Everything said in a call that is kept is transcribed and stored; where nothing is kept it does not come.
        TranscriptionCompleted = "transcription.completed",
        /// A conversation began.
        ConversationCreated = "conversation.created",
        /// Something else is remembered of a conversation.
        ConversationUpdated = "conversation.updated",
        /// A conversation was closed, or opened again by a message.
        ConversationStateUpdated = "conversation.state.updated",
        /// A conversation was erased with its last participant.
        ConversationDeleted = "conversation.deleted",
        /// A message came in, or one of ours waits to be sent.
        MessageAdded = "message.added",
        /// A message of ours has come further: `data.state` is `sent`, `delivered`, `read`, `undelivered` or `failed`.
        MessageDeliveryUpdated = "message.delivery.updated",
        /// Somebody takes part in a conversation over a channel.
        ParticipantAdded = "participant.added",
        /// Somebody does not take part any more.
        ParticipantRemoved = "participant.removed",
    }
}

/// Something that happened.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Event {
    /// Its id: the same for the same happening, however often it is reported.
    pub id: EventId,
    /// Whose.
    pub tenant: TenantId,
    /// What happened.
    #[serde(rename = "type")]
    pub kind: EventType,
    /// When.
    #[serde(rename = "timestamp")]
    pub at: Timestamp,
    /// The session it happened in. The event is forgotten with it.
    pub session: Option<SessionId>,
    /// The conversation it is about. The event is forgotten with it.
    pub conversation: Option<ConversationId>,
    /// The message it is about.
    pub message: Option<MessageId>,
    /// Whom it is about, as the keyed hash. The event is forgotten with them.
    #[serde(default, with = "hex")]
    pub person: Option<PersonKey>,
    /// The particulars, without personal data.
    pub data: Value,
}

impl Event {
    /// An event about nothing in particular, whose id follows from `what` happened.
    #[must_use]
    pub fn new(tenant: TenantId, kind: EventType, at: Timestamp, what: &[&[u8]]) -> Self {
        let parts: Vec<_> = [tenant.as_uuid().as_bytes().as_slice(), kind.as_str().as_bytes()]
            .into_iter()
            .chain(what.iter().copied())
            .collect();
        Self {
            id: EventId::from_uuid(*RecordId::derived(&parts).as_uuid()),
            tenant,
            kind,
            at,
            session: None,
            conversation: None,
            message: None,
            person: None,
            data: Value::Null,
        }
    }

    /// The body of a webhook that tells of it, in the form of Standard Webhooks: `type`, `timestamp` and `data`, which has the
    /// event's subject beside its particulars.
    #[must_use]
    pub fn payload(&self) -> Value {
        let mut data = match &self.data {
            Value::Object(data) => data.clone(),
            _ => serde_json::Map::new(),
        };
        let subject = json!({
            "tenant": self.tenant,
            "session": self.session,
            "conversation": self.conversation,
            "message": self.message,
            "person": self.person.map(hex::encode),
        });
        if let Value::Object(subject) = subject {
            data.extend(subject.into_iter().filter(|(_, value)| !value.is_null()));
        }
        json!({ "type": self.kind, "timestamp": self.at, "data": data })
    }
}

/// A person's key as text: it stands in documents that people read.
mod hex {
    use serde::de::Error;
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    use crate::seal::{LookupHash, PersonKey};

    pub(super) fn encode(person: PersonKey) -> String {
        person.lookup().as_bytes().iter().map(|byte| format!("{byte:02x}")).collect()
    }

    pub(super) fn serialize<S: Serializer>(person: &Option<PersonKey>, to: S) -> Result<S::Ok, S::Error> {
        person.map(encode).serialize(to)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Option<PersonKey>, D::Error> {
        let Some(text) = Option::<String>::deserialize(from)? else { return Ok(None) };
        let number = u128::from_str_radix(&text, 16).map_err(D::Error::custom)?;
        Ok(Some(LookupHash::from_bytes(number.to_be_bytes()).into()))
    }
}
