//! What happens with messages, as it happens.

use tokio::sync::broadcast;
use voicecall_core::store::Message;
use voicecall_core::{ConversationId, TenantId};

/// How many events a watcher may be behind.
const EVENTS: usize = 1024;

/// Something happened with a message. Events may hold what people wrote.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum MessageEvent {
    /// It came in.
    Received(Message),
    /// One of ours waits to be sent.
    Queued(Message),
    /// One of ours has come further, or came to nothing.
    Changed(Message),
}

impl MessageEvent {
    /// The message as it is now.
    #[must_use]
    pub const fn message(&self) -> &Message {
        let (Self::Received(message) | Self::Queued(message) | Self::Changed(message)) = self;
        message
    }
}

/// A stream of events: of all tenants, of one, or of one of its conversations. Who is too far behind misses the oldest.
#[derive(Debug)]
pub struct MessageEvents {
    receiver: broadcast::Receiver<MessageEvent>,
    tenant: Option<TenantId>,
    conversation: Option<ConversationId>,
}

impl MessageEvents {
    /// Waits for the next event; `None` once the messenger is gone. Cancelling this future loses nothing.
    pub async fn next(&mut self) -> Option<MessageEvent> {
        loop {
            match self.receiver.recv().await {
                Ok(event) => {
                    let message = event.message();
                    let is_theirs = self.tenant.is_none_or(|wanted| message.tenant == wanted);
                    if is_theirs && self.conversation.is_none_or(|wanted| message.conversation == wanted) {
                        return Some(event);
                    }
                }
                Err(broadcast::error::RecvError::Lagged(_)) => {}
                Err(broadcast::error::RecvError::Closed) => return None,
            }
        }
    }
}

#[derive(Debug)]
pub(crate) struct EventBus(broadcast::Sender<MessageEvent>);

impl EventBus {
    pub(crate) fn new() -> Self {
        Self(broadcast::channel(EVENTS).0)
    }

    pub(crate) fn tell(&self, event: MessageEvent) {
        // Nobody need listen.
        let _ = self.0.send(event);
    }

    pub(crate) fn watch(&self, tenant: Option<TenantId>, conversation: Option<ConversationId>) -> MessageEvents {
        MessageEvents { receiver: self.0.subscribe(), tenant, conversation }
    }
}
