//! Sending: each message is given to the carrier at most once, in the order in which a session's were written.

use std::sync::Arc;
use std::time::Duration;

use jiff::SignedDuration;
use tracing::{Instrument, error, info_span, warn};
use voicecall_core::messaging::{FindMessages, MessageState, SendMessage};
use voicecall_core::store::{Channel, Message, OPTED_OUT, SendOutcome};
use voicecall_core::{Address, CarrierMessageId, Error, ErrorKind, Result};

use crate::{MessageEvent, MessageKey, MessagingAccount, Messenger};

/// How long to wait before a carrier that is away, or too busy, is asked again.
const AGAIN_AFTER: Duration = Duration::from_secs(5);

/// How long a request may be under way before its outcome is looked for.
pub(crate) const SETTLE_AFTER: Duration = Duration::from_secs(30);

/// How long it is looked for. What is not found by then has failed.
const SETTLE_FOR: Duration = Duration::from_secs(600);

/// By how much a carrier's clock may be behind ours.
const CLOCK_SLACK: SignedDuration = SignedDuration::from_secs(60);

/// How many messages before and behind it may be taken for one whose outcome is looked for.
const NEARBY: u32 = 100;

impl Messenger {
    /// Gives a message to its carrier.
    pub(crate) async fn send_out(self: &Arc<Self>, message: Message) {
        let span = info_span!("send", message = %message.id);
        let sent = self.try_to_send(&message).instrument(span).await;
        match sent {
            Ok(()) => {}
            // Another process was quicker, or the person wants no more.
            Err(error) if error.kind() == ErrorKind::Conflict => {
                if error.code() == Some(OPTED_OUT) {
                    self.tell_changed(&message).await;
                }
            }
            Err(error) => error!(message = %message.id, %error, "a message could not be sent yet"),
        }
    }

    async fn try_to_send(&self, message: &Message) -> Result<()> {
        let (tenant, id) = (message.tenant, message.id);
        let order = self.order(message).await;
        let sending = self.store.begin_sending_message(tenant, id, self.now()).await?;
        let outcome = match order {
            Ok((account, order)) => match account.backend.send(&order).await {
                Ok(sent) => SendOutcome::Accepted(sent.id),
                Err(error) => self.failed(&sending, &error),
            },
            Err(error) => self.failed(&sending, &error),
        };
        let settled = self.store.settle_message(tenant, id, &outcome, self.now()).await?;
        self.events.tell(MessageEvent::Changed(settled));
        self.to_send.notify_one();
        Ok(())
    }

    /// What a failure to send means.
    fn failed(&self, message: &Message, error: &Error) -> SendOutcome {
        warn!(message = %message.id, %error, "a message was not sent");
        if error.kind() == ErrorKind::UnknownOutcome {
            return SendOutcome::Unknown;
        }
        let now = self.now();
        let code = || error.code().map_or_else(|| error.kind().as_str().to_owned(), ToOwned::to_owned);
        let is_late = now.duration_since(message.at).unsigned_abs() > self.config.send_within;
        if !error.is_retryable() || is_late {
            return SendOutcome::Rejected(code());
        }
        let wait = error.retry_after().unwrap_or(AGAIN_AFTER);
        SendOutcome::Postponed(now.saturating_add(wait).unwrap_or(now))
    }

    /// A message as the carrier is to send it.
    async fn order(&self, message: &Message) -> Result<(&MessagingAccount, SendMessage)> {
        let name = message.account.ok_or_else(|| Error::invalid("account", "one of ours"))?;
        let account = self.account(name)?;
        let session = self.store.session(message.tenant, message.session).await?;
        let to = session.open_remote(&self.vault)?.ok_or_else(|| Error::invalid("to", "somebody"))?;
        let from: Address = session.local.as_deref().unwrap_or_default().parse()?;
        let key = MessageKey { account: name, tenant: message.tenant, message: message.id };
        let order = SendMessage::text(to, from, message.text.clone()).with_media(message.media.clone());
        Ok((account, order.reporting_to(Some(self.config.report_url(key)?))))
    }

    /// Finds out what became of a message whose request had no known outcome. It is never sent again.
    pub(crate) async fn settle(&self, message: &Message) -> Result<()> {
        let (account, order) = self.order(message).await?;
        let outcome = if account.backend.capabilities().find {
            let since = message.updated_at.saturating_sub(CLOCK_SLACK).unwrap_or(message.updated_at);
            let query = FindMessages { to: order.to, from: order.from, text: order.text, since };
            let mut found = account.backend.find(&query).await?;
            // Of several that say the same nobody knows which it is; that they went out is known.
            found.sort_by_key(|found| found.created_at);
            self.first_free(message, found.into_iter().map(|found| found.id)).await?
        } else {
            None
        };
        let waited = self.now().duration_since(message.at).unsigned_abs();
        let outcome = match outcome {
            Some(id) => SendOutcome::Accepted(id),
            None if waited > SETTLE_FOR => SendOutcome::Rejected(ErrorKind::UnknownOutcome.as_str().to_owned()),
            None => SendOutcome::Unknown,
        };
        if outcome == SendOutcome::Unknown && message.state == MessageState::Unknown {
            return Ok(());
        }
        let settled = self.store.settle_message(message.tenant, message.id, &outcome, self.now()).await?;
        self.events.tell(MessageEvent::Changed(settled));
        Ok(())
    }

    /// The first of the carrier's messages that is none of ours whose name is known.
    async fn first_free(
        &self,
        message: &Message,
        found: impl Iterator<Item = CarrierMessageId>,
    ) -> Result<Option<CarrierMessageId>> {
        let after = message.number.saturating_sub(u64::from(NEARBY));
        let all = self.store.messages(message.tenant, message.conversation, after, 2 * NEARBY).await?;
        let taken = |id: &CarrierMessageId| all.iter().any(|other| other.carrier_id.as_ref() == Some(id));
        Ok(found.into_iter().find(|id| !taken(id)))
    }

    async fn tell_changed(&self, message: &Message) {
        if let Ok(message) = self.store.message(message.tenant, message.id).await {
            self.events.tell(MessageEvent::Changed(message));
        }
    }

    /// Whether we can write over a channel.
    #[must_use]
    pub fn has_channel(&self, channel: &Channel) -> bool {
        self.sender(channel, None).is_ok()
    }
}
