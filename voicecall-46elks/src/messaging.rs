//! 46elks as a carrier of messages: SMS and MMS.

mod known;
mod listing;
mod media;
mod send;
mod webhook;

use async_trait::async_trait;
use secrecy::SecretString;
use tracing::instrument;
use url::Url;
use voicecall_core::carrier::{WebhookReply, WebhookRequest};
use voicecall_core::messaging::{
    CarrierMessage, ChannelLimits, ConversationalBackend, DeliveryReport, FindMessages, IncomingMessage, Media,
    MediaContent, MediaKind, MessageState, MessagingCapabilities, MessagingEvent, MessagingEventKind, SendMessage,
};
use voicecall_core::store::Channel;
use voicecall_core::{CarrierMessageId, Error, ErrorKind, PhoneNumber, Result};

use self::known::{carrier_message, incoming, message_path};
use crate::address::SecretAddresses;
use crate::ask_back::ask_back;
use crate::client::ElksClient;
use crate::config::{ClientConfig, ElksBuilder};
use crate::failure::{Effect, unreadable};
use crate::{PROVIDER, number, wire};

/// The longest text, in characters: ten parts of an SMS. 46elks documents no limit.
const MAX_CHARS: usize = 1530;

/// The messaging side of one account, or subaccount, at 46elks.
///
/// No request is ever repeated. A message with a picture is an MMS, of which 46elks reports nothing: it stays
/// [`Sent`](MessageState::Sent). Senders that are words, not numbers, are not among the addresses of the library, neither
/// for what goes out nor for what comes in.
#[derive(Debug)]
pub struct ElksMessaging {
    client: ElksClient,
    addresses: SecretAddresses,
}

impl ElksMessaging {
    /// Starts a configuration, which [`build_messaging`](ElksBuilder::build_messaging) ends.
    pub fn builder() -> ElksBuilder {
        ElksBuilder::new()
    }

    /// Builds the backend from the environment; see the crate's front page for the variables. The websocket number is not
    /// needed.
    ///
    /// # Errors
    /// [`Config`](ErrorKind::Config) naming the first variable that is missing or wrong.
    pub fn from_env() -> Result<Self> {
        ElksBuilder::from_env().build_messaging()
    }

    pub(crate) fn new(client: ClientConfig, secret: SecretString, public_url: &Url) -> Result<Self> {
        Ok(Self { client: ElksClient::new(client)?, addresses: SecretAddresses::new(secret, public_url) })
    }

    async fn text(&self, operation: &'static str, id: &CarrierMessageId) -> Result<wire::Text> {
        let path = message_path(id)
            .ok_or_else(|| Error::invalid("message", "the id of an SMS or an MMS").with_provider(PROVIDER))?;
        self.client.get(operation, self.client.url(&path)?).await
    }

    /// What the interface says of a webhook: none if it is not as far yet.
    async fn asked_back(&self, event: &MessagingEvent) -> Result<Option<MessagingEventKind>> {
        let text = match event.kind {
            MessagingEventKind::Unknown => return Ok(Some(MessagingEventKind::Unknown)),
            _ => self.text("confirm webhook", &event.message).await?,
        };
        match &event.kind {
            MessagingEventKind::Received(told) => Ok(Some(received(&text, &event.message, told)?)),
            MessagingEventKind::Delivery(told) => delivery(&text, told),
            other => Ok(Some(other.clone())),
        }
    }
}

/// What came in as the interface has it. The pictures stand in the webhook only, but their names hold the message's id.
fn received(text: &wire::Text, id: &CarrierMessageId, told: &IncomingMessage) -> Result<MessagingEventKind> {
    let mut message = incoming(text, told).ok_or_else(not_so)?;
    let pictures = told.media.iter().filter(|medium| media::is_of(medium, id));
    message.media = pictures.cloned().collect();
    message.refused_media = told.refused_media + told.media.len() - message.media.len();
    Ok(MessagingEventKind::Received(Box::new(message)))
}

/// How far one of ours has come as the interface has it.
fn delivery(text: &wire::Text, told: &DeliveryReport) -> Result<Option<MessagingEventKind>> {
    let known = carrier_message(text, None).ok_or_else(|| unreadable("confirm webhook", Effect::Repeatable))?;
    if known.state == MessageState::Received {
        return Err(not_so());
    }
    let is_behind = known.state == MessageState::Sent && told.state != MessageState::Sent;
    let report = DeliveryReport { state: known.state, error: None };
    Ok((!is_behind).then_some(MessagingEventKind::Delivery(report)))
}

