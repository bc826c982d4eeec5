//! Hearing: each turn of the caller is one listening operation, and its audio is kept until it was understood.

use std::collections::VecDeque;
use std::time::Duration;

use super::io::Output;
use super::ops::Ops;
use super::turn::Spoken;
use crate::agent::{AgentTask, OpId};
use crate::audio::Frame;
use crate::dialogue::CallerTurn;
use crate::model::Transcript;
use crate::time::CallTime;

/// Audio from before the first voiced frame that belongs to a turn: a detector needs some voice to be sure.
const PRE_ROLL: usize = 15;

/// Turns on their way from sound to words, oldest first; they are told in order.
#[derive(Debug)]
pub(super) struct TurnTranscriber {
    timeout: Duration,
    lately: VecDeque<Frame>,
    turns: VecDeque<Turn>,
    count: u32,
}

#[derive(Debug)]
struct Turn {
    number: u32,
    op: OpId,
    /// Everything that was said, to be said again to another transcriber.
    audio: Vec<Frame>,
    repeated: bool,
    spoken: Option<Spoken>,
    /// When a missing transcript is noticed.
    due: Option<CallTime>,
    words: Option<Words>,
}

#[derive(Debug)]
enum Words {
    Understood(Transcript),
    Lost,
}

impl TurnTranscriber {
    pub(super) fn new(timeout: Duration) -> Self {
        Self { timeout, lately: VecDeque::with_capacity(PRE_ROLL), turns: VecDeque::new(), count: 0 }
    }

    /// Takes in a frame; while a turn is open it goes to the transcriber.
    pub(super) fn frame(&mut self, frame: &Frame, out: &mut Vec<Output>) {
        match self.turns.back_mut().filter(|turn| turn.spoken.is_none()) {
            Some(turn) => {
                turn.audio.push(*frame);
                if turn.words.is_none() {
                    out.push(Output::Hear { op: turn.op, frame: *frame });
                }
            }
            None => {
                if self.lately.len() == PRE_ROLL {
                    self.lately.pop_front();
                }
                self.lately.push_back(*frame);
            }
        }
    }

    /// A turn began; what was heard just before belongs to it.
    pub(super) fn open(&mut self, ops: &mut Ops, out: &mut Vec<Output>) {
        self.count += 1;
        let op = ops.next();
        let audio: Vec<_> = self.lately.drain(..).collect();
        start(op, &audio, out);
        self.turns.push_back(Turn {
            number: self.count,
            op,
            audio,
            repeated: false,
            spoken: None,
            due: None,
            words: None,
        });
    }

    /// The turn is over; its transcript is awaited. Returns the turn's number.
    pub(super) fn close(&mut self, spoken: Spoken, now: CallTime, out: &mut Vec<Output>) -> Option<u32> {
        let due = now + self.timeout;
        let turn = self.turns.back_mut().filter(|turn| turn.spoken.is_none())?;
        turn.spoken = Some(spoken);
        if turn.words.is_none() {
            turn.due = Some(due);
            out.push(Output::Finish { op: turn.op });
        }
        Some(turn.number)
    }

    /// A transcript arrived. Returns the turn it completes.
    pub(super) fn understood(&mut self, op: OpId, transcript: Transcript) -> Option<u32> {
        let turn = self.turns.iter_mut().find(|turn| turn.op == op && turn.words.is_none())?;
        if !transcript.is_final {
            return None;
        }
        turn.words = Some(Words::Understood(transcript));
        Some(turn.number)
    }

    /// An operation failed, or ended without a transcript: once more with the same audio, then without words.
    /// Returns whether the operation was one of ours.
    pub(super) fn failed(&mut self, op: OpId, now: CallTime, ops: &mut Ops, out: &mut Vec<Output>) -> bool {
        let due = now + self.timeout;
        let Some(turn) = self.turns.iter_mut().find(|turn| turn.op == op && turn.words.is_none()) else { return false };
        if turn.repeated {
            turn.words = Some(Words::Lost);
            return true;
        }
        turn.repeated = true;
        turn.op = ops.next();
        start(turn.op, &turn.audio, out);
        if turn.spoken.is_some() {
            turn.due = Some(due);
            out.push(Output::Finish { op: turn.op });
        }
        true
    }

    /// Notices transcripts that do not come.
    pub(super) fn tick(&mut self, now: CallTime, ops: &mut Ops, out: &mut Vec<Output>) {
        let late = |turn: &&Turn| turn.words.is_none() && turn.due.is_some_and(|due| due <= now);
        while let Some(op) = self.turns.iter().find(late).map(|turn| turn.op) {
            out.push(Output::Cancel { op });
            self.failed(op, now, ops, out);
        }
    }

    /// The next turn whose words are known, in the order they were spoken.
    pub(super) fn next_heard(&mut self) -> Option<CallerTurn> {
        let front = self.turns.front()?;
        let (spoken, words) = (front.spoken?, front.words.as_ref()?);
        let transcript = match words {
            Words::Understood(transcript) => Some(transcript.clone()),
            Words::Lost => None,
        };
        let heard = CallerTurn {
            turn: front.number,
            confidence: transcript.as_ref().and_then(|transcript| transcript.confidence),
            language: transcript.as_ref().and_then(|transcript| transcript.language.clone()),
            text: transcript.map(|transcript| transcript.text),
            started: spoken.started,
            ended: spoken.last_voiced,
            cut_off: spoken.cut_off,
        };
        self.turns.pop_front();
        Some(heard)
    }

    /// Whether words are still to come.
    pub(super) fn is_waiting(&self) -> bool {
        !self.turns.is_empty()
    }

    pub(super) fn wake_at(&self) -> Option<CallTime> {
        self.turns.iter().filter(|turn| turn.words.is_none()).filter_map(|turn| turn.due).min()
    }
}

fn start(op: OpId, audio: &[Frame], out: &mut Vec<Output>) {
    out.push(Output::Start { op, task: AgentTask::Listen });
    out.extend(audio.iter().map(|frame| Output::Hear { op, frame: *frame }));
}
