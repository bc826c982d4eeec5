//! What a failed request means: whether it was done, whether it may be repeated, whose fault it is.

use std::time::Duration;

use jiff::Timestamp;
use jiff::fmt::rfc2822;
use reqwest::StatusCode;
use voicecall_core::{Error, ErrorKind};

use crate::PROVIDER;
use crate::wire::Problem;

/// What doing a request twice would do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Effect {
    /// The same as once: reading, ending a call, giving it new instructions.
    Repeatable,
    /// A second phone call.
    Dials,
    /// A second recording of the call.
    Records,
    /// A second message.
    Sends,
    /// A second number.
    Buys,
    /// A second conversation, participant, medium or transcript.
    Creates,
}

impl Effect {
    /// The kind of a failure after which nobody knows whether the request was carried out.
    pub(crate) const fn when_unsure(self, otherwise: ErrorKind) -> ErrorKind {
        match self {
            Self::Repeatable => otherwise,
            Self::Dials | Self::Records | Self::Sends | Self::Buys | Self::Creates => ErrorKind::UnknownOutcome,
        }
    }
}

/// The meaning of an answer that is not a success.
///
/// A 4xx says that nothing was done, and its code says why. Everything else leaves what was to be done once in
/// doubt. The sentences in the body are not passed on: they quote phone numbers.
pub(crate) fn refusal(
    operation: &'static str,
    effect: Effect,
    status: StatusCode,
    retry_after: Option<Duration>,
    body: &[u8],
) -> Error {
    use ErrorKind::{
        Closed, Conflict, Forbidden, Invalid, NotFound, RateLimited, Rejected, Unauthenticated, Unavailable,
    };
    let code = Problem::code_in(body);
    let (kind, field, message) = match (status.as_u16(), code) {
        (400..=499, Some(21211)) if effect == Effect::Sends => (Rejected, Some("to"), "a number that takes messages"),
        (400..=499, Some(21421 | 21422)) => (Rejected, Some("number"), "not a number that is sold, or not any more"),
        (400..=499, Some(21602)) => (Invalid, Some("text"), "words, or media"),
        (400..=499, Some(21608)) => (Rejected, Some("to"), "a trial account writes to verified numbers only"),
        (400..=499, Some(21610)) => (Rejected, Some("to"), "the receiver has opted out"),
        (400..=499, Some(21612)) => (Rejected, Some("to"), "the receiver cannot be reached from this number"),
        (400..=499, Some(21614)) => (Rejected, Some("to"), "not a mobile number"),
        // A gateway's words for not having heard the whole request, or not having heard the answer.
        (408, _) => (effect.when_unsure(ErrorKind::Timeout), None, "the request took too long"),
        (400..=499, Some(10001)) => (Forbidden, None, "the account is not active"),
        (400..=499, Some(10002)) => (Forbidden, None, "a trial account cannot do this"),
        (400..=499, Some(10004)) => (RateLimited, None, "too many calls at once"),
        (400..=499, Some(22005)) => (RateLimited, None, "the queue of calls is full"),
        (400..=499, Some(20003)) => (Unauthenticated, None, "wrong credentials"),
        (400..=499, Some(20403)) => (Forbidden, None, "the credentials do not allow this"),
        (400..=499, Some(20404)) => (NotFound, None, "no such thing"),
        (400..=499, Some(20429)) => (RateLimited, None, "too many requests at once"),
        (400..=499, Some(21201)) => (Invalid, Some("to"), "a number to call"),
        (400..=499, Some(21202)) => (Rejected, Some("to"), "a premium or blocked destination"),
        (400..=499, Some(21205)) => (Invalid, Some("answer_url"), "an address Twilio can reach"),
        (400..=499, Some(21210)) => (Rejected, Some("from"), "the number is not the account's"),
        (400..=499, Some(21211)) => (Invalid, Some("to"), "a number that can be called"),
        (400..=499, Some(21212)) => (Invalid, Some("from"), "a number to call from"),
        (400..=499, Some(21213)) => (Invalid, Some("from"), "a number to call from"),
        (400..=499, Some(21214)) => (Rejected, Some("to"), "the number cannot be reached"),
        (400..=499, Some(21215)) => (Rejected, Some("to"), "the account may not call this country"),
        (400..=499, Some(21216)) => (Rejected, Some("to"), "the account may not call this number"),
        (400..=499, Some(21217)) => (Invalid, Some("to"), "a valid number"),
        (400..=499, Some(21219)) => (Rejected, Some("to"), "a trial account calls verified numbers only"),
        (400..=499, Some(21220)) => (Closed, None, "the call is not live"),
        (400..=499, Some(50353)) => (Conflict, Some("unique_name"), "another conversation has this name"),
        (400..=499, Some(50377)) => (Closed, None, "the conversation is closed"),
        (400..=499, Some(50407)) => (Invalid, Some("address"), "an address that can be written to"),
        (400..=499, Some(50416)) => (Conflict, Some("address"), "this pair of addresses is in a conversation already"),
        (400..=499, Some(50433 | 50437)) => (Conflict, Some("participant"), "is in the conversation already"),
        (400..=499, Some(50504)) => (Invalid, Some("text"), "a shorter one"),
        (401, _) => (Unauthenticated, None, "wrong credentials"),
        (403, _) => (Forbidden, None, "the credentials do not allow this"),
        (404, _) => (NotFound, None, "no such thing"),
        (409, _) => (Conflict, None, "in a state that does not allow this"),
        (429, _) => (RateLimited, None, "too many requests"),
        (400..=499, _) => (Rejected, None, "refused"),
        (500..=599, _) => (effect.when_unsure(Unavailable), None, "Twilio is in trouble"),
        _ => (effect.when_unsure(ErrorKind::Protocol), None, "an answer that is neither success nor failure"),
    };
    let mut error = Error::new(kind, operation).with_provider(PROVIDER).with_message(message);
    error = error.with_code(code.map_or_else(|| format!("http {}", status.as_u16()), |code| code.to_string()));
    if let Some(field) = field {
        error = error.with_field(field);
    }
    match retry_after {
        Some(wait) if error.is_retryable() => error.with_retry_after(wait),
        _ => error,
    }
}

