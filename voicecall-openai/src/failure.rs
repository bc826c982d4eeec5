//! From whatever a server says when it fails to the one error type.
//!
//! A server's own sentences are not kept: they quote requests, and with them what a caller said.

use std::time::Duration;

use reqwest::{Response, StatusCode};
use voicecall_core::{Error, ErrorKind};
use voicecall_net::http::read_refusal;
use voicecall_net::retry_after;

use crate::wire::failure::Failure;

/// The error for an answer that is not a success.
pub(crate) async fn of_answer(operation: &'static str, mut response: Response) -> Error {
    let (status, wait) = (response.status(), retry_after(response.headers()));
    let failure = Failure::read(&read_refusal(&mut response).await);
    of_status(operation, status, &failure, wait)
}

/// The error for a failure announced in the middle of a successful answer.
pub(crate) fn in_stream(operation: &'static str, failure: &Failure) -> Error {
    let status = failure.status.and_then(|status| StatusCode::from_u16(status).ok());
    let status = status.filter(|status| !status.is_success()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    of_status(operation, status, failure, None)
}

pub(crate) fn of_status(
    operation: &'static str,
    status: StatusCode,
    failure: &Failure,
    wait: Option<Duration>,
) -> Error {
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

#[cfg(test)]
mod tests {
    use super::*;

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
