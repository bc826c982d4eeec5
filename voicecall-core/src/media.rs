//! What a carrier's media socket carries, in neutral form, and the codec that translates one carrier's messages.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt::Debug;

use serde::{Deserialize, Serialize};

use crate::audio::Frame;
use crate::error::Result;
use crate::id::CarrierCallId;

/// The number of a mark. A mark is sent behind audio and comes back when everything before it was played.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct MarkId(pub u64);

/// The beginning of a media stream, as the carrier announces it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StreamStart {
    /// The carrier's name for the stream, if it has one.
    pub stream: Option<String>,
    /// The carrier's name for the account, if it tells.
    pub account: Option<String>,
    /// The call the stream belongs to.
    pub call: CarrierCallId,
    /// Parameters given with the instruction that opened the stream.
    #[serde(default)]
    pub parameters: BTreeMap<String, String>,
}

/// What the caller's side of a media socket says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum MediaEvent<'a> {
    /// The stream began. Always first, once.
    Started(StreamStart),
    /// What the caller said.
    Audio {
        /// Mu-law, 8 kHz, mono, any length.
        #[serde(with = "audio_bytes")]
        payload: Cow<'a, [u8]>,
        /// When the audio began by the carrier's own clock, in milliseconds from any instant, if it tells. Only
        /// differences count, and only those that can be true.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        timestamp_ms: Option<u64>,
    },
    /// The caller pressed a key: `0`-`9`, `*`, `#` or `A`-`D`.
    Key(char),
    /// A mark came back.
    Mark(MarkId),
    /// The carrier ended the stream.
    Stopped,
}

impl<'a> MediaEvent<'a> {
    /// Caller audio of a carrier that does not tell when it began.
    #[must_use]
    pub fn audio(payload: impl Into<Cow<'a, [u8]>>) -> Self {
        Self::Audio { payload: payload.into(), timestamp_ms: None }
    }
}

/// What the agent's side sends to a media socket.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MediaCommand {
    /// Begin to listen and to send. Sent once, first.
    Open,
    /// Append 20 ms of audio to the phone's buffer.
    Audio(Frame),
    /// Ask to be told when everything sent so far was played.
    Mark(MarkId),
    /// Drop what the phone has not played yet.
    Clear,
    /// End the stream from our side.
    Close,
}

/// Wire messages on their way to one socket, in one reusable buffer.
///
/// A command may need no message, one or several; codecs append them, the socket's owner sends and clears them.
#[derive(Debug, Default)]
pub struct WireMessages {
    text: String,
    ends: Vec<usize>,
}

impl WireMessages {
    /// An empty buffer.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Appends one message, written by `write` behind what is already there.
    pub fn push_with(&mut self, write: impl FnOnce(&mut String)) {
        write(&mut self.text);
        self.ends.push(self.text.len());
    }

    /// The messages in order.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        let starts = std::iter::once(0).chain(self.ends.iter().copied());
        starts.zip(&self.ends).map(|(start, &end)| &self.text[start..end])
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// Forgets all messages and keeps the memory.
    pub fn clear(&mut self) {
        self.text.clear();
        self.ends.clear();
    }
}

/// One carrier's media protocol for one socket: wire text to [`MediaEvent`], [`MediaCommand`] to wire text.
///
/// A codec never waits and opens nothing. Contract, checked by the conformance suite:
/// - an unknown message, field or value is skipped (`Ok(None)`), also in a newer version of the protocol;
/// - a message that cannot be read is an [`ErrorKind::Protocol`](crate::ErrorKind::Protocol) error and leaves
///   the codec usable; nothing panics, whatever arrives;
/// - once warmed up, neither direction allocates for audio.
pub trait MediaCodec: Send + Debug {
    /// Reads one message. The event may borrow from the message and from the codec.
    ///
    /// # Errors
    /// [`ErrorKind::Protocol`](crate::ErrorKind::Protocol) for a message that is not of this protocol.
    fn decode<'a>(&'a mut self, message: &'a str) -> Result<Option<MediaEvent<'a>>>;

    /// Appends the messages that carry out `command`.
    ///
    /// # Errors
    /// [`ErrorKind::Protocol`](crate::ErrorKind::Protocol) if the stream has not started.
    fn encode(&mut self, command: &MediaCommand, wire: &mut WireMessages) -> Result<()>;
}

pub(crate) mod audio_bytes {
    //! Audio in recorded inputs is base64, so that a recording stays one line of text per input.
    use std::borrow::Cow;

    use base64::Engine;
    use base64::engine::general_purpose::STANDARD;
    use serde::{Deserialize, Deserializer, Serializer, de::Error as _};

    pub(crate) fn serialize<S: Serializer>(bytes: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&STANDARD.encode(bytes))
    }

    pub(crate) fn deserialize<'de, 'a, D: Deserializer<'de>>(deserializer: D) -> Result<Cow<'a, [u8]>, D::Error> {
        let text = Cow::<'de, str>::deserialize(deserializer)?;
        STANDARD.decode(text.as_bytes()).map(Cow::Owned).map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wire_messages_keep_their_bounds() {
        let mut wire = WireMessages::new();
        wire.push_with(|text| text.push_str("one"));
        wire.push_with(|text| text.push_str("two"));
        assert_eq!(wire.iter().collect::<Vec<_>>(), ["one", "two"]);
        wire.clear();
        assert!(wire.is_empty());
    }

    #[test]
    fn audio_survives_serialisation() {
        let untimed = MediaEvent::audio(&[0, 127, 255][..]);
        let timed = MediaEvent::Audio { payload: Cow::Borrowed(&[0]), timestamp_ms: Some(40) };
        let written = [r#"{"audio":{"payload":"AH//"}}"#, r#"{"audio":{"payload":"AA==","timestamp_ms":40}}"#];
        for (event, json) in [untimed, timed].into_iter().zip(written) {
            assert_eq!(serde_json::to_string(&event).unwrap(), json);
            assert_eq!(serde_json::from_str::<MediaEvent<'_>>(json).unwrap(), event);
        }
    }
}
