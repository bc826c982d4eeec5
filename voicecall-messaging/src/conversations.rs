//! What an application does with conversations.

use std::sync::Arc;

use voicecall_core::messaging::Media;
use voicecall_core::store::{
    Conversation, ConversationChange, ConversationState, Message, NewOutgoing, Page, PageRequest, Participant,
};
use voicecall_core::{Address, ConversationId, MessageId, Result, TenantId};

use crate::{MessageEvent, MessageEvents, Messenger};

/// The conversations of one tenant. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Conversations {
    messenger: Arc<Messenger>,
    tenant: TenantId,
}

/// A message to be sent.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Outgoing {
    /// To whom: over the channel of the address.
    pub to: Address,
    /// From which of our addresses; the first one for the channel if absent.
    pub from: Option<Address>,
    /// The words.
    pub text: String,
    /// What goes with them.
    pub media: Vec<Media>,
    /// A name of the application's: two messages with the same name are one.
    pub key: Option<String>,
}

impl Outgoing {
    /// A text.
    #[must_use]
    pub fn text(to: Address, text: impl Into<String>) -> Self {
        Self { to, from: None, text: text.into(), media: Vec::new(), key: None }
    }

    /// Sends it once, however often it is asked for by this name.
    #[must_use]
    pub fn key(mut self, key: impl Into<String>) -> Self {
        self.key = Some(key.into());
        self
    }

    /// Adds media.
    #[must_use]
    pub fn media(mut self, media: Vec<Media>) -> Self {
        self.media = media;
        self
    }
}

impl Conversations {
    pub(crate) const fn new(messenger: Arc<Messenger>, tenant: TenantId) -> Self {
        Self { messenger, tenant }
    }

    /// Queues a message; its conversation begins with it if there is none. Returns once it is stored, before it is sent:
    /// [`watch`](Self::watch) tells what becomes of it.
    ///
    /// # Errors
    /// `Invalid` naming `from` without an address for the channel; as
    /// [`SendMessage::validate`](voicecall_core::messaging::SendMessage::validate), and what the carrier's
    /// [capabilities](voicecall_core::messaging::MessagingCapabilities::check) do not allow;
    /// [`OPTED_OUT`](voicecall_core::store::OPTED_OUT) for somebody who wants no more.
    pub async fn send(&self, message: Outgoing) -> Result<Message> {
        let messenger = &self.messenger;
        let (account, from) = messenger.sender(&message.to.channel(), message.from.as_ref())?;
        let order =
            voicecall_core::messaging::SendMessage::text(message.to.clone(), from.clone(), message.text.clone());
        account.backend.capabilities().check(&order.with_media(message.media.clone()))?;
        let thread = messenger.thread(account, self.tenant, &message.to, &from)?;
        let Outgoing { text, media, key, .. } = message;
        let new = NewOutgoing { media, key, ..NewOutgoing::text(text, messenger.now()) };
        let queued = messenger.store.queue_message(&thread, &new).await?;
        if queued.id == new.id {
            messenger.events.tell(MessageEvent::Queued(queued.clone()));
        }
        messenger.to_send.notify_one();
        Ok(queued)
    }

    /// One conversation.
    ///
    /// # Errors
    /// `NotFound`.
    pub async fn get(&self, id: ConversationId) -> Result<Conversation> {
        self.messenger.store.conversation(self.tenant, id).await
    }

    /// The conversation with whoever has this address.
    ///
    /// # Errors
    /// As every store call.
    pub async fn with(&self, address: &Address) -> Result<Option<Conversation>> {
        let person = self.messenger.vault.person(self.tenant, address);
        self.messenger.store.conversation_with(self.tenant, person).await
    }

    /// A page of conversations, those with the newest change first.
    ///
    /// # Errors
    /// `Invalid` for a page that cannot be.
    pub async fn list(&self, state: Option<ConversationState>, page: PageRequest) -> Result<Page<Conversation>> {
        self.messenger.store.conversations(self.tenant, state, page).await
    }

    /// A conversation's messages with a number beyond `after`, in order; at most `limit`.
    ///
    /// # Errors
    /// `NotFound`.
    pub async fn messages(&self, id: ConversationId, after: u64, limit: u32) -> Result<Vec<Message>> {
        self.messenger.store.messages(self.tenant, id, after, limit).await
    }

    /// One message.
    ///
    /// # Errors
    /// `NotFound`.
    pub async fn message(&self, id: MessageId) -> Result<Message> {
        self.messenger.store.message(self.tenant, id).await
    }

    /// Adds somebody who is reached at this address.
    ///
    /// # Errors
    /// `Conflict` naming `participants` for somebody who is in another conversation; `NotFound`.
    pub async fn add(&self, id: ConversationId, address: &Address) -> Result<Conversation> {
        self.change(id, &ConversationChange::Add(self.participant(address))).await
    }

    /// Removes somebody.
    ///
    /// # Errors
    /// `Invalid` for the last one; `NotFound`.
    pub async fn remove(&self, id: ConversationId, address: &Address) -> Result<Conversation> {
        self.change(id, &ConversationChange::Remove(self.participant(address))).await
    }

    /// Closes a conversation, until the next message. Its memory is kept.
    ///
    /// # Errors
    /// `NotFound`.
    pub async fn close(&self, id: ConversationId) -> Result<Conversation> {
        self.change(id, &ConversationChange::Close).await
    }

    /// Lets somebody be written to again who wanted no more messages over the channel of this address, because they said so.
    ///
    /// # Errors
    /// As every store call.
    pub async fn opt_in(&self, address: &Address) -> Result<()> {
        let person = self.messenger.vault.person(self.tenant, address);
        self.messenger.store.allow_messages(self.tenant, person, &address.channel()).await
    }

    /// Everything that happens with messages from now on; of one conversation, if it is named.
    #[must_use]
    pub fn watch(&self, id: Option<ConversationId>) -> MessageEvents {
        self.messenger.events.watch(Some(self.tenant), id)
    }

    async fn change(&self, id: ConversationId, change: &ConversationChange) -> Result<Conversation> {
        self.messenger.store.change_conversation(self.tenant, id, change, self.messenger.now()).await
    }

    fn participant(&self, address: &Address) -> Participant {
        Participant { person: self.messenger.vault.person(self.tenant, address), channel: address.channel() }
    }
}
