//! A webhook's form as an event.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::str::FromStr;

use jiff::Timestamp;
use sha2::{Digest, Sha256};
use url::form_urlencoded;
use voicecall_core::Result;
use voicecall_core::carrier::WebhookRequest;

use super::{
    Changed, ChangedConversation, ChangedMessage, ChangedParticipant, ConversationEvent, ConversationEventKind,
    DeliveryChange, EventType, StateChange, Subject,
};
use crate::conversations::conversation::invalid;
use crate::signature::HexDigest;
use crate::wire::conversations as wire;

/// The fields of a webhook. Of a repeated name the first counts.
struct Fields<'a>(BTreeMap<Cow<'a, str>, Cow<'a, str>>);

impl Fields<'_> {
    /// What is there and not empty.
    fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(|value| &**value).filter(|value| !value.is_empty())
    }

    fn text(&self, name: &str) -> Option<String> {
        self.get(name).map(str::to_owned)
    }

    fn parsed<T: FromStr>(&self, name: &str) -> Option<T> {
        self.get(name)?.parse().ok()
    }

    /// When it happened: each event has the date of what was done.
    fn changed_at(&self) -> Option<Timestamp> {
        ["DateRemoved", "DateUpdated", "StateUpdated", "DateCreated"].into_iter().find_map(|name| self.parsed(name))
    }
}

/// Reads a request whose authenticity was checked.
///
/// # Errors
/// `Invalid` naming `EventType`, or the field without which the event is of nothing.
pub(in crate::conversations) fn read(request: &WebhookRequest<'_>) -> Result<ConversationEvent> {
    let encoded = match request.method {
        "GET" | "HEAD" => request.path_and_query.split_once('?').map_or(&b""[..], |(_, query)| query.as_bytes()),
        _ => request.body,
    };
    let mut fields = Fields(BTreeMap::new());
    for (name, value) in form_urlencoded::parse(encoded) {
        fields.0.entry(name).or_insert(value);
    }
    let name = fields.get("EventType").ok_or_else(|| invalid("EventType", "what happened"))?;
    let event = EventType::from_name(name);
    let conversation = fields.parsed("ConversationSid");
    let is_new = matches!(event, Some(EventType::Before(Subject::Conversation, super::Action::Add)));
    if conversation.is_none() && event.is_some() && !is_new {
        return Err(invalid("ConversationSid", "the conversation it is about"));
    }
    let kind = match event {
        Some(event) => kind(event, &fields)?,
        None => ConversationEventKind::Unknown,
    };
    let delivery = delivery(&kind, name, &fields, request);
    Ok(ConversationEvent { conversation, source: fields.text("Source"), delivery, kind })
}

fn kind(event: EventType, fields: &Fields<'_>) -> Result<ConversationEventKind> {
    Ok(match event {
        EventType::Before(subject, action) => ConversationEventKind::Before(action, changed(subject, fields, true)?),
        EventType::After(subject, action) => ConversationEventKind::After(action, changed(subject, fields, false)?),
        EventType::StateUpdated => ConversationEventKind::State(StateChange {
            from: fields.parsed("StateFrom"),
            to: fields.parsed("StateTo").ok_or_else(|| invalid("StateTo", "a state"))?,
            reason: fields.text("Reason"),
            at: fields.changed_at(),
        }),
        EventType::DeliveryUpdated => ConversationEventKind::Delivery(DeliveryChange {
            message: fields.parsed("MessageSid").ok_or_else(|| invalid("MessageSid", "a message"))?,
            receipt: fields.parsed("DeliveryReceiptSid"),
            participant: fields.parsed("ParticipantSid"),
            channel_message: fields.get("ChannelMessageSid").and_then(wire::channel_message),
            // One of Twilio's pages calls it otherwise.
            state: (fields.get("Status").or_else(|| fields.get("DeliveryStatus")))
                .and_then(wire::receipt_state)
                .ok_or_else(|| invalid("Status", "how far the message has come"))?,
            error: fields.text("ErrorCode").filter(|code| code != "0"),
            at: fields.changed_at(),
        }),
    })
}

fn changed(subject: Subject, fields: &Fields<'_>, before: bool) -> Result<Changed> {
    let attributes = wire::attributes(fields.get("Attributes"));
    let addresses = (fields.get("MessagingBinding.Address"), fields.get("MessagingBinding.ProxyAddress"));
    let binding = wire::binding(fields.get("Identity"), addresses);
    let updated_at = fields.changed_at();
    Ok(match subject {
        Subject::Conversation => Changed::Conversation(Box::new(ChangedConversation {
            friendly_name: fields.text("FriendlyName"),
            unique_name: fields.text("UniqueName"),
            attributes,
            state: fields.parsed("State"),
            binding,
            updated_at,
        })),
        Subject::Participant => {
            let sid = fields.parsed("ParticipantSid");
            if sid.is_none() && !before {
                return Err(invalid("ParticipantSid", "a participant"));
            }
            let (role, last_read) = (fields.parsed("RoleSid"), fields.parsed("LastReadMessageIndex"));
            Changed::Participant(Box::new(ChangedParticipant { sid, binding, role, attributes, last_read, updated_at }))
        }
        Subject::Message => {
            let (sid, index) = (fields.parsed("MessageSid"), fields.parsed("Index"));
            if sid.is_none() && !before {
                return Err(invalid("MessageSid", "a message"));
            }
            let media = fields.get("Media").and_then(|text| serde_json::from_str::<Vec<wire::Media>>(text).ok());
            Changed::Message(Box::new(ChangedMessage {
                sid,
                index,
                author: fields.text("Author"),
                text: fields.text("Body").unwrap_or_default(),
                media: media.iter().flatten().filter_map(wire::Media::read).collect(),
                participant: fields.parsed("ParticipantSid"),
                attributes,
                updated_at,
            }))
        }
    })
}

/// A key that is equal for two deliveries of the same event.
///
/// What was done is known by whom it is about and when it was done, all of which is signed. A question has neither, so there
/// Twilio's token of the delivery decides if it came; without one, all that was sent.
fn delivery(kind: &ConversationEventKind, name: &str, fields: &Fields<'_>, request: &WebhookRequest<'_>) -> String {
    let field = |name: &str| fields.0.get(name).map_or(&b""[..], |value| value.as_bytes());
    let whole = || vec![&b"whole"[..], request.path_and_query.as_bytes(), request.body];
    let parts = match (kind, fields.changed_at()) {
        (ConversationEventKind::Before(..), _) => request
            .header("I-Twilio-Idempotency-Token")
            .map_or_else(whole, |token| vec![&b"token"[..], token.as_bytes(), field("MessageSid")]),
        (ConversationEventKind::Delivery(_), _) if fields.get("DeliveryReceiptSid").is_some() => {
            vec![field("DeliveryReceiptSid"), field("Status"), field("DeliveryStatus")]
        }
        (ConversationEventKind::After(..) | ConversationEventKind::State(_), Some(_)) => {
            let dates = ["DateRemoved", "DateUpdated", "StateUpdated", "DateCreated"];
            let about = ["ParticipantSid", "MessageSid", "StateTo"];
            about.into_iter().chain(dates).map(field).collect()
        }
        _ => whole(),
    };
    let mut hash = Sha256::new();
    for part in [field("ConversationSid"), name.as_bytes()].into_iter().chain(parts) {
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part);
    }
    format!("{:x}", HexDigest(&hash.finalize()))
}

#[cfg(test)]
mod tests;
