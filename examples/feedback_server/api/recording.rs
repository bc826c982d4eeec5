//! `GET /calls/{sessionId}/recording`: the audio of a call, whole or in part (RFC 9110, section 14).

use std::io::{ErrorKind, SeekFrom};
use std::ops::RangeInclusive;

use axum::extract::State as Extract;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use tokio::fs::File;
use tokio::io::{AsyncReadExt, AsyncSeekExt};
use voicecall::SessionId;

use super::input::Id;
use super::session::find;
use super::{ApiError, Claims, State};

/// As the engine names it, in a folder for each session.
const FILE: &str = "recording.wav";

/// The recording of a call
///
/// Stereo: left is the customer, right the agent. `Range` is understood.
#[utoipa::path(
    get, path = "/calls/{sessionId}/recording", tag = "calls",
    params(("sessionId" = Uuid, Path), ("Range" = Option<String>, Header, description = "Such as `bytes=0-1023`. What cannot be read is as if it were not there.")),
    responses(
        (status = 200, description = "All of it.", body = Vec<u8>, content_type = "audio/wav"),
        (status = 206, description = "The part that was asked for.", body = Vec<u8>, content_type = "audio/wav"),
        (status = 416, description = "It has no such part.", body = super::ErrorBody),
    ),
)]
pub(super) async fn recording(
    Extract(state): Extract<State>,
    claims: Claims,
    Id(session): Id<SessionId>,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    let session = find(&state, &claims, session).await?;
    if !session.status.is_final() {
        // It is still being written.
        return Err(ApiError::not_found("recording"));
    }
    let path = state.recordings.join(session.id.to_string()).join(FILE);
    let mut file = match File::open(path).await {
        Ok(file) => file,
        Err(error) if error.kind() == ErrorKind::NotFound => return Err(ApiError::not_found("recording")),
        Err(error) => return Err(unreadable(error)),
    };
    let length = file.metadata().await.map_err(unreadable)?.len();
    let range = headers.get(header::RANGE).and_then(|value| value.to_str().ok());
    let (status, part) = match range.map_or(Asked::All, |range| asked(range, length)) {
        Asked::All => (StatusCode::OK, 0..=length.saturating_sub(1)),
        Asked::Part(part) => (StatusCode::PARTIAL_CONTENT, part),
        Asked::Beyond => {
            let error = ApiError::new(StatusCode::RANGE_NOT_SATISFIABLE, "invalid", "range: beyond the end");
            let mut response = error.with_field("range").into_response();
            response.headers_mut().extend(content_range(format!("bytes */{length}")));
            return Ok(response);
        }
    };
    // A call is minutes long, so that a recording is a few megabytes.
    let mut bytes = Vec::new();
    file.seek(SeekFrom::Start(*part.start())).await.map_err(unreadable)?;
    file.take(part.end() - part.start() + 1).read_to_end(&mut bytes).await.map_err(unreadable)?;
    let common = [
        (header::CONTENT_TYPE, "audio/wav"),
        (header::ACCEPT_RANGES, "bytes"),
        // Nobody between us and the business keeps what a customer said.
        (header::CACHE_CONTROL, "private, no-store"),
    ];
    let mut response = (status, common, bytes).into_response();
    if status == StatusCode::PARTIAL_CONTENT {
        let range = format!("bytes {}-{}/{length}", part.start(), part.end());
        response.headers_mut().extend(content_range(range));
    }
    Ok(response)
}

fn content_range(range: String) -> Option<(Option<header::HeaderName>, header::HeaderValue)> {
    Some((Some(header::CONTENT_RANGE), range.try_into().ok()?))
}

fn unreadable(error: std::io::Error) -> ApiError {
    voicecall::Error::new(voicecall::ErrorKind::Unavailable, "read recording").with_source(error).into()
}

/// What a `Range` asks for.
#[derive(Debug, PartialEq, Eq)]
enum Asked {
    All,
    Part(RangeInclusive<u64>),
    Beyond,
}

/// Reads `bytes=first-last`, `bytes=first-` or `bytes=-count`. What is none of these, such as several ranges, counts as
/// not there, as the specification allows.
fn asked(range: &str, length: u64) -> Asked {
    let Some((first, last)) = range.strip_prefix("bytes=").and_then(|range| range.split_once('-')) else {
        return Asked::All;
    };
    let number = |text: &str| {
        let plain = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        plain.then(|| text.parse::<u64>().unwrap_or(u64::MAX))
    };
    let end = length.saturating_sub(1);
    match (first, number(first), last, number(last)) {
        (_, Some(first), _, Some(last)) if first > last => Asked::All,
        (_, Some(first), "", _) | (_, Some(first), _, Some(_)) if first >= length => Asked::Beyond,
        (_, Some(first), _, Some(last)) => Asked::Part(first..=last.min(end)),
        (_, Some(first), "", None) => Asked::Part(first..=end),
        ("", _, _, Some(0)) => Asked::Beyond,
        ("", _, _, Some(_)) if length == 0 => Asked::Beyond,
        ("", _, _, Some(count)) => Asked::Part(length.saturating_sub(count)..=end),
        _ => Asked::All,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn ranges_are_read_as_the_specification_says() {
        for (range, expected) in [
            ("bytes=0-0", Asked::Part(0..=0)),
            ("bytes=0-", Asked::Part(0..=9)),
            ("bytes=3-5", Asked::Part(3..=5)),
            ("bytes=3-99", Asked::Part(3..=9)),
            ("bytes=-4", Asked::Part(6..=9)),
            ("bytes=-99", Asked::Part(0..=9)),
            ("bytes=10-", Asked::Beyond),
            ("bytes=10-12", Asked::Beyond),
            ("bytes=-0", Asked::Beyond),
            ("bytes=99999999999999999999-", Asked::Beyond),
            ("bytes=5-3", Asked::All),
            ("bytes=0-1,3-4", Asked::All),
            ("bytes=-", Asked::All),
            ("bytes=a-b", Asked::All),
            ("lines=0-1", Asked::All),
            ("", Asked::All),
        ] {
            assert_eq!(asked(range, 10), expected, "{range}");
        }
        assert_eq!(asked("bytes=0-", 0), Asked::Beyond);
        assert_eq!(asked("bytes=-1", 0), Asked::Beyond);
    }

    proptest! {
        #[test]
        fn a_part_lies_within_the_whole(range in "(bytes=)?[0-9,-]{0,24}", length: u64) {
            if let Asked::Part(part) = asked(&range, length) {
                prop_assert!(part.start() <= part.end() && *part.end() < length);
            }
        }
    }
}
