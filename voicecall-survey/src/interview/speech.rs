//! What the agent has been told to say and has not been heard saying yet: numbers, order, estimated ends.

use std::collections::VecDeque;
use std::time::Duration;

use super::limits::Pace;
use voicecall_core::CallTime;
use voicecall_core::dialogue::{Action, Utterance, UtteranceId};

/// What an utterance is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Cue {
    /// A sentence of the disclosure. Not interruptible.
    Disclosure,
    /// Something the caller is to answer.
    Prompt,
    /// Something that stands before a prompt.
    Aside,
    /// Something that has to be heard to its end. Not interruptible.
    Last,
}

impl Cue {
    const fn is_interruptible(self) -> bool {
        matches!(self, Self::Prompt | Self::Aside)
    }
}

/// How much of the latest prompt the caller has heard.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Prompt {
    /// Nothing yet; it waits behind something else.
    Queued,
    /// It has begun to be spoken at this instant.
    Begun(CallTime),
    /// It has been heard to its end; it began at this instant.
    Heard(CallTime),
    /// It was interrupted in the middle; it began at this instant.
    Cut(CallTime),
    /// It was dropped before a word of it was heard.
    Dropped,
}

impl Prompt {
    /// When the caller began to hear it.
    pub(super) const fn began(self) -> Option<CallTime> {
        match self {
            Self::Begun(at) | Self::Heard(at) | Self::Cut(at) => Some(at),
            Self::Queued | Self::Dropped => None,
        }
    }

    /// Whether the caller will not hear all of it unless it is said again.
    pub(super) const fn is_lost(self) -> bool {
        matches!(self, Self::Cut(_) | Self::Dropped)
    }
}

#[derive(Debug, Clone, Copy)]
struct Line {
    id: UtteranceId,
    cue: Cue,
    takes: Duration,
}

/// The agent's queue of utterances.
#[derive(Debug)]
pub(super) struct Speech {
    pace: Pace,
    last_id: u32,
    queue: VecDeque<Line>,
    prompt: Prompt,
    /// The hard end of the call, once it is connected.
    end: Option<CallTime>,
}

impl Speech {
    pub(super) const fn new(pace: Pace) -> Self {
        Self { pace, last_id: 0, queue: VecDeque::new(), prompt: Prompt::Dropped, end: None }
    }

    pub(super) const fn end_at(&mut self, end: CallTime) {
        self.end = Some(end);
    }

    /// How much of the latest prompt was heard.
    pub(super) const fn prompt(&self) -> Prompt {
        self.prompt
    }

    /// When everything queued will have been said, by estimate: each utterance counts whole until it was heard.
    pub(super) fn done_by(&self, now: CallTime) -> CallTime {
        self.queue.iter().fold(now, |at, line| at + line.takes)
    }

    /// Queues an utterance, unless it could not end before the call does.
    pub(super) fn say(&mut self, text: &str, cue: Cue, now: CallTime, actions: &mut Vec<Action>) {
        let takes = self.pace.speaking(text);
        if cue == Cue::Prompt {
            self.prompt = Prompt::Dropped;
        }
        if self.end.is_some_and(|end| self.done_by(now) + takes > end) {
            return;
        }
        if cue == Cue::Prompt {
            self.prompt = if self.queue.is_empty() { Prompt::Begun(now) } else { Prompt::Queued };
        }
        self.last_id += 1;
        let id = UtteranceId(self.last_id);
        self.queue.push_back(Line { id, cue, takes });
        actions.push(Action::Say(Utterance { id, text: text.to_owned(), interruptible: cue.is_interruptible() }));
    }

    /// An utterance was heard to its end. Tells what it was for.
    pub(super) fn spoken(&mut self, id: UtteranceId, now: CallTime) -> Option<Cue> {
        let place = self.queue.iter().position(|line| line.id == id)?;
        let cue = self.queue.drain(..=place).next_back().map(|line| line.cue);
        if let (Some(Cue::Prompt), Prompt::Begun(at)) = (cue, self.prompt) {
            self.prompt = Prompt::Heard(at);
        }
        if self.queue.front().is_some_and(|line| line.cue == Cue::Prompt) {
            self.prompt = Prompt::Begun(now);
        }
        cue
    }

