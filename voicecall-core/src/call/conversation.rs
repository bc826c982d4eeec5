//! Machine and dialogue together: what the runner and the simulator drive, and what a recording replays.

use std::collections::VecDeque;
use std::time::Duration;

use super::io::{Input, InputEvent, Output};
use super::machine::CallMachine;
use super::recording::InputRecorder;
use crate::dialogue::{Action, Dialogue, DialogueEvent};
use crate::phone::PhoneNumber;
use crate::time::CallTime;
use crate::tool::Tool;

/// What can sit at the centre of a call: takes what happened, says what to do. Sans-IO.
///
/// Its time is the connection's, counted from zero.
pub trait CallLogic: Send {
    /// Takes in what happened at `now` and appends what is to be done.
    fn handle(&mut self, now: CallTime, event: InputEvent<'_>, out: &mut Vec<Output>);

    /// When [`InputEvent::Tick`] is due at the latest.
    fn wake_at(&self) -> Option<CallTime>;

    /// Whether nothing more will come of this call.
    fn is_finished(&self) -> bool;

    /// The tool that [`Output::CallTool`] names. Logic that calls none has none.
    fn tool(&self, _name: &str) -> Option<Tool> {
        None
    }

    /// The number that [`Effect::Transfer`](super::Effect::Transfer) names. Logic that transfers nothing has none.
    fn transfer_number(&self, _name: &str) -> Option<PhoneNumber> {
        None
    }
}

/// What stands between a socket and a dialogue: sans-IO, and the same for audio and for text.
///
/// Unlike the connection's, its time is the call's.
pub trait Machine: Send {
    /// Takes in what happened at `now` and appends what is to be done. A time before the last one counts as the last.
    fn handle(&mut self, now: CallTime, event: InputEvent<'_>, out: &mut Vec<Output>);

    /// When [`InputEvent::Tick`] is due at the latest.
    fn wake_at(&self) -> Option<CallTime>;

    /// Whether nothing more will come of this call.
    fn is_finished(&self) -> bool;

    /// The call's time when this connection began.
    fn elapsed(&self) -> Duration;
}

/// A machine and the dialogue it serves, one after the other until neither has anything to say.
///
/// Machine, dialogue and outputs know the call's time, which is the connection's unless the call
/// [broke off and goes on](super::CallSettings::elapsed).
#[derive(Debug)]
pub struct Conversation<M = CallMachine> {
    machine: M,
    dialogue: Box<dyn Dialogue>,
    recorder: Option<InputRecorder>,
    /// The call's time when this connection began.
    elapsed: Duration,
    events: VecDeque<DialogueEvent>,
    actions: Vec<Action>,
}

impl<M: Machine> Conversation<M> {
    /// A conversation about to begin.
    #[must_use]
    pub fn new(machine: M, dialogue: Box<dyn Dialogue>) -> Self {
        let elapsed = machine.elapsed();
        Self { machine, dialogue, recorder: None, elapsed, events: VecDeque::new(), actions: Vec::new() }
    }

    /// Records every input of the machine, to be replayed.
    #[must_use]
    pub fn with_recorder(mut self, recorder: InputRecorder) -> Self {
        self.recorder = Some(recorder);
        self
    }

    /// The machine, to look at.
    #[must_use]
    pub const fn machine(&self) -> &M {
        &self.machine
    }

    /// The recording of inputs, at the end of the call.
    pub fn take_recorder(&mut self) -> Option<InputRecorder> {
        self.recorder.take()
    }

    fn step(&mut self, now: CallTime, event: InputEvent<'_>, out: &mut Vec<Output>) {
        let from = out.len();
        let mut input = Input { at: now, event };
        if let Some(recorder) = &mut self.recorder {
            recorder.input(&input);
        }
        let event = std::mem::replace(&mut input.event, InputEvent::Tick);
        self.machine.handle(now, event, out);
        if let Some(recorder) = &mut self.recorder {
            recorder.outputs(&out[from..]);
        }
        // The dialogue is told what the machine says; everybody else need not know.
        let events = &mut self.events;
        let mut at = 0;
        out.retain_mut(|output| {
            at += 1;
            if at <= from {
                return true;
            }
            let Output::Notify(event) = output else { return true };
            events.push_back(std::mem::replace(event, DialogueEvent::Wake));
            false
        });
    }

    fn converse(&mut self, now: CallTime, out: &mut Vec<Output>) {
        while let Some(event) = self.events.pop_front() {
            let mut actions = std::mem::take(&mut self.actions);
            self.dialogue.handle(&event, now, &mut actions);
            for action in actions.drain(..) {
                self.step(now, InputEvent::Dialogue(action), out);
            }
            self.actions = actions;
        }
    }
}

impl<M: Machine> CallLogic for Conversation<M> {
    fn handle(&mut self, now: CallTime, event: InputEvent<'_>, out: &mut Vec<Output>) {
        let now = now + self.elapsed;
        self.step(now, event, out);
        self.converse(now, out);
        if self.dialogue.wake_at().is_some_and(|at| at <= now) && !self.machine.is_finished() {
            self.events.push_back(DialogueEvent::Wake);
            self.converse(now, out);
        }
    }

    fn wake_at(&self) -> Option<CallTime> {
        if self.machine.is_finished() {
            return None;
        }
        let wake = self.machine.wake_at().into_iter().chain(self.dialogue.wake_at()).min()?;
        Some(wake.back(self.elapsed))
    }

    fn is_finished(&self) -> bool {
        self.machine.is_finished()
    }

    fn tool(&self, name: &str) -> Option<Tool> {
        self.dialogue.tool(name)
    }

    fn transfer_number(&self, name: &str) -> Option<PhoneNumber> {
        self.dialogue.transfer_number(name)
    }
}
