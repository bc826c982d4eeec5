//! Hearing: each turn of the caller is one listening operation, and its audio is kept until it was understood.

use std::collections::VecDeque;
use std::time::Duration;

use super::io::{Failure, Output};
use super::kept_audio::KeptAudio;
use super::ops::Ops;
use super::turn::Spoken;
use crate::agent::{AgentTask, OpId};
use crate::audio::Frame;
use crate::dialogue::CallerTurn;
use crate::error::ErrorKind;
use crate::model::Transcript;
use crate::time::CallTime;

/// Audio from before the first voiced frame that belongs to a turn: a detector needs some voice to be sure.
const PRE_ROLL: usize = 15;

/// The wait before a transcriber that has no room is asked again, if it does not say how long to wait.
const BACKOFF: Duration = Duration::from_millis(500);

/// The most that is said in a second of voice. People who speak fast say 20 characters; of a voice in loud noise half may
/// be missed.
const CHARACTERS_PER_SECOND: f64 = 45.0;

/// What is let pass however short it was.
const CHARACTERS_AT_ONCE: f64 = 10.0;

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
    /// Everything that was said, to be handed to another operation.
    audio: KeptAudio,
    repeated: bool,
    spoken: Option<Spoken>,
    transcription: Transcription,
}

#[derive(Debug)]
enum Transcription {
    /// Asked for; missed at this instant, once the turn is over.
    Asked {
        op: OpId,
        due: Option<CallTime>,
    },
    /// To be asked for again, not before this instant.
    Later(CallTime),
    Understood(Transcript),
    Lost,
}

impl TurnTranscriber {
    pub(super) fn new(timeout: Duration) -> Self {
        Self { timeout, lately: VecDeque::new(), turns: VecDeque::new(), count: 0 }
    }

    /// Takes in a frame; while a turn is open it goes to the transcriber.
    pub(super) fn frame(&mut self, frame: &Frame, out: &mut Vec<Output>) {
        match self.turns.back_mut().filter(|turn| turn.spoken.is_none()) {
            Some(turn) => {
                turn.audio.push(*frame);
                if let Transcription::Asked { op, .. } = turn.transcription {
                    out.push(Output::Hear { op, frame: *frame });
                }
            }
            None => {
                if self.lately.len() == PRE_ROLL {
                    self.lately.pop_front();
                } else if self.lately.capacity() == 0 {
                    self.lately.reserve_exact(PRE_ROLL);
                }
                self.lately.push_back(*frame);
            }
        }
    }

    /// A turn began; what was heard just before belongs to it.
    pub(super) fn open(&mut self, ops: &mut Ops, out: &mut Vec<Output>) {
        self.count += 1;
        let op = ops.next();
        // No room is needed for what was heard before a turn while it is open.
        let audio = Vec::from(std::mem::take(&mut self.lately));
        let kept = audio.iter().copied().collect();
        out.push(Output::Start { op, task: AgentTask::Listen { audio } });
        self.turns.push_back(Turn {
            number: self.count,
            audio: kept,
            repeated: false,
            spoken: None,
            transcription: Transcription::Asked { op, due: None },
        });
    }

    /// The turn is over; its transcript is awaited. Returns the turn's number.
    pub(super) fn close(&mut self, spoken: Spoken, now: CallTime, out: &mut Vec<Output>) -> Option<u32> {
        let turn = self.turns.back_mut().filter(|turn| turn.spoken.is_none())?;
        turn.spoken = Some(spoken);
        if let Transcription::Asked { op, due } = &mut turn.transcription {
            *due = Some(now + self.timeout);
            out.push(Output::Finish { op: *op });
        }
        Some(turn.number)
    }

    /// A transcript arrived. Returns the turn it completes.
    pub(super) fn understood(&mut self, op: OpId, transcript: Transcript) -> Option<u32> {
        let turn = self.turns.iter_mut().find(|turn| turn.is_asked(op)).filter(|_| transcript.is_final)?;
        turn.transcription = Transcription::Understood(transcript);
        Some(turn.number)
    }

