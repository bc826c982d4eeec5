//! The resources of the Conversations interface (version 1) and of the media service.

use std::str::FromStr;

use serde::Deserialize;
use serde_json::Value;
use voicecall_core::Address;
use voicecall_core::messaging::MessageState;

use crate::call::call_id;
use crate::conversations::{self as api, Binding, EventType, Identity, Share};
use crate::sid::is_sid;

/// `GET /v1/Configuration`.
#[derive(Debug, Deserialize)]
pub(crate) struct Configuration {
    pub(crate) default_chat_service_sid: Option<String>,
}

#[derive(Debug, Deserialize)]
pub(crate) struct Conversation {
    sid: String,
    chat_service_sid: Option<String>,
    friendly_name: Option<String>,
    unique_name: Option<String>,
    /// JSON in a string.
    attributes: Option<String>,
    state: Option<String>,
    #[serde(default)]
    timers: Value,
    /// ISO 8601, as all dates here.
    date_created: Option<String>,
    date_updated: Option<String>,
}

impl Conversation {
    /// None if its name cannot be one.
    pub(crate) fn read(&self) -> Option<api::Conversation> {
        let timer = |name: &str| self.timers.get(name).and_then(Value::as_str).and_then(|text| text.parse().ok());
        let service = self.chat_service_sid.clone().filter(|sid| is_sid("IS", sid));
        Some(api::Conversation {
            sid: self.sid.parse().ok()?,
            service,
            friendly_name: given(&self.friendly_name),
            unique_name: given(&self.unique_name),
            state: parsed(&self.state).unwrap_or(api::ConversationState::Active),
            attributes: attributes(self.attributes.as_deref()),
            inactive_at: timer("date_inactive"),
            closed_at: timer("date_closed"),
            created_at: parsed(&self.date_created),
            updated_at: parsed(&self.date_updated),
        })
    }
}

#[derive(Debug, Deserialize)]
pub(crate) struct Participant {
    sid: String,
    identity: Option<String>,
    messaging_binding: Option<MessagingBinding>,
    role_sid: Option<String>,
    attributes: Option<String>,
    #[serde(default)]
    last_read_message_index: Value,
    date_created: Option<String>,
    date_updated: Option<String>,
}

#[derive(Debug, Deserialize)]
struct MessagingBinding {
    address: Option<String>,
    proxy_address: Option<String>,
}

impl Participant {
    pub(crate) fn read(&self) -> Option<api::Participant> {
        let addresses = self.messaging_binding.as_ref().map(|it| (it.address.as_deref(), it.proxy_address.as_deref()));
        Some(api::Participant {
            sid: self.sid.parse().ok()?,
            binding: binding(self.identity.as_deref(), addresses.unwrap_or_default()),
            role: parsed(&self.role_sid),
            attributes: attributes(self.attributes.as_deref()),
            last_read: number(&self.last_read_message_index),
            created_at: parsed(&self.date_created),
            updated_at: parsed(&self.date_updated),
        })
    }
}

#[derive(Debug, Deserialize)]
pub(crate) struct Message {
    sid: String,
    #[serde(default)]
    index: u64,
    author: Option<String>,
    body: Option<String>,
    media: Option<Vec<Media>>,
    participant_sid: Option<String>,
    attributes: Option<String>,
    delivery: Option<Delivery>,
    date_created: Option<String>,
    date_updated: Option<String>,
}

/// How many of those who get it, in words.
#[derive(Debug, Deserialize)]
struct Delivery {
    #[serde(default)]
    total: u32,
    sent: Option<String>,
    delivered: Option<String>,
    read: Option<String>,
    failed: Option<String>,
    undelivered: Option<String>,
}

impl Message {
    pub(crate) fn read(&self) -> Option<api::Message> {
        let share = |word: &Option<String>| parsed(word).unwrap_or(Share::None);
        let delivery = self.delivery.as_ref().map(|it| api::DeliverySummary {
            total: it.total,
            sent: share(&it.sent),
            delivered: share(&it.delivered),
            read: share(&it.read),
            failed: share(&it.failed),
            undelivered: share(&it.undelivered),
        });
        Some(api::Message {
            sid: self.sid.parse().ok()?,
            index: self.index,
            author: self.author.clone().unwrap_or_default(),
            text: self.body.clone().unwrap_or_default(),
            media: self.media.iter().flatten().filter_map(Media::read).collect(),
            participant: parsed(&self.participant_sid),
            attributes: attributes(self.attributes.as_deref()),
            delivery,
            created_at: parsed(&self.date_created),
            updated_at: parsed(&self.date_updated),
        })
    }
}

