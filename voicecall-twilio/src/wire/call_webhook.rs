//! The fields of a request Twilio makes about a call: for instructions, or with a report.

use std::borrow::Cow;

use super::Status;

/// The fields this library acts on. All others, also future ones, are signed but not read.
#[derive(Debug, Default)]
pub(crate) struct CallWebhook<'a> {
    pub(crate) call_sid: Option<Cow<'a, str>>,
    pub(crate) call_status: Option<Status>,
    pub(crate) account_sid: Option<Cow<'a, str>>,
    /// `inbound`, `outbound-api` or `outbound-dial`.
    pub(crate) direction: Option<Cow<'a, str>>,
    pub(crate) from: Option<Cow<'a, str>>,
    /// A country code of two letters.
    pub(crate) from_country: Option<Cow<'a, str>>,
    pub(crate) to: Option<Cow<'a, str>>,
    pub(crate) forwarded_from: Option<Cow<'a, str>>,
    pub(crate) caller_name: Option<Cow<'a, str>>,
    /// Present in status callbacks only.
    pub(crate) callback_source: Option<Cow<'a, str>>,
    /// Counts a call's status callbacks from 0.
    pub(crate) sequence_number: Option<Cow<'a, str>>,
    /// Whole seconds, on the last status callback.
    pub(crate) call_duration: Option<Cow<'a, str>>,
    pub(crate) sip_response_code: Option<Cow<'a, str>>,
    pub(crate) stream_event: Option<StreamEvent>,
    pub(crate) stream_error: Option<Cow<'a, str>>,
    /// The verdict of answering machine detection.
    pub(crate) answered_by: Option<Cow<'a, str>>,
    /// Milliseconds.
    pub(crate) machine_detection_duration: Option<Cow<'a, str>>,
    /// Keys of a `<Gather>`, or the one that ended a `<Record>`.
    pub(crate) digits: Option<Cow<'a, str>>,
    pub(crate) speech_result: Option<Cow<'a, str>>,
    /// 0 to 1.
    pub(crate) confidence: Option<Cow<'a, str>>,
    pub(crate) dial_call_status: Option<Cow<'a, str>>,
    pub(crate) dial_call_sid: Option<Cow<'a, str>>,
    /// Whole seconds.
    pub(crate) dial_call_duration: Option<Cow<'a, str>>,
    /// `false` if the other leg was answered and never connected, as one that declines.
    pub(crate) dial_bridged: Option<Cow<'a, str>>,
    pub(crate) recording_sid: Option<Cow<'a, str>>,
    /// Ends in the recording's SID.
    pub(crate) recording_url: Option<Cow<'a, str>>,
    /// Present in reports on a recording only.
    pub(crate) recording_status: Option<Cow<'a, str>>,
    /// Whole seconds.
    pub(crate) recording_duration: Option<Cow<'a, str>>,
    pub(crate) recording_channels: Option<Cow<'a, str>>,
    pub(crate) recording_start_time: Option<Cow<'a, str>>,
    /// How a call left its queue.
    pub(crate) queue_result: Option<Cow<'a, str>>,
    /// Whole seconds.
    pub(crate) queue_time: Option<Cow<'a, str>>,
    /// Present while a call waits in a queue.
    pub(crate) queue_position: Option<Cow<'a, str>>,
}

/// What a stream status callback reports.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum StreamEvent {
    Started,
    Stopped,
    Failed,
    Unknown,
}

impl<'a> CallWebhook<'a> {
    /// Picks the fields out of decoded names and values. Of a repeated name the first counts.
    pub(crate) fn from_pairs(pairs: impl Iterator<Item = (Cow<'a, str>, Cow<'a, str>)>) -> Self {
        let mut webhook = Self::default();
        for (name, value) in pairs {
            match &*name {
                "CallSid" => keep_first(&mut webhook.call_sid, value),
                "CallStatus" => keep_first(&mut webhook.call_status, Status::from_name(&value)),
                "AccountSid" => keep_first(&mut webhook.account_sid, value),
                "Direction" => keep_first(&mut webhook.direction, value),
                "From" => keep_first(&mut webhook.from, value),
                "FromCountry" => keep_first(&mut webhook.from_country, value),
                "To" => keep_first(&mut webhook.to, value),
                "ForwardedFrom" => keep_first(&mut webhook.forwarded_from, value),
                "CallerName" => keep_first(&mut webhook.caller_name, value),
                "CallbackSource" => keep_first(&mut webhook.callback_source, value),
                "SequenceNumber" => keep_first(&mut webhook.sequence_number, value),
                "CallDuration" => keep_first(&mut webhook.call_duration, value),
                "SipResponseCode" => keep_first(&mut webhook.sip_response_code, value),
                "StreamEvent" => keep_first(&mut webhook.stream_event, StreamEvent::from_name(&value)),
                "StreamError" => keep_first(&mut webhook.stream_error, value),
                "AnsweredBy" => keep_first(&mut webhook.answered_by, value),
                "MachineDetectionDuration" => keep_first(&mut webhook.machine_detection_duration, value),
                "Digits" => keep_first(&mut webhook.digits, value),
                "SpeechResult" => keep_first(&mut webhook.speech_result, value),
                "Confidence" => keep_first(&mut webhook.confidence, value),
                "DialCallStatus" => keep_first(&mut webhook.dial_call_status, value),
                "DialCallSid" => keep_first(&mut webhook.dial_call_sid, value),
                "DialCallDuration" => keep_first(&mut webhook.dial_call_duration, value),
                "DialBridged" => keep_first(&mut webhook.dial_bridged, value),
                "RecordingSid" => keep_first(&mut webhook.recording_sid, value),
                "RecordingUrl" => keep_first(&mut webhook.recording_url, value),
                "RecordingStatus" => keep_first(&mut webhook.recording_status, value),
                "RecordingDuration" => keep_first(&mut webhook.recording_duration, value),
                "RecordingChannels" => keep_first(&mut webhook.recording_channels, value),
                "RecordingStartTime" => keep_first(&mut webhook.recording_start_time, value),
                "QueueResult" => keep_first(&mut webhook.queue_result, value),
                "QueueTime" => keep_first(&mut webhook.queue_time, value),
                "QueuePosition" => keep_first(&mut webhook.queue_position, value),
                _ => {}
            }
        }
        webhook
    }
}

impl StreamEvent {
    fn from_name(name: &str) -> Self {
        match name {
            "stream-started" => Self::Started,
            "stream-stopped" => Self::Stopped,
            "stream-error" => Self::Failed,
            _ => Self::Unknown,
        }
    }
}

pub(super) fn keep_first<T>(field: &mut Option<T>, value: T) {
    field.get_or_insert(value);
}
