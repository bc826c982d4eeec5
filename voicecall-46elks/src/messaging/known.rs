//! 46elks's messages in the library's words.

use voicecall_core::messaging::{CarrierMessage, FindMessages, IncomingMessage, MessageState};
use voicecall_core::{Address, CarrierMessageId};

use crate::call::{call_id, number, price, timestamp};
use crate::wire;

/// The message's id, if the text can be one: a letter for its kind, then nothing but letters and digits, as it goes into
/// paths.
pub(super) fn message_id(text: &str) -> Option<CarrierMessageId> {
    call_id(text).filter(|_| text.starts_with(['s', 'm'])).map(|id| CarrierMessageId::new(id.as_str()))
}

/// Where the message is, by its kind.
pub(super) fn message_path(id: &CarrierMessageId) -> Option<String> {
    let id = message_id(id.as_str())?;
    let kind = if id.as_str().starts_with('m') { "mms" } else { "sms" };
    Some(format!("{kind}/{id}"))
}

/// How far a message of ours in this status has come; none for a word this version does not know.
pub(super) fn message_state(status: &str) -> Option<MessageState> {
    Some(match status {
        "created" | "sent" => MessageState::Sent,
        "delivered" => MessageState::Delivered,
        "failed" => MessageState::Failed,
        _ => return None,
    })
}

/// The message; none if its id cannot be one. An unknown status is taken as [`Sent`](MessageState::Sent), which claims the
/// least: 46elks has it.
pub(super) fn carrier_message(text: &wire::Text, currency: Option<&str>) -> Option<CarrierMessage> {
    let state = match text.direction.as_deref() {
        Some("incoming") => MessageState::Received,
        _ => text.status.as_deref().and_then(message_state).unwrap_or(MessageState::Sent),
    };
    let mut known = CarrierMessage::new(message_id(&text.id)?, state);
    (known.to, known.from) = (address(text.to.as_deref()), address(text.from.as_deref()));
    known.parts = number(&text.parts).and_then(|parts| u32::try_from(parts).ok());
    known.price = price(&text.cost, currency);
    known.created_at = text.created.as_deref().and_then(timestamp);
    Some(known)
}

/// Whether it is a message of ours with these words, taken at or after this time. One without a time counts.
pub(super) fn is_it(text: &wire::Text, query: &FindMessages) -> bool {
    let created = text.created.as_deref().and_then(timestamp);
    text.direction.as_deref() != Some("incoming")
        && address(text.to.as_deref()).as_ref() == Some(&query.to)
        && address(text.from.as_deref()).as_ref() == Some(&query.from)
        && text.message.as_deref().unwrap_or_default().trim() == query.text.trim()
        && created.is_none_or(|created| created >= query.since)
}

/// What came in; what the interface leaves out is taken as it was `told`. None if it is one of ours.
pub(super) fn incoming(text: &wire::Text, told: &IncomingMessage) -> Option<IncomingMessage> {
    if text.direction.as_deref() == Some("outgoing") {
        return None;
    }
    let or_told = |known: &Option<String>, told: &Address| address(known.as_deref()).unwrap_or_else(|| told.clone());
    let (from, to) = (or_told(&text.from, &told.from), or_told(&text.to, &told.to));
    let mut message = IncomingMessage::new(from, to, text.message.as_deref().unwrap_or(&told.text));
    message.sent_at = text.created.as_deref().and_then(timestamp).or(told.sent_at);
    Some(message)
}

fn address(text: Option<&str>) -> Option<Address> {
    text?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn known(json: &str) -> CarrierMessage {
        carrier_message(&serde_json::from_str(json).unwrap(), Some("sek")).unwrap()
    }

    #[test]
    fn a_delivered_text_has_its_parts_and_its_price() {
        let text = known(
            r#"{"id":"s1","direction":"outgoing","from":"+46766861001","to":"+46701740605","message":"Hej",
                "created":"2018-02-20T11:55:27.756000","status":"delivered","cost":3500,"parts":1}"#,
        );
        assert_eq!((text.state, text.parts), (MessageState::Delivered, Some(1)));
        assert_eq!(text.price.map(|price| (price.micros, price.currency)), Some((350_000, "SEK".to_owned())));
        assert_eq!(text.created_at.unwrap().to_string(), "2018-02-20T11:55:27.756Z");
    }

    #[test]
    fn what_is_not_known_claims_the_least_and_what_came_in_is_told() {
        for (json, state) in [
            (r#"{"id":"m1"}"#, MessageState::Sent),
            (r#"{"id":"s1","status":"brand-new"}"#, MessageState::Sent),
            (r#"{"id":"s1","status":"failed"}"#, MessageState::Failed),
            (r#"{"id":"s1","direction":"incoming"}"#, MessageState::Received),
        ] {
            assert_eq!(known(json).state, state, "{json}");
        }
    }

    #[test]
    fn an_id_tells_where_its_message_is() {
        let path = |id: &str| message_path(&CarrierMessageId::new(id));
        assert_eq!(path("s0a").as_deref(), Some("sms/s0a"));
        assert_eq!(path("m0a").as_deref(), Some("mms/m0a"));
        for wrong in ["", "c1", "s/1", "../s1", "s1?x"] {
            assert_eq!(path(wrong), None, "{wrong}");
        }
    }
}
