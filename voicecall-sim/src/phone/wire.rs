//! The message format of a carrier's media socket, seen from the carrier.

use std::borrow::Cow;
use std::fmt::{self, Debug};

use voicecall_core::audio::Frame;

/// What the carrier tells the application. Each becomes one text message.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum PhoneMessage<'a> {
    /// The socket is there; first of all.
    Connected,
    /// The stream begins.
    Start,
    /// What the caller said in 20 ms.
    Media {
        /// The audio.
        frame: &'a Frame,
        /// Whole milliseconds since the stream began.
        elapsed_ms: u64,
    },
    /// The caller pressed a key.
    Key(char),
    /// Everything before this mark was played, or thrown away.
    Mark(&'a str),
    /// The stream ends.
    Stop,
    /// A message this protocol does not have; a fault.
    Foreign,
}

/// What the application tells the carrier.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AppMessage<'a> {
    /// mu-law audio, 8 kHz, any length, behind what is already waiting.
    Audio(Vec<u8>),
    /// Return this name when everything before it was played.
    Mark(Cow<'a, str>),
    /// Forget what was not played yet.
    Clear,
    /// Nothing that the phone does anything about.
    Nothing,
    /// End the stream once everything was played.
    Close,
}

/// Why a message of the application was not understood. It is ignored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum IllegalMessage {
    /// Not JSON.
    NotJson,
    /// An event the carrier does not know.
    UnknownEvent,
    /// A field is missing, superfluous or of the wrong type.
    WrongFields,
    /// It names another stream.
    WrongStream,
    /// The audio is not base64.
    WrongAudio,
    /// Not text.
    Binary,
    /// More audio than the carrier keeps.
    BufferFull,
}

impl fmt::Display for IllegalMessage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NotJson => "message that is no JSON",
            Self::UnknownEvent => "unknown event",
            Self::WrongFields => "missing, superfluous or wrong field",
            Self::WrongStream => "message for another stream",
            Self::WrongAudio => "payload that is not base64",
            Self::Binary => "binary message",
            Self::BufferFull => "audio beyond what is buffered",
        })
    }
}

/// One carrier's format for one stream. What was said before, such as a message's number, is its state.
pub trait Wire: Debug + Send {
    /// The text of the next message to the application; empty if the carrier says nothing then.
    fn write(&mut self, message: &PhoneMessage<'_>) -> String;

    /// Reads a message of the application.
    ///
    /// # Errors
    /// Says what is wrong with it; nothing panics, whatever it is.
    fn read<'a>(&mut self, text: &'a str) -> Result<AppMessage<'a>, IllegalMessage>;
}
