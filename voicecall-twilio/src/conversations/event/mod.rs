//! What Twilio tells of conversations, and what it is answered.

mod kind;
mod read;

use jiff::Timestamp;
use serde_json::{Value, json};
use voicecall_core::CarrierMessageId;
use voicecall_core::messaging::MessageState;

pub use self::kind::{Action, EventType, Subject};
pub(super) use self::read::read;
use super::{Binding, ConversationSid, ConversationState, Media, MessageSid, ParticipantSid, ReceiptSid, RoleSid};
use crate::sid::debug_without_content;

/// Something that happened in a conversation, or is about to. It may be told twice, late and in any order: a message's place
/// is its index, [`MessageState::advance`] puts what became of it in order, and `updated_at` says which of two changes is newer.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct ConversationEvent {
    /// The conversation; none before it is made.
    pub conversation: Option<ConversationSid>,
    /// What it came from: `API` for a request, `SDK` for a chat client, `SMS`, `WHATSAPP`.
    pub source: Option<String>,
    /// Equal for two deliveries of one event, and for no others.
    pub delivery: String,
    /// What.
    pub kind: ConversationEventKind,
}

/// The kinds of event.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum ConversationEventKind {
    /// Twilio asks before it is done. Only what is answered within 5 s counts; otherwise it is done as it is.
    Before(Action, Changed),
    /// It was done.
    After(Action, Changed),
    /// A conversation came into another state.
    State(StateChange),
    /// A message came further with one participant.
    Delivery(DeliveryChange),
    /// An event this version does not know. It is logged once; answer it with [`Answer::Allow`].
    Unknown,
}

/// What was, or is to be, added, updated or removed.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Changed {
    /// A conversation.
    Conversation(Box<ChangedConversation>),
    /// A participant.
    Participant(Box<ChangedParticipant>),
    /// A message.
    Message(Box<ChangedMessage>),
}

/// A conversation, as an event tells of it.
#[derive(Clone, Default, PartialEq)]
#[non_exhaustive]
pub struct ChangedConversation {
    /// Its name for people.
    pub friendly_name: Option<String>,
    /// Its name of the application's own.
    pub unique_name: Option<String>,
    /// What the application keeps with it; null if it was not told.
    pub attributes: Value,
    /// How it stands.
    pub state: Option<ConversationState>,
    /// Between whom it is, if it comes from a message.
    pub binding: Option<Binding>,
    /// When it was changed.
    pub updated_at: Option<Timestamp>,
}

debug_without_content!(ChangedConversation: state, binding, updated_at);

/// A participant, as an event tells of them.
#[derive(Clone, Default, PartialEq)]
#[non_exhaustive]
pub struct ChangedParticipant {
    /// Their name at Twilio; none before they are added.
    pub sid: Option<ParticipantSid>,
    /// Over what they take part.
    pub binding: Option<Binding>,
    /// What they may do.
    pub role: Option<RoleSid>,
    /// What the application keeps with them; null if it was not told.
    pub attributes: Value,
    /// The index of the last message they read.
    pub last_read: Option<u64>,
    /// When they were changed.
    pub updated_at: Option<Timestamp>,
}

debug_without_content!(ChangedParticipant: sid, binding, role, last_read, updated_at);

/// A message, as an event tells of it.
#[derive(Clone, Default, PartialEq)]
#[non_exhaustive]
pub struct ChangedMessage {
    /// Its name at Twilio; none before it is added.
    pub sid: Option<MessageSid>,
    /// Its place among the conversation's messages; none before it is added.
    pub index: Option<u64>,
    /// Who wrote it.
    pub author: Option<String>,
    /// The words.
    pub text: String,
    /// What came with it.
    pub media: Vec<Media>,
    /// The participant who wrote it.
    pub participant: Option<ParticipantSid>,
    /// What the application keeps with it; null if it was not told.
    pub attributes: Value,
    /// When it was changed.
    pub updated_at: Option<Timestamp>,
}

debug_without_content!(ChangedMessage: sid, index, media, participant, updated_at);

/// A conversation that came into another state.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct StateChange {
    /// Before.
    pub from: Option<ConversationState>,
    /// Now.
    pub to: ConversationState,
    /// Why: `API`, `TIMER` or `EVENT`.
    pub reason: Option<String>,
    /// When.
    pub at: Option<Timestamp>,
}

/// A message that came further with one participant.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct DeliveryChange {
    /// The message.
    pub message: MessageSid,
    /// The receipt that says so.
    pub receipt: Option<ReceiptSid>,
    /// With whom.
    pub participant: Option<ParticipantSid>,
    /// The SMS or the message of WhatsApp.
    pub channel_message: Option<CarrierMessageId>,
    /// How far.
    pub state: MessageState,
    /// Twilio's code for why no further.
    pub error: Option<String>,
    /// When.
    pub at: Option<Timestamp>,
}

/// What a webhook is answered with.
#[derive(Clone, PartialEq)]
#[non_exhaustive]
pub enum Answer {
    /// It may be done; or it was told after the fact.
    Allow,
    /// It is to be done with other words; what is none stays.
    ChangeMessage {
        /// The words.
        text: Option<String>,
        /// Who wrote it.
        author: Option<String>,
        /// What the application keeps with it.
        attributes: Option<Value>,
    },
    /// The conversation is to have another name for people.
    ChangeConversation {
        /// The name.
        friendly_name: String,
    },
    /// It must not be done.
    Refuse,
}

impl std::fmt::Debug for Answer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Allow => "Allow",
            Self::ChangeMessage { .. } => "ChangeMessage",
            Self::ChangeConversation { .. } => "ChangeConversation",
            Self::Refuse => "Refuse",
        })
    }
}

/// The answer to a webhook over HTTP.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct EventReply {
    /// The status: 200, or 403 to refuse.
    pub status: u16,
    /// The `Content-Type`.
    pub content_type: &'static str,
    /// The body.
    pub body: String,
}

debug_without_content!(EventReply: status, content_type);

pub(super) fn reply(answer: &Answer) -> EventReply {
    let (status, body) = match answer {
        Answer::Allow => (200, json!({})),
        Answer::Refuse => (403, json!({})),
        Answer::ChangeConversation { friendly_name } => (200, json!({ "friendly_name": friendly_name })),
        Answer::ChangeMessage { text, author, attributes } => {
            let text = text.clone().map(|text| ("body", text));
            let author = author.clone().map(|author| ("author", author));
            // JSON in a string, as everywhere here.
            let attributes = attributes.as_ref().map(|value| ("attributes", value.to_string()));
            (
                200,
                [text, author, attributes]
                    .into_iter()
                    .flatten()
                    .map(|(name, value)| (name.to_owned(), json!(value)))
                    .collect(),
            )
        }
    };
    EventReply { status, content_type: "application/json", body: body.to_string() }
}