    /// An operation ended without a transcript, or gave none in time: once more with the same audio, then without words.
    pub(super) fn ended(&mut self, op: OpId, now: CallTime) {
        self.repeat(op, Duration::ZERO, now);
    }

    /// An operation failed: once more with the same audio, after a wait if the transcriber has no room; then without words.
    pub(super) fn failed(&mut self, op: OpId, failure: Failure, now: CallTime) {
        let backoff = if failure.kind == ErrorKind::RateLimited { BACKOFF } else { Duration::ZERO };
        self.repeat(op, failure.retry_after.unwrap_or(backoff), now);
    }

    fn repeat(&mut self, op: OpId, wait: Duration, now: CallTime) {
        let Some(turn) = self.turns.iter_mut().find(|turn| turn.is_asked(op)) else { return };
        // Whoever is told to wait longer than for a transcript is told at once that there will be none.
        let in_vain = turn.repeated || wait > self.timeout;
        turn.repeated = true;
        turn.transcription = if in_vain { Transcription::Lost } else { Transcription::Later(now + wait) };
    }

    /// Notices transcripts that do not come, and asks again for those whose wait is over.
    pub(super) fn tick(&mut self, now: CallTime, ops: &mut Ops, out: &mut Vec<Output>) {
        let late = |turn: &Turn| match turn.transcription {
            Transcription::Asked { op, due: Some(due) } if due <= now => Some(op),
            _ => None,
        };
        while let Some(op) = self.turns.iter().find_map(late) {
            out.push(Output::Cancel { op });
            self.ended(op, now);
        }
        for turn in &mut self.turns {
            if let Transcription::Later(at) = turn.transcription
                && at <= now
            {
                turn.ask_again(now + self.timeout, ops, out);
            }
        }
    }

    /// The next turn whose words are known, in the order they were spoken.
    pub(super) fn next_heard(&mut self) -> Option<CallerTurn> {
        let front = self.turns.front()?;
        let spoken = front.spoken?;
        let transcript = match &front.transcription {
            Transcription::Understood(transcript) => Some(transcript.clone()),
            Transcription::Lost => None,
            Transcription::Asked { .. } | Transcription::Later(_) => return None,
        };
        let heard = CallerTurn {
            turn: front.number,
            confidence: transcript.as_ref().and_then(|transcript| transcript.confidence),
            language: transcript.as_ref().and_then(|transcript| transcript.language.clone()),
            text: transcript.map(|transcript| said(transcript.text, spoken.voiced)),
            started: spoken.started,
            ended: spoken.last_voiced,
            voiced: spoken.voiced,
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
        let wake = |turn: &Turn| match turn.transcription {
            Transcription::Asked { due, .. } => due,
            Transcription::Later(at) => Some(at),
            Transcription::Understood(_) | Transcription::Lost => None,
        };
        self.turns.iter().filter_map(wake).min()
    }
}

impl Turn {
    fn is_asked(&self, of: OpId) -> bool {
        matches!(self.transcription, Transcription::Asked { op, .. } if op == of)
    }

    /// Hands everything that was said so far to a new operation, which hears the rest as it is said.
    fn ask_again(&mut self, due: CallTime, ops: &mut Ops, out: &mut Vec<Output>) {
        let op = ops.next();
        out.push(Output::Start { op, task: AgentTask::Listen { audio: self.audio.frames() } });
        let is_over = self.spoken.is_some();
        if is_over {
            out.push(Output::Finish { op });
        }
        self.transcription = Transcription::Asked { op, due: is_over.then_some(due) };
    }
}

/// The text, if there was voice enough to say it; otherwise nothing was understood. Transcribers make whole sentences of a
/// cough.
fn said(text: String, voiced: Duration) -> String {
    let most = CHARACTERS_AT_ONCE + voiced.as_secs_f64() * CHARACTERS_PER_SECOND;
    if text.chars().count() as f64 > most {
        tracing::debug!(?voiced, "a transcript is longer than what can have been said");
        return String::new();
    }
    text
}
