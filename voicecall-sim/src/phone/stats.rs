//! What a stream's audio went through.

use serde::{Deserialize, Serialize};
use voicecall_core::CallTime;

/// A stretch in which the caller heard nothing although speech had begun and went on later.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Gap {
    /// When the buffer ran dry.
    pub at: CallTime,
    /// Silent samples until audio came again.
    pub samples: u64,
}

/// Counts of one stream. Always: `received == heard + cleared + buffered`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[non_exhaustive]
pub struct MediaStats {
    /// Audio bytes from the application.
    pub received: u64,
    /// Of these, bytes the caller heard.
    pub heard: u64,
    /// Of these, bytes thrown away by `clear`.
    pub cleared: u64,
    /// Of these, bytes that still wait.
    pub buffered: u64,
    /// The most bytes that ever waited.
    pub max_buffered: u64,
    /// Frames in which the caller heard something of the application.
    pub frames_heard: u64,
    /// Frames of the caller sent to the application.
    pub frames_sent: u64,
    /// Marks of the application.
    #[serde(default)]
    pub marks_received: u64,
    /// Of these, marks returned.
    pub marks: u64,
    /// `clear` messages obeyed.
    pub clears: u64,
    /// Messages that were not understood.
    pub illegal: u64,
    /// How often speech ran dry in the middle.
    pub underruns: u64,
    /// The gaps these underruns made, in order.
    pub gaps: Vec<Gap>,
}
