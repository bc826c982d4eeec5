//! Webhooks: what carriers deliver is checked, stored by one write, and answered at once.

use std::sync::Arc;

use tracing::{info, warn};
use voicecall_core::carrier::{WebhookReply, WebhookRequest};
use voicecall_core::messaging::{IncomingMessage, MessagingEventKind};
use voicecall_core::store::{Channel, NewIncoming, NewOutgoing, NewSession, OPTED_OUT, Thread};
use voicecall_core::{Address, CarrierMessageId, ConversationId, Error, ErrorKind, MessageId, Result, TenantId};

use crate::opt_out::Wish;
use crate::{AccountName, MessageEvent, MessageKey, MessagingAccount, Messenger};

/// What a carrier's webhook is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WebhookOf {
    /// What comes in to the addresses of an account.
    Account(AccountName),
    /// What becomes of a message of ours.
    Message(MessageKey),
}

impl WebhookOf {
    /// The account it comes from.
    #[must_use]
    pub const fn account(&self) -> AccountName {
        match self {
            Self::Account(name) => *name,
            Self::Message(key) => key.account,
        }
    }
}

impl Messenger {
    /// Refuses a webhook whose head alone shows that it is not from the carrier.
    ///
    /// # Errors
    /// `Unauthenticated`; `NotFound` for an account there is not.
    pub fn webhook_head(&self, of: WebhookOf, head: &WebhookRequest<'_>) -> Result<()> {
        self.account(of.account())?.backend.webhook_head(head)
    }

    /// Takes in what a carrier delivers or reports. The same thing again changes nothing; in whatever order things come, what
    /// is known in the end is the same. When this returns, it is stored.
    ///
    /// # Errors
    /// `Unauthenticated` if it is not from the carrier; `Invalid` if it cannot be read; retryable ones if it could not be
    /// stored: the carrier is to deliver again.
    pub async fn webhook(self: &Arc<Self>, of: WebhookOf, request: &WebhookRequest<'_>) -> Result<WebhookReply> {
        let account = self.account(of.account())?;
        let event = account.backend.webhook(request)?;
        let event = account.backend.confirm(event).await?;
        match (event.kind, of) {
            (MessagingEventKind::Received(message), _) => self.receive(account, event.message, *message).await?,
            (MessagingEventKind::Delivery(report), WebhookOf::Message(key)) => {
                let reported =
                    self.store.report_message(key.tenant, key.message, &event.message, &report, self.now()).await;
                match reported {
                    Ok(message) => self.events.tell(MessageEvent::Changed(message)),
                    // Erased, or never sent: nothing to be learnt by hearing it again.
                    Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::Conflict) => {
                        info!(message = %key.message, %error, "a report about no message of ours");
                    }
                    Err(error) => return Err(error),
                }
            }
            _ => {}
        }
        Ok(account.backend.reply())
    }

    async fn receive(
        self: &Arc<Self>,
        account: &MessagingAccount,
        id: CarrierMessageId,
        message: IncomingMessage,
    ) -> Result<()> {
        let Some(tenant) = self.handler.tenant_of(account.name, &message).await? else {
            warn!(account = %account.name, "a message came in to an address of nobody");
            return Ok(());
        };
        let wish = self.config.opt_out.wish(&message.text);
        let has_words = !message.text.trim().is_empty();
        let is_empty = !has_words && message.media.is_empty();
        let at = self.now();
        let thread = self.thread(account, tenant, &message.from, &message.to)?;
        let new = NewIncoming {
            id: MessageId::new(),
            carrier_id: id,
            text: message.text.clone(),
            media: message.media.clone(),
            wants_answer: wish.is_none() && !is_empty,
            at,
        };
        let accepted = self.store.accept_message(&thread, &new).await?;
        if accepted.is_new {
            self.events.tell(MessageEvent::Received(accepted.message.clone()));
        }
        // Done again when delivered again: a process may have died in between.
        if let Some(wish) = wish {
            return self.respect(&thread, &message.from, wish, accepted.message.id).await;
        }
        self.to_answer.notify_one();
        if message.refused_media > 0 {
            let text = self.config.refused_media.clone();
            let new =
                NewOutgoing { key: Some(format!("media/{}", accepted.message.id)), ..NewOutgoing::text(text, at) };
            match self.queue_once(&thread, new).await {
                // Who wants no messages gets no refusal either.
                Err(error) if error.code() == Some(OPTED_OUT) => {}
                queued => queued?,
            }
        }
        Ok(())
    }

    /// The thread of messages between two addresses.
    pub(crate) fn thread(
        &self,
        account: &MessagingAccount,
        tenant: TenantId,
        theirs: &Address,
        ours: &Address,
    ) -> Result<Thread> {
        let new = NewSession::inbound_from(&self.vault, tenant, Some(theirs), self.now())?;
        let session = NewSession {
            channel: theirs.channel(),
            account: Some(account.name),
            local: Some(ours.canonical()),
            conversation: Some(ConversationId::new()),
            person: Some(self.vault.person(tenant, theirs)),
            ..new
        };
        Ok(Thread { session, carrier: account.backend.name().to_owned(), idle: self.config.session_idle })
    }

    /// Does as somebody wishes who wants no more messages, or messages again.
    async fn respect(&self, thread: &Thread, from: &Address, wish: Wish, message: MessageId) -> Result<()> {
        let (tenant, channel) = (thread.session.tenant, from.channel());
        let person = self.vault.person(tenant, from);
        let words = &self.config.opt_out;
        let confirmation = match wish {
            Wish::Stop => {
                self.store.forbid_messages(tenant, person, &channel, self.now()).await?;
                words.stopped.clone()
            }
            Wish::Start => {
                self.store.allow_messages(tenant, person, &channel).await?;
                words.started.clone()
            }
        };
        match confirmation {
            Some(text) => {
                let key = Some(format!("opt-out/{message}"));
                let new = NewOutgoing { key, despite_opt_out: true, ..NewOutgoing::text(text, self.now()) };
                self.queue_once(thread, new).await
            }
            None => Ok(()),
        }
    }

    /// Queues a fixed reply, once by its key.
    async fn queue_once(&self, thread: &Thread, new: NewOutgoing) -> Result<()> {
        let queued = self.store.queue_message(thread, &new).await?;
        if queued.id == new.id {
            self.events.tell(MessageEvent::Queued(queued));
        }
        self.to_send.notify_one();
        Ok(())
    }

    /// The account that has an address, and the one to write from over a channel.
    pub(crate) fn sender(&self, channel: &Channel, from: Option<&Address>) -> Result<(&MessagingAccount, Address)> {
        let fits = |address: &&Address| address.channel() == *channel && from.is_none_or(|from| from == *address);
        let found = self.accounts.iter().find_map(|account| {
            let address = account.addresses.iter().find(fits)?;
            account.backend.capabilities().limits(channel).map(|_| (account, address.clone()))
        });
        let missing =
            if from.is_some() { "one of our addresses" } else { "an account with an address for this channel" };
        found.ok_or_else(|| Error::invalid("from", missing))
    }
}
