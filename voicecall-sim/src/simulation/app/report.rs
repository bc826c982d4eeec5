//! What a simulated run leaves.

use std::io;
use std::path::Path;

use voicecall_core::model::ChatRequest;
use voicecall_core::store::Session;
use voicecall_engine::LiveEvent;

use crate::caller::{CallerLog, LogEntry};
use crate::carrier::SimCall;
use crate::phone::LineRecording;

/// A run of an application that is over.
#[derive(Debug)]
#[non_exhaustive]
pub struct SimulationReport {
    /// The people, in the order in which they were added.
    pub callers: Vec<CallerReport>,
    /// The application's sessions, in the order in which they were first heard of.
    pub sessions: Vec<Session>,
    /// What the engine told of them.
    pub events: Vec<LiveEvent>,
    /// What the language model was asked.
    pub asked: Vec<ChatRequest>,
    /// The calls as the carrier knows them.
    pub calls: Vec<SimCall>,
}

/// One of the people.
#[derive(Debug)]
#[non_exhaustive]
pub struct CallerReport {
    /// What they heard and did, with times since the answer.
    pub log: CallerLog,
    pub(super) line: LineRecording,
}

impl SimulationReport {
    /// Everything the first of the people heard, as one text.
    #[must_use]
    pub fn heard(&self) -> String {
        self.callers.first().map(|caller| caller.log.heard()).unwrap_or_default()
    }

    /// Everything the first of the people said, as one text.
    #[must_use]
    pub fn said(&self) -> String {
        self.callers.first().map(|caller| caller.log.said()).unwrap_or_default()
    }
}

impl CallerReport {
    /// What they heard and did, in order.
    #[must_use]
    pub fn entries(&self) -> Vec<LogEntry> {
        self.log.entries()
    }

    /// Writes their line as a stereo WAV file: their voice left, what they heard right.
    ///
    /// # Errors
    /// What the file system reports.
    pub fn save_recording(&self, path: impl AsRef<Path>) -> io::Result<()> {
        self.line.save(path.as_ref())
    }
}
