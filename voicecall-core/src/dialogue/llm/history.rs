//! What was said in a call, by whom and with which tools, as a model is to read it: never more than the caller heard.

use std::collections::VecDeque;

use crate::dialogue::{Past, UtteranceId};
use crate::journal::Speaker;
use crate::model::{ChatMessage, ChatRole, ToolCall};
use crate::tool::ToolCallId;

/// Said by nobody, where a chat model needs a message of the user.
const CONNECTED: &str = "[the call is connected]";
const GO_ON: &str = "[nobody speaks]";

/// The conversation so far, oldest first.
#[derive(Debug, Clone)]
pub(super) struct History {
    entries: VecDeque<Entry>,
    /// The most entries kept.
    window: usize,
    /// What was said longest ago, summed up. Never dropped.
    summary: Option<String>,
}

#[derive(Debug, Clone)]
enum Entry {
    Caller(String),
    Agent { utterance: Option<UtteranceId>, text: String, calls: Vec<Call> },
}

/// A tool call of the model, with its result once there is one.
#[derive(Debug, Clone)]
pub(super) struct Call {
    pub(super) id: ToolCallId,
    pub(super) name: String,
    pub(super) arguments: String,
    pub(super) result: Option<String>,
}

impl History {
    pub(super) const fn new(window: usize) -> Self {
        Self { entries: VecDeque::new(), window, summary: None }
    }

    /// Keeps the newest so many entries.
    pub(super) const fn limit(&mut self, window: usize) {
        self.window = window;
    }

    /// Begins with what was said before.
    pub(super) fn recall(&mut self, past: &Past) {
        self.summary = past.summary.clone();
        let mut before = None;
        for line in &past.lines {
            match line.speaker {
                Speaker::Agent => self.agent(None, line.text.clone(), Vec::new()),
                // Over what, and on which day, is said where it changes.
                Speaker::Caller => {
                    let place = (&line.channel, line.at.strftime("%Y-%m-%d").to_string());
                    let note = format!("[{}, {}] ", place.0, place.1);
                    let is_new = before.as_ref() != Some(&place);
                    self.caller(format!("{}{}", if is_new { &note } else { "" }, line.text));
                    before = Some(place);
                }
            }
        }
    }

    /// Whether what was said last is the caller's, or the result of a tool.
    pub(super) fn wants_answer(&self) -> bool {
        self.entries.back().is_some_and(|last| match last {
            Entry::Caller(_) => true,
            Entry::Agent { text, calls, .. } => text.is_empty() && !calls.is_empty(),
        })
    }

    pub(super) fn caller(&mut self, words: impl Into<String>) {
        self.add(Entry::Caller(words.into()));
    }

    /// The agent says this, or is about to.
    pub(super) fn agent(&mut self, utterance: Option<UtteranceId>, text: impl Into<String>, calls: Vec<Call>) {
        self.add(Entry::Agent { utterance, text: text.into(), calls });
    }

    /// An utterance is this, after all.
    pub(super) fn reword(&mut self, utterance: UtteranceId, heard: &str) {
        for entry in &mut self.entries {
            if let Entry::Agent { utterance: Some(own), text, .. } = entry
                && *own == utterance
            {
                heard.clone_into(text);
            }
        }
    }

    /// Nothing of what was to be said after this utterance was heard.
    pub(super) fn unsay_after(&mut self, utterance: UtteranceId) {
        for entry in &mut self.entries {
            if let Entry::Agent { utterance: Some(own), text, .. } = entry
                && *own > utterance
            {
                text.clear();
            }
        }
    }

    /// Adds a tool call to an utterance. The model's own name for it is not kept: some give none, or one twice.
    pub(super) fn call(&mut self, utterance: UtteranceId, call: Call) {
        let of = |entry: &&mut Entry| matches!(entry, Entry::Agent { utterance: Some(own), .. } if *own == utterance);
        if let Some(Entry::Agent { calls, .. }) = self.entries.iter_mut().find(of) {
            calls.push(call);
        }
    }

    /// The calls of an utterance that was broken off are not run.
    pub(super) fn drop_calls(&mut self, utterance: UtteranceId) {
        for entry in &mut self.entries {
            if let Entry::Agent { utterance: Some(own), calls, .. } = entry
                && *own == utterance
            {
                calls.clear();
            }
        }
    }

