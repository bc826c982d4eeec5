//! What is done over one connection to a speech-to-speech model: operations in, commands and events out. It never waits.

mod told;

use std::collections::VecDeque;
use std::time::Duration;

use super::answer::Answer;
use super::items::Items;
use crate::agent::{AgentEvent, OpId, Respond};
use crate::audio::{Frame, SAMPLE_RATE};
use crate::model::{ChatMessage, ChatRole, RealtimeCommand, ToolSpec};

/// The state of one connection.
#[derive(Debug)]
pub(super) struct Protocol {
    items: Items,
    /// Who hears the turn that is being said.
    hearing: Option<OpId>,
    /// Whose turns are over and no items yet, in order; `None` once they were given up.
    commits: VecDeque<Option<OpId>>,
    /// Answers that are not over, or not handed on whole. At most one, the last, is not over.
    answers: Vec<Answer>,
    /// What is asked once no answer is under way.
    waiting: VecDeque<(OpId, Respond)>,
    /// How many answers were asked for.
    asked: u64,
    /// By what the model answers.
    configured: Option<(String, Vec<ToolSpec>)>,
    /// The longest answer asked for last.
    max_tokens: u32,
    /// Whether a turn is answered before its words are known.
    ahead: bool,
    /// Whether something was said since the last answer that the model has not been told of.
    behind: bool,
    commands: VecDeque<RealtimeCommand>,
    events: VecDeque<(OpId, AgentEvent)>,
}

/// What a lost connection leaves.
#[derive(Debug, Default)]
pub(super) struct Unfinished {
    /// Operations that can be done anew elsewhere: nothing of them was heard.
    pub(super) again: Vec<(OpId, Respond)>,
    /// Operations that cannot.
    pub(super) failed: Vec<OpId>,
}

impl Protocol {
    pub(super) fn new(ahead: bool) -> Self {
        Self {
            items: Items::default(),
            hearing: None,
            commits: VecDeque::new(),
            answers: Vec::new(),
            waiting: VecDeque::new(),
            asked: 0,
            configured: None,
            max_tokens: 0,
            ahead,
            behind: false,
            commands: VecDeque::new(),
            events: VecDeque::new(),
        }
    }

    pub(super) fn next_command(&mut self) -> Option<RealtimeCommand> {
        self.commands.pop_front()
    }

    /// The next event for whoever asked.
    pub(super) fn next_event(&mut self) -> Option<(OpId, AgentEvent)> {
        if let Some(event) = self.events.pop_front() {
            return Some(event);
        }
        for at in 0..self.answers.len() {
            let answer = &mut self.answers[at];
            let Some(op) = answer.op else { continue };
            if let Some(event) = answer.next_event() {
                if answer.is_told() {
                    self.answers.remove(at);
                }
                return Some((op, event));
            }
        }
        None
    }

    /// Which answer the model owes the beginning of, or the end if it was given up: by its place among all.
    pub(super) fn owed(&self) -> Option<(u64, bool)> {
        let answer = self.answers.last().filter(|answer| !answer.over)?;
        (answer.dropped || !answer.is_answered()).then_some((self.asked, answer.dropped))
    }

    /// A turn of the caller begins with this audio.
    pub(super) fn listen(&mut self, op: OpId, audio: &[Frame]) {
        self.withdraw();
        if self.hearing.replace(op).is_some() {
            self.commands.push_back(RealtimeCommand::Discard);
        }
        self.commands.extend(audio.iter().copied().map(RealtimeCommand::Audio));
    }

    /// More of the turn. Returns whether the operation hears it.
    pub(super) fn hear(&mut self, op: OpId, frame: &Frame) -> bool {
        let hears = self.hearing == Some(op);
        if hears {
            self.commands.push_back(RealtimeCommand::Audio(*frame));
        }
        hears
    }

    /// The turn is over.
    pub(super) fn finish(&mut self, op: OpId) {
        if self.hearing.take_if(|hearing| *hearing == op).is_none() {
            return;
        }
        self.commands.push_back(RealtimeCommand::Commit);
        self.commits.push_back(Some(op));
        if self.ahead && !self.behind && self.waiting.is_empty() && self.is_quiet() && self.configured.is_some() {
            let request = Respond { messages: Vec::new(), tools: Vec::new(), max_tokens: self.max_tokens };
            self.ask(None, op, request);
        }
    }

    /// Somebody else says something, which the model will have to be told.
    pub(super) fn said_elsewhere(&mut self) {
        self.behind = true;
        self.withdraw();
    }

    pub(super) fn respond(&mut self, op: OpId, request: Respond) {
        if let Some(at) = self.answers.iter().position(|answer| answer.op.is_none() && !answer.dropped) {
            if self.is_answered_by(at, &request) {
                let answer = &mut self.answers[at];
                answer.op = Some(op);
                answer.request = request;
                for item in &answer.items {
                    self.items.belongs(item, op);
                }
                return;
            }
            self.withdraw();
        }
        self.waiting.push_back((op, request));
        self.settle();
    }

