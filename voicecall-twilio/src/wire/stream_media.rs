//! The body of a `media` message: a piece of the caller's audio.

use std::borrow::Cow;

use serde::Deserialize;

#[derive(Debug, Deserialize)]
pub(crate) struct StreamMedia<'a> {
    #[serde(borrow, default = "inbound")]
    track: Cow<'a, str>,
    /// Base64 of mu-law bytes.
    #[serde(borrow)]
    pub(crate) payload: Cow<'a, str>,
}

impl StreamMedia<'_> {
    /// Whether the audio is the caller's. TwiML calls this track `inbound_track`.
    pub(crate) fn is_inbound(&self) -> bool {
        self.track == "inbound"
    }
}

fn inbound() -> Cow<'static, str> {
    Cow::Borrowed("inbound")
}
