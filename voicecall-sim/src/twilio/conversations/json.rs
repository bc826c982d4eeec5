//! Conversations as JSON.

use serde_json::{Value, json};

use super::{Conversation, File, Message, Participant, Receipt, ScopedWebhook, State, WebhookSettings};
use crate::twilio::Exchange;

fn url(conversation: &Conversation) -> String {
    format!("https://conversations.twilio.com/v1/Conversations/{}", conversation.sid)
}

pub(in crate::twilio) fn conversation(exchange: &Exchange, it: &Conversation) -> Value {
    let (url, at) = (url(it), |time| exchange.timestamp(time).to_string());
    let mut timers = serde_json::Map::new();
    let is_active = it.state == State::Active;
    let inactive = it.inactive_after.filter(|_| is_active).map(|after| ("date_inactive", after));
    let closed = it.closed_after.filter(|_| it.state != State::Closed).map(|after| ("date_closed", after));
    for (name, after) in inactive.into_iter().chain(closed) {
        timers.insert(name.to_owned(), json!(at(it.touched + after)));
    }
    json!({
        "sid": it.sid,
        "account_sid": exchange.options.accounts[it.account].sid,
        "chat_service_sid": it.service,
        "messaging_service_sid": it.messaging_service,
        "friendly_name": it.friendly_name,
        "unique_name": it.unique_name,
        "attributes": it.attributes,
        "state": it.state.as_str(),
        "timers": timers,
        "bindings": {},
        "date_created": at(it.created),
        "date_updated": at(it.updated),
        "url": url,
        "links": {
            "participants": format!("{url}/Participants"),
            "messages": format!("{url}/Messages"),
            "webhooks": format!("{url}/Webhooks"),
            "export": format!("{url}/Export"),
        },
    })
}

pub(in crate::twilio) fn participant(exchange: &Exchange, of: &Conversation, it: &Participant) -> Value {
    let at = |time| exchange.timestamp(time).to_string();
    let binding = it.binding.as_ref().map(
        |(address, proxy)| json!({"type": it.channel(), "address": address, "proxy_address": proxy, "projected_address": null}),
    );
    json!({
        "sid": it.sid,
        "account_sid": exchange.options.accounts[of.account].sid,
        "conversation_sid": of.sid,
        "identity": it.identity,
        "attributes": it.attributes,
        "messaging_binding": binding,
        "role_sid": it.role,
        "last_read_message_index": it.last_read,
        "last_read_timestamp": null,
        "date_created": at(it.created),
        "date_updated": at(it.updated),
        "url": format!("{}/Participants/{}", url(of), it.sid),
    })
}

pub(in crate::twilio) fn message(exchange: &Exchange, of: &Conversation, index: usize) -> Value {
    let it: &Message = &of.messages[index];
    let (url, at) = (format!("{}/Messages/{}", url(of), it.sid), |time| exchange.timestamp(time).to_string());
    let media: Vec<Value> = it
        .media
        .iter()
        .map(|&place| {
            let file = &exchange.conversations.files[place];
            json!({"sid": file.sid, "size": file.bytes.len(), "content_type": file.content_type, "filename": null})
        })
        .collect();
    json!({
        "sid": it.sid,
        "account_sid": exchange.options.accounts[of.account].sid,
        "conversation_sid": of.sid,
        "index": index,
        "author": it.author,
        "body": it.body,
        "media": if media.is_empty() { Value::Null } else { json!(media) },
        "attributes": it.attributes,
        "participant_sid": it.participant,
        "date_created": at(it.created),
        "date_updated": at(it.updated),
        "delivery": delivery(&it.receipts),
        "content_sid": null,
        "url": url,
        "links": {"delivery_receipts": format!("{url}/Receipts"), "channel_metadata": format!("{url}/ChannelMetadata")},
    })
}

/// How many of those who get a message have come how far: who has read it has it, and it was passed on to them.
fn delivery(receipts: &[Receipt]) -> Value {
    if receipts.is_empty() {
        return Value::Null;
    }
    let share = |statuses: &[&str]| {
        let count = receipts.iter().filter(|it| it.status.is_some_and(|status| statuses.contains(&status))).count();
        match count {
            0 => "none",
            count if count == receipts.len() => "all",
            _ => "some",
        }
    };
    json!({
        "total": receipts.len(),
        "sent": share(&["sent", "delivered", "read", "undelivered"]),
        "delivered": share(&["delivered", "read"]),
        "read": share(&["read"]),
        "failed": share(&["failed"]),
        "undelivered": share(&["undelivered"]),
    })
}

/// None before it was passed on.
pub(in crate::twilio) fn receipt(
    exchange: &Exchange,
    of: &Conversation,
    message: &Message,
    it: &Receipt,
) -> Option<Value> {
    let at = |time| exchange.timestamp(time).to_string();
    Some(json!({
        "sid": it.sid,
        "account_sid": exchange.options.accounts[of.account].sid,
        "conversation_sid": of.sid,
        "message_sid": message.sid,
        "channel_message_sid": it.channel_message,
        "participant_sid": of.participants[it.participant].sid,
        "status": it.status?,
        "error_code": it.error,
        "date_created": at(it.created),
        "date_updated": at(it.updated),
        "url": format!("{}/Messages/{}/Receipts/{}", url(of), message.sid, it.sid),
    }))
}

pub(in crate::twilio) fn webhook(exchange: &Exchange, of: &Conversation, it: &ScopedWebhook) -> Value {
    let created = exchange.timestamp(it.created).to_string();
    json!({
        "sid": it.sid,
        "account_sid": exchange.options.accounts[of.account].sid,
        "conversation_sid": of.sid,
        "target": it.target,
        "configuration": {"url": it.url, "method": it.method, "filters": it.filters},
        "date_created": created,
        "date_updated": created,
        "url": format!("{}/Webhooks/{}", url(of), it.sid),
    })
}

/// The webhooks of the account, or of a service, whose form is a little another.
pub(in crate::twilio) fn settings(
    exchange: &Exchange,
    account: usize,
    service: Option<&str>,
    it: &WebhookSettings,
) -> Value {
    let mut known = json!({
        "account_sid": exchange.options.accounts[account].sid,
        "method": "POST",
        "filters": it.filters,
        "pre_webhook_url": it.pre,
        "post_webhook_url": it.post,
    });
    match service {
        Some(service) => {
            known["chat_service_sid"] = json!(service);
            known["url"] =
                json!(format!("https://conversations.twilio.com/v1/Services/{service}/Configuration/Webhooks"));
        }
        None => {
            known["target"] = json!("webhook");
            known["url"] = json!("https://conversations.twilio.com/v1/Configuration/Webhooks");
        }
    }
    known
}

/// A file, as the media service shows it.
pub(in crate::twilio) fn file(exchange: &Exchange, it: &File) -> Value {
    let url = format!("https://mcs.us1.twilio.com/v1/Services/{}/Media/{}", it.service, it.sid);
    let created = exchange.timestamp(it.created).to_string();
    json!({
        "sid": it.sid,
        "service_sid": it.service,
        "account_sid": exchange.options.accounts[it.account].sid,
        "date_created": created,
        "date_updated": created,
        "size": it.bytes.len(),
        "content_type": it.content_type,
        "file_name": null,
        "url": url,
        "links": {"content": format!("{url}/Content"), "content_direct_temporary": format!("{url}/Content")},
    })
}
