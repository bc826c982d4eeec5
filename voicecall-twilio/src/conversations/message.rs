//! Messages of a conversation: sent, read in order, changed and deleted.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde_json::Value;
use tracing::instrument;
use url::Url;
use voicecall_core::{Error, ErrorKind, Result, text_enum};

use super::conversation::invalid;
use super::{ConversationSid, Media, MediaSid, MessageSid, ParticipantSid, TwilioConversations};
use crate::PROVIDER;
use crate::failure::{Effect, unreadable};
use crate::order::Form;
use crate::sid::debug_without_content;
use crate::wire::conversations as wire;

/// The longest text, in characters (Twilio, Conversation Message resource, `Body`).
const MAX_CHARS: usize = 1600;

/// Messages on a page, and pages that are read at most.
const PAGE_SIZE: &str = "100";
const MAX_PAGES: usize = 50;

/// A message to send.
#[derive(Clone, PartialEq)]
#[non_exhaustive]
pub struct NewMessage {
    /// Who writes it: the identity or address of a participant, who then does not get it; `system` for nobody of them.
    pub author: String,
    /// The words, up to 1600 characters; may be empty with a medium.
    pub text: String,
    /// A medium that was [uploaded](TwilioConversations::upload).
    pub media: Option<MediaSid>,
    /// What the application keeps with it.
    pub attributes: Option<Value>,
}

debug_without_content!(NewMessage: media);

impl NewMessage {
    /// A text.
    #[must_use]
    pub fn text(author: impl Into<String>, text: impl Into<String>) -> Self {
        Self { author: author.into(), text: text.into(), media: None, attributes: None }
    }

    /// The same with a medium.
    #[must_use]
    pub fn with_media(mut self, media: MediaSid) -> Self {
        self.media = Some(media);
        self
    }
}

/// What is changed of a message: what is none is left as it is.
#[derive(Clone, Default, PartialEq)]
#[non_exhaustive]
pub struct MessageSettings {
    /// Who wrote it.
    pub author: Option<String>,
    /// The words, up to 1600 characters. What a phone has got already stays as it is.
    pub text: Option<String>,
    /// What the application keeps with it.
    pub attributes: Option<Value>,
}

debug_without_content!(MessageSettings:);

/// A message of a conversation.
#[derive(Clone, PartialEq)]
#[non_exhaustive]
pub struct Message {
    /// Its name at Twilio.
    pub sid: MessageSid,
    /// Its place among the conversation's messages, from 0. Those of deleted ones stay free.
    pub index: u64,
    /// Who wrote it: an identity, an address, or `system`.
    pub author: String,
    /// The words; empty if it holds only media.
    pub text: String,
    /// What came with it.
    pub media: Vec<Media>,
    /// The participant who wrote it, if it was one.
    pub participant: Option<ParticipantSid>,
    /// What the application keeps with it; null if it cannot be read.
    pub attributes: Value,
    /// How far it has come; none while it goes to nobody by SMS or WhatsApp.
    pub delivery: Option<DeliverySummary>,
    /// When it was written.
    pub created_at: Option<Timestamp>,
    /// When it was changed last.
    pub updated_at: Option<Timestamp>,
}

debug_without_content!(Message: sid, index, media, participant, delivery, created_at, updated_at);

/// How far a message has come with those who get it by SMS or WhatsApp. A [receipt](super::Receipt) says it of each.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct DeliverySummary {
    /// How many there are.
    pub total: u32,
    /// Whose message was passed on.
    pub sent: Share,
    /// Who has got it.
    pub delivered: Share,
    /// Who has read it.
    pub read: Share,
    /// For whom it was refused.
    pub failed: Share,
    /// Whom it did not reach.
    pub undelivered: Share,
}

text_enum! {
    /// How many of several.
    Share, "delivery" {
        /// None of them.
        None = "none",
        /// Some, not all.
        Some = "some",
        /// All.
        All = "all",
    }
}

