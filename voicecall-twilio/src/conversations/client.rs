//! The Conversations side of one Twilio account.

use std::sync::Arc;

use secrecy::SecretString;
use url::Url;
use voicecall_core::carrier::WebhookRequest;
use voicecall_core::{Error, Result};

use super::event::{self, Answer, ConversationEvent, ConversationEventKind, EventReply};
use crate::PROVIDER;
use crate::client::TwilioClient;
use crate::config::{ClientConfig, TwilioBuilder};
use crate::signature::SignatureCheck;
use crate::warn_once::WarnOnce;

/// The most of a webhook that is read, in bytes.
const MAX_WEBHOOK_BYTES: usize = 256 * 1024;

/// The Conversations of one Twilio account: those of its default service, or of the one that
/// [`conversation_service`](TwilioBuilder::conversation_service) names.
///
/// Requests that Twilio refuses as too much (429) are repeated as [`TwilioMessaging`](crate::TwilioMessaging) does. Whatever
/// makes something is sent once: if its outcome is unknown, the error says so. A conversation with a unique name is then found
/// by [`fetch_named`](Self::fetch_named), a participant or a message in its list.
///
/// ```no_run
/// use voicecall_twilio::TwilioConversations;
/// use voicecall_twilio::conversations::{ConversationSettings, NewMessage, NewParticipant};
///
/// # async fn run() -> voicecall_core::Result<()> {
/// let conversations = TwilioConversations::from_env()?;
/// let order = conversations.create(&ConversationSettings::named("order-17")).await?;
/// let customer = NewParticipant::messaging("+46701234567".parse()?, "+15005550006".parse()?);
/// conversations.add_participant(&order.sid, &customer).await?;
/// conversations.add_participant(&order.sid, &NewParticipant::chat("anna")).await?;
/// conversations.send(&order.sid, &NewMessage::text("anna", "Your parcel is here.")).await?;
/// for message in conversations.messages(&order.sid, 0).await? {
///     println!("{}: {}", message.index, message.text);
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct TwilioConversations {
    pub(super) client: TwilioClient,
    pub(super) media: TwilioClient,
    pub(super) service: Option<String>,
    signatures: Arc<SignatureCheck>,
    unknown: Arc<WarnOnce>,
}

impl TwilioConversations {
    /// Starts a configuration, which [`build_conversations`](TwilioBuilder::build_conversations) ends.
    pub fn builder() -> TwilioBuilder {
        TwilioBuilder::new()
    }

    /// Builds it from the environment; see the crate's front page for the variables.
    ///
    /// # Errors
    /// [`Config`](voicecall_core::ErrorKind::Config) naming the first variable that is missing or wrong.
    pub fn from_env() -> Result<Self> {
        TwilioBuilder::from_env().build_conversations()
    }

    pub(crate) fn new(
        client: ClientConfig,
        media: ClientConfig,
        public_url: Url,
        tokens: Vec<SecretString>,
        service: Option<String>,
    ) -> Result<Self> {
        Ok(Self {
            client: TwilioClient::new(client)?,
            media: TwilioClient::new(media)?,
            service,
            signatures: Arc::new(SignatureCheck::new(public_url, tokens)),
            unknown: Arc::default(),
        })
    }

    /// The same account, whose changes are told to webhooks. Without this Twilio tells nobody of what is changed by requests,
    /// so that an application that answers messages does not hear itself.
    #[must_use]
    pub fn with_webhooks(&self) -> Self {
        let mut telling = self.clone();
        telling.client = telling.client.with_change_header("x-twilio-webhook-enabled", "true");
        telling
    }

    /// Checks what a webhook shows before its body has come: that there is a signature at all.
    ///
    /// # Errors
    /// `Unauthenticated` without one.
    pub fn webhook_head(&self, head: &WebhookRequest<'_>) -> Result<()> {
        self.signatures.head(head)
    }

    /// Reads a webhook whose signature is right.
    ///
    /// # Errors
    /// `Unauthenticated` if it is not; `Invalid` naming `body` beyond 256 KiB, or the field that is missing or cannot be.
    pub fn webhook(&self, request: &WebhookRequest<'_>) -> Result<ConversationEvent> {
        if request.body.len() > MAX_WEBHOOK_BYTES {
            return Err(Error::invalid("body", "at most 256 KiB").with_provider(PROVIDER));
        }
        self.signatures.webhook(request)?;
        let event = event::read(request)?;
        if event.kind == ConversationEventKind::Unknown {
            self.unknown
                .run(|| tracing::warn!(provider = PROVIDER, "unknown webhooks are answered and otherwise ignored"));
        }
        Ok(event)
    }

    /// What a webhook is answered with. Only what is [asked before](ConversationEventKind::Before) can be refused or changed;
    /// everything else is answered with [`Answer::Allow`].
    #[must_use]
    pub fn reply(&self, answer: &Answer) -> EventReply {
        event::reply(answer)
    }

    /// An address below the service's, such as that of `["Conversations"]`.
    pub(super) fn url(&self, parts: &[&str]) -> Url {
        let service = self.service.as_deref().map(|service| ["Services", service]);
        let parts: Vec<&str> =
            ["v1"].into_iter().chain(service.into_iter().flatten()).chain(parts.iter().copied()).collect();
        self.client.product_url(&parts)
    }
}
