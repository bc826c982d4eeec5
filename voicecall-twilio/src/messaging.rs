//! Twilio as a carrier of messages: SMS, MMS and WhatsApp.

mod known;
mod media;
mod send;
mod webhook;

use async_trait::async_trait;
use secrecy::SecretString;
use tracing::instrument;
use url::Url;
use voicecall_core::carrier::{WebhookReply, WebhookRequest};
use voicecall_core::messaging::{
    CarrierMessage, ChannelLimits, ConversationalBackend, FindMessages, Media, MediaContent, MediaKind,
    MessagingCapabilities, MessagingEvent, MessagingEventKind, SendMessage,
};
use voicecall_core::store::Channel;
use voicecall_core::{CarrierMessageId, Error, PhoneNumber, Result};

use self::known::{carrier_message, is_it, message_id};
use crate::client::TwilioClient;
use crate::config::{ClientConfig, TwilioBuilder};
use crate::failure::{Effect, unreadable};
use crate::overrides::ConnectionOverrides;
use crate::signature::SignatureCheck;
use crate::warn_once::WarnOnce;
use crate::{PROVIDER, health, number, twiml, wire};

/// The longest text, in characters (Twilio, Message resource, `Body`).
const MAX_CHARS: usize = 1600;

/// The most media of an MMS, and of a message of WhatsApp.
const MAX_MEDIA: (usize, usize) = (10, 1);

/// Messages on a page of a list.
const PAGE_SIZE: &str = "200";

/// An answer with no instruction in it: nothing is sent.
const NOTHING: &str = r#"<?xml version="1.0" encoding="UTF-8"?><Response></Response>"#;

/// The messaging side of one Twilio account.
///
/// Requests that Twilio refuses as too much (429) were certainly not processed; every operation, sending included, repeats
/// them up to four times after growing waits, within
/// [`retry_rate_limited_for`](TwilioBuilder::retry_rate_limited_for). Nothing else is ever repeated.
///
/// Media that go out are fetched by Twilio from their address: up to 5 MB for JPEG, PNG and GIF, 500 kB for other types of
/// an MMS, 16 MB over WhatsApp. What is larger fails after it was taken.
///
/// ```
/// use voicecall_core::messaging::ConversationalBackend;
/// use voicecall_core::store::Channel;
/// use voicecall_twilio::TwilioMessaging;
///
/// let twilio = TwilioMessaging::builder()
///     .account_sid("AC00000000000000000000000000000000")
///     .auth_token("a secret")
///     .public_url("https://calls.example")
///     .build_messaging()?;
/// assert!(twilio.capabilities().limits(&Channel::WhatsApp).is_some());
/// # Ok::<(), voicecall_core::Error>(())
/// ```
#[derive(Debug)]
pub struct TwilioMessaging {
    client: TwilioClient,
    signatures: SignatureCheck,
    overrides: ConnectionOverrides,
    messaging_service: Option<String>,
    unknown: WarnOnce,
}

impl TwilioMessaging {
    /// Starts a configuration, which [`build_messaging`](TwilioBuilder::build_messaging) ends.
    pub fn builder() -> TwilioBuilder {
        TwilioBuilder::new()
    }

    /// Builds the backend from the environment; see the crate's front page for the variables.
    ///
    /// # Errors
    /// [`Config`](voicecall_core::ErrorKind::Config) naming the first variable that is missing or wrong.
    pub fn from_env() -> Result<Self> {
        TwilioBuilder::from_env().build_messaging()
    }

    pub(crate) fn new(
        client: ClientConfig,
        public_url: Url,
        tokens: Vec<SecretString>,
        overrides: ConnectionOverrides,
        messaging_service: Option<String>,
    ) -> Result<Self> {
        Ok(Self {
            client: TwilioClient::new(client)?,
            signatures: SignatureCheck::new(public_url, tokens),
            overrides,
            messaging_service,
            unknown: WarnOnce::default(),
        })
    }
}