    /// An utterance was interrupted; it and all behind it are gone, but for those that may not be interrupted. Tells what
    /// it was for.
    pub(super) fn interrupted(&mut self, id: UtteranceId, heard: &str) -> Option<Cue> {
        self.cut(id, heard, Cue::is_interruptible)
    }

    /// An utterance broke off; it and all behind it are gone. Tells what it was for.
    pub(super) fn broke_off(&mut self, id: UtteranceId) -> Option<Cue> {
        let cue = self.cut(id, "", |_| true);
        // A question of which only a part was said has not been asked.
        if cue.is_some() {
            self.prompt = Prompt::Dropped;
        }
        cue
    }

    fn cut(&mut self, id: UtteranceId, heard: &str, is_gone: impl Fn(Cue) -> bool) -> Option<Cue> {
        let place = self.queue.iter().position(|line| line.id == id)?;
        let mut behind = self.queue.split_off(place);
        let cue = behind.pop_front().map(|line| line.cue);
        behind.retain(|line| !is_gone(line.cue));
        self.queue = behind;
        self.prompt = match (self.prompt, cue) {
            (Prompt::Begun(at), Some(Cue::Prompt)) if !heard.trim().is_empty() => Prompt::Cut(at),
            (Prompt::Begun(_) | Prompt::Queued, _) => Prompt::Dropped,
            (prompt, _) => prompt,
        };
        cue
    }

    /// Stops whatever is being said.
    pub(super) fn interrupt(&mut self, actions: &mut Vec<Action>) {
        if !self.queue.is_empty() {
            self.queue.clear();
            actions.push(Action::Interrupt);
        }
        if let Prompt::Begun(at) = self.prompt {
            self.prompt = Prompt::Cut(at);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const T0: CallTime = CallTime::ZERO;
    const T1: CallTime = CallTime::from_millis(1000);

    fn speech() -> (Speech, Vec<Action>) {
        (Speech::new(Pace::default()), Vec::new())
    }

    #[test]
    fn a_prompt_begins_when_what_stands_before_it_was_heard() {
        let (mut speech, mut actions) = speech();
        speech.say("Tack.", Cue::Aside, T0, &mut actions);
        speech.say("Hur var det?", Cue::Prompt, T0, &mut actions);
        assert_eq!(speech.prompt(), Prompt::Queued);
        assert_eq!(speech.spoken(UtteranceId(1), T1), Some(Cue::Aside));
        assert_eq!(speech.prompt(), Prompt::Begun(T1));
        speech.spoken(UtteranceId(2), CallTime::from_millis(2000));
        assert_eq!(speech.prompt(), Prompt::Heard(T1));
    }

    #[test]
    fn an_interruption_drops_what_stands_behind() {
        let (mut speech, mut actions) = speech();
        speech.say("Tack.", Cue::Aside, T0, &mut actions);
        speech.say("Hur var det?", Cue::Prompt, T0, &mut actions);
        assert_eq!(speech.interrupted(UtteranceId(1), "Ta"), Some(Cue::Aside));
        assert_eq!(speech.prompt(), Prompt::Dropped);
        assert_eq!(speech.done_by(T1), T1);
        assert_eq!(speech.interrupted(UtteranceId(2), "Hur"), None);
    }

    #[test]
    fn a_prompt_of_which_nothing_was_heard_has_not_begun() {
        let (mut speech, mut actions) = speech();
        speech.say("Hur var det?", Cue::Prompt, T0, &mut actions);
        speech.interrupted(UtteranceId(1), " ");
        assert_eq!(speech.prompt().began(), None);
        speech.say("Hur var det?", Cue::Prompt, T1, &mut actions);
        speech.interrupted(UtteranceId(2), "Hur var");
        assert_eq!(speech.prompt(), Prompt::Cut(T1));
    }

    #[test]
    fn nothing_is_said_that_cannot_end_before_the_call() {
        let (mut speech, mut actions) = speech();
        speech.end_at(T1);
        speech.say("Hur var det?", Cue::Prompt, T0, &mut actions);
        speech.say("Tack.", Cue::Last, T0, &mut actions);
        assert_eq!(actions.len(), 1);
        assert_eq!(speech.done_by(T0), CallTime::from_millis(800));
    }
}
