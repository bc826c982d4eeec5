//! Twilio's calls in the library's words.

use std::time::Duration;

use jiff::Timestamp;
use jiff::fmt::rfc2822;
use voicecall_core::carrier::{AnsweredBy, CallDirection, CallPrice, CallStatus, CarrierCall, GreetingEnd};
use voicecall_core::{CarrierCallId, PhoneNumber};

use crate::wire;

/// The call's id, if the text can be one: it goes into paths, so nothing but letters and digits passes.
pub(crate) fn call_id(text: &str) -> Option<CarrierCallId> {
    let plausible = (1..=64).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_alphanumeric());
    plausible.then(|| CarrierCallId::new(text))
}

/// The status; none for a word this version does not know.
pub(crate) const fn call_status(status: wire::Status) -> Option<CallStatus> {
    Some(match status {
        wire::Status::Queued | wire::Status::Initiated => CallStatus::Queued,
        wire::Status::Ringing => CallStatus::Ringing,
        wire::Status::InProgress => CallStatus::InProgress,
        wire::Status::Completed => CallStatus::Completed,
        wire::Status::Busy => CallStatus::Busy,
        wire::Status::NoAnswer => CallStatus::NoAnswer,
        wire::Status::Failed => CallStatus::Failed,
        wire::Status::Canceled => CallStatus::Canceled,
        wire::Status::Unknown => return None,
    })
}

/// The call; none if its id cannot be one.
///
/// An unknown status is taken as [`Queued`](CallStatus::Queued), which claims the least: statuses only advance.
pub(crate) fn carrier_call(call: &wire::Call) -> Option<CarrierCall> {
    let status = call.status.and_then(call_status).unwrap_or(CallStatus::Queued);
    let mut known = CarrierCall::new(call_id(&call.sid)?, status);
    let number = |text: &Option<String>| text.as_deref().and_then(|text| PhoneNumber::parse(text).ok());
    (known.to, known.from) = (number(&call.to), number(&call.from));
    known.direction = call.direction.as_deref().and_then(direction);
    known.parent = call.parent_call_sid.as_deref().and_then(call_id);
    known.answered_by = call.answered_by.as_deref().and_then(answered_by);
    known.price = price(call.price.as_deref(), call.price_unit.as_deref());
    known.created_at = call.date_created.as_deref().and_then(timestamp);
    known.started_at = call.start_time.as_deref().and_then(timestamp);
    known.ended_at = call.end_time.as_deref().and_then(timestamp);
    if status.is_final() {
        known.duration = call.duration.as_deref().and_then(|text| text.parse().ok()).map(Duration::from_secs);
    }
    Some(known)
}

/// A time as the older API writes it.
pub(crate) fn timestamp(text: &str) -> Option<Timestamp> {
    rfc2822::DateTimeParser::new().parse_timestamp(text).ok()
}

/// The word for a status in a filter.
pub(crate) const fn status_name(status: CallStatus) -> Option<&'static str> {
    Some(match status {
        CallStatus::Queued => "queued",
        CallStatus::Ringing => "ringing",
        CallStatus::InProgress => "in-progress",
        CallStatus::Completed => "completed",
        CallStatus::Busy => "busy",
        CallStatus::NoAnswer => "no-answer",
        CallStatus::Failed => "failed",
        CallStatus::Canceled => "canceled",
        _ => return None,
    })
}

/// The verdict; none for a word this version does not know.
pub(crate) fn answered_by(word: &str) -> Option<AnsweredBy> {
    Some(match word {
        "human" => AnsweredBy::Human,
        "machine_start" => AnsweredBy::MachineStart,
        "machine_end_beep" => AnsweredBy::MachineEnd(GreetingEnd::Beep),
        "machine_end_silence" => AnsweredBy::MachineEnd(GreetingEnd::Silence),
        "machine_end_other" => AnsweredBy::MachineEnd(GreetingEnd::Other),
        "fax" => AnsweredBy::Fax,
        "unknown" => AnsweredBy::Unknown,
        _ => return None,
    })
}

fn direction(word: &str) -> Option<CallDirection> {
    match word {
        "inbound" | "trunking-originating" => Some(CallDirection::Inbound),
        "outbound-api" => Some(CallDirection::OutboundApi),
        "outbound-dial" => Some(CallDirection::OutboundDial),
        _ => None,
    }
}

/// `-0.01450` and `USD`; a price that is not there yet, or not a price, is none.
pub(crate) fn price(amount: Option<&str>, unit: Option<&str>) -> Option<CallPrice> {
    let amount = amount?.trim_start_matches('-');
    let (whole, fraction) = amount.split_once('.').unwrap_or((amount, ""));
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    if whole.is_empty() || !digits(whole) || !digits(fraction) {
        return None;
    }
    let millionths: String = fraction.chars().chain("000000".chars()).take(6).collect();
    let micros = whole.parse::<u64>().ok()?.checked_mul(1_000_000)?.checked_add(millionths.parse().ok()?)?;
    Some(CallPrice { micros, currency: unit?.to_ascii_uppercase() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_letters_and_digits_can_be_an_id() {
        assert!(call_id("CA0123456789abcdef0123456789abcdef").is_some());
        for wrong in ["", ".", "..", "CA/1", "CA1?x", "CA 1", "CÅ1", &"A".repeat(65)] {
            assert_eq!(call_id(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn a_finished_call_has_its_times() {
        let json =
            r#"{"sid":"CA1","status":"completed","date_created":"Tue, 31 Aug 2010 20:36:28 +0000","duration":"15"}"#;
        let call = carrier_call(&serde_json::from_str(json).unwrap()).unwrap();
        assert_eq!(call.status, CallStatus::Completed);
        assert_eq!(call.created_at.unwrap().to_string(), "2010-08-31T20:36:28Z");
        assert_eq!(call.duration, Some(Duration::from_secs(15)));
    }

    #[test]
    fn a_price_is_read_in_millionths() {
        let micros = |text| price(Some(text), Some("USD")).map(|price| price.micros);
        assert_eq!(
            [micros("-0.01450"), micros("1"), micros("2.1234567")],
            [Some(14_500), Some(1_000_000), Some(2_123_456)]
        );
        for wrong in ["", "-", "x", "1.x", "1e3", "99999999999999999999"] {
            assert_eq!(micros(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn what_cannot_be_read_claims_nothing() {
        let json = r#"{"sid":"CA1","status":"brand-new","date_created":"yesterday","duration":"15"}"#;
        let call = carrier_call(&serde_json::from_str(json).unwrap()).unwrap();
        assert_eq!((call.status, call.created_at, call.duration), (CallStatus::Queued, None, None));
    }
}