/// The meaning of a request that got no answer, or only half of one.
pub(crate) fn transport(operation: &'static str, effect: Effect, error: reqwest::Error) -> Error {
    let (kind, message) = if error.is_builder() {
        (ErrorKind::Internal, "a request that cannot be built")
    } else if error.is_connect() {
        (ErrorKind::Unavailable, "no connection")
    } else if error.is_timeout() {
        (effect.when_unsure(ErrorKind::Timeout), "no answer in time")
    } else {
        (effect.when_unsure(ErrorKind::Unavailable), "the connection broke")
    };
    // The address holds phone numbers.
    Error::new(kind, operation).with_provider(PROVIDER).with_message(message).with_source(error.without_url())
}

/// The meaning of a success whose body cannot be read.
pub(crate) fn unreadable(operation: &'static str, effect: Effect) -> Error {
    Error::new(effect.when_unsure(ErrorKind::Protocol), operation)
        .with_provider(PROVIDER)
        .with_message("an answer that cannot be read")
}

/// Reads `Retry-After`: seconds, or the date until which to wait (RFC 9110, 10.2.3).
pub(crate) fn retry_after(value: &str, now: Timestamp) -> Option<Duration> {
    let value = value.trim();
    if let Ok(seconds) = value.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let until = rfc2822::DateTimeParser::new().parse_timestamp(value).ok()?;
    Some(Duration::try_from(until.duration_since(now)).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn placing(status: u16, body: &str) -> Error {
        refusal("place call", Effect::Dials, StatusCode::from_u16(status).unwrap(), None, body.as_bytes())
    }

    fn coded(status: u16, code: u32) -> Error {
        placing(status, &format!(r#"{{"code":{code},"message":"+46701234567 is not valid","status":{status}}}"#))
    }

    #[test]
    fn a_code_decides_the_kind_and_names_the_field() {
        use ErrorKind::*;
        let known = [
            (401, 20003, Unauthenticated, None),
            (403, 20403, Forbidden, None),
            (404, 20404, NotFound, None),
            (429, 20429, RateLimited, None),
            (400, 10001, Forbidden, None),
            (400, 10002, Forbidden, None),
            (400, 10004, RateLimited, None),
            (400, 22005, RateLimited, None),
            (400, 21201, Invalid, Some("to")),
            (400, 21202, Rejected, Some("to")),
            (400, 21205, Invalid, Some("answer_url")),
            (400, 21210, Rejected, Some("from")),
            (400, 21211, Invalid, Some("to")),
            (400, 21212, Invalid, Some("from")),
            (400, 21213, Invalid, Some("from")),
            (400, 21214, Rejected, Some("to")),
            (400, 21215, Rejected, Some("to")),
            (400, 21216, Rejected, Some("to")),
            (400, 21217, Invalid, Some("to")),
            (400, 21219, Rejected, Some("to")),
            (400, 21220, Closed, None),
            (400, 21602, Invalid, Some("text")),
            (400, 21608, Rejected, Some("to")),
            (400, 21610, Rejected, Some("to")),
            (400, 21612, Rejected, Some("to")),
            (400, 21614, Rejected, Some("to")),
            (400, 99999, Rejected, None),
        ];
        for (status, code, kind, field) in known {
            let error = coded(status, code);
            assert_eq!((error.kind(), error.field()), (kind, field), "{code}");
            assert_eq!(error.code(), Some(code.to_string().as_str()));
        }
    }

    #[test]
    fn without_a_code_the_status_decides() {
        use ErrorKind::*;
        let known = [
            (400, Rejected),
            (401, Unauthenticated),
            (403, Forbidden),
            (404, NotFound),
            (409, Conflict),
            (429, RateLimited),
        ];
        for (status, kind) in known {
            let error = placing(status, "<html>");
            assert_eq!(error.kind(), kind, "{status}");
            assert_eq!(error.code(), Some(format!("http {status}").as_str()));
        }
    }

    #[test]
    fn what_leaves_a_placed_call_in_doubt_is_an_unknown_outcome() {
        for status in [302, 307, 408, 500, 502, 503, 504, 599] {
            assert_eq!(placing(status, "").kind(), ErrorKind::UnknownOutcome, "{status}");
            assert_eq!(coded(status, 21211).kind(), ErrorKind::UnknownOutcome, "{status} with a code");
        }
        let read = refusal("fetch call", Effect::Repeatable, StatusCode::BAD_GATEWAY, None, b"");
        assert_eq!(read.kind(), ErrorKind::Unavailable);
    }

    #[test]
    fn the_providers_sentence_is_not_passed_on() {
        let error = coded(400, 21211);
        assert!(!format!("{error} {error:?}").contains("701234567"));
    }

    #[test]
    fn retry_after_is_seconds_or_a_date() {
        let now: Timestamp = "2026-11-20T10:00:00Z".parse().unwrap();
        assert_eq!(retry_after(" 3 ", now), Some(Duration::from_secs(3)));
        assert_eq!(retry_after("Fri, 20 Nov 2026 10:00:07 GMT", now), Some(Duration::from_secs(7)));
        assert_eq!(retry_after("Fri, 20 Nov 2026 09:00:00 GMT", now), Some(Duration::ZERO));
        assert_eq!(retry_after("soon", now), None);
    }

    proptest! {
        #[test]
        fn no_answer_makes_it_panic(status in 100..1000u16, body: Vec<u8>, header in ".{0,40}") {
            let wait = retry_after(&header, Timestamp::UNIX_EPOCH);
            let status = StatusCode::from_u16(status).unwrap();
            let _ = refusal("place call", Effect::Dials, status, wait, &body);
        }
    }
}
