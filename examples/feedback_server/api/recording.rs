//! `GET /calls/{sessionId}/recording`: the audio of a call, whole or in part (RFC 9110, section 14).

use std::io::{ErrorKind, Read, Seek, SeekFrom};
use std::ops::RangeInclusive;

use axum::extract::State as Extract;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use tokio::task::spawn_blocking;
use voicecall::SessionId;
use voicecall::engine::RecordingFolder;

use super::input::Id;
use super::session::find;
use super::{ApiError, Claims, State, schema};

/// The recording of a call
///
/// Stereo: left is the customer, right the agent. `Range` is understood.
#[utoipa::path(
    get, path = "/calls/{sessionId}/recording", operation_id = "getRecording", tag = "calls",
    params(("sessionId" = Uuid, Path), ("Range" = Option<String>, Header, description = "Such as `bytes=0-1023`. What cannot be read is as if it were not there.")),
    responses(
        (status = 200, description = "All of it.", body = inline(schema::Audio), content_type = "audio/wav"),
        (status = 206, description = "The part that was asked for.", body = inline(schema::Audio), content_type = "audio/wav"),
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
    let folder = state.recordings.of(&session);
    let range = headers.get(header::RANGE).and_then(|value| value.to_str().ok()).unwrap_or("").to_owned();
    let read = spawn_blocking(move || read(&folder, &range)).await.map_err(std::io::Error::other).flatten();
    let (length, asked, bytes) = match read {
        Ok(read) => read,
        Err(error) if error.kind() == ErrorKind::NotFound => return Err(ApiError::not_found("recording")),
        Err(error) => {
            let error = voicecall::Error::new(voicecall::ErrorKind::Unavailable, "read recording").with_source(error);
            return Err(error.into());
        }
    };
    let common = [
        (header::CONTENT_TYPE, "audio/wav"),
        (header::ACCEPT_RANGES, "bytes"),
        // Nobody between us and the business keeps what a customer said.
        (header::CACHE_CONTROL, "private, no-store"),
    ];
    Ok(match asked {
        Asked::All => (common, bytes).into_response(),
        Asked::Part(part) => {
            let range = format!("bytes {}-{}/{length}", part.start(), part.end());
            (StatusCode::PARTIAL_CONTENT, common, [(header::CONTENT_RANGE, range)], bytes).into_response()
        }
        Asked::Beyond => {
            let error = ApiError::new(StatusCode::RANGE_NOT_SATISFIABLE, "invalid", "range: beyond the end");
            ([(header::CONTENT_RANGE, format!("bytes */{length}"))], error.with_field("range")).into_response()
        }
    })
}

/// The length of the file, what was asked of it, and that. A call lasts minutes, so its recording is a few megabytes.
fn read(folder: &RecordingFolder, range: &str) -> std::io::Result<(u64, Asked, Vec<u8>)> {
    let mut file = folder.open_recording()?;
    let length = file.wav_len();
    let asked = asked(range, length);
    let mut bytes = Vec::new();
    match &asked {
        Asked::All => {
            file.read_to_end(&mut bytes)?;
        }
        Asked::Part(part) => {
            file.seek(SeekFrom::Start(*part.start()))?;
            file.take(part.end() - part.start() + 1).read_to_end(&mut bytes)?;
        }
        Asked::Beyond => {}
    }
    Ok((length, asked, bytes))
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
