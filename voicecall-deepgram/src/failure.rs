//! From whatever Deepgram says when it fails to the one error type.
//!
//! Its own sentences are not kept: they may quote a request. Its codes are, and the name of the request.

use std::time::Duration;

use tokio_tungstenite::tungstenite::http::{HeaderMap, Response};
use voicecall_core::{Error, ErrorKind};
use voicecall_net::retry_after;
use voicecall_net::websocket::{CloseCode, CloseFrame, SocketError, socket_failure};

use crate::wire::{Refusal, name};

pub(crate) const OPERATION: &str = "transcribe";

/// The error for a handshake that failed.
pub(crate) fn of_handshake(error: SocketError) -> Error {
    match error {
        SocketError::Http(response) => of_response(&response),
        error => of_socket(Some(error)),
    }
}

/// The error for a socket that broke, or ended without a goodbye.
pub(crate) fn of_socket(error: Option<SocketError>) -> Error {
    socket_failure(OPERATION, error)
}

/// The error for an answer to the handshake that is not 101.
fn of_response(response: &Response<Option<Vec<u8>>>) -> Error {
    let (status, headers) = (response.status().as_u16(), response.headers());
    let body = response.body().as_deref().and_then(|body| serde_json::from_slice(body).ok());
    let refusal = body.map(|body| Refusal::read(&body)).unwrap_or_default();
    let (kind, hint) = kind(status);
    let code = refusal.code.or_else(|| named(headers, "dg-error")).unwrap_or_else(|| status.to_string());
    let request = refusal.request_id.or_else(|| named(headers, "dg-request-id"));
    let error = Error::new(kind, OPERATION).with_code(code);
    let error = match (hint, request) {
        (Some(hint), Some(request)) => error.with_message(format!("{hint}; request {request}")),
        (Some(hint), None) => error.with_message(hint),
        (None, Some(request)) => error.with_message(format!("request {request}")),
        (None, None) => error,
    };
    match retry_after(headers) {
        Some(wait) if error.is_retryable() => error.with_retry_after(wait),
        _ => error,
    }
}

const fn kind(status: u16) -> (ErrorKind, Option<&'static str>) {
    match status {
        300..=399 => (ErrorKind::Config, Some("the base address redirects elsewhere")),
        400 => (ErrorKind::Rejected, Some("a parameter was not accepted, perhaps this model with this language")),
        401 => (ErrorKind::Unauthenticated, Some("the api key was not accepted")),
        402 => (ErrorKind::Rejected, Some("the account's credit is used up")),
        403 => (ErrorKind::Forbidden, Some("the api key may not use this model")),
        404 => (ErrorKind::NotFound, Some("no such path behind the base address")),
        408 => (ErrorKind::Timeout, None),
        429 => (ErrorKind::RateLimited, Some("more sockets at once than the account may have")),
        405..=407 | 409..=428 | 430..=499 => (ErrorKind::Rejected, None),
        500..=599 => (ErrorKind::Unavailable, None),
        _ => (ErrorKind::Protocol, Some("an unexpected status")),
    }
}

/// The error for a socket that Deepgram closed before the transcript was whole. The reason begins with Deepgram's code,
/// such as `NET-0001`.
pub(crate) fn of_close(frame: Option<&CloseFrame>) -> Error {
    let Some(frame) = frame else { return of_socket(None) };
    let code = frame.reason.split(|c: char| c.is_whitespace() || c == ':').next().and_then(name);
    let of_deepgram = code.filter(|code| code.starts_with("NET-") || code.starts_with("DATA-"));
    let (kind, hint) = match (of_deepgram.as_deref(), frame.code) {
        (Some("NET-0001"), _) => (ErrorKind::Timeout, "Deepgram waited too long for audio"),
        (Some(code), _) if code.starts_with("DATA-") => (ErrorKind::Rejected, "Deepgram could not read the audio"),
        (Some(_), _) => (ErrorKind::Unavailable, "Deepgram failed"),
        (None, CloseCode::Policy) => (ErrorKind::Rejected, "Deepgram closed the socket"),
        (None, CloseCode::Protocol | CloseCode::Unsupported | CloseCode::Invalid | CloseCode::Size) => {
            (ErrorKind::Protocol, "Deepgram closed the socket")
        }
        (None, _) => (ErrorKind::Unavailable, "Deepgram closed the socket"),
    };
    let code = of_deepgram.unwrap_or_else(|| u16::from(frame.code).to_string());
    Error::new(kind, OPERATION).with_code(code).with_message(hint)
}

/// The error for an `Error` message.
pub(crate) fn of_message(refusal: Refusal) -> Error {
    let error = Error::new(ErrorKind::Unavailable, OPERATION);
    let error = match refusal.code {
        Some(code) => error.with_code(code),
        None => error.with_message("Deepgram failed"),
    };
    match refusal.request_id {
        Some(request) => error.with_message(format!("request {request}")),
        None => error,
    }
}

