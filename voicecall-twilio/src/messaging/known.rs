//! Twilio's messages in the library's words.

use serde_json::Value;
use voicecall_core::messaging::{CarrierMessage, FindMessages, MessageState};
use voicecall_core::{Address, CarrierMessageId};

use crate::call::{call_id, price, timestamp};
use crate::wire;

/// The message's id, if the text can be one: it goes into paths, so nothing but letters and digits passes.
pub(super) fn message_id(text: &str) -> Option<CarrierMessageId> {
    call_id(text).map(|id| CarrierMessageId::new(id.as_str()))
}

/// How far a message in this status has come; none for a word this version does not know.
pub(super) fn message_state(status: &str) -> Option<MessageState> {
    Some(match status {
        "receiving" | "received" => MessageState::Received,
        "accepted" | "scheduled" | "queued" | "sending" | "sent" => MessageState::Sent,
        "delivered" | "partially_delivered" => MessageState::Delivered,
        "read" => MessageState::Read,
        "undelivered" => MessageState::Undelivered,
        "failed" | "canceled" => MessageState::Failed,
        _ => return None,
    })
}

/// The message; none if its id cannot be one.
///
/// An unknown status is taken as [`Sent`](MessageState::Sent), which claims the least: Twilio has it.
pub(super) fn carrier_message(message: &wire::Message) -> Option<CarrierMessage> {
    let state = message.status.as_deref().and_then(message_state).unwrap_or(MessageState::Sent);
    let mut known = CarrierMessage::new(message_id(&message.sid)?, state);
    let address = |text: &Option<String>| text.as_deref().and_then(|text| text.parse::<Address>().ok());
    (known.to, known.from) = (address(&message.to), address(&message.from));
    // 0 while it is not known.
    known.parts = number(&message.num_segments).and_then(|parts| u32::try_from(parts).ok()).filter(|parts| *parts > 0);
    known.price = price(message.price.as_deref(), message.price_unit.as_deref());
    known.error = number(&message.error_code).filter(|code| *code > 0).map(|code| code.to_string());
    known.created_at = message.date_created.as_deref().and_then(timestamp);
    Some(known)
}

/// Whether it is a message of ours with these words, taken at or after this time.
pub(super) fn is_it(message: &wire::Message, query: &FindMessages) -> bool {
    let is_ours = message.direction.as_deref().is_none_or(|direction| direction.starts_with("outbound"));
    let created = message.date_created.as_deref().and_then(timestamp);
    let is_since = created.is_none_or(|created| created.as_second() >= query.since.as_second());
    is_ours && is_since && words(message.body.as_deref().unwrap_or_default()) == words(&query.text)
}

/// The words as they are compared: spaces around them and the way lines end are the carrier's to change.
fn words(text: &str) -> String {
    text.trim().replace("\r\n", "\n")
}

fn number(value: &Value) -> Option<u64> {
    value.as_u64().or_else(|| value.as_str()?.parse().ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(json: &str) -> wire::Message {
        serde_json::from_str(json).unwrap()
    }

    #[test]
    fn every_documented_status_is_known_and_a_new_one_claims_the_least() {
        use MessageState::{Delivered, Failed, Read, Received, Sent, Undelivered};
        let known = [
            ("accepted", Sent),
            ("scheduled", Sent),
            ("queued", Sent),
            ("sending", Sent),
            ("sent", Sent),
            ("delivered", Delivered),
            ("partially_delivered", Delivered),
            ("read", Read),
            ("undelivered", Undelivered),
            ("failed", Failed),
            ("canceled", Failed),
            ("receiving", Received),
            ("received", Received),
        ];
        for (status, state) in known {
            assert_eq!(message_state(status), Some(state), "{status}");
        }
        assert_eq!(message_state("brand-new"), None);
        let new = carrier_message(&message(r#"{"sid":"SM1","status":"brand-new"}"#)).unwrap();
        assert_eq!(new.state, Sent);
    }

    #[test]
    fn a_delivered_message_has_its_parts_and_its_price() {
        let known = carrier_message(&message(
            r#"{"sid":"SM1","status":"delivered","to":"whatsapp:+46701234567","from":"+15005550006","num_segments":"2",
                "price":"-0.01660","price_unit":"usd","error_code":null,"date_created":"Fri, 20 Nov 2026 10:00:00 +0000"}"#,
        ))
        .unwrap();
        assert_eq!((known.state, known.parts, known.error), (MessageState::Delivered, Some(2), None));
        assert_eq!(known.price.map(|price| (price.micros, price.currency)), Some((16_600, "USD".to_owned())));
        assert_eq!(known.to.unwrap().canonical(), "whatsapp:+46701234567");
        assert_eq!(known.created_at.unwrap().to_string(), "2026-11-20T10:00:00Z");
    }

    #[test]
    fn a_failed_message_has_its_code_and_an_impossible_id_is_none() {
        let failed = carrier_message(&message(r#"{"sid":"SM1","status":"undelivered","error_code":30003}"#)).unwrap();
        assert_eq!((failed.state, failed.error.as_deref()), (MessageState::Undelivered, Some("30003")));
        assert!(carrier_message(&message(r#"{"sid":"../SM1"}"#)).is_none());
    }

    #[test]
    fn what_was_said_is_compared_whatever_way_its_lines_end() {
        let query = FindMessages {
            to: "+46701234567".parse().unwrap(),
            from: "+15005550006".parse().unwrap(),
            text: "Hej\nAnna ".to_owned(),
            since: "2026-11-20T10:00:00.7Z".parse().unwrap(),
        };
        let found = |body: &str, direction: &str, created: &str| {
            let json = serde_json::json!({"sid": "SM1", "body": body, "direction": direction, "date_created": created});
            is_it(&message(&json.to_string()), &query)
        };
        let same_second = "Fri, 20 Nov 2026 10:00:00 +0000";
        assert!(found("Hej\r\nAnna", "outbound-api", same_second));
        assert!(!found("Hej Anna", "outbound-api", same_second));
        assert!(!found("Hej\nAnna", "inbound", same_second));
        assert!(!found("Hej\nAnna", "outbound-api", "Fri, 20 Nov 2026 09:59:59 +0000"));
    }
}