#[async_trait]
impl ConversationalBackend for TwilioMessaging {
    fn name(&self) -> &'static str {
        PROVIDER
    }

    fn capabilities(&self) -> MessagingCapabilities {
        let limits = |media| {
            ChannelLimits::text(MAX_CHARS).with_media(media, &[MediaKind::Image, MediaKind::Audio, MediaKind::Video])
        };
        let channels = vec![(Channel::Sms, limits(MAX_MEDIA.0)), (Channel::WhatsApp, limits(MAX_MEDIA.1))];
        let mut able = MessagingCapabilities::new(channels);
        (able.read_receipts, able.number_webhooks) = (true, true);
        able
    }

    /// A message with media over SMS is an MMS.
    #[instrument(name = "twilio.send_message", skip_all)]
    async fn send(&self, message: &SendMessage) -> Result<CarrierMessage> {
        let operation = "send message";
        self.capabilities().check(message)?;
        let form = send::order(message, self.messaging_service.as_deref(), &self.overrides)?;
        let url = self.client.url("/Messages.json")?;
        let taken: wire::Message = self.client.post(operation, Effect::Sends, url, &form.pairs()).await?;
        // Without an id of its own a message that was accepted cannot be followed: it has to be looked for.
        carrier_message(&taken).ok_or_else(|| unreadable(operation, Effect::Sends))
    }

    #[instrument(name = "twilio.fetch_message", skip_all, fields(%message))]
    async fn fetch(&self, message: &CarrierMessageId) -> Result<CarrierMessage> {
        let id = message_id(message.as_str())
            .ok_or_else(|| Error::invalid("message", "a message's SID").with_provider(PROVIDER))?;
        let url = self.client.url(&format!("/Messages/{id}.json"))?;
        let known: wire::Message = self.client.get("fetch message", url).await?;
        carrier_message(&known).ok_or_else(|| unreadable("fetch message", Effect::Repeatable))
    }

    /// Twilio's own filter by time asks when a message was passed on, which one that still waits was not; so it is not used,
    /// and the time at which Twilio took the message is compared here. It is told to the second: a message of the same second
    /// as [`since`](FindMessages::since) counts, and so does one without a time. Give `since` some slack for the difference
    /// of the clocks.
    #[instrument(name = "twilio.find_messages", skip_all)]
    async fn find(&self, query: &FindMessages) -> Result<Vec<CarrierMessage>> {
        let mut url = self.client.url("/Messages.json")?;
        url.query_pairs_mut().append_pair("To", &query.to.canonical());
        // A messaging service may have sent it from any of its numbers.
        if self.messaging_service.is_none() {
            url.query_pairs_mut().append_pair("From", &query.from.canonical());
        }
        url.query_pairs_mut().append_pair("PageSize", PAGE_SIZE);
        let read = |message: &wire::Message| is_it(message, query).then(|| carrier_message(message)).flatten();
        let mut found = self.client.account_list("find messages", url, read).await?;
        found.sort_by_key(|message| std::cmp::Reverse(message.created_at));
        Ok(found)
    }

    #[instrument(name = "twilio.medium", skip_all)]
    async fn media(&self, media: &Media, limit: u64) -> Result<MediaContent> {
        media::fetch(&self.client, media, limit).await
    }

    fn webhook_head(&self, head: &WebhookRequest<'_>) -> Result<()> {
        self.signatures.head(head)
    }

    fn webhook(&self, request: &WebhookRequest<'_>) -> Result<MessagingEvent> {
        self.signatures.webhook(request)?;
        let event = webhook::read(request)?;
        if event.kind == MessagingEventKind::Unknown {
            self.unknown
                .run(|| tracing::warn!(provider = PROVIDER, "unknown webhooks are answered and otherwise ignored"));
        }
        Ok(event)
    }

    fn reply(&self) -> WebhookReply {
        WebhookReply { content_type: twiml::CONTENT_TYPE, body: NOTHING.to_owned() }
    }

    /// Of numbers that belong to a messaging service the service decides, if it does not leave it to the number.
    #[instrument(name = "twilio.messages_url", skip_all)]
    async fn incoming_url(&self, number: &PhoneNumber) -> Result<Option<Url>> {
        number::incoming_url(&self.client, number).await
    }

    #[instrument(name = "twilio.set_messages_url", skip_all)]
    async fn set_incoming_url(&self, number: &PhoneNumber, url: Option<&Url>) -> Result<()> {
        number::set_incoming_url(&self.client, number, url).await
    }

    /// Fetches the account, which must be active. An API key may not be allowed to, so with one a message is listed instead.
    #[instrument(name = "twilio.messaging_health", skip_all)]
    async fn health(&self) -> Result<()> {
        health::check(&self.client, "/Messages.json").await
    }
}
