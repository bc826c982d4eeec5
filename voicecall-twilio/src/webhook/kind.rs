//! Telling the kinds of request apart by the fields they carry.

use std::time::Duration;

use voicecall_core::CarrierCallId;
use voicecall_core::carrier::{
    CallStatus, CarrierEventKind, CarrierRecording, Detection, Gathered, HoldEnd, RecordingId,
};

use crate::call::{answered_by, call_id, call_status, timestamp};
use crate::recording::{recording_channels, recording_id, recording_status};
use crate::wire::{CallWebhook, Status, StreamEvent};

/// What a request about `call` is. Reports come first: they may repeat what belongs to another kind.
pub(super) fn kind(webhook: &CallWebhook<'_>, call: &CarrierCallId) -> CarrierEventKind {
    if let Some(event) = webhook.stream_event {
        return stream(webhook, event);
    }
    if webhook.recording_status.is_some() {
        return recording(webhook, call).map_or(CarrierEventKind::Unknown, CarrierEventKind::Recording);
    }
    let is_report = webhook.callback_source.is_some() || webhook.sequence_number.is_some();
    match (webhook.call_status, is_report) {
        (None, _) => detection(webhook).map_or(CarrierEventKind::Unknown, CarrierEventKind::Detected),
        (Some(status), true) => {
            call_status(status).map_or(CarrierEventKind::Unknown, |status| CarrierEventKind::Status {
                status,
                duration: seconds(webhook.call_duration.as_deref()),
                cause: webhook.sip_response_code.as_deref().map(str::to_owned),
            })
        }
        (Some(status), false) => asks(webhook, status),
    }
}

/// A request for instructions: what the last verb came to, or the call itself.
fn asks(webhook: &CallWebhook<'_>, status: Status) -> CarrierEventKind {
    if let Some(status) = webhook.dial_call_status.as_deref() {
        let was_connected = webhook.dial_bridged.as_deref() != Some("false");
        return CarrierEventKind::DialEnded {
            status: match dial_status(status) {
                CallStatus::Completed if !was_connected => CallStatus::NoAnswer,
                status => status,
            },
            leg: webhook.dial_call_sid.as_deref().and_then(call_id),
            duration: seconds(webhook.dial_call_duration.as_deref()),
        };
    }
    if let Some(result) = webhook.queue_result.as_deref() {
        let end = match result {
            // Without TaskRouter both words of a connection mean that it is over.
            "bridged" | "bridging-in-process" => HoldEnd::Joined,
            "leave" | "redirected" | "redirected-from-bridged" => HoldEnd::Left,
            "hangup" => HoldEnd::HungUp,
            _ => HoldEnd::Failed,
        };
        return CarrierEventKind::HoldEnded { end, waited: seconds(webhook.queue_time.as_deref()) };
    }
    if webhook.queue_position.is_some() {
        let waited = seconds(webhook.queue_time.as_deref()).unwrap_or_default();
        return CarrierEventKind::Holding { waited };
    }
    if let Some(recording) = recorded(webhook) {
        return CarrierEventKind::MessageRecorded {
            recording,
            duration: seconds(webhook.recording_duration.as_deref()),
            hung_up: webhook.digits.as_deref() == Some("hangup"),
        };
    }
    if webhook.digits.is_some() || webhook.speech_result.is_some() {
        return CarrierEventKind::Gathered(gathered(webhook));
    }
    // A call that asks for instructions is alive, whatever the new word for its status means.
    let status = call_status(status).unwrap_or(CallStatus::Ringing);
    CarrierEventKind::Instruct { status, detection: detection(webhook) }
}

fn stream(webhook: &CallWebhook<'_>, event: StreamEvent) -> CarrierEventKind {
    match event {
        StreamEvent::Started => CarrierEventKind::StreamStarted,
        StreamEvent::Stopped => CarrierEventKind::StreamStopped,
        StreamEvent::Failed => {
            CarrierEventKind::StreamFailed { error: webhook.stream_error.as_deref().unwrap_or_default().to_owned() }
        }
        StreamEvent::Unknown => CarrierEventKind::Unknown,
    }
}

/// A word for the end of a dialled leg. One that was answered is over by now; `answered` is said of a leg that took the
/// call elsewhere.
fn dial_status(word: &str) -> CallStatus {
    match word {
        "completed" | "answered" => CallStatus::Completed,
        "busy" => CallStatus::Busy,
        "no-answer" => CallStatus::NoAnswer,
        "canceled" => CallStatus::Canceled,
        _ => CallStatus::Failed,
    }
}

fn detection(webhook: &CallWebhook<'_>) -> Option<Detection> {
    let verdict = answered_by(webhook.answered_by.as_deref()?)?;
    let took = webhook.machine_detection_duration.as_deref().and_then(|text| text.parse().ok());
    Some(Detection::new(verdict, took.map(Duration::from_millis)))
}

fn gathered(webhook: &CallWebhook<'_>) -> Gathered {
    let text = |value: Option<&str>| value.filter(|text| !text.is_empty()).map(str::to_owned);
    let mut gathered = Gathered::default();
    gathered.digits = text(webhook.digits.as_deref());
    gathered.speech = text(webhook.speech_result.as_deref());
    if gathered.speech.is_some() {
        let confidence: Option<f32> = webhook.confidence.as_deref().and_then(|text| text.parse().ok());
        gathered.confidence = confidence.filter(|confidence| (0.0..=1.0).contains(confidence));
    }
    gathered
}

fn recording(webhook: &CallWebhook<'_>, call: &CarrierCallId) -> Option<CarrierRecording> {
    let status = recording_status(webhook.recording_status.as_deref()?);
    let mut known = CarrierRecording::new(recording_id(webhook.recording_sid.as_deref()?)?, status);
    known.call = Some(call.clone());
    known.duration = seconds(webhook.recording_duration.as_deref());
    known.started_at = webhook.recording_start_time.as_deref().and_then(timestamp);
    known.channels =
        webhook.recording_channels.as_deref().and_then(|text| text.parse().ok()).and_then(recording_channels);
    Some(known)
}

/// The recording a `<Record>` made, whose id may stand only at the end of its address.
fn recorded(webhook: &CallWebhook<'_>) -> Option<RecordingId> {
    let named = webhook.recording_sid.as_deref();
    let addressed = webhook.recording_url.as_deref().and_then(|url| url.rsplit('/').next());
    named.or(addressed).and_then(recording_id)
}

fn seconds(text: Option<&str>) -> Option<Duration> {
    text?.parse().ok().map(Duration::from_secs)
}
