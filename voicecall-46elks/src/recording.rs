//! 46elks's recordings in the library's words. They are kept for 72 hours.

use std::time::Duration;

use voicecall_core::carrier::{CarrierRecording, RecordingId, RecordingStatus};
use voicecall_core::{CarrierCallId, Error, ErrorKind, Result};

use crate::PROVIDER;
use crate::call::{call_id, number, timestamp};
use crate::client::{ElksClient, MAX_PAGES};
use crate::wire;

/// The recording's id, if the text can be one: it goes into paths.
pub(crate) fn recording_id(text: &str) -> Option<RecordingId> {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
    ((1..=80).contains(&text.len()) && text.bytes().all(plain)).then(|| RecordingId::new(text))
}

/// The id at the end of the address of its audio.
pub(crate) fn id_in(wav: &str) -> Option<RecordingId> {
    let name = wav.rsplit('/').next()?.split('?').next()?;
    recording_id(name.strip_suffix(".wav").unwrap_or(name))
}

/// The call that a recording is of, which is in its id.
pub(crate) fn call_of(recording: &RecordingId) -> Option<CarrierCallId> {
    recording.as_str().rsplit_once("-r").and_then(|(call, _)| call_id(call))
}

/// The recording; none if its id cannot be one. What 46elks lists can be had.
pub(crate) fn carrier_recording(recording: &wire::Recording) -> Option<CarrierRecording> {
    let mut known = CarrierRecording::new(recording_id(&recording.id)?, RecordingStatus::Completed);
    known.call = call_of(&known.id);
    known.started_at = recording.created.as_deref().and_then(timestamp);
    known.duration = number(&recording.duration).map(Duration::from_secs);
    Some(known)
}

/// The recordings of a call, newest first.
///
/// # Errors
/// As usual; `Unsupported` if there are more than can be looked through.
pub(crate) async fn of_call(client: &ElksClient, call: &CarrierCallId) -> Result<Vec<CarrierRecording>> {
    let operation = "list recordings";
    let mut found = Vec::new();
    let mut start: Option<String> = None;
    for _ in 0..MAX_PAGES {
        let mut url = client.url("recordings")?;
        if let Some(start) = &start {
            url.query_pairs_mut().append_pair("start", start);
        }
        let page: wire::RecordingPage = client.get(operation, url).await?;
        let known = page.data.iter().filter_map(carrier_recording);
        found.extend(known.filter(|recording| recording.call.as_ref() == Some(call)));
        match page.next {
            Some(next) if start.as_ref() != Some(&next) => start = Some(next),
            _ => return Ok(found),
        }
    }
    Err(Error::new(ErrorKind::Unsupported, operation).with_provider(PROVIDER).with_message("too many recordings"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_recording_tells_its_call_and_not_where_it_lies() {
        let id = id_in("https://api.46elks.com/a1/recordings/c0a1-r0.wav").unwrap();
        assert_eq!((id.as_str(), call_of(&id).unwrap().as_str()), ("c0a1-r0", "c0a1"));
        for wrong in ["", "https://x/..", "https://x/a b.wav"] {
            assert_eq!(id_in(wrong), None, "{wrong}");
        }
        let known = carrier_recording(&serde_json::from_str(r#"{"id":"c1-r0","duration":7}"#).unwrap()).unwrap();
        assert_eq!((known.duration, known.status), (Some(Duration::from_secs(7)), RecordingStatus::Completed));
    }
}
