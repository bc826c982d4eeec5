//! Twilio's recordings in the library's words.

use std::time::Duration;

use serde_json::Value;
use voicecall_core::carrier::{CarrierRecording, RecordingChannels, RecordingId, RecordingStatus};

use crate::call::{call_id, timestamp};
use crate::wire;

/// The recording's id, if the text can be one: it goes into paths, so nothing but letters and digits passes.
pub(crate) fn recording_id(text: &str) -> Option<RecordingId> {
    call_id(text).map(|id| RecordingId::new(id.as_str()))
}

/// How far a recording has come. A word this version does not know claims the least: there is no audio yet.
pub(crate) fn recording_status(word: &str) -> RecordingStatus {
    match word {
        "in-progress" => RecordingStatus::InProgress,
        "paused" => RecordingStatus::Paused,
        "completed" => RecordingStatus::Completed,
        "absent" | "failed" => RecordingStatus::Absent,
        "deleted" => RecordingStatus::Deleted,
        // `stopped` and `processing`: it has ended and is being prepared.
        _ => RecordingStatus::Processing,
    }
}

pub(crate) fn recording_channels(number: u64) -> Option<RecordingChannels> {
    match number {
        1 => Some(RecordingChannels::Mono),
        2 => Some(RecordingChannels::Dual),
        _ => None,
    }
}

/// The recording; none if its id cannot be one.
pub(crate) fn carrier_recording(recording: &wire::Recording) -> Option<CarrierRecording> {
    let status = recording.status.as_deref().map_or(RecordingStatus::Processing, recording_status);
    let mut known = CarrierRecording::new(recording_id(&recording.sid)?, status);
    known.call = recording.call_sid.as_deref().and_then(call_id);
    known.started_at = recording.start_time.as_deref().and_then(timestamp);
    known.duration = number(&recording.duration).map(Duration::from_secs);
    known.channels = number(&recording.channels).and_then(recording_channels);
    Some(known)
}

/// A number, or a string that is one.
fn number(value: &Value) -> Option<u64> {
    value.as_u64().or_else(|| value.as_str()?.parse().ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_may_be_strings_and_a_duration_unknown() {
        let json = r#"{"sid":"RE1","call_sid":"CA1","status":"completed","channels":2,"duration":"7","start_time":"Fri, 20 Nov 2026 10:00:00 +0000"}"#;
        let known = carrier_recording(&serde_json::from_str(json).unwrap()).unwrap();
        assert_eq!((known.duration, known.channels), (Some(Duration::from_secs(7)), Some(RecordingChannels::Dual)));
        let json = r#"{"sid":"RE1","status":"brand-new","channels":"1","duration":"-1"}"#;
        let known = carrier_recording(&serde_json::from_str(json).unwrap()).unwrap();
        assert_eq!((known.duration, known.channels), (None, Some(RecordingChannels::Mono)));
        assert_eq!(known.status, RecordingStatus::Processing);
    }
}
