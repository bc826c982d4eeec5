//! What a connection's conversation holds, item by item, and what must change for it to hold what a dialogue says was said.

use std::time::Duration;

use crate::agent::OpId;
use crate::model::{ChatMessage, ChatRole, ItemId, RealtimeCommand, RealtimeItem, ToolCall};

/// The conversation as the model has it.
#[derive(Debug, Default)]
pub(super) struct Items {
    list: Vec<Item>,
    /// Names of our own given so far.
    names: u64,
}

#[derive(Debug)]
struct Item {
    id: ItemId,
    content: Content,
    /// Who heard or spoke it, while that may still change what it says.
    op: Option<OpId>,
    /// What is to be done with it once no answer is under way.
    due: Option<Due>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Content {
    /// Somebody's words; `None` while nobody knows them.
    Words { role: ChatRole, text: Option<String> },
    /// Under the name the model gave it, and the one the dialogue gives it.
    Call { call: ToolCall, known_as: Option<String> },
    /// By the model's name for the call.
    Result { call: String, text: String },
}

#[derive(Debug, Clone, Copy)]
enum Due {
    Removal,
    Truncation(Duration),
}

impl Items {
    /// The caller said something; its words are not known yet.
    pub(super) fn heard(&mut self, id: ItemId, op: Option<OpId>) {
        self.push(id, Content::Words { role: ChatRole::User, text: None }, op);
    }

    /// The model begins to say something.
    pub(super) fn speaking(&mut self, id: ItemId, op: Option<OpId>) {
        self.push(id, Content::Words { role: ChatRole::Assistant, text: None }, op);
    }

    /// The model calls a tool.
    pub(super) fn called(&mut self, id: ItemId, call: ToolCall) {
        self.push(id, Content::Call { call, known_as: None }, None);
    }

    fn push(&mut self, id: ItemId, content: Content, op: Option<OpId>) {
        self.list.push(Item { id, content, op, due: None });
    }

    /// The words of an item are known.
    pub(super) fn worded(&mut self, id: &ItemId, words: &str) {
        if let Some(item) = self.list.iter_mut().find(|item| item.id == *id)
            && let Content::Words { text, .. } = &mut item.content
        {
            *text = Some(words.trim().to_owned());
        }
    }

    /// The item of the caller that an operation hears.
    pub(super) fn op_of(&self, id: &ItemId) -> Option<OpId> {
        self.list.iter().find(|item| item.id == *id)?.op
    }

    /// Who hears items whose words nobody knows yet.
    pub(super) fn listening(&self) -> impl Iterator<Item = OpId> {
        self.list.iter().filter(|item| item.is_open()).filter_map(|item| item.op)
    }

    /// Whom an answer that was given ahead belongs to.
    pub(super) fn belongs(&mut self, id: &ItemId, op: OpId) {
        if let Some(item) = self.list.iter_mut().find(|item| item.id == *id) {
            item.op = Some(op);
        }
    }

    /// Of what an operation said only so much was heard.
    pub(super) fn truncate(&mut self, op: OpId, heard: Duration, words: &str) {
        for item in self.list.iter_mut().filter(|item| item.op == Some(op)) {
            let Content::Words { role: ChatRole::Assistant, text } = &mut item.content else { continue };
            *text = Some(words.trim().to_owned());
            let nothing = heard.is_zero() || words.trim().is_empty();
            item.due = Some(if nothing { Due::Removal } else { Due::Truncation(heard) });
        }
    }

    /// What an operation heard or said counts for nothing, unless it was told how much was heard.
    pub(super) fn drop_of(&mut self, op: OpId) {
        for item in self.list.iter_mut().filter(|item| item.op == Some(op)) {
            item.due.get_or_insert(Due::Removal);
            item.op = None;
        }
    }

    /// An item counts for nothing.
    pub(super) fn drop_item(&mut self, id: &ItemId) {
        if let Some(item) = self.list.iter_mut().find(|item| item.id == *id) {
            (item.due, item.op) = (Some(Due::Removal), None);
        }
    }

    /// Does what is due. To be asked while no answer is under way.
    pub(super) fn settle(&mut self, commands: &mut impl Extend<RealtimeCommand>) {
        self.list.retain_mut(|item| match item.due.take() {
            Some(Due::Removal) => {
                commands.extend([RealtimeCommand::Remove(item.id.clone())]);
                false
            }
            Some(Due::Truncation(heard)) => {
                commands.extend([RealtimeCommand::Truncate { id: item.id.clone(), heard }]);
                true
            }
            None => true,
        });
    }

