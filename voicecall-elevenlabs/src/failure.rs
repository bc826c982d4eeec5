//! From whatever ElevenLabs says when it fails to the one error type.
//!
//! Its own sentences are not kept: they quote requests, and with them what is said to a caller.

use reqwest::header::HeaderMap;
use reqwest::{Response, StatusCode};
use voicecall_core::{Error, ErrorKind};
use voicecall_net::http::read_refusal;
use voicecall_net::retry_after;

use crate::PROVIDER;
use crate::wire::failure::Failure;

/// Too many requests at once, by its current and its older code.
const TOO_MANY_AT_ONCE: [&str; 2] = ["concurrent_limit_exceeded", "too_many_concurrent_requests"];

/// How many requests of the account are answered at once, and how many may be, as headers tell it.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Concurrency {
    pub(crate) current: Option<u32>,
    pub(crate) maximum: Option<u32>,
}

impl Concurrency {
    pub(crate) fn read(headers: &HeaderMap) -> Self {
        let number = |name: &str| headers.get(name)?.to_str().ok()?.trim().parse().ok();
        Self { current: number("current-concurrent-requests"), maximum: number("maximum-concurrent-requests") }
    }
}

/// The error for an answer that is not a success.
pub(crate) async fn of_answer(operation: &'static str, mut response: Response) -> Error {
    let (status, headers) = (response.status(), response.headers().clone());
    let failure = Failure::read(&read_refusal(&mut response).await);
    of_status(operation, status, &failure, &headers)
}

/// The error for a failure announced in the middle of a successful answer.
pub(crate) fn in_stream(operation: &'static str, failure: &Failure) -> Error {
    of_status(operation, StatusCode::INTERNAL_SERVER_ERROR, failure, &HeaderMap::new())
}

fn of_status(operation: &'static str, status: StatusCode, failure: &Failure, headers: &HeaderMap) -> Error {
    let (kind, hint) = kind(status, failure);
    let code = failure.code.clone().unwrap_or_else(|| status.as_u16().to_string());
    let mut error = Error::new(kind, operation).with_provider(PROVIDER).with_code(code);
    if let Some(field) = &failure.field {
        error = error.with_field(field.clone());
    }
    match (hint, Concurrency::read(headers)) {
        (Some(hint), Concurrency { current: Some(current), maximum: Some(maximum) })
            if kind == ErrorKind::RateLimited =>
        {
            error = error.with_message(format!("{hint} ({current} of {maximum} at once)"));
        }
        (Some(hint), _) => error = error.with_message(hint),
        (None, _) => {}
    }
    match retry_after(headers) {
        Some(wait) if error.is_retryable() => error.with_retry_after(wait),
        _ => error,
    }
}

fn kind(status: StatusCode, failure: &Failure) -> (ErrorKind, Option<&'static str>) {
    if failure.means_exhausted() || status == StatusCode::PAYMENT_REQUIRED {
        return (ErrorKind::Rejected, Some("the account's credits are used up"));
    }
    match status.as_u16() {
        300..=399 => (ErrorKind::Config, Some("the base address redirects elsewhere")),
        401 if failure.is_any_of(&["missing_permissions"]) => {
            (ErrorKind::Forbidden, Some("the api key lacks a permission"))
        }
        401 => (ErrorKind::Unauthenticated, Some("the api key was not accepted")),
        403 => (ErrorKind::Forbidden, None),
        404 => (ErrorKind::NotFound, Some("no such voice or model, or no such path behind the base address")),
        400 if failure.is_any_of(&["voice_not_found"]) => (ErrorKind::NotFound, Some("no such voice")),
        408 => (ErrorKind::Timeout, None),
        409 => (ErrorKind::Conflict, None),
        429 if failure.is_any_of(&["system_busy"]) => (ErrorKind::Unavailable, Some("the service is busy")),
        429 if failure.is_any_of(&TOO_MANY_AT_ONCE) => {
            (ErrorKind::RateLimited, Some("as many requests at once as the plan allows"))
        }
        429 => (ErrorKind::RateLimited, Some("too many requests")),
        425 | 500..=599 => (ErrorKind::Unavailable, None),
        400..=499 => (ErrorKind::Rejected, None),
        _ => (ErrorKind::Protocol, Some("an unexpected status")),
    }
}

/// How long to wait, in seconds.
#[cfg(test)]
mod tests {
    use std::time::Duration;

    use serde_json::json;

    use super::*;

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        pairs.iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap())).collect()
    }

    #[test]
    fn every_status_has_a_kind() {
        for (status, code, expected) in [
            (302, "", ErrorKind::Config),
            (400, "text_too_long", ErrorKind::Rejected),
            (400, "voice_not_found", ErrorKind::NotFound),
            (401, "invalid_api_key", ErrorKind::Unauthenticated),
            (401, "quota_exceeded", ErrorKind::Rejected),
            (401, "missing_permissions", ErrorKind::Forbidden),
            (402, "insufficient_credits", ErrorKind::Rejected),
            (402, "", ErrorKind::Rejected),
            (403, "voice_access_denied", ErrorKind::Forbidden),
            (404, "voice_not_found", ErrorKind::NotFound),
            (408, "", ErrorKind::Timeout),
            (409, "", ErrorKind::Conflict),
            (422, "missing", ErrorKind::Rejected),
            (425, "", ErrorKind::Unavailable),
            (429, "rate_limit_exceeded", ErrorKind::RateLimited),
            (429, "concurrent_limit_exceeded", ErrorKind::RateLimited),
            (429, "too_many_concurrent_requests", ErrorKind::RateLimited),
            (429, "system_busy", ErrorKind::Unavailable),
            (500, "", ErrorKind::Unavailable),
            (503, "", ErrorKind::Unavailable),
            (999, "", ErrorKind::Protocol),
        ] {
            let failure = Failure::read(&json!({ "detail": { "code": code } }));
            let status = StatusCode::from_u16(status).unwrap();
            assert_eq!(of_status("test", status, &failure, &HeaderMap::new()).kind(), expected, "{status} {code}");
        }
    }

    #[test]
    fn a_limit_says_how_far_it_was_reached_and_a_wait_is_kept() {
        let failure = Failure::read(&json!({"detail": {"code": "concurrent_limit_exceeded"}}));
        let told = [("current-concurrent-requests", "11"), ("maximum-concurrent-requests", "10"), ("retry-after", "2")];
        let error = of_status("test", StatusCode::TOO_MANY_REQUESTS, &failure, &headers(&told));
        assert!(error.message().unwrap().ends_with("(11 of 10 at once)"), "{error}");
        assert_eq!(error.retry_after(), Some(Duration::from_secs(2)));
        let absurd = headers(&[("current-concurrent-requests", "-1"), ("maximum-concurrent-requests", "many")]);
        assert_eq!(Concurrency::read(&absurd), Concurrency::default());
    }
}
