//! 46elks's calls in the library's words.

use std::time::Duration;

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use serde_json::Value;
use voicecall_core::carrier::{CallDirection, CallPrice, CallStatus, CarrierCall};
use voicecall_core::{CarrierCallId, PhoneNumber};

use crate::wire;

/// The call's id, if the text can be one: it goes into paths, so nothing but letters and digits passes.
pub(crate) fn call_id(text: &str) -> Option<CarrierCallId> {
    let plausible = (1..=64).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_alphanumeric());
    plausible.then(|| CarrierCallId::new(text))
}

/// How far a call has come that is in this state; none for a word this version does not know.
///
/// 46elks does not tell whether a call that failed was not answered. The words beyond `ongoing`, `success` and `failed` are
/// not documented.
pub(crate) fn call_status(state: &str, was_answered: bool) -> Option<CallStatus> {
    Some(match state {
        "ongoing" if was_answered => CallStatus::InProgress,
        "ongoing" => CallStatus::Ringing,
        "success" => CallStatus::Completed,
        "failed" if was_answered => CallStatus::Completed,
        "failed" => CallStatus::Failed,
        "busy" => CallStatus::Busy,
        "noanswer" | "no-answer" | "timeout" => CallStatus::NoAnswer,
        "canceled" | "cancelled" => CallStatus::Canceled,
        _ => return None,
    })
}

/// The call; none if its id cannot be one. An unknown state is taken as [`Queued`](CallStatus::Queued), which claims the
/// least: statuses only advance.
pub(crate) fn carrier_call(call: &wire::Call, currency: Option<&str>) -> Option<CarrierCall> {
    let status = call.state.as_deref().and_then(|state| call_status(state, call.start.is_some()));
    let is_busy =
        status == Some(CallStatus::Failed) && call.legs.iter().any(|leg| leg.state.as_deref() == Some("busy"));
    let status = if is_busy { CallStatus::Busy } else { status.unwrap_or(CallStatus::Queued) };
    let mut known = CarrierCall::new(call_id(&call.id)?, status);
    let phone = |text: &Option<String>| text.as_deref().and_then(|text| PhoneNumber::parse(text).ok());
    (known.to, known.from) = (phone(&call.to), phone(&call.from));
    known.direction = match call.direction.as_deref() {
        Some("incoming") => Some(CallDirection::Inbound),
        Some("outgoing") => Some(CallDirection::OutboundApi),
        _ => None,
    };
    known.created_at = call.created.as_deref().and_then(timestamp);
    known.started_at = call.start.as_deref().and_then(timestamp);
    if status.is_final() {
        known.duration = number(&call.duration).map(Duration::from_secs);
        known.price = price(&call.cost, currency);
    }
    Some(known)
}

/// Ten-thousandths of the account's currency.
pub(crate) fn price(cost: &Value, currency: Option<&str>) -> Option<CallPrice> {
    Some(CallPrice { micros: number(cost)?.checked_mul(100)?, currency: currency?.to_ascii_uppercase() })
}

/// A time as 46elks writes it: UTC, though it does not say so.
pub(crate) fn timestamp(text: &str) -> Option<Timestamp> {
    let bare = text.parse::<DateTime>().ok().and_then(|time| time.to_zoned(TimeZone::UTC).ok());
    bare.map(|time| time.timestamp()).or_else(|| text.parse().ok())
}

/// The time as 46elks writes it.
pub(crate) fn written(time: Timestamp) -> String {
    time.strftime("%Y-%m-%dT%H:%M:%S.%6f").to_string()
}

/// A number, or a string that is one.
pub(crate) fn number(value: &Value) -> Option<u64> {
    value.as_u64().or_else(|| value.as_str()?.parse().ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn call(json: &str) -> CarrierCall {
        carrier_call(&serde_json::from_str(json).unwrap(), Some("sek")).unwrap()
    }

    #[test]
    fn a_finished_call_has_its_times_and_its_price() {
        let done = call(
            r#"{"id":"c1","state":"success","direction":"outgoing","created":"2018-02-20T11:55:27.756000",
                "start":"2018-02-20T11:55:30.000000","duration":"8","cost":1500}"#,
        );
        assert_eq!((done.status, done.duration), (CallStatus::Completed, Some(Duration::from_secs(8))));
        assert_eq!(done.created_at.unwrap().to_string(), "2018-02-20T11:55:27.756Z");
        assert_eq!(done.price, Some(CallPrice { micros: 150_000, currency: "SEK".to_owned() }));
        assert_eq!(written(done.created_at.unwrap()), "2018-02-20T11:55:27.756000");
    }

    #[test]
    fn states_are_read_with_what_is_known_beside_them() {
        for (json, status) in [
            (r#"{"id":"c1","state":"ongoing"}"#, CallStatus::Ringing),
            (r#"{"id":"c1","state":"ongoing","start":"2018-02-20T11:55:30"}"#, CallStatus::InProgress),
            (r#"{"id":"c1","state":"failed"}"#, CallStatus::Failed),
            (r#"{"id":"c1","state":"failed","legs":[{"state":"busy"}]}"#, CallStatus::Busy),
            (r#"{"id":"c1","state":"busy"}"#, CallStatus::Busy),
            (r#"{"id":"c1","state":"brand-new"}"#, CallStatus::Queued),
        ] {
            assert_eq!(call(json).status, status, "{json}");
        }
    }

    #[test]
    fn only_letters_and_digits_can_be_an_id() {
        assert!(call_id("c0123456789abcdef0123456789abcdef").is_some());
        for wrong in ["", ".", "c/1", "c1?x", "c 1", "å", &"c".repeat(65)] {
            assert_eq!(call_id(wrong), None, "{wrong}");
        }
    }
}