    /// Whether an utterance came with tool calls.
    pub(super) fn has_calls(&self, utterance: UtteranceId) -> bool {
        let is_it = |entry: &Entry| matches!(entry, Entry::Agent { utterance: Some(own), calls, .. } if *own == utterance && !calls.is_empty());
        self.entries.iter().any(is_it)
    }

    /// Calls without a result.
    pub(super) fn open_calls(&self) -> impl Iterator<Item = &Call> {
        self.calls().filter(|call| call.result.is_none())
    }

    fn calls(&self) -> impl Iterator<Item = &Call> {
        self.entries.iter().flat_map(|entry| match entry {
            Entry::Agent { calls, .. } => calls.as_slice(),
            Entry::Caller(_) => &[],
        })
    }

    /// The result of a call. Returns whether it was awaited.
    pub(super) fn result(&mut self, id: ToolCallId, result: String) -> bool {
        for entry in &mut self.entries {
            if let Entry::Agent { calls, .. } = entry
                && let Some(call) = calls.iter_mut().find(|call| call.id == id && call.result.is_none())
            {
                call.result = Some(result);
                return true;
            }
        }
        false
    }

    fn add(&mut self, entry: Entry) {
        self.entries.push_back(entry);
        // A conversation does not begin in the middle of an answer, and a call whose result is awaited stays.
        let is_open = |entry: &Entry| matches!(entry, Entry::Agent { calls, .. } if calls.iter().any(|call| call.result.is_none()));
        while self.entries.len() > self.window && self.entries.front().is_some_and(|entry| !is_open(entry)) {
            self.entries.pop_front();
            while self.entries.len() > 1
                && self.entries.front().is_some_and(|entry| matches!(entry, Entry::Agent { .. }) && !is_open(entry))
            {
                self.entries.pop_front();
            }
        }
    }

    /// As a chat model is asked: instructions, then turns of user and assistant in alternation, each tool call followed by
    /// its result, and something to answer at the end.
    pub(super) fn messages(&self, instructions: &str) -> Vec<ChatMessage> {
        let mut messages = vec![ChatMessage::new(ChatRole::System, instructions)];
        if let Some(summary) = &self.summary {
            // Words of the caller are in it: data, never instructions.
            say(&mut messages, ChatRole::User, &format!("[What was said earlier, summed up: {summary}]"));
        }
        for entry in &self.entries {
            match entry {
                Entry::Caller(words) => say(&mut messages, ChatRole::User, words),
                Entry::Agent { text, calls, .. } => {
                    if messages.len() == 1 && !(text.is_empty() && calls.is_empty()) {
                        say(&mut messages, ChatRole::User, CONNECTED);
                    }
                    say(&mut messages, ChatRole::Assistant, text);
                    call(&mut messages, calls);
                }
            }
        }
        match messages.last().map(|last| last.role) {
            Some(ChatRole::System) => say(&mut messages, ChatRole::User, CONNECTED),
            Some(ChatRole::Assistant) => say(&mut messages, ChatRole::User, GO_ON),
            _ => {}
        }
        messages
    }
}

/// Adds words to what the same speaker said just before, if so.
fn say(messages: &mut Vec<ChatMessage>, role: ChatRole, words: &str) {
    if words.is_empty() {
        return;
    }
    match messages.last_mut() {
        Some(last) if last.role == role && last.tool_calls.is_empty() => {
            last.content.push(' ');
            last.content.push_str(words);
        }
        _ => messages.push(ChatMessage::new(role, words)),
    }
}

fn call(messages: &mut Vec<ChatMessage>, calls: &[Call]) {
    if calls.is_empty() {
        return;
    }
    let name = |call: &Call| format!("call_{}", call.id.0);
    let written = calls.iter().map(|call| ToolCall {
        id: name(call),
        name: call.name.clone(),
        arguments: call.arguments.clone(),
    });
    match messages.last_mut() {
        Some(last) if last.role == ChatRole::Assistant && last.tool_calls.is_empty() => last.tool_calls.extend(written),
        _ => messages.push(ChatMessage::calling("", written.collect())),
    }
    for call in calls {
        let result = call.result.clone().unwrap_or_else(|| r#"{"error":"not finished"}"#.to_owned());
        messages.push(ChatMessage::tool_result(name(call), result));
    }
}
