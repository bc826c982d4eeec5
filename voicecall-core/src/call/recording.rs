//! Recorded calls: the machine's inputs as text, one a line, and their replay, which must give the same outputs.

use std::fmt;
use std::io::{self, BufRead, Write};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::io::{Input, Output};
use super::machine::CallMachine;
use super::settings::CallSettings;
use crate::error::{Error, ErrorKind, Result};

/// The first line of a recording.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Header {
    voicecall_inputs: u32,
    settings: CallSettings,
}

/// The version of the format.
const VERSION: u32 = 1;

/// Any other line: an input, and a short digest of the outputs it led to.
#[derive(Debug, Serialize, Deserialize)]
struct Line<'a> {
    #[serde(borrow)]
    input: Input<'a>,
    outputs: Digest8,
}

/// The first eight bytes of the SHA-256 of the outputs as JSON, in hexadecimal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
struct Digest8(u64);

impl From<Digest8> for String {
    fn from(digest: Digest8) -> Self {
        format!("{:016x}", digest.0)
    }
}

impl TryFrom<String> for Digest8 {
    type Error = std::num::ParseIntError;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        u64::from_str_radix(&text, 16).map(Self)
    }
}

impl Digest8 {
    fn of(outputs: &[Output]) -> Self {
        let mut hash = Sha256::new();
        for output in outputs {
            // Outputs are plain data, which always has a JSON form.
            hash.update(serde_json::to_vec(output).unwrap_or_default());
        }
        let digest: [u8; 32] = hash.finalize().into();
        let mut first = [0; 8];
        first.copy_from_slice(&digest[..8]);
        Self(u64::from_be_bytes(first))
    }
}

/// Collects the inputs of one call.
///
/// It holds what the caller said, so it is kept in memory; write it out only once the caller has consented.
pub struct InputRecorder {
    text: Vec<u8>,
    pending: Option<String>,
}

impl fmt::Debug for InputRecorder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "InputRecorder({} bytes)", self.text.len())
    }
}

impl InputRecorder {
    /// A recording of a call with these settings.
    #[must_use]
    pub fn new(settings: &CallSettings) -> Self {
        let header = Header { voicecall_inputs: VERSION, settings: settings.clone() };
        let mut text = serde_json::to_vec(&header).unwrap_or_default();
        text.push(b'\n');
        Self { text, pending: None }
    }

    pub(super) fn input(&mut self, input: &Input<'_>) {
        self.pending = serde_json::to_string(input).ok();
    }

    pub(super) fn outputs(&mut self, outputs: &[Output]) {
        let Some(input) = self.pending.take() else { return };
        let digest = String::from(Digest8::of(outputs));
        // Writing to memory does not fail.
        let _ = writeln!(self.text, r#"{{"input":{input},"outputs":"{digest}"}}"#);
    }

    /// Writes the recording out.
    ///
    /// # Errors
    /// What `writer` reports.
    pub fn write_to(&self, mut writer: impl Write) -> io::Result<()> {
        writer.write_all(&self.text)
    }

    /// The recording as text.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.text
    }
}

/// What a replay found.
#[derive(Debug, Clone, PartialEq)]
pub struct Replayed {
    /// How many inputs were replayed.
    pub inputs: usize,
    /// Everything the machine put out, in order.
    pub outputs: Vec<Output>,
}

/// Runs a recorded call again.
///
/// # Errors
/// `Invalid` naming `recording` if it cannot be read; `Internal` naming the line at which the machine put out
/// something else than it did in the call.
pub fn replay(recording: impl BufRead) -> Result<Replayed> {
    let unreadable = |line: usize| Error::invalid("recording", format!("a recorded call; line {line} is none"));
    let mut lines = recording.lines().enumerate();
    let (_, first) = lines.next().ok_or_else(|| unreadable(1))?;
    let first = first.map_err(|error| unreadable(1).with_source(error))?;
    let header: Header = serde_json::from_str(&first).map_err(|error| unreadable(1).with_source(error))?;
    if header.voicecall_inputs != VERSION {
        return Err(Error::invalid("recording", format!("version {VERSION}")));
    }
    let mut machine = CallMachine::new(header.settings);
    let mut replayed = Replayed { inputs: 0, outputs: Vec::new() };
    for (at, line) in lines {
        let line = line.map_err(|error| unreadable(at + 1).with_source(error))?;
        let line: Line<'_> = serde_json::from_str(&line).map_err(|error| unreadable(at + 1).with_source(error))?;
        let from = replayed.outputs.len();
        machine.handle(line.input.at, line.input.event, &mut replayed.outputs);
        replayed.inputs += 1;
        if Digest8::of(&replayed.outputs[from..]) != line.outputs {
            return Err(Error::new(ErrorKind::Internal, "replay")
                .with_field("recording")
                .with_message(format!("line {} put out something else than in the call", at + 1)));
        }
    }
    Ok(replayed)
}
