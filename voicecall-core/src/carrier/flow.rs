//! What a carrier is told to do with a call, in neutral steps: TwiML for one, JSON actions for another.

use std::collections::BTreeMap;

use url::Url;

/// The steps of a call, carried out in order. When they run out, the call ends.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct CallFlow(pub Vec<CallStep>);

/// One step of a call.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum CallStep {
    /// Connect the call's audio, both ways, to a media socket; the next step follows when the socket closes.
    Stream(StreamTarget),
    /// Speak a text with the carrier's own voice: the last resort when ours cannot.
    Say {
        /// The text.
        text: String,
        /// Its language as a BCP 47 tag such as `sv-SE`.
        language: String,
    },
    /// Ask this address for further steps.
    Redirect(Url),
    /// End the call.
    HangUp,
}

/// Where a call's audio goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StreamTarget {
    /// The `wss` address; no query string, carriers drop it.
    pub url: Url,
    /// Handed to the socket in its first message. Each name and value together under 500 characters.
    pub parameters: BTreeMap<String, String>,
    /// Where the carrier reports trouble with the stream.
    pub status_url: Option<Url>,
}

impl CallFlow {
    /// Ends the call at once.
    #[must_use]
    pub fn hang_up() -> Self {
        Self(vec![CallStep::HangUp])
    }

    /// Streams to `target` and asks `next` what to do when the socket closes.
    #[must_use]
    pub fn stream(target: StreamTarget, next: Url) -> Self {
        Self(vec![CallStep::Stream(target), CallStep::Redirect(next)])
    }

    /// Speaks `text` in `language` with the carrier's voice and ends the call.
    #[must_use]
    pub fn farewell(text: impl Into<String>, language: impl Into<String>) -> Self {
        Self(vec![CallStep::Say { text: text.into(), language: language.into() }, CallStep::HangUp])
    }
}
