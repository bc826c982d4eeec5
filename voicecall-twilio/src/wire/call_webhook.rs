//! The fields of a request Twilio makes about a call: for instructions, with a status, about a media stream.

use std::borrow::Cow;

use super::Status;

/// The fields this library acts on. All others, also future ones, are signed but not read.
#[derive(Debug, Default)]
pub(crate) struct CallWebhook<'a> {
    pub(crate) call_sid: Option<Cow<'a, str>>,
    pub(crate) call_status: Option<Status>,
    /// Present in status callbacks only.
    pub(crate) callback_source: Option<Cow<'a, str>>,
    /// Counts a call's status callbacks from 0.
    pub(crate) sequence_number: Option<Cow<'a, str>>,
    /// Whole seconds, on the last status callback.
    pub(crate) call_duration: Option<Cow<'a, str>>,
    pub(crate) sip_response_code: Option<Cow<'a, str>>,
    pub(crate) stream_event: Option<StreamEvent>,
    pub(crate) stream_error: Option<Cow<'a, str>>,
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
                "CallbackSource" => keep_first(&mut webhook.callback_source, value),
                "SequenceNumber" => keep_first(&mut webhook.sequence_number, value),
                "CallDuration" => keep_first(&mut webhook.call_duration, value),
                "SipResponseCode" => keep_first(&mut webhook.sip_response_code, value),
                "StreamEvent" => keep_first(&mut webhook.stream_event, StreamEvent::from_name(&value)),
                "StreamError" => keep_first(&mut webhook.stream_error, value),
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

fn keep_first<T>(field: &mut Option<T>, value: T) {
    field.get_or_insert(value);
}
