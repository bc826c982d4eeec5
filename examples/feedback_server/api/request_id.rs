//! A name for every request: the client's own if it is a sane one, in the answer and in every line of the log.

use axum::extract::{MatchedPath, Request};
use axum::http::{HeaderName, HeaderValue};
use axum::middleware::Next;
use axum::response::Response;
use tracing::{Instrument, info_span};
use voicecall::RecordId;

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// Longer names are not taken over.
const LONGEST: usize = 128;

/// Gives a request its name.
pub(crate) async fn name_request(request: Request, next: Next) -> Response {
    let id = match request.headers().get(REQUEST_ID) {
        Some(own) if is_sane(own) => own.clone(),
        // Nothing but hexadecimal digits and hyphens, so it is a header's value.
        _ => HeaderValue::from_str(&RecordId::new().to_string()).unwrap_or(HeaderValue::from_static("none")),
    };
    // The route and not the path, which may hold what a carrier or client keeps secret.
    let route = request.extensions().get::<MatchedPath>().map_or("", |path| path.as_str()).to_owned();
    let span = info_span!("request", id = id.to_str().unwrap_or(""), method = %request.method(), route);
    let mut response = next.run(request).instrument(span).await;
    response.headers_mut().insert(REQUEST_ID, id);
    response
}

/// Short, and nothing that could mean something where logs are read.
fn is_sane(id: &HeaderValue) -> bool {
    let id = id.as_bytes();
    let plain = |byte: &u8| byte.is_ascii_alphanumeric() || b"-_.".contains(byte);
    (1..=LONGEST).contains(&id.len()) && id.iter().all(plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_short_plain_names_are_taken_over() {
        for good in ["a", "0192f0c0-0000-7000-8000-000000000001", "trace_1.2"] {
            assert!(is_sane(&HeaderValue::from_static(good)), "{good}");
        }
        for wrong in ["", " ", "a b", "a\"b", "{a}", "<a>"] {
            assert!(!is_sane(&HeaderValue::from_static(wrong)), "{wrong}");
        }
        assert!(!is_sane(&HeaderValue::from_str(&"a".repeat(LONGEST + 1)).unwrap()));
        assert!(!is_sane(&HeaderValue::from_bytes(b"\xe5").unwrap()));
    }
}
