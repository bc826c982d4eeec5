//! Tags of what is stored (RFC 9110, 8.8.3), by which a client changes only what it has seen.

use std::fmt::Write as _;

use axum::http::{HeaderMap, StatusCode, header};
use sha2::{Digest, Sha256};

use super::ApiError;

/// The tag of a representation.
pub(super) fn of(body: &[u8]) -> String {
    let digest = Sha256::digest(body);
    let hex = digest[..16].iter().fold(String::new(), |mut hex, byte| {
        // Writing to a text does not fail.
        let _ = write!(hex, "{byte:02x}");
        hex
    });
    format!("\"{hex}\"")
}

/// Refuses a request whose `If-Match` names none but other states; `now` is the tag of what is there.
///
/// # Errors
/// 412 naming the header.
pub(super) fn check(headers: &HeaderMap, now: Option<&str>) -> Result<(), ApiError> {
    let mut wanted = headers.get_all(header::IF_MATCH).iter().map(|value| value.to_str().unwrap_or("")).peekable();
    let fits = |tag: &str| now.is_some_and(|now| tag == "*" || tag == now);
    if wanted.peek().is_none() || wanted.flat_map(|list| list.split(',')).any(|tag| fits(tag.trim())) {
        return Ok(());
    }
    let message = "if-match: it is not in this state any more";
    Err(ApiError::new(StatusCode::PRECONDITION_FAILED, "changed_meanwhile", message).with_field("if-match"))
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    #[test]
    fn only_the_state_that_was_seen_is_changed() {
        let tag = of(b"{}");
        assert_ne!(tag, of(b"{ }"));
        let check = |value: Option<&str>, now: Option<&str>| {
            let value = value.map(|value| (header::IF_MATCH, HeaderValue::from_str(value).unwrap()));
            check(&HeaderMap::from_iter(value), now).is_ok()
        };
        assert!(check(None, None) && check(None, Some(&tag)));
        for (value, fits) in
            [("*", true), (&*tag, true), (&format!("\"a\", {tag}"), true), ("\"a\"", false), ("", false)]
        {
            assert_eq!(check(Some(value), Some(&tag)), fits, "{value}");
            assert!(!check(Some(value), None), "what is not there is in no state: {value}");
        }
        assert!(!check(Some(&format!("W/{tag}")), Some(&tag)), "a weak tag is not enough");
    }
}
