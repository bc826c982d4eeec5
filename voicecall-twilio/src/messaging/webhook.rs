//! What Twilio's requests about a message mean.

use url::form_urlencoded;
use voicecall_core::carrier::WebhookRequest;
use voicecall_core::messaging::{DeliveryReport, IncomingMessage, MessageState, MessagingEvent, MessagingEventKind};
use voicecall_core::{Address, Error, Result};

use super::known::{message_id, message_state};
use crate::PROVIDER;
use crate::wire::MessageWebhook;

/// The longest name of a sender, in characters.
const MAX_NAME: usize = 100;

/// Reads a request whose authenticity was checked.
///
/// # Errors
/// `Invalid` naming `MessageSid` if it is missing or cannot be one, or `From` or `To` of a message that came in.
pub(super) fn read(request: &WebhookRequest<'_>) -> Result<MessagingEvent> {
    let fields = match request.method {
        "GET" | "HEAD" => request.path_and_query.split_once('?').map_or(&b""[..], |(_, query)| query.as_bytes()),
        _ => request.body,
    };
    let webhook = MessageWebhook::from_pairs(form_urlencoded::parse(fields));
    let id = webhook
        .message_sid
        .as_deref()
        .and_then(message_id)
        .ok_or_else(|| invalid("MessageSid", "the message the request is about"))?;
    Ok(MessagingEvent::new(id, kind(&webhook)?))
}

fn kind(webhook: &MessageWebhook<'_>) -> Result<MessagingEventKind> {
    let status = webhook.message_status.as_deref().or(webhook.sms_status.as_deref());
    match status.map(message_state) {
        None if webhook.body.is_none() && webhook.num_media.is_none() => Ok(MessagingEventKind::Unknown),
        None | Some(Some(MessageState::Received)) => received(webhook),
        Some(Some(state)) => {
            let error =
                webhook.error_code.as_deref().filter(|code| !code.is_empty() && *code != "0").map(str::to_owned);
            Ok(MessagingEventKind::Delivery(DeliveryReport { state, error }))
        }
        Some(None) => Ok(MessagingEventKind::Unknown),
    }
}

/// A message from a sender who has no address here, such as a short code or a name, is one that nobody can answer.
fn received(webhook: &MessageWebhook<'_>) -> Result<MessagingEventKind> {
    let given = |field: &'static str, value: Option<&str>| {
        let value = value.filter(|value| !value.is_empty()).ok_or_else(|| invalid(field, "an address"))?;
        Ok::<_, Error>(value.parse::<Address>().ok())
    };
    let from = given("From", webhook.from.as_deref())?;
    let to = given("To", webhook.to.as_deref())?;
    let (Some(from), Some(to)) = (from, to) else { return Ok(MessagingEventKind::Unknown) };
    if from.channel() != to.channel() {
        return Err(invalid("To", "an address of the sender's channel"));
    }
    let media = webhook
        .media
        .values()
        .map(|medium| (medium.url.as_deref().unwrap_or_default(), medium.content_type.as_deref().unwrap_or_default()));
    let mut message = IncomingMessage::new(from, to, webhook.body.as_deref().unwrap_or_default()).with_media(media);
    // Places, too, are something that is not taken.
    message.refused_media += usize::from(webhook.latitude.is_some());
    message.sender_name = webhook.profile_name.as_deref().and_then(name);
    Ok(MessagingEventKind::Received(Box::new(message)))
}

fn name(text: &str) -> Option<String> {
    let name: String = text.trim().chars().filter(|char| !char.is_control()).take(MAX_NAME).collect();
    (!name.is_empty()).then_some(name)
}

fn invalid(field: &'static str, expected: &'static str) -> Error {
    Error::invalid(field, expected).with_provider(PROVIDER)
}

#[cfg(test)]
mod tests;
