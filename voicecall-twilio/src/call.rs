//! Twilio's calls in the library's words.

use std::time::Duration;

use jiff::Timestamp;
use jiff::fmt::rfc2822;
use voicecall_core::CarrierCallId;
use voicecall_core::carrier::{CallStatus, CarrierCall};

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
    known.created_at = call.date_created.as_deref().and_then(timestamp);
    if status.is_final() {
        known.duration = call.duration.as_deref().and_then(|text| text.parse().ok()).map(Duration::from_secs);
    }
    Some(known)
}

fn timestamp(text: &str) -> Option<Timestamp> {
    rfc2822::DateTimeParser::new().parse_timestamp(text).ok()
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
    fn what_cannot_be_read_claims_nothing() {
        let json = r#"{"sid":"CA1","status":"brand-new","date_created":"yesterday","duration":"15"}"#;
        let call = carrier_call(&serde_json::from_str(json).unwrap()).unwrap();
        assert_eq!((call.status, call.created_at, call.duration), (CallStatus::Queued, None, None));
    }
}
