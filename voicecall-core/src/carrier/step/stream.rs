//! Connecting a call's audio to a media socket.

use std::collections::BTreeMap;

use url::Url;

/// Where a call's audio goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StreamTarget {
    /// The `wss` address; no query string, carriers drop it. One that has the same for all calls needs no other
    /// ([`VoiceCapabilities::media_addresses`](crate::carrier::VoiceCapabilities::media_addresses)).
    pub url: Url,
    /// Handed to the socket in its first message. Each name and value together under 500 characters.
    pub parameters: BTreeMap<String, String>,
    /// Where the carrier reports trouble with the stream, or how the call ends, if it has no other place for that.
    pub status_url: Option<Url>,
}
