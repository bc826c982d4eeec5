//! Where Twilio tells of what happens in conversations.

use jiff::Timestamp;
use tracing::instrument;
use url::Url;
use voicecall_core::Result;

use super::conversation::invalid;
use super::{ConversationSid, EventType, TwilioConversations, WebhookSid};
use crate::config::has_underscore;
use crate::failure::{Effect, unreadable};
use crate::order::Form;
use crate::sid::debug_without_content;
use crate::wire::conversations as wire;

/// An address to be told of one conversation's events. A conversation has five at most.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct NewConversationWebhook {
    /// The address; told by `POST`, within 5 s.
    pub url: Url,
    /// Of what: events after the fact only.
    pub events: Vec<EventType>,
    /// From which message on it is told at once of what was written already.
    pub replay_after: Option<u64>,
}

impl NewConversationWebhook {
    /// An address to be told of these events.
    #[must_use]
    pub fn new(url: Url, events: impl IntoIterator<Item = EventType>) -> Self {
        Self { url, events: events.into_iter().collect(), replay_after: None }
    }

    fn form(&self) -> Result<Form> {
        if self.events.is_empty() || self.events.iter().any(|event| event.is_before()) {
            return Err(invalid("events", "events after the fact: before it only an account's webhooks are asked"));
        }
        let mut form = Form::default();
        form.add("Target", "webhook");
        form.add("Configuration.Url", address("url", &self.url)?);
        form.add("Configuration.Method", "post");
        for event in &self.events {
            form.add("Configuration.Filters", event.name());
        }
        form.add_some("Configuration.ReplayAfter", self.replay_after.map(|index| index.to_string()));
        Ok(form)
    }
}

/// An address that is told of one conversation's events.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ConversationWebhook {
    /// Its name.
    pub sid: WebhookSid,
    /// The address; none for a flow of Twilio Studio.
    pub url: Option<Url>,
    /// Of what it is told; events that this version does not know are left out.
    pub events: Vec<EventType>,
    /// When it was made.
    pub created_at: Option<Timestamp>,
}

debug_without_content!(ConversationWebhook: sid, url, events, created_at);

/// Where all conversations are told of: those of the configured service, else of the account.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct WebhookSettings {
    /// Who is asked before something is done, and may refuse or change it.
    pub before_url: Option<Url>,
    /// Who is told after it.
    pub after_url: Option<Url>,
    /// Of what.
    pub events: Vec<EventType>,
}

impl TwilioConversations {
    /// Has one conversation's events told to an address.
    ///
    /// # Errors
    /// `Invalid` naming `url` or `events`; `UnknownOutcome` if nobody knows whether it was done: [`webhooks`](Self::webhooks)
    /// shows it then, if it was.
    #[instrument(name = "twilio.add_webhook", skip_all, fields(%conversation))]
    pub async fn add_webhook(
        &self,
        conversation: &ConversationSid,
        webhook: &NewConversationWebhook,
    ) -> Result<ConversationWebhook> {
        let operation = "add webhook";
        let url = self.url(&["Conversations", conversation.as_str(), "Webhooks"]);
        let form = webhook.form()?;
        let added: wire::Webhook = self.client.post(operation, Effect::Creates, url, &form.pairs()).await?;
        added.read().ok_or_else(|| unreadable(operation, Effect::Creates))
    }

    /// The addresses that are told of one conversation's events.
    ///
    /// # Errors
    /// `NotFound` if there is no such conversation.
    #[instrument(name = "twilio.list_webhooks", skip_all, fields(%conversation))]
    pub async fn webhooks(&self, conversation: &ConversationSid) -> Result<Vec<ConversationWebhook>> {
        let list = self.url(&["Conversations", conversation.as_str(), "Webhooks"]);
        let known = self.client.product_list::<wire::Webhook>("list webhooks", &list, 5).await?;
        Ok(known.iter().filter_map(wire::Webhook::read).collect())
    }

    /// Ends what [`add_webhook`](Self::add_webhook) began.
    ///
    /// # Errors
    /// `NotFound` if there is none.
    #[instrument(name = "twilio.remove_webhook", skip_all, fields(%conversation, %webhook))]
    pub async fn remove_webhook(&self, conversation: &ConversationSid, webhook: &WebhookSid) -> Result<()> {
        let url = self.url(&["Conversations", conversation.as_str(), "Webhooks", webhook.as_str()]);
        self.client.delete("remove webhook", url).await
    }

    /// Reads where all conversations are told of.
    ///
    /// # Errors
    /// As usual.
    #[instrument(name = "twilio.read_webhook_settings", skip_all)]
    pub async fn webhook_settings(&self) -> Result<WebhookSettings> {
        let url = self.url(&["Configuration", "Webhooks"]);
        let known: wire::WebhookSettings = self.client.get("read webhook settings", url).await?;
        Ok(known.read())
    }

    /// Sets where all conversations are told of; what is none or empty is told nowhere. An address is unset by an empty one,
    /// which Twilio's specification does not foresee where a service is configured.
    ///
    /// # Errors
    /// `Invalid` naming `before_url` or `after_url`.
    #[instrument(name = "twilio.set_webhook_settings", skip_all)]
    pub async fn set_webhook_settings(&self, settings: &WebhookSettings) -> Result<WebhookSettings> {
        let mut form = Form::default();
        for (name, field, url) in [
            ("PreWebhookUrl", "before_url", &settings.before_url),
            ("PostWebhookUrl", "after_url", &settings.after_url),
        ] {
            form.add(name, url.as_ref().map(|url| address(field, url)).transpose()?.unwrap_or_default());
        }
        form.add("Method", "POST");
        for event in &settings.events {
            form.add("Filters", event.name());
        }
        let url = self.url(&["Configuration", "Webhooks"]);
        let known: wire::WebhookSettings =
            self.client.post("set webhook settings", Effect::Repeatable, url, &form.pairs()).await?;
        Ok(known.read())
    }
}

/// An address that Twilio takes.
fn address<'a>(field: &'static str, url: &'a Url) -> Result<&'a str> {
    match has_underscore(url) || !matches!(url.scheme(), "http" | "https") {
        true => Err(invalid(field, "an https address whose host has no underscore")),
        false => Ok(url.as_str()),
    }
}
