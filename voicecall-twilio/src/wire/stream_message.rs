//! The envelope of every message on a media socket.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::value::RawValue;

/// One message. Its body stays unread until the event's name says what it is, so that an unknown event may hold anything.
#[derive(Debug, Deserialize)]
pub(crate) struct StreamMessage<'a> {
    #[serde(borrow)]
    event: Cow<'a, str>,
    /// Empty in `connected`, which has none.
    #[serde(borrow, default, rename = "streamSid")]
    pub(crate) stream_sid: Cow<'a, str>,
    #[serde(borrow, default)]
    pub(crate) start: Option<&'a RawValue>,
    #[serde(borrow, default)]
    pub(crate) media: Option<&'a RawValue>,
    #[serde(borrow, default)]
    pub(crate) dtmf: Option<&'a RawValue>,
    #[serde(borrow, default)]
    pub(crate) mark: Option<&'a RawValue>,
}

/// The events of the protocol.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum StreamEventName {
    Connected,
    Start,
    Media,
    Dtmf,
    Mark,
    Stop,
    Unknown,
}

impl StreamMessage<'_> {
    pub(crate) fn event(&self) -> StreamEventName {
        match &*self.event {
            "connected" => StreamEventName::Connected,
            "start" => StreamEventName::Start,
            "media" => StreamEventName::Media,
            "dtmf" => StreamEventName::Dtmf,
            "mark" => StreamEventName::Mark,
            "stop" => StreamEventName::Stop,
            _ => StreamEventName::Unknown,
        }
    }
}
