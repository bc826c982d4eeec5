//! The body of a `media` message: a piece of the caller's audio.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::value::RawValue;

#[derive(Debug, Deserialize)]
pub(crate) struct StreamMedia<'a> {
    #[serde(borrow, default = "inbound")]
    track: Cow<'a, str>,
    /// Milliseconds since the stream began: a decimal number as a string.
    #[serde(borrow, default)]
    timestamp: Option<&'a RawValue>,
    /// Base64 of mu-law bytes.
    #[serde(borrow)]
    pub(crate) payload: Cow<'a, str>,
}

impl StreamMedia<'_> {
    /// Whether the audio is the caller's. TwiML calls this track `inbound_track`.
    pub(crate) fn is_inbound(&self) -> bool {
        self.track == "inbound"
    }

    /// When the audio began, if that can be read: the audio counts without it.
    pub(crate) fn timestamp_ms(&self) -> Option<u64> {
        self.timestamp?.get().trim_matches('"').parse().ok()
    }
}

fn inbound() -> Cow<'static, str> {
    Cow::Borrowed("inbound")
}