    /// Whether an answer that was given ahead is the answer to this: the model answered just these words, by these
    /// instructions.
    fn is_answered_by(&mut self, at: usize, request: &Respond) -> bool {
        let (instructions, messages) = split(&request.messages);
        let same =
            self.configured.as_ref().is_some_and(|(known, tools)| *known == instructions && *tools == request.tools);
        if !same || request.max_tokens != self.max_tokens {
            return false;
        }
        let ahead = self.answers[at].items.first();
        // If anything has to be changed for it, the answer was to something else.
        self.items.say(messages, ahead, &mut self.commands)
    }

    pub(super) fn grant(&mut self, op: OpId, samples: u64) {
        if let Some(answer) = self.answers.iter_mut().find(|answer| answer.op == Some(op)) {
            answer.grant(samples);
        }
    }

    pub(super) fn truncate(&mut self, op: OpId, samples: u64, heard: &str) {
        let heard_for = Duration::from_millis(samples.saturating_mul(1000) / u64::from(SAMPLE_RATE));
        self.items.truncate(op, heard_for, heard);
        self.settle();
    }

    pub(super) fn cancel(&mut self, op: OpId) {
        if self.hearing.take_if(|hearing| *hearing == op).is_some() {
            self.commands.push_back(RealtimeCommand::Discard);
        }
        for commit in self.commits.iter_mut().filter(|commit| **commit == Some(op)) {
            *commit = None;
        }
        self.waiting.retain(|(waiting, _)| *waiting != op);
        self.items.drop_of(op);
        if let Some(at) = self.answers.iter().position(|answer| answer.op == Some(op)) {
            self.give_up(at);
        }
        self.events.retain(|(of, _)| *of != op);
        self.settle();
    }

    /// Gives up an answer that was given ahead.
    fn withdraw(&mut self) {
        if let Some(at) = self.answers.iter().position(|answer| answer.op.is_none() && !answer.dropped) {
            for item in &self.answers[at].items {
                self.items.drop_item(item);
            }
            self.give_up(at);
            self.settle();
        }
    }

    fn give_up(&mut self, at: usize) {
        let answer = &mut self.answers[at];
        answer.op = None;
        answer.dropped = true;
        self.events.extend(answer.charge());
        if answer.over {
            self.answers.remove(at);
        } else {
            self.commands.push_back(RealtimeCommand::Cancel);
        }
    }

    /// Whether no answer is under way.
    fn is_quiet(&self) -> bool {
        self.answers.last().is_none_or(|answer| answer.over)
    }

    /// Does what had to wait for the end of an answer.
    fn settle(&mut self) {
        if !self.is_quiet() {
            return;
        }
        self.items.settle(&mut self.commands);
        let Some((op, request)) = self.waiting.pop_front() else { return };
        let (instructions, messages) = split(&request.messages);
        self.items.say(messages, None, &mut self.commands);
        let configuration = (instructions, request.tools.clone());
        if self.configured.as_ref() != Some(&configuration) {
            let (instructions, tools) = configuration.clone();
            self.commands.push_back(RealtimeCommand::Configure { instructions, tools });
            self.configured = Some(configuration);
        }
        self.behind = false;
        self.max_tokens = request.max_tokens;
        self.ask(Some(op), op, request);
    }

    fn ask(&mut self, op: Option<OpId>, cause: OpId, request: Respond) {
        self.asked += 1;
        self.commands.push_back(RealtimeCommand::Respond { max_tokens: request.max_tokens });
        self.answers.push(Answer::new(op, cause, request));
    }

    /// The connection is lost, and with it the conversation. Returns what that leaves to be done.
    pub(super) fn lost(&mut self) -> Unfinished {
        let mut unfinished = Unfinished::default();
        unfinished.failed.extend(self.hearing.take());
        unfinished.failed.extend(self.commits.drain(..).flatten());
        unfinished.failed.extend(self.items.listening());
        unfinished.again.extend(self.waiting.drain(..));
        for mut answer in std::mem::take(&mut self.answers) {
            match answer.op {
                // What has come whole is spoken to its end.
                Some(_) if answer.over => self.answers.push(answer),
                Some(op) if answer.has_begun() => unfinished.failed.push(op),
                Some(op) => unfinished.again.push((op, answer.request)),
                None => self.events.extend(answer.charge()),
            }
        }
        self.items = Items::default();
        self.configured = None;
        self.commands.clear();
        unfinished
    }
}

/// The operator's instructions, and what was said.
fn split(messages: &[ChatMessage]) -> (String, &[ChatMessage]) {
    let count = messages.iter().take_while(|message| message.role == ChatRole::System).count();
    let (instructions, said) = messages.split_at(count);
    let instructions: Vec<_> = instructions.iter().map(|message| message.content.as_str()).collect();
    (instructions.join("\n\n"), said)
}

#[cfg(test)]
#[path = "protocol_tests.rs"]
mod tests;