impl TwilioConversations {
    /// Sends a message, once.
    ///
    /// # Errors
    /// `Invalid` naming `text` for one without words and media, or with too many words, or `author` for none; `Closed` if the
    /// conversation is; `UnknownOutcome` if nobody knows whether it was sent: [`messages`](Self::messages) shows it then, if
    /// it was.
    #[instrument(name = "twilio.send_to_conversation", skip_all, fields(%conversation))]
    pub async fn send(&self, conversation: &ConversationSid, message: &NewMessage) -> Result<Message> {
        let operation = "send to conversation";
        if message.author.is_empty() {
            return Err(invalid("author", "who writes it"));
        }
        if message.text.is_empty() && message.media.is_none() {
            return Err(invalid("text", "words, or a medium"));
        }
        let mut form = Form::default();
        form.add("Author", message.author.as_str());
        form.add_some("Body", Some(checked(&message.text)?).filter(|text| !text.is_empty()));
        form.add_some("MediaSid", message.media.as_ref().map(MediaSid::as_str));
        form.add_some("Attributes", message.attributes.as_ref().map(Value::to_string));
        let url = self.messages_url(conversation, None);
        let sent: wire::Message = self.client.post(operation, Effect::Sends, url, &form.pairs()).await?;
        sent.read().ok_or_else(|| unreadable(operation, Effect::Sends))
    }

    /// The messages from this index on, in their order, whatever order they came in. Reads no more than it takes: the newest
    /// first.
    ///
    /// # Errors
    /// `NotFound` if there is no such conversation; `Unsupported` for more than 5000 messages.
    #[instrument(name = "twilio.list_conversation_messages", skip_all, fields(%conversation))]
    pub async fn messages(&self, conversation: &ConversationSid, from: u64) -> Result<Vec<Message>> {
        let operation = "list messages of conversation";
        let list = self.messages_url(conversation, None);
        let mut url = list.clone();
        url.query_pairs_mut().append_pair("Order", "desc").append_pair("PageSize", PAGE_SIZE);
        // One that is written meanwhile moves the others over the end of a page: an index counts once.
        let mut found = BTreeMap::new();
        for _ in 0..MAX_PAGES {
            let page = self.client.product_page::<wire::Message>(operation, &list, url).await?;
            let messages: Vec<Message> = page.entries.iter().filter_map(wire::Message::read).collect();
            let is_enough = messages.iter().any(|message| message.index <= from);
            found.extend(messages.into_iter().map(|message| (message.index, message)));
            match page.next {
                Some(next) if !is_enough => url = next,
                _ => return Ok(found.split_off(&from).into_values().collect()),
            }
        }
        Err(Error::new(ErrorKind::Unsupported, operation).with_provider(PROVIDER).with_message("too many messages"))
    }

    /// Reads one message.
    ///
    /// # Errors
    /// `NotFound` if it is not in the conversation.
    #[instrument(name = "twilio.fetch_conversation_message", skip_all, fields(%conversation, %message))]
    pub async fn message(&self, conversation: &ConversationSid, message: &MessageSid) -> Result<Message> {
        let operation = "fetch message of conversation";
        let known: wire::Message = self.client.get(operation, self.messages_url(conversation, Some(message))).await?;
        known.read().ok_or_else(|| unreadable(operation, Effect::Repeatable))
    }

    /// Changes a message.
    ///
    /// # Errors
    /// As [`message`](Self::message); `Invalid` naming `text` for one that is too long.
    #[instrument(name = "twilio.update_conversation_message", skip_all, fields(%conversation, %message))]
    pub async fn update_message(
        &self,
        conversation: &ConversationSid,
        message: &MessageSid,
        settings: &MessageSettings,
    ) -> Result<Message> {
        let operation = "update message of conversation";
        let mut form = Form::default();
        form.add_some("Author", settings.author.as_deref());
        form.add_some("Body", settings.text.as_deref().map(checked).transpose()?);
        form.add_some("Attributes", settings.attributes.as_ref().map(Value::to_string));
        let url = self.messages_url(conversation, Some(message));
        let known: wire::Message = self.client.post(operation, Effect::Repeatable, url, &form.pairs()).await?;
        known.read().ok_or_else(|| unreadable(operation, Effect::Repeatable))
    }

    /// Deletes a message from the conversation. What a phone has got already stays there.
    ///
    /// # Errors
    /// As [`message`](Self::message).
    #[instrument(name = "twilio.delete_conversation_message", skip_all, fields(%conversation, %message))]
    pub async fn delete_message(&self, conversation: &ConversationSid, message: &MessageSid) -> Result<()> {
        self.client.delete("delete message of conversation", self.messages_url(conversation, Some(message))).await
    }

    pub(super) fn messages_url(&self, conversation: &ConversationSid, message: Option<&MessageSid>) -> Url {
        let mut parts = vec!["Conversations", conversation.as_str(), "Messages"];
        parts.extend(message.map(MessageSid::as_str));
        self.url(&parts)
    }
}

pub(super) fn checked(text: &str) -> Result<&str> {
    if text.chars().count() > MAX_CHARS { Err(invalid("text", "up to 1600 characters")) } else { Ok(text) }
}