/// A medium: of a message, of a webhook (whose names begin with capitals), or of the media service itself.
#[derive(Debug, Deserialize)]
pub(crate) struct Media {
    #[serde(alias = "Sid")]
    sid: String,
    #[serde(alias = "ContentType")]
    content_type: Option<String>,
    #[serde(default, alias = "Size")]
    size: Value,
    #[serde(alias = "Filename", alias = "file_name")]
    filename: Option<String>,
}

impl Media {
    pub(crate) fn read(&self) -> Option<api::Media> {
        Some(api::Media {
            sid: self.sid.parse().ok()?,
            content_type: given(&self.content_type),
            size: number(&self.size),
            file_name: given(&self.filename),
        })
    }
}

#[derive(Debug, Deserialize)]
pub(crate) struct Receipt {
    sid: String,
    participant_sid: Option<String>,
    channel_message_sid: Option<String>,
    status: Option<String>,
    #[serde(default)]
    error_code: Value,
    date_created: Option<String>,
    date_updated: Option<String>,
}

impl Receipt {
    pub(crate) fn read(&self) -> Option<api::Receipt> {
        Some(api::Receipt {
            sid: self.sid.parse().ok()?,
            participant: parsed(&self.participant_sid),
            channel_message: self.channel_message_sid.as_deref().and_then(channel_message),
            state: self.status.as_deref().and_then(receipt_state).unwrap_or(MessageState::Sent),
            error: number(&self.error_code).filter(|code| *code > 0).map(|code| code.to_string()),
            created_at: parsed(&self.date_created),
            updated_at: parsed(&self.date_updated),
        })
    }
}

#[derive(Debug, Deserialize)]
pub(crate) struct Webhook {
    sid: String,
    #[serde(default)]
    configuration: Value,
    date_created: Option<String>,
}

impl Webhook {
    pub(crate) fn read(&self) -> Option<api::ConversationWebhook> {
        let url = self.configuration.get("url").and_then(Value::as_str).and_then(|url| url.parse().ok());
        let names = self.configuration.get("filters").and_then(Value::as_array).into_iter().flatten();
        let events = names.filter_map(Value::as_str).filter_map(EventType::from_name).collect();
        let created_at = parsed(&self.date_created);
        Some(api::ConversationWebhook { sid: self.sid.parse().ok()?, url, events, created_at })
    }
}

/// The webhooks of the account, or of a service.
#[derive(Debug, Deserialize)]
pub(crate) struct WebhookSettings {
    pre_webhook_url: Option<String>,
    post_webhook_url: Option<String>,
    filters: Option<Vec<String>>,
}

impl WebhookSettings {
    pub(crate) fn read(&self) -> api::WebhookSettings {
        api::WebhookSettings {
            before_url: parsed(&self.pre_webhook_url),
            after_url: parsed(&self.post_webhook_url),
            events: self.filters.iter().flatten().filter_map(|name| EventType::from_name(name)).collect(),
        }
    }
}

/// Over what somebody takes part: an identity, or both ends of a channel that has addresses here.
pub(crate) fn binding(identity: Option<&str>, addresses: (Option<&str>, Option<&str>)) -> Option<Binding> {
    let address = |text: Option<&str>| text.and_then(|text| text.parse::<Address>().ok());
    match (address(addresses.0), address(addresses.1)) {
        (Some(address), Some(proxy)) => Some(Binding::Messaging { address, proxy }),
        _ => identity.filter(|name| !name.is_empty()).map(|name| Binding::Chat(Identity::new(name))),
    }
}

/// How far a receipt says that a message has come; none for a word this version does not know.
pub(crate) fn receipt_state(word: &str) -> Option<MessageState> {
    Some(match word {
        "sent" => MessageState::Sent,
        "delivered" => MessageState::Delivered,
        "read" => MessageState::Read,
        "undelivered" => MessageState::Undelivered,
        "failed" => MessageState::Failed,
        _ => return None,
    })
}

pub(crate) fn channel_message(text: &str) -> Option<voicecall_core::CarrierMessageId> {
    call_id(text).map(|id| voicecall_core::CarrierMessageId::new(id.as_str()))
}

/// Attributes are JSON in a string.
pub(crate) fn attributes(text: Option<&str>) -> Value {
    text.and_then(|text| serde_json::from_str(text).ok()).unwrap_or(Value::Null)
}

fn given(text: &Option<String>) -> Option<String> {
    text.clone().filter(|text| !text.is_empty())
}

fn parsed<T: FromStr>(text: &Option<String>) -> Option<T> {
    text.as_deref()?.parse().ok()
}

/// A number, or a string that is one.
fn number(value: &Value) -> Option<u64> {
    value.as_u64().or_else(|| value.as_str()?.parse().ok())
}
