//! What a failed request means: whether it was done, whether it may be repeated, whose fault it is.

use std::time::Duration;

use reqwest::StatusCode;
use voicecall_core::{Error, ErrorKind};

use crate::PROVIDER;

/// How much of 46elks's own words is kept, in characters.
const LONGEST_TEXT: usize = 200;

/// What doing a request twice would do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Effect {
    /// The same as once.
    Repeatable,
    /// A second phone call.
    Dials,
    /// A second message.
    Sends,
    /// A second number.
    Buys,
}

impl Effect {
    /// The kind of a failure after which nobody knows whether the request was carried out.
    const fn when_unsure(self, otherwise: ErrorKind) -> ErrorKind {
        match self {
            Self::Repeatable => otherwise,
            Self::Dials | Self::Sends | Self::Buys => ErrorKind::UnknownOutcome,
        }
    }
}

/// The meaning of an answer that is not a success: a sentence in plain text, sometimes with JSON around it.
///
/// A 4xx says that nothing was done. Everything else leaves what was to be done once in doubt.
pub(crate) fn refusal(
    operation: &'static str,
    effect: Effect,
    status: StatusCode,
    retry_after: Option<Duration>,
    body: &[u8],
) -> Error {
    use ErrorKind::{Forbidden, Invalid, NotFound, RateLimited, Rejected, Timeout, Unauthenticated, Unavailable};
    let text = sentence(body);
    let lower = text.to_ascii_lowercase();
    let missing = text.strip_prefix("Missing key ").map(|field| field.trim().to_owned());
    let kind = match status.as_u16() {
        401 => Unauthenticated,
        // A parameter that is missing, or money: not what the credentials allow.
        403 if missing.is_some() => Invalid,
        403 if lower.contains("credit") || lower.contains("balance") => Rejected,
        403 => Forbidden,
        404 => NotFound,
        408 => effect.when_unsure(Timeout),
        429 => RateLimited,
        400..=499 => Rejected,
        500..=599 => effect.when_unsure(Unavailable),
        _ => effect.when_unsure(ErrorKind::Protocol),
    };
    let message = if text.is_empty() { "refused without a word".to_owned() } else { text };
    let mut error = Error::new(kind, operation)
        .with_provider(PROVIDER)
        .with_code(format!("http {}", status.as_u16()))
        .with_message(message);
    if let Some(field) = missing {
        error = error.with_field(field);
    }
    match retry_after {
        Some(wait) if error.is_retryable() => error.with_retry_after(wait),
        _ => error,
    }
}

/// 46elks's own words, without what may be a telephone number in them.
fn sentence(body: &[u8]) -> String {
    let text = String::from_utf8_lossy(body);
    let json: Option<serde_json::Value> = serde_json::from_str(&text).ok();
    let inner = json.as_ref().and_then(|json| ["error", "message"].iter().find_map(|name| json.get(name)?.as_str()));
    let text = inner.unwrap_or(&text).trim();
    // Gateways answer with pages of their own.
    if text.starts_with('<') {
        return String::new();
    }
    let mut plain = String::new();
    let mut digits = 0;
    for char in text.chars().filter(|char| !char.is_control()).take(LONGEST_TEXT) {
        digits += usize::from(char.is_ascii_digit());
        plain.push(if char.is_ascii_digit() && digits > 3 { '*' } else { char });
    }
    plain
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
    // The address may hold phone numbers.
    Error::new(kind, operation).with_provider(PROVIDER).with_message(message).with_source(error.without_url())
}

/// The meaning of a success whose body cannot be read.
pub(crate) fn unreadable(operation: &'static str, effect: Effect) -> Error {
    Error::new(effect.when_unsure(ErrorKind::Protocol), operation)
        .with_provider(PROVIDER)
        .with_message("an answer that cannot be read")
}

/// What 46elks does not have.
pub(crate) fn unsupported(operation: &'static str, field: &'static str) -> Error {
    Error::new(ErrorKind::Unsupported, operation).with_provider(PROVIDER).with_field(field)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn placing(status: u16, body: &str) -> Error {
        refusal("place call", Effect::Dials, StatusCode::from_u16(status).unwrap(), None, body.as_bytes())
    }

    #[test]
    fn the_status_decides_the_kind() {
        use ErrorKind::*;
        let known = [
            (400, "", Rejected),
            (401, "API access requires Basic HTTP authentication.", Unauthenticated),
            (403, "Not enough credits", Rejected),
            (403, r#"{"error":"Not enough credits"}"#, Rejected),
            (403, "You may not", Forbidden),
            (404, "", NotFound),
            (429, "", RateLimited),
            (408, "", UnknownOutcome),
            (500, "", UnknownOutcome),
            (302, "", UnknownOutcome),
        ];
        for (status, body, kind) in known {
            assert_eq!(placing(status, body).kind(), kind, "{status} {body}");
        }
        let read = refusal("fetch call", Effect::Repeatable, StatusCode::BAD_GATEWAY, None, b"");
        assert_eq!(read.kind(), ErrorKind::Unavailable);
    }

    #[test]
    fn a_missing_parameter_is_named() {
        let error = placing(403, "Missing key from");
        assert_eq!((error.kind(), error.field()), (ErrorKind::Invalid, Some("from")));
    }

    #[test]
    fn the_sentence_is_kept_without_telephone_numbers_and_pages() {
        let text = format!("{} {:?}", placing(400, "+46701234567 cannot be called"), placing(400, "no 46701234567"));
        assert!(text.contains("cannot be called") && !text.contains("1234567"), "{text}");
        assert!(!placing(502, "<html>nginx</html>").to_string().contains("html"));
    }

    proptest! {
        #[test]
        fn no_answer_makes_it_panic(status in 100..1000u16, body: Vec<u8>) {
            let _ = refusal("place call", Effect::Dials, StatusCode::from_u16(status).unwrap(), None, &body);
        }
    }
}
