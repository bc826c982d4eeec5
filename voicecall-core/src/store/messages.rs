//! What a store does with conversations and messages.

use async_trait::async_trait;
use jiff::Timestamp;

use super::{
    Accepted, Answer, Conversation, ConversationChange, ConversationState, Message, NewIncoming, NewOutgoing, Page,
    PageRequest, SendOutcome, Session, Thread,
};
use crate::error::Result;
use crate::id::{CarrierMessageId, ConversationId, MessageId, SessionId, TenantId};
use crate::messaging::DeliveryReport;
use crate::seal::PersonKey;

/// Conversations, and the messages in them. Every method is one transaction.
#[async_trait]
pub trait MessageStore: Send + Sync {
    /// Takes a message in, once, however often it comes: with its session and conversation, which begin if there are none to
    /// go on with ([`Thread`]).
    ///
    /// # Errors
    /// As [`Thread::participant`].
    async fn accept_message(&self, thread: &Thread, message: &NewIncoming) -> Result<Accepted>;

    /// Puts a message among those that wait to be sent, and begins its session and conversation if there are none to go on
    /// with. One with a key that the tenant has used is that one, unchanged.
    ///
    /// # Errors
    /// [`refuse_to_write`](super::refuse_to_write) for somebody who asked for no more; as [`Thread::participant`].
    async fn queue_message(&self, thread: &Thread, message: &NewOutgoing) -> Result<Message>;

    /// Answers what came in: journals, marks as answered, and queues what is sent, or does none of it. A session is answered
    /// by its newest owner only, and once.
    ///
    /// # Errors
    /// `Conflict` naming `epoch` for an earlier owner, or `upTo` if nothing of the session up to there waits for an answer;
    /// as [`JournalStore::append`](super::JournalStore::append); `NotFound`.
    async fn answer_messages(&self, answer: &Answer) -> Result<Vec<Message>>;

    /// Takes the one step that allows a message to be given to the carrier, once, whoever asks how often. A message to
    /// somebody who has asked for no more meanwhile fails instead.
    ///
    /// # Errors
    /// `Conflict` for everyone but the first; [`refuse_to_write`](super::refuse_to_write); `NotFound`.
    async fn begin_sending_message(&self, tenant: TenantId, id: MessageId, at: Timestamp) -> Result<Message>;

    /// Records what became of the request to the carrier: [`Message::settle`].
    ///
    /// # Errors
    /// `Conflict` if it contradicts what is known; `NotFound`.
    async fn settle_message(
        &self,
        tenant: TenantId,
        id: MessageId,
        outcome: &SendOutcome,
        at: Timestamp,
    ) -> Result<Message>;

    /// Takes in what the carrier reports of a message of ours: [`Message::report`].
    ///
    /// # Errors
    /// `Conflict` if it contradicts what is known; `NotFound`.
    async fn report_message(
        &self,
        tenant: TenantId,
        id: MessageId,
        carrier_id: &CarrierMessageId,
        report: &DeliveryReport,
        at: Timestamp,
    ) -> Result<Message>;

    /// One message.
    ///
    /// # Errors
    /// `NotFound`.
    async fn message(&self, tenant: TenantId, id: MessageId) -> Result<Message>;

    /// A conversation's messages with a number beyond `after`, in order; at most `limit`.
    ///
    /// # Errors
    /// `NotFound` if the tenant has no such conversation.
    async fn messages(
        &self,
        tenant: TenantId,
        conversation: ConversationId,
        after: u64,
        limit: u32,
    ) -> Result<Vec<Message>>;

    /// One conversation.
    ///
    /// # Errors
    /// `NotFound`.
    async fn conversation(&self, tenant: TenantId, id: ConversationId) -> Result<Conversation>;

    /// The conversation somebody is in.
    ///
    /// # Errors
    /// As every store call.
    async fn conversation_with(&self, tenant: TenantId, person: PersonKey) -> Result<Option<Conversation>>;

    /// A tenant's conversations, those with the newest change first.
    ///
    /// # Errors
    /// `Invalid` for a page that cannot be.
    async fn conversations(
        &self,
        tenant: TenantId,
        state: Option<ConversationState>,
        page: PageRequest,
    ) -> Result<Page<Conversation>>;

    /// Changes a conversation. Closing it ends its sessions of messages.
    ///
    /// # Errors
    /// As [`Conversation::apply`]; `Conflict` naming `participants` for somebody who is in another conversation;
    /// `NotFound`.
    async fn change_conversation(
        &self,
        tenant: TenantId,
        id: ConversationId,
        change: &ConversationChange,
        at: Timestamp,
    ) -> Result<Conversation>;
}

/// Which messages wait, of all tenants.
#[async_trait]
pub trait MessageQueueStore: Send + Sync {
    /// Sessions with messages that wait to be answered, and that nobody runs: those that have waited for longest first, at
    /// most `per_tenant` of each tenant, and `limit` in all. `now` is what time it is, to a store without a
    /// [clock of its own](super::LeaseTerm).
    ///
    /// # Errors
    /// As every store call.
    async fn sessions_to_answer(&self, now: Timestamp, per_tenant: u32, limit: u32) -> Result<Vec<Session>>;

    /// A session's messages that wait to be answered, in order.
    ///
    /// # Errors
    /// `NotFound`.
    async fn unanswered_messages(&self, tenant: TenantId, session: SessionId) -> Result<Vec<Message>>;

    /// Messages that may be sent at `now`: of each session the first that is not sent yet, unless it is being sent; those
    /// that are due for longest first, at most `per_tenant` of each tenant, and `limit` in all.
    ///
    /// # Errors
    /// As every store call.
    async fn messages_to_send(&self, now: Timestamp, per_tenant: u32, limit: u32) -> Result<Vec<Message>>;

    /// Messages that have been [sending](crate::messaging::MessageState::Sending) or
    /// [unknown](crate::messaging::MessageState::Unknown) since before `before`, oldest first; at most `limit`.
    ///
    /// # Errors
    /// As every store call.
    async fn unsettled_messages(&self, before: Timestamp, limit: u32) -> Result<Vec<Message>>;
}
