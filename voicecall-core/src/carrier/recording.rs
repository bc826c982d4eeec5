//! Recordings a carrier has made: what is known of them, and their audio.

use std::fmt;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use futures_util::StreamExt as _;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::step::RecordingChannels;
use crate::error::{Error, ErrorKind, Result};
use crate::id::CarrierCallId;
use crate::model::ResultStream;

/// A carrier's own name for a recording. Opaque. Where the audio lies is the carrier's affair and never part of it.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct RecordingId(String);

impl RecordingId {
    /// Wraps the carrier's identifier.
    #[must_use]
    pub fn new(id: impl Into<String>) -> Self {
        Self(id.into())
    }

    /// The carrier's identifier.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for RecordingId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// How far a recording has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum RecordingStatus {
    /// It is being made.
    InProgress,
    /// It waits to be resumed.
    Paused,
    /// It has ended and is being prepared.
    Processing,
    /// Its audio can be had.
    Completed,
    /// There is no audio: it was too short, or silent.
    Absent,
    /// It was deleted.
    Deleted,
}

/// A recording as the carrier reports it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct CarrierRecording {
    /// The carrier's name for it.
    pub id: RecordingId,
    /// The call it is of, if the carrier tells.
    pub call: Option<CarrierCallId>,
    /// How far it has come.
    pub status: RecordingStatus,
    /// When it began.
    pub started_at: Option<Timestamp>,
    /// How long it is, once it has ended.
    pub duration: Option<Duration>,
    /// How the sides of the call are kept.
    pub channels: Option<RecordingChannels>,
}

impl CarrierRecording {
    /// A recording of which only this much is known.
    #[must_use]
    pub const fn new(id: RecordingId, status: RecordingStatus) -> Self {
        Self { id, call: None, status, started_at: None, duration: None, channels: None }
    }
}

/// What stands for the time in which a recording is paused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PausedAudio {
    /// Silence of the same length.
    Silence,
    /// Nothing: what comes after follows at once.
    Nothing,
}

/// A recording's audio: a WAV file, in pieces as they arrive.
pub struct RecordingAudio {
    /// How many bytes it has, if the carrier told.
    pub length: Option<u64>,
    /// The pieces in order. A broken transfer is an error at its end, never a short file.
    pub pieces: ResultStream<Bytes>,
}

impl RecordingAudio {
    /// Reads the whole file into memory.
    ///
    /// # Errors
    /// `Rejected` if it has more than `most` bytes; what the transfer reports.
    pub async fn read(mut self, most: usize) -> Result<Bytes> {
        let too_long = || Error::new(ErrorKind::Rejected, "read recording").with_message("it is longer than it may be");
        if self.length.is_some_and(|length| usize::try_from(length).map_or(true, |length| length > most)) {
            return Err(too_long());
        }
        let mut whole = BytesMut::new();
        while let Some(piece) = self.pieces.next().await {
            let piece = piece?;
            if whole.len() + piece.len() > most {
                return Err(too_long());
            }
            whole.extend_from_slice(&piece);
        }
        Ok(whole.freeze())
    }
}

impl fmt::Debug for RecordingAudio {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RecordingAudio").field("length", &self.length).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn audio(length: Option<u64>) -> RecordingAudio {
        let pieces = [Ok(Bytes::from_static(b"abc")), Ok(Bytes::from_static(b"de"))];
        RecordingAudio { length, pieces: Box::pin(futures_util::stream::iter(pieces)) }
    }

    #[tokio::test]
    async fn audio_is_read_whole_or_not_at_all() {
        assert_eq!(audio(None).read(5).await.unwrap(), "abcde");
        assert_eq!(audio(None).read(4).await.unwrap_err().kind(), ErrorKind::Rejected);
        assert_eq!(audio(Some(9)).read(5).await.unwrap_err().kind(), ErrorKind::Rejected);
    }
}
