//! The envelope of every message on a media socket.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::value::RawValue;

use super::StreamMedia;

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

/// A message with audio, read in one go: nearly all messages are.
#[derive(Debug, Deserialize)]
pub(crate) struct MediaMessage<'a> {
    #[serde(borrow)]
    event: Cow<'a, str>,
    #[serde(borrow, default, rename = "streamSid")]
    pub(crate) stream_sid: Cow<'a, str>,
    #[serde(borrow)]
    pub(crate) media: StreamMedia<'a>,
}

impl<'a> MediaMessage<'a> {
    /// The message, if that is what it is, written as Twilio does. Anything else is for [`StreamMessage`] to tell.
    pub(crate) fn read(message: &'a str) -> Option<Self> {
        let written = message.starts_with(r#"{"event":"media""#);
        let message: Self = written.then(|| serde_json::from_str(message).ok())??;
        (message.event == "media").then_some(message)
    }
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
