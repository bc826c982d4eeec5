//! From whatever a server says when it fails to the one error type.
//!
//! A server's own sentences are not kept: they quote requests, and with them what a caller said.

use std::time::Duration;

use reqwest::header::{HeaderMap, RETRY_AFTER};
use reqwest::{Response, StatusCode};
use voicecall_core::model::CONNECTION_LOST;
use voicecall_core::{Error, ErrorKind};

use crate::wire::failure::Failure;

/// What is read of an answer that is not a success.
const MAX_BODY: usize = 64 * 1024;

/// Waits beyond this are not waited for by anybody on the phone.
const MAX_RETRY_AFTER: f64 = 24.0 * 3600.0;

/// The error for a connection that could not be made or broke.
pub(crate) fn of_transport(operation: &'static str, error: reqwest::Error) -> Error {
    let kind = if error.is_builder() {
        ErrorKind::Config
    } else if error.is_timeout() {
        ErrorKind::Timeout
    } else {
        // Nothing here spends more than tokens, so a request that may have arrived may be repeated.
        ErrorKind::Unavailable
    };
    let lost = Error::new(kind, operation).with_source(error.without_url());
    // Limits of time are not the client's: whatever ends here has no connection, or one that broke or went silent.
    if kind == ErrorKind::Config { lost } else { lost.with_code(CONNECTION_LOST) }
}

/// The error for an answer that is not a success.
pub(crate) async fn of_answer(operation: &'static str, mut response: Response) -> Error {
    let (status, wait) = (response.status(), retry_after(response.headers()));
    let mut body = Vec::new();
    // A body that breaks off is read as far as it came.
    while let Ok(Some(bytes)) = response.chunk().await {
        body.extend_from_slice(&bytes);
        if body.len() > MAX_BODY {
            break;
        }
    }
    let failure = serde_json::from_slice(&body).map(|body| Failure::read(&body)).unwrap_or_default();
    of_status(operation, status, &failure, wait)
}

/// The error for a failure announced in the middle of a successful answer.
pub(crate) fn in_stream(operation: &'static str, failure: &Failure) -> Error {
    let status = failure.status.and_then(|status| StatusCode::from_u16(status).ok());
    let status = status.filter(|status| !status.is_success()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    of_status(operation, status, failure, None)
}

fn of_status(operation: &'static str, status: StatusCode, failure: &Failure, wait: Option<Duration>) -> Error {
    let (kind, hint) = kind(status, failure);
    let code = failure.code.clone().unwrap_or_else(|| status.as_u16().to_string());
    let mut error = Error::new(kind, operation).with_code(code);
    if let Some(field) = &failure.field {
        error = error.with_field(field.clone());
    }
    if let Some(hint) = hint {
        error = error.with_message(hint);
    }
    match wait {
        Some(wait) if error.is_retryable() => error.with_retry_after(wait),
        _ => error,
    }
}

fn kind(status: StatusCode, failure: &Failure) -> (ErrorKind, Option<&'static str>) {
    if failure.means_exhausted() {
        return (ErrorKind::Rejected, Some("the account's credit or limit is used up"));
    }
    match status.as_u16() {
        300..=399 => (ErrorKind::Config, Some("the base address redirects elsewhere")),
        401 => (ErrorKind::Unauthenticated, Some("the api key was not accepted")),
        403 => (ErrorKind::Forbidden, None),
        404 => (ErrorKind::NotFound, Some("no such model, or no such path behind the base address")),
        408 => (ErrorKind::Timeout, None),
        429 => (ErrorKind::RateLimited, None),
        409 | 500..=599 => (ErrorKind::Unavailable, None),
        400..=499 => (ErrorKind::Rejected, None),
        _ => (ErrorKind::Protocol, Some("an unexpected status")),
    }
}

/// How long to wait, as servers tell it: in milliseconds, or in seconds.
fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let number = |name: &str| headers.get(name)?.to_str().ok()?.trim().parse::<f64>().ok();
    let seconds = number("retry-after-ms").map(|millis| millis / 1000.0).or_else(|| number(RETRY_AFTER.as_str()))?;
    let seconds = if seconds > MAX_RETRY_AFTER { MAX_RETRY_AFTER } else { seconds };
    Duration::try_from_secs_f64(seconds).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(name: &'static str, value: &'static str) -> HeaderMap {
        HeaderMap::from_iter([(name.parse().unwrap(), value.parse().unwrap())])
    }

    #[test]
    fn waits_are_read_in_both_units_and_never_trusted() {
        for (name, value, expected) in [
            ("retry-after", "3", Some(Duration::from_secs(3))),
            ("retry-after", "0.5", Some(Duration::from_millis(500))),
            ("retry-after-ms", "250", Some(Duration::from_millis(250))),
            ("retry-after", "-1", None),
            ("retry-after", "NaN", None),
            ("retry-after", "1e300", Some(Duration::from_secs(24 * 3600))),
            ("retry-after", "Fri, 20 Nov 2026 12:00:00 GMT", None),
        ] {
            assert_eq!(retry_after(&headers(name, value)), expected, "{name}: {value}");
        }
    }

    #[test]
    fn every_status_has_a_kind() {
        for (status, kind) in [
            (302, ErrorKind::Config),
            (400, ErrorKind::Rejected),
            (401, ErrorKind::Unauthenticated),
            (403, ErrorKind::Forbidden),
            (404, ErrorKind::NotFound),
            (408, ErrorKind::Timeout),
            (409, ErrorKind::Unavailable),
            (413, ErrorKind::Rejected),
            (422, ErrorKind::Rejected),
            (429, ErrorKind::RateLimited),
            (500, ErrorKind::Unavailable),
            (503, ErrorKind::Unavailable),
            (999, ErrorKind::Protocol),
        ] {
            let status = StatusCode::from_u16(status).unwrap();
            assert_eq!(of_status("test", status, &Failure::default(), None).kind(), kind, "{status}");
        }
    }
}
