//! Recorded calls: the machine's inputs as text, one a line, and their replay, which must give the same outputs.

use std::fmt;
use std::io::{BufRead, Write};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use tracing::warn;

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

/// The most of a call that waits to be taken: the first four minutes, or what a slow disk keeps waiting.
const MOST_WAITING: usize = 4 << 20;

/// Collects the inputs of one call. Whoever keeps them holds a clone and [takes](Self::take) them while the call goes on.
///
/// It holds what the caller said, in memory and in bounds: take it out only once the caller has consented.
#[derive(Clone)]
pub struct InputRecorder {
    tape: Arc<Mutex<Tape>>,
    pending: Option<String>,
}

/// What was recorded and not taken yet.
struct Tape {
    /// Written in front of the first input. Prepared speech makes it long, so it is written only when it is taken.
    header: Option<Header>,
    text: Vec<u8>,
    /// There was no room. A recording without its middle cannot be replayed, so it ends here.
    broken_off: bool,
}

impl fmt::Debug for InputRecorder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "InputRecorder({} bytes)", self.tape().text.len())
    }
}

impl InputRecorder {
    /// A recording of a call with these settings.
    #[must_use]
    pub fn new(settings: &CallSettings) -> Self {
        let header = Header { voicecall_inputs: VERSION, settings: settings.clone() };
        let tape = Tape { header: Some(header), text: Vec::new(), broken_off: false };
        Self { tape: Arc::new(Mutex::new(tape)), pending: None }
    }

    pub(super) fn input(&mut self, input: &Input<'_>) {
        if !self.tape().broken_off {
            self.pending = serde_json::to_string(input).ok();
        }
    }

    pub(super) fn outputs(&mut self, outputs: &[Output]) {
        let Some(input) = self.pending.take() else { return };
        let digest = String::from(Digest8::of(outputs));
        let mut tape = self.tape();
        if tape.text.len() + input.len() > MOST_WAITING {
            tape.broken_off = true;
            warn!("the recorded inputs of a call break off: nobody takes them");
            return;
        }
        // Writing to memory does not fail.
        let _ = writeln!(tape.text, r#"{{"input":{input},"outputs":"{digest}"}}"#);
    }

    /// Takes out whole lines of text: what was recorded since the last time, beginning with the settings.
    #[must_use]
    pub fn take(&self) -> Vec<u8> {
        let mut tape = self.tape();
        let Some(header) = tape.header.take() else { return std::mem::take(&mut tape.text) };
        let mut text = serde_json::to_vec(&header).unwrap_or_default();
        text.push(b'\n');
        text.append(&mut tape.text);
        text
    }

    /// Nothing is left half done in here, so a panic of another holder does no harm.
    fn tape(&self) -> MutexGuard<'_, Tape> {
        self.tape.lock().unwrap_or_else(PoisonError::into_inner)
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

#[cfg(test)]
mod tests {
    use super::super::io::InputEvent;
    use super::*;
    use crate::id::SessionId;
    use crate::media::MediaEvent;
    use crate::time::CallTime;

    /// Twenty milliseconds of audio go in, and nothing comes out.
    fn record(recorder: &mut InputRecorder) {
        let event = InputEvent::Media(MediaEvent::audio(vec![0xFF; 160]));
        recorder.input(&Input { at: CallTime::ZERO, event });
        recorder.outputs(&[]);
    }

    #[test]
    fn what_is_taken_piece_by_piece_replays_as_a_whole() {
        let mut recorder = InputRecorder::new(&CallSettings::new(SessionId::new()));
        let keeper = recorder.clone();
        let mut kept = Vec::new();
        for _ in 0..5 {
            record(&mut recorder);
            kept.extend(keeper.take());
            // As after a kill: every piece ends with its line.
            assert!(kept.ends_with(b"\n"));
        }
        assert_eq!(replay(&kept[..]).unwrap().inputs, 5);
    }

    #[test]
    fn what_nobody_takes_is_bounded_and_ends_with_a_whole_line() {
        let mut recorder = InputRecorder::new(&CallSettings::new(SessionId::new()));
        for _ in 0..MOST_WAITING / 200 {
            record(&mut recorder);
        }
        let taken = recorder.take();
        assert!((MOST_WAITING / 2..MOST_WAITING + 10_000).contains(&taken.len()), "{} bytes", taken.len());
        assert!(replay(&taken[..]).unwrap().inputs > 10_000);
        record(&mut recorder);
        assert!(recorder.take().is_empty(), "it does not go on without its middle");
    }
}
