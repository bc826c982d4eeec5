//! A person on the phone whose line is recorded.

use std::fs;
use std::io;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use voicecall_core::audio::{Frame, StereoWav};
use voicecall_core::{CallTime, ConsentToken, SessionId};

use super::{Answer, Answerer, Party, PartyAction, Ring};

/// What was on a line so far. Clones share it.
#[derive(Debug, Clone, Default)]
pub struct LineRecording(Arc<Mutex<Line>>);

#[derive(Debug, Default)]
struct Line {
    spoken: Vec<Frame>,
    heard: Vec<Frame>,
    now: CallTime,
    is_over: bool,
}

impl LineRecording {
    /// Whether the call is over.
    #[must_use]
    pub fn is_over(&self) -> bool {
        self.line().is_over
    }

    /// How long the call has lasted.
    #[must_use]
    pub fn now(&self) -> CallTime {
        self.line().now
    }

    /// What the person said, in frames from the answer on.
    #[must_use]
    pub fn spoken(&self) -> Vec<Frame> {
        self.line().spoken.clone()
    }

    /// What the person heard, likewise.
    #[must_use]
    pub fn heard(&self) -> Vec<Frame> {
        self.line().heard.clone()
    }

    /// Writes the line as a stereo WAV file: the person left, what they heard right.
    ///
    /// # Errors
    /// What the file system reports.
    pub fn save(&self, path: &Path) -> io::Result<()> {
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder)?;
        }
        // Nobody is recorded: both voices are synthetic.
        let consent = ConsentToken::operator_declares_legal_basis(SessionId::new());
        let mut wav = StereoWav::new(io::BufWriter::new(fs::File::create(path)?), &consent)?;
        let line = self.line();
        for (at, (spoken, heard)) in line.spoken.iter().zip(&line.heard).enumerate() {
            wav.write(CallTime::from_millis(20 * at as u64), spoken, heard)?;
        }
        wav.finish()
    }

    fn line(&self) -> MutexGuard<'_, Line> {
        // Frames are whole whatever panicked.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Somebody whose line is recorded.
#[derive(Debug)]
pub struct Recorded {
    person: Box<dyn Party>,
    line: LineRecording,
}

impl Recorded {
    /// `person`, whose line goes to `line`.
    #[must_use]
    pub fn new(person: Box<dyn Party>, line: LineRecording) -> Self {
        Self { person, line }
    }
}

impl Party for Recorded {
    fn answer(&mut self, ring: &Ring) -> Answer {
        self.person.answer(ring)
    }

    fn answerer(&self) -> Answerer {
        self.person.answerer()
    }

    fn speak(&mut self, now: CallTime) -> PartyAction {
        let action = self.person.speak(now);
        let frame = if let PartyAction::Speak(frame) = &action { *frame } else { Frame::SILENCE };
        let mut line = self.line.line();
        line.now = now;
        line.spoken.push(frame);
        action
    }

    fn hear(&mut self, now: CallTime, frame: &Frame) {
        self.person.hear(now, frame);
        self.line.line().heard.push(*frame);
    }

    fn hear_key(&mut self, now: CallTime, key: char) {
        self.person.hear_key(now, key);
    }

    fn ended(&mut self, now: CallTime) {
        self.person.ended(now);
        self.line.line().is_over = true;
    }
}