/// The error for a wait that was too long.
pub(crate) fn of_silence(waited_for: &'static str, limit: Duration) -> Error {
    Error::new(ErrorKind::Timeout, OPERATION).with_message(format!("{waited_for} within {limit:?}"))
}

/// The error for a message that is not of the protocol.
pub(crate) fn of_protocol(what: &'static str) -> Error {
    Error::new(ErrorKind::Protocol, OPERATION).with_message(what)
}

fn named(headers: &HeaderMap, header: &str) -> Option<String> {
    headers.get(header)?.to_str().ok().and_then(name)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use voicecall_core::model::CONNECTION_LOST;

    use super::*;

    fn refused(status: u16, headers: &[(&'static str, &str)], body: &str) -> Error {
        let mut response = Response::builder().status(status);
        for (name, value) in headers {
            response = response.header(*name, *value);
        }
        of_response(&response.body(Some(body.as_bytes().to_vec())).unwrap())
    }

    fn closed(code: u16, reason: &str) -> Error {
        of_close(Some(&CloseFrame { code: code.into(), reason: reason.into() }))
    }

    #[test]
    fn every_status_has_a_kind() {
        for (status, kind) in [
            (200, ErrorKind::Protocol),
            (302, ErrorKind::Config),
            (400, ErrorKind::Rejected),
            (401, ErrorKind::Unauthenticated),
            (402, ErrorKind::Rejected),
            (403, ErrorKind::Forbidden),
            (404, ErrorKind::NotFound),
            (408, ErrorKind::Timeout),
            (413, ErrorKind::Rejected),
            (429, ErrorKind::RateLimited),
            (500, ErrorKind::Unavailable),
            (503, ErrorKind::Unavailable),
            (999, ErrorKind::Protocol),
        ] {
            let error = refused(status, &[], "");
            assert_eq!((error.kind(), error.code()), (kind, Some(status.to_string().as_str())));
        }
    }

    #[test]
    fn a_refusal_keeps_codes_and_drops_sentences() {
        let body = r#"{"err_code":"INVALID_AUTH","err_msg":"canary 0701234567","request_id":"r-1"}"#;
        let error = refused(401, &[("dg-error", "canary canary"), ("dg-request-id", "r-2")], body);
        assert_eq!((error.kind(), error.code()), (ErrorKind::Unauthenticated, Some("INVALID_AUTH")));
        let printed = format!("{error} {error:?}");
        assert!(printed.contains("request r-1") && !printed.contains("canary"), "{printed}");
        let error = refused(400, &[("dg-error", "Bad-Model"), ("dg-request-id", "r-2")], "<html>");
        assert_eq!(error.code(), Some("Bad-Model"));
        assert!(error.to_string().contains("request r-2"), "{error}");
    }

    #[test]
    fn waits_are_read_and_never_trusted() {
        for (value, expected) in [
            ("3", Some(Duration::from_secs(3))),
            ("0.5", Some(Duration::from_millis(500))),
            ("-1", None),
            ("NaN", None),
            ("1e300", Some(Duration::from_secs(24 * 3600))),
            ("Fri, 20 Nov 2026 12:00:00 GMT", None),
        ] {
            assert_eq!(refused(429, &[("retry-after", value)], "").retry_after(), expected, "{value}");
        }
        assert_eq!(refused(401, &[("retry-after", "3")], "").retry_after(), None);
    }

    #[test]
    fn a_close_is_told_by_its_reason_first() {
        for (code, reason, kind, expected) in [
            (1011, "NET-0001: canary", ErrorKind::Timeout, "NET-0001"),
            (1011, "NET-0000", ErrorKind::Unavailable, "NET-0000"),
            (1008, "DATA-0000: canary", ErrorKind::Rejected, "DATA-0000"),
            (1008, "canary", ErrorKind::Rejected, "1008"),
            (1011, "", ErrorKind::Unavailable, "1011"),
            (1000, "", ErrorKind::Unavailable, "1000"),
            (1002, "", ErrorKind::Protocol, "1002"),
            (1013, "", ErrorKind::Unavailable, "1013"),
        ] {
            let error = closed(code, reason);
            assert_eq!((error.kind(), error.code()), (kind, Some(expected)), "{code} {reason}");
            assert!(!format!("{error:?}").contains("canary"));
        }
        assert_eq!(of_close(None).code(), Some(CONNECTION_LOST));
    }

    proptest! {
        #[test]
        fn nothing_said_at_the_end_panics(code in any::<u16>(), reason in ".{0,40}", body in ".{0,60}") {
            closed(code, &reason);
            refused(400 + code % 200, &[], &body);
        }
    }
}
