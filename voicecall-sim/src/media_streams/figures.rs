//! Measures a line: who spoke when, and how soon the agent took what the caller did.

use std::ops::Range;
use std::time::Duration;

use voicecall_core::CallTime;
use voicecall_core::audio::{FRAME_DURATION, Frame};

use super::report::{BargeIn, CallerTurn, millis, signed_millis};
use crate::phone::audible_range;

/// A shorter silence of the agent lies within its utterance.
const PAUSE: Duration = Duration::from_millis(500);

/// What was on the line so far.
#[derive(Debug, Default)]
pub(super) struct Figures {
    /// The agent's utterances.
    utterances: Vec<Range<CallTime>>,
    /// The caller's turns, with what was said.
    turns: Vec<(Range<CallTime>, String)>,
    /// Whether the caller is in the middle of its last turn.
    in_turn: bool,
    /// Whether the agent's last utterance was cut by a `clear`.
    is_cut: bool,
    clears: Vec<CallTime>,
}

impl Figures {
    /// The caller was saying `text`, and in the 20 ms that end at `now` this much of it; `None` if it was saying nothing.
    pub(super) fn spoke(&mut self, now: CallTime, said: Option<(&str, &Frame)>) {
        let Some((text, frame)) = said else {
            self.in_turn = false;
            return;
        };
        let Some(sound) = audible(now.back(FRAME_DURATION), frame) else { return };
        match self.turns.last_mut().filter(|_| self.in_turn) {
            Some((turn, _)) => turn.end = sound.end,
            None => self.turns.push((sound, text.to_owned())),
        }
        self.in_turn = true;
    }

    /// This sounds in the caller's ear in the 20 ms that begin at `now`.
    pub(super) fn heard(&mut self, now: CallTime, frame: &Frame) {
        let Some(sound) = audible(now, frame) else { return };
        let goes_on = |last: &&mut Range<CallTime>| !self.is_cut && sound.start.since(last.end) < PAUSE;
        match self.utterances.last_mut().filter(goes_on) {
            Some(last) => last.end = sound.end,
            None => self.utterances.push(sound),
        }
        self.is_cut = false;
    }

    /// The application sent `clear`. What sounds already is heard to the end of its frame.
    pub(super) fn cleared(&mut self, now: CallTime) {
        self.clears.push(now);
        self.is_cut = true;
    }

    /// The agent's first audible sample.
    pub(super) fn first_audio(&self) -> Option<CallTime> {
        self.utterances.first().map(|first| first.start)
    }

    /// How long the agent spoke, pauses within utterances included.
    pub(super) fn agent_speech(&self) -> Duration {
        self.utterances.iter().map(|utterance| utterance.end.since(utterance.start)).sum()
    }

    /// How many utterances there were.
    pub(super) const fn utterances(&self) -> usize {
        self.utterances.len()
    }

    /// How many `clear` messages there were.
    pub(super) const fn clears(&self) -> usize {
        self.clears.len()
    }

    /// The caller's turns, in a call that ended at `end`.
    pub(super) fn turns(&self, end: CallTime) -> Vec<CallerTurn> {
        let next = |index: usize| self.turns.get(index + 1).map_or(end, |(turn, _)| turn.start);
        let turn = |(index, (turn, text)): (usize, &(Range<CallTime>, String))| CallerTurn {
            text: text.clone(),
            from_ms: millis(turn.start),
            until_ms: millis(turn.end),
            next_ms: millis(next(index)),
            response_ms: self.response(turn, next(index)),
            barge_in: self.barge_in(turn, next(index), end),
        };
        self.turns.iter().enumerate().map(turn).collect()
    }

    /// From the end of a turn to the beginning of what answers it: what the agent began to say during the turn and was saying at its
    /// end, or the first that it says afterwards.
    fn response(&self, turn: &Range<CallTime>, next: CallTime) -> Option<i64> {
        let early = |said: &&Range<CallTime>| said.start > turn.start && said.start < turn.end && said.end > turn.end;
        let later = |said: &&Range<CallTime>| said.start >= turn.end && said.start < next;
        let answer = self.utterances.iter().find(early).or_else(|| self.utterances.iter().find(later))?;
        Some(signed_millis(answer.start) - signed_millis(turn.end))
    }

    /// What became of the agent's utterance that the turn broke into.
    fn barge_in(&self, turn: &Range<CallTime>, next: CallTime, end: CallTime) -> Option<BargeIn> {
        let said = self.utterances.iter().find(|said| said.start < turn.start && said.end > turn.start)?;
        let clear = self.clears.iter().find(|&&clear| clear >= turn.start && clear < next);
        let is_last = self.utterances.last() == Some(said);
        let went_on = is_last && !self.is_cut && end.since(said.end) < PAUSE;
        let after = |at: CallTime| millis(at) - millis(turn.start);
        Some(BargeIn { clear_ms: clear.map(|&clear| after(clear)), silent_ms: (!went_on).then(|| after(said.end)) })
    }
}

/// When something can be heard of a frame that begins at `from`.
fn audible(from: CallTime, frame: &Frame) -> Option<Range<CallTime>> {
    let samples = audible_range(frame.as_bytes())?;
    let at = |sample: usize| from + CallTime::from_samples(sample as u64).since(CallTime::ZERO);
    Some(at(samples.start)..at(samples.end))
}
