//! The messaging side of a carrier: sending texts and media, finding what was sent, and what its webhooks say.

mod capabilities;
mod carrier_message;
mod event;
mod incoming;
mod media;
mod send;
mod state;

use std::fmt::Debug;

use async_trait::async_trait;
use url::Url;

pub use capabilities::{ChannelLimits, MessagingCapabilities};
pub use carrier_message::{CarrierMessage, FindMessages};
pub use event::{DeliveryReport, MessagingEvent, MessagingEventKind};
pub use incoming::IncomingMessage;
pub use media::{Media, MediaContent, MediaKind, MediaType};
pub use send::SendMessage;
pub use state::MessageState;

use crate::carrier::{WebhookReply, WebhookRequest};
use crate::error::{Error, ErrorKind, Result};
use crate::id::CarrierMessageId;
use crate::phone::PhoneNumber;

/// A carrier's messaging side. Implementations are cheap to clone behind an `Arc` and used by many conversations at once.
///
/// A carrier moves single messages between two addresses. What belongs together, who is meant, what was said before and
/// who answers is kept above it, in the same way for every carrier.
///
/// Contract, checked by the conformance suite:
/// - [`send`](Self::send) sends at most one request that can make a message go out, whatever happens to it; a failure after
///   the request may have left is [`UnknownOutcome`](crate::ErrorKind::UnknownOutcome);
/// - a channel, a medium or a length that is not among the [`capabilities`](Self::capabilities) is refused before anything
///   is sent;
/// - [`webhook`](Self::webhook) checks authenticity before anything else is read, against the configured public URL, never
///   against request headers;
/// - [`confirm`](Self::confirm) refuses messages and reports the carrier does not know, if nothing else proves them;
/// - [`media`](Self::media) reads no more than the limit, and from nowhere but the carrier.
#[async_trait]
pub trait ConversationalBackend: Send + Sync + Debug + 'static {
    /// The carrier's name, for logs, prices and rows.
    fn name(&self) -> &'static str;

    /// What the carrier can do.
    fn capabilities(&self) -> MessagingCapabilities;

    /// Asks the carrier to send a message. Returns when it accepted, before anybody has it.
    ///
    /// # Errors
    /// `RateLimited` and `Rejected`: certainly not sent. `UnknownOutcome`: perhaps sent; settle it with
    /// [`find`](Self::find), never by sending again. `Unsupported` and `Invalid` naming what this carrier does not take.
    async fn send(&self, message: &SendMessage) -> Result<CarrierMessage>;

    /// What the carrier knows of a message now.
    ///
    /// # Errors
    /// `NotFound` if it knows no such message; otherwise as usual.
    async fn fetch(&self, message: &CarrierMessageId) -> Result<CarrierMessage>;

    /// Messages of ours that match, newest first, to settle one with an unknown outcome.
    ///
    /// # Errors
    /// As usual.
    async fn find(&self, query: &FindMessages) -> Result<Vec<CarrierMessage>>;

    /// A medium that came with a message, of at most `limit` bytes.
    ///
    /// # Errors
    /// `NotFound` if it is gone; `Invalid` naming `media` for one that is longer, or an address that is not the carrier's;
    /// otherwise as usual.
    async fn media(&self, media: &Media, limit: u64) -> Result<MediaContent>;

    /// Refuses a webhook that its head alone shows not to be from the carrier, so that its body is never read. The body of
    /// `head` is empty, because it has not come yet.
    ///
    /// By default every head may be genuine. [`webhook`](Self::webhook) decides in any case.
    ///
    /// # Errors
    /// `Unauthenticated` if whatever the body is could not make the webhook authentic.
    fn webhook_head(&self, head: &WebhookRequest<'_>) -> Result<()> {
        let _ = head;
        Ok(())
    }

    /// Checks and reads a webhook.
    ///
    /// # Errors
    /// `Unauthenticated` if it is not from the carrier; `Invalid` naming the field if it cannot be read.
    fn webhook(&self, request: &WebhookRequest<'_>) -> Result<MessagingEvent>;

    /// Makes sure that what a webhook says is so, before it is believed, if no signature proves it: the carrier is asked, and
    /// what the carrier says counts.
    ///
    /// By default everything is proven by its signature.
    ///
    /// # Errors
    /// `Unauthenticated` if it is not so; `Unavailable` if it is not so yet, or the carrier cannot be asked: it may come again.
    async fn confirm(&self, event: MessagingEvent) -> Result<MessagingEvent> {
        Ok(event)
    }

    /// The answer to a webhook that was taken in. It sends nothing: replies go out by [`send`](Self::send).
    fn reply(&self) -> WebhookReply;

    /// Where the carrier tells of messages to a number of the account; `None` if that is nowhere, or not decided by an
    /// address of ours.
    ///
    /// # Errors
    /// `NotFound` naming `number` if it does not belong to the account; `Unsupported` without
    /// [`MessagingCapabilities::number_webhooks`]; otherwise as usual.
    async fn incoming_url(&self, number: &PhoneNumber) -> Result<Option<Url>> {
        let _ = number;
        Err(Error::new(ErrorKind::Unsupported, "read messages' address of number").with_provider(self.name()))
    }

    /// Lets the carrier tell of messages to a number of the account at this address from now on, whatever the number was tied
    /// to; nowhere without one.
    ///
    /// # Errors
    /// As [`incoming_url`](Self::incoming_url).
    async fn set_incoming_url(&self, number: &PhoneNumber, url: Option<&Url>) -> Result<()> {
        let _ = (number, url);
        Err(Error::new(ErrorKind::Unsupported, "set messages' address of number").with_provider(self.name()))
    }

    /// Whether the carrier can be reached with the configured credentials.
    ///
    /// # Errors
    /// `Unauthenticated` for wrong credentials; otherwise as usual.
    async fn health(&self) -> Result<()>;
}