    /// Makes the conversation say what `messages` say, with as few commands as possible: what was said aloud stays as it
    /// sounded. Returns whether it did already, and nothing else. Items from `ahead` on are left alone and not counted.
    pub(super) fn say(
        &mut self,
        messages: &[ChatMessage],
        ahead: Option<&ItemId>,
        commands: &mut impl Extend<RealtimeCommand>,
    ) -> bool {
        let end = ahead.and_then(|ahead| self.list.iter().position(|item| item.id == *ahead));
        let rest = end.map(|end| self.list.split_off(end)).unwrap_or_default();
        let mut changes = Changes {
            names: &mut self.names,
            said: Vec::new(),
            old: std::mem::take(&mut self.list),
            done: true,
            commands,
        };
        for message in messages {
            changes.message(message);
        }
        changes.remove_until(usize::MAX);
        let Changes { said, done, .. } = changes;
        self.list = said;
        self.list.extend(rest);
        done
    }
}

impl Item {
    /// Whether somebody still waits for its words.
    const fn is_open(&self) -> bool {
        matches!(self.content, Content::Words { role: ChatRole::User, text: None }) && self.op.is_some()
    }
}

/// A conversation on its way to what it is to say.
struct Changes<'a, C> {
    names: &'a mut u64,
    /// What is right already, in order.
    said: Vec<Item>,
    /// What was said behind that until now.
    old: Vec<Item>,
    /// Nothing had to be changed.
    done: bool,
    commands: &'a mut C,
}

impl<C: Extend<RealtimeCommand>> Changes<'_, C> {
    fn message(&mut self, message: &ChatMessage) {
        if let Some(call) = &message.tool_call_id {
            return self.result(call, &message.content);
        }
        self.words(message.role, &message.content);
        for call in &message.tool_calls {
            self.call(call);
        }
    }

    /// Words may have been said in several items, one behind the other.
    fn words(&mut self, role: ChatRole, words: &str) {
        let mut rest = words.trim();
        while !rest.is_empty() {
            let Some((at, from, until)) = self.find(role, rest) else {
                self.insert(
                    RealtimeItem::Message { role, text: rest.to_owned() },
                    Content::Words { role, text: Some(rest.to_owned()) },
                );
                return;
            };
            let before = rest[..from].trim_end().to_owned();
            if !before.is_empty() {
                let item = RealtimeItem::Message { role, text: before.clone() };
                self.insert(item, Content::Words { role, text: Some(before) });
            }
            self.keep(at);
            rest = rest[until..].trim_start();
        }
    }

    /// The next item whose words are a part of these, and which part: one that they begin with, if there is any.
    fn find(&self, role: ChatRole, words: &str) -> Option<(usize, usize, usize)> {
        let parts = self.old.iter().enumerate().filter_map(|(at, item)| match &item.content {
            Content::Words { role: whose, text: Some(text) } if *whose == role && !text.is_empty() => {
                place(words, text).map(|from| (at, from, from + text.len()))
            }
            _ => None,
        });
        parts.clone().find(|(_, from, _)| *from == 0).or_else(|| parts.clone().next())
    }

    /// The dialogue has names of its own for calls.
    fn call(&mut self, wanted: &ToolCall) {
        let same = |item: &Item| matches!(&item.content, Content::Call { call, .. } if call.name == wanted.name && call.arguments == wanted.arguments);
        if let Some(at) = self.old.iter().position(same) {
            self.keep(at);
            if let Some(Item { content: Content::Call { known_as, .. }, .. }) = self.said.last_mut() {
                *known_as = Some(wanted.id.clone());
            }
            return;
        }
        let content = Content::Call { call: wanted.clone(), known_as: Some(wanted.id.clone()) };
        self.insert(RealtimeItem::ToolCall(wanted.clone()), content);
    }

    fn result(&mut self, known_as: &str, text: &str) {
        let theirs = self.said.iter().rev().find_map(|item| match &item.content {
            Content::Call { call, known_as: Some(name) } if name == known_as => Some(call.id.clone()),
            _ => None,
        });
        let content = Content::Result { call: theirs.unwrap_or_else(|| known_as.to_owned()), text: text.to_owned() };
        if let Some(at) = self.old.iter().position(|item| item.content == content) {
            return self.keep(at);
        }
        if let Content::Result { call, text } = &content {
            self.insert(RealtimeItem::ToolResult { call: call.clone(), text: text.clone() }, content);
        }
    }

    /// Goes on behind this item; what was before it is not said.
    fn keep(&mut self, at: usize) {
        self.remove_until(at);
        if !self.old.is_empty() {
            self.said.push(self.old.remove(0));
        }
    }

    /// What the caller said and nobody knows the words of yet stays: they may still be told.
    fn remove_until(&mut self, at: usize) {
        for item in self.old.drain(..at.min(self.old.len())) {
            self.done = false;
            if item.is_open() {
                self.said.push(item);
            } else {
                self.commands.extend([RealtimeCommand::Remove(item.id)]);
            }
        }
    }

    fn insert(&mut self, item: RealtimeItem, content: Content) {
        *self.names += 1;
        let id = ItemId(format!("said_{}", self.names));
        let after = self.said.last().map(|item| item.id.clone());
        self.commands.extend([RealtimeCommand::Insert { id: id.clone(), after, item }]);
        self.said.push(Item { id, content, op: None, due: None });
        self.done = false;
    }
}

/// Where `part` stands in `words`, as whole words.
fn place(words: &str, part: &str) -> Option<usize> {
    let is_whole = |from: usize| {
        let (before, behind) = (&words[..from], &words[from + part.len()..]);
        before.chars().next_back().is_none_or(char::is_whitespace)
            && behind.chars().next().is_none_or(char::is_whitespace)
    };
    words.match_indices(part).map(|(from, _)| from).find(|from| is_whole(*from))
}

#[cfg(test)]
#[path = "items_tests.rs"]
mod tests;
