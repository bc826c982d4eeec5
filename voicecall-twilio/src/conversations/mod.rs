//! Twilio's Conversations: threads that Twilio keeps, with participants over SMS, WhatsApp and chat, in which each message goes
//! to everybody else (Twilio, Conversations API, version 1).
//!
//! They are Twilio's resources, beside the library's own conversations, which a store keeps and a
//! [`Messenger`](https://docs.rs/voicecall-messaging) answers. Take these where people and chat clients write to each other
//! through Twilio, and [`TwilioMessaging`](crate::TwilioMessaging) where an agent answers a person.
//!
//! What people wrote, and who they are, is in no `Debug` of these types.

pub(crate) mod client;
mod conversation;
mod event;
mod media;
mod message;
mod participant;
mod receipt;
mod webhook;

use crate::sid::sids;

use self::client::TwilioConversations;
pub use self::conversation::{
    Conversation, ConversationPage, ConversationQuery, ConversationSettings, ConversationState,
};
pub use self::event::{
    Action, Answer, Changed, ChangedConversation, ChangedMessage, ChangedParticipant, ConversationEvent,
    ConversationEventKind, DeliveryChange, EventReply, EventType, StateChange, Subject,
};
pub use self::media::Media;
pub use self::message::{DeliverySummary, Message, MessageSettings, NewMessage, Share};
pub use self::participant::{Binding, Identity, NewParticipant, Participant, ParticipantSettings};
pub use self::receipt::Receipt;
pub use self::webhook::{ConversationWebhook, NewConversationWebhook, WebhookSettings};

sids! {
    /// A conversation's name at Twilio: `CH` and 32 hexadecimal digits.
    ConversationSid: "CH", "conversation";
    /// A participant's name at Twilio: `MB` and 32 hexadecimal digits.
    ParticipantSid: "MB", "participant";
    /// A message's name in a conversation: `IM` and 32 hexadecimal digits.
    MessageSid: "IM", "message";
    /// A medium's name: `ME` and 32 hexadecimal digits.
    MediaSid: "ME", "media";
    /// The name of a receipt: `DY` and 32 hexadecimal digits.
    ReceiptSid: "DY", "receipt";
    /// The name of a conversation's webhook: `WH` and 32 hexadecimal digits.
    WebhookSid: "WH", "webhook";
    /// The name of a role, which says what a participant may do: `RL` and 32 hexadecimal digits.
    RoleSid: "RL", "role";
}