/// The message is there, but it went the other way.
fn not_so() -> Error {
    Error::new(ErrorKind::NotFound, "confirm webhook").with_provider(PROVIDER)
}

#[async_trait]
impl ConversationalBackend for ElksMessaging {
    fn name(&self) -> &'static str {
        PROVIDER
    }

    fn capabilities(&self) -> MessagingCapabilities {
        let limits = ChannelLimits::text(MAX_CHARS).with_media(1, &[MediaKind::Image]);
        let mut able = MessagingCapabilities::new(vec![(Channel::Sms, limits)]);
        (able.signed_webhooks, able.number_webhooks) = (false, true);
        able
    }

    #[instrument(name = "46elks.send_message", skip_all)]
    async fn send(&self, message: &SendMessage) -> Result<CarrierMessage> {
        let operation = "send message";
        self.capabilities().check(message)?;
        let (path, form) = send::order(message, &self.addresses);
        let pairs: Vec<(&str, &str)> = form.iter().map(|(name, value)| (*name, value.as_str())).collect();
        let taken: wire::Text = self.client.post(operation, Effect::Sends, self.client.url(path)?, &pairs).await?;
        // Without an id of its own a message that was accepted cannot be followed: it has to be looked for.
        carrier_message(&taken, None).ok_or_else(|| unreadable(operation, Effect::Sends))
    }

    #[instrument(name = "46elks.fetch_message", skip_all, fields(%message))]
    async fn fetch(&self, message: &CarrierMessageId) -> Result<CarrierMessage> {
        let text = self.text("fetch message", message).await?;
        // Prices are in the account's currency, which only the account names.
        let currency = if text.cost.is_null() { None } else { self.client.currency().await };
        carrier_message(&text, currency).ok_or_else(|| unreadable("fetch message", Effect::Repeatable))
    }

    /// 46elks has no filter: the list is read back to [`since`](FindMessages::since), that of SMS and, if nothing is found
    /// there, that of MMS. Give `since` some slack for the difference of the clocks.
    #[instrument(name = "46elks.find_messages", skip_all)]
    async fn find(&self, query: &FindMessages) -> Result<Vec<CarrierMessage>> {
        let texts = listing::find(&self.client, "sms", query).await?;
        if texts.is_empty() { listing::find(&self.client, "mms", query).await } else { Ok(texts) }
    }

    #[instrument(name = "46elks.medium", skip_all)]
    async fn media(&self, media: &Media, limit: u64) -> Result<MediaContent> {
        media::fetch(&self.client, media, limit).await
    }

    fn webhook_head(&self, head: &WebhookRequest<'_>) -> Result<()> {
        self.addresses.check(head.path_and_query).map(drop)
    }

    fn webhook(&self, request: &WebhookRequest<'_>) -> Result<MessagingEvent> {
        webhook::read(request, self.addresses.check(request.path_and_query)?)
    }

    /// Nothing is signed: a message is what the REST interface says of it.
    #[instrument(name = "46elks.confirm_message", skip_all, fields(message = %event.message))]
    async fn confirm(&self, event: MessagingEvent) -> Result<MessagingEvent> {
        let kind = ask_back("confirm webhook", || self.asked_back(&event)).await?;
        Ok(MessagingEvent::new(event.message, kind))
    }

    /// Nothing: 46elks would send words back to whoever wrote.
    fn reply(&self) -> WebhookReply {
        WebhookReply { content_type: "text/plain", body: String::new() }
    }

    #[instrument(name = "46elks.incoming_url", skip_all)]
    async fn incoming_url(&self, number: &PhoneNumber) -> Result<Option<Url>> {
        number::messages_url(&self.client, &self.addresses, number).await
    }

    /// The address is made secret. SMS are told there and, if the number takes them, MMS.
    #[instrument(name = "46elks.set_incoming_url", skip_all)]
    async fn set_incoming_url(&self, number: &PhoneNumber, url: Option<&Url>) -> Result<()> {
        number::set_messages_url(&self.client, &self.addresses, number, url).await
    }

    #[instrument(name = "46elks.messaging_health", skip_all)]
    async fn health(&self) -> Result<()> {
        self.client.account("check health").await.map(drop)
    }
}
