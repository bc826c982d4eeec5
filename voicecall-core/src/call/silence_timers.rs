//! The clocks of silence: fillers while the caller waits for an answer, and a word to the dialogue when nobody speaks.

use std::time::Duration;

use super::settings::Timeouts;
use super::speech_queue::Floor;
use crate::time::CallTime;

/// What has become due.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Due {
    /// Say this to bridge the wait.
    Filler(String),
    /// Nobody has spoken for the configured time, this often in a row.
    Silence(u32),
}

/// Whoever works at an answer shows it at least this often: a model by its next words, a voice by its first sound.
const PROGRESS: Duration = Duration::from_millis(250);

/// A filler waits this long for an answer that is near, since the answer would then wait for the filler's end.
const HELD_BACK: Duration = Duration::from_millis(400);

/// Measures two silences: the caller's wait for an answer, and nobody speaking at all.
#[derive(Debug)]
pub(super) struct SilenceTimers {
    fillers: Vec<(Duration, String)>,
    silence: Duration,
    /// The end of the caller's turn whose answer is awaited, and how many fillers were said since.
    answer: Option<(CallTime, usize)>,
    /// Whether somebody has the floor.
    held: bool,
    /// When somebody last came closer to the answer.
    progress: Option<CallTime>,
    /// Since when nobody works at the answer.
    idle: Option<CallTime>,
    /// Since when nobody speaks and nothing is under way.
    quiet: Option<CallTime>,
    silences: u32,
}

impl SilenceTimers {
    pub(super) fn new(timeouts: &Timeouts) -> Self {
        Self {
            fillers: timeouts.fillers.clone(),
            silence: timeouts.silence,
            answer: None,
            held: false,
            progress: None,
            idle: None,
            quiet: None,
            silences: 0,
        }
    }

    /// The caller's turn ended: an answer is due.
    pub(super) const fn turn_ended(&mut self, now: CallTime) {
        self.answer = Some((now, 0));
        self.progress = None;
    }

    /// The answer has come closer: the model writes, or its words are on their way to the voice.
    pub(super) const fn progressed(&mut self, now: CallTime) {
        self.progress = Some(now);
    }

    /// Whoever worked at the answer has failed.
    pub(super) const fn failed(&mut self) {
        self.progress = None;
    }

    /// The answer is there, or not expected any more.
    pub(super) const fn answered(&mut self) {
        self.answer = None;
    }

    /// Whether somebody works at the answer. If nobody does, none is expected any more; but only from the next instant
    /// on, because the dialogue, told of a transcript or a reply, says what to do within the same one.
    pub(super) fn expect(&mut self, answering: bool, now: CallTime) {
        if answering {
            self.idle = None;
        } else if *self.idle.get_or_insert(now) < now {
            self.answer = None;
        }
    }

    /// Fillers give way to whatever has the floor. Behind an utterance the wait begins anew: the caller has heard from us.
    pub(super) const fn give_way(&mut self, floor: Floor, now: CallTime) {
        self.held = !matches!(floor, Floor::Free);
        if matches!(floor, Floor::Utterance)
            && let Some((since, _)) = &mut self.answer
        {
            *since = now;
        }
    }

    /// Whether an answer is expected.
    pub(super) const fn is_expecting(&self) -> bool {
        self.answer.is_some()
    }

    /// The caller said something that was understood: silences are counted anew.
    pub(super) const fn caller_spoke(&mut self) {
        self.silences = 0;
    }

    /// Whether something goes on: the agent or the caller speaks, or an answer is being made.
    pub(super) fn observe(&mut self, busy: bool, now: CallTime) {
        self.quiet = if busy { None } else { Some(self.quiet.unwrap_or(now)) };
    }

    /// What is due at `now`, once.
    pub(super) fn next_due(&mut self, now: CallTime) -> Option<Due> {
        if self.filler_at().is_some_and(|at| at <= now)
            && let Some((_, said)) = &mut self.answer
            && let Some((_, text)) = self.fillers.get(*said)
        {
            *said += 1;
            return Some(Due::Filler(text.clone()));
        }
        let quiet = self.quiet.filter(|quiet| now.since(*quiet) >= self.silence)?;
        self.quiet = Some(quiet + self.silence);
        self.silences += 1;
        Some(Due::Silence(self.silences))
    }

    pub(super) fn wake_at(&self) -> Option<CallTime> {
        let silence = self.quiet.map(|quiet| quiet + self.silence);
        self.filler_at().into_iter().chain(silence).min()
    }

    /// When the next filler is due: at its time, or a little later if the answer is near.
    fn filler_at(&self) -> Option<CallTime> {
        let (since, said) = self.answer.filter(|_| !self.held)?;
        let due = since + self.fillers.get(said)?.0;
        let near_until = self.progress.map(|progress| (progress + PROGRESS).min(due + HELD_BACK));
        near_until.max(Some(due))
    }
}
