//! What a socket carries over which a carrier converses in text, because it hears and speaks by itself; and the codec that
//! translates one carrier's messages.

use std::fmt::Debug;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::carrier::Digits;
use crate::error::Result;
use crate::media::{StreamStart, WireMessages};

/// What the carrier says over a text socket.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum TextEvent {
    /// The conversation began. Always first, once.
    Started(StreamStart),
    /// The caller has finished a turn.
    Heard {
        /// The words, as the carrier understood them.
        words: String,
        /// Their language as the carrier names it, if it tells.
        language: Option<String>,
    },
    /// The caller pressed a key: `0`-`9`, `*`, `#` or `A`-`D`.
    Key(char),
    /// The caller interrupted what the carrier was saying, which is silent now. What they say follows as
    /// [`Heard`](Self::Heard), if it is understood.
    Interrupted {
        /// The words that were said until then.
        heard: String,
        /// How long they had lasted, if the carrier tells.
        after: Option<Duration>,
    },
    /// The carrier could not do something, and goes on.
    Failed,
    /// The carrier ended the conversation.
    Stopped,
}

/// What a carrier is told over a text socket.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TextCommand {
    /// Say more of an utterance, behind what was to be said before.
    Say {
        /// The words, with the white space between them and those before.
        words: String,
        /// Whether the utterance ends with them.
        last: bool,
        /// Whether the caller may interrupt it.
        interruptible: bool,
    },
    /// Press keys, which the other side hears as tones.
    Press(Digits),
    /// From now on speak and understand these languages, as BCP 47 tags; what is absent stays. At least one is there.
    Language {
        /// What is spoken.
        speech: Option<String>,
        /// What is understood.
        transcription: Option<String>,
    },
    /// End the conversation. What is being said is cut off.
    End,
}

/// One carrier's protocol of conversations in text, for one socket: wire text to [`TextEvent`], [`TextCommand`] to wire text.
///
/// A codec never waits and opens nothing. Contract, checked by the conformance suite:
/// - an unknown message, field or value is skipped (`Ok(None)`), also in a newer version of the protocol;
/// - a message that cannot be read is an [`ErrorKind::Protocol`](crate::ErrorKind::Protocol) error and leaves the codec
///   usable; nothing panics, whatever arrives;
/// - words go either way as they are, white space at their ends included.
pub trait TextCodec: Send + Debug {
    /// Reads one message.
    ///
    /// # Errors
    /// [`ErrorKind::Protocol`](crate::ErrorKind::Protocol) for a message that is not of this protocol.
    fn decode(&mut self, message: &str) -> Result<Option<TextEvent>>;

    /// Appends the messages that carry out `command`.
    ///
    /// # Errors
    /// [`ErrorKind::Protocol`](crate::ErrorKind::Protocol) if the conversation has not started.
    fn encode(&mut self, command: &TextCommand, wire: &mut WireMessages) -> Result<()>;
}
