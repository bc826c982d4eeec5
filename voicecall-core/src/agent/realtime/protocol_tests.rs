//! Any order of operations and of what the model tells, against a model that knows what it may be asked.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use proptest::prelude::*;

use super::*;
use crate::agent::AgentEvent;
use crate::error::{Error, ErrorKind};
use crate::model::{ItemId, RealtimeEvent, RealtimeItem, ToolCall, Transcript};

/// What happens next; numbers choose among what is possible then.
#[derive(Debug, Clone)]
enum Step {
    Listen,
    Hear,
    Finish,
    Respond(bool),
    SpeakElsewhere,
    /// The caller interrupts: of the newest answer so many samples were heard.
    Interrupt(u64),
    Cancel(u8),
    Grant(u8),
    /// The model tells what it owes.
    Heard,
    Transcript(bool),
    Speak(u16),
    Call,
    Finished(bool),
    Lost,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        Just(Step::Listen),
        Just(Step::Hear),
        Just(Step::Finish),
        any::<bool>().prop_map(Step::Respond),
        Just(Step::SpeakElsewhere),
        (0u64..20_000).prop_map(Step::Interrupt),
        any::<u8>().prop_map(Step::Cancel),
        any::<u8>().prop_map(Step::Grant),
        Just(Step::Heard),
        any::<bool>().prop_map(Step::Transcript),
        (0u16..9000).prop_map(Step::Speak),
        Just(Step::Call),
        any::<bool>().prop_map(Step::Finished),
        Just(Step::Lost),
    ]
}

/// A model, and the call machine that asks it.
struct World {
    protocol: Protocol,
    ops: u32,
    names: u32,
    /// Operations that have neither ended nor been given up.
    open: BTreeSet<OpId>,
    responding: Vec<OpId>,
    hearing: Option<OpId>,
    delivered: BTreeMap<OpId, u64>,
    /// Items of the model with the length of their sound.
    items: BTreeMap<ItemId, u64>,
    uncommitted: u32,
    commits: u32,
    untranscribed: Vec<ItemId>,
    /// The answer under way: what it says, if it speaks yet.
    answering: Option<Option<ItemId>>,
}

impl World {
    fn new() -> Self {
        Self {
            protocol: Protocol::new(true),
            ops: 0,
            names: 0,
            open: BTreeSet::new(),
            responding: Vec::new(),
            hearing: None,
            delivered: BTreeMap::new(),
            items: BTreeMap::new(),
            uncommitted: 0,
            commits: 0,
            untranscribed: Vec::new(),
            answering: None,
        }
    }

    fn op(&mut self) -> OpId {
        self.ops += 1;
        self.open.insert(OpId(self.ops));
        OpId(self.ops)
    }

    fn name(&mut self) -> ItemId {
        self.names += 1;
        ItemId(format!("theirs_{}", self.names))
    }

    fn step(&mut self, step: Step) {
        match step {
            Step::Listen => {
                let op = self.op();
                if let Some(old) = self.hearing.replace(op) {
                    self.cancel(old);
                }
                self.protocol.listen(op, &[Frame::SILENCE; 2]);
            }
            Step::Hear => {
                if let Some(op) = self.hearing {
                    assert!(self.protocol.hear(op, &Frame::SILENCE));
                }
            }
            Step::Finish => {
                if let Some(op) = self.hearing.take() {
                    self.protocol.finish(op);
                }
            }
            Step::Respond(same) => {
                let op = self.op();
                self.responding.push(op);
                let words = if same { "a a" } else { "b" };
                let messages = vec![ChatMessage::new(ChatRole::System, "s"), ChatMessage::new(ChatRole::User, words)];
                self.protocol.respond(op, Respond { messages, tools: Vec::new(), max_tokens: 1 });
            }
            Step::SpeakElsewhere => self.protocol.said_elsewhere(),
            Step::Interrupt(samples) => {
                if let Some(op) = self.responding.pop() {
                    let heard = samples.min(self.delivered.get(&op).copied().unwrap_or(0));
                    self.protocol.truncate(op, heard, if heard > 0 { "a" } else { "" });
                    self.cancel(op);
                }
            }
            Step::Cancel(which) => {
                if let Some(op) = self.open.iter().nth(usize::from(which) % self.open.len().max(1)).copied() {
                    self.cancel(op);
                }
            }
            Step::Grant(pieces) => {
                for op in self.responding.clone() {
                    self.protocol.grant(op, u64::from(pieces) * 160);
                }
            }
            Step::Heard => {
                if self.commits > 0 {
                    self.commits -= 1;
                    let item = self.name();
                    self.items.insert(item.clone(), 0);
                    self.untranscribed.push(item.clone());
                    self.protocol.take(RealtimeEvent::Heard(item));
                }
            }
            Step::Transcript(known) => {
                if let Some(item) = self.untranscribed.pop() {
                    let transcript = Transcript { text: "a".into(), confidence: None, language: None, is_final: true };
                    let error = Error::new(ErrorKind::Unavailable, "test");
                    self.protocol.take(match known {
                        true => RealtimeEvent::Transcript { item, transcript },
                        false => RealtimeEvent::NotTranscribed { item: Some(item), error },
                    });
                }
            }
            Step::Speak(samples) => self.speak(samples),
            Step::Call => {
                if self.answering.is_some() {
                    let item = self.name();
                    self.items.insert(item.clone(), 0);
                    let call = ToolCall { id: item.0.clone(), name: "t".into(), arguments: "{}".into() };
                    self.protocol.take(RealtimeEvent::ToolCall { item, call });
                }
            }
            Step::Finished(whole) => {
                if self.answering.take().is_some() {
                    let end = if whole { Ok(()) } else { Err(Error::new(ErrorKind::Unavailable, "test")) };
                    self.protocol.take(RealtimeEvent::Finished(end));
                }
            }
            Step::Lost => self.lose(),
        }
        self.obey();
        self.read();
    }

    fn speak(&mut self, samples: u16) {
        let Some(speaking) = self.answering.clone() else { return };
        let item = speaking.unwrap_or_else(|| {
            let item = self.name();
            self.items.insert(item.clone(), 0);
            self.answering = Some(Some(item.clone()));
            self.protocol.take(RealtimeEvent::Speaking(item.clone()));
            self.obey();
            item
        });
        self.protocol.take(RealtimeEvent::Text("a ".into()));
        if let Some(sound) = self.items.get_mut(&item) {
            *sound += u64::from(samples);
        }
        self.protocol.take(RealtimeEvent::Audio(Bytes::from(vec![0xff; usize::from(samples)])));
    }

    fn lose(&mut self) {
        let unfinished = self.protocol.lost();
        for (op, _) in unfinished.again {
            assert!(self.open.remove(&op), "{op:?} is done twice");
        }
        for op in unfinished.failed {
            assert!(self.open.remove(&op), "{op:?} fails twice");
        }
        (self.hearing, self.answering) = (None, None);
        (self.commits, self.uncommitted) = (0, 0);
        self.items.clear();
        self.untranscribed.clear();
    }

    fn cancel(&mut self, op: OpId) {
        self.open.remove(&op);
        self.hearing.take_if(|hearing| *hearing == op);
        self.protocol.cancel(op);
    }

    /// Does what the model is told, and checks that it can.
    fn obey(&mut self) {
        while let Some(command) = self.protocol.next_command() {
            match command {
                RealtimeCommand::Respond { .. } => {
                    assert!(self.answering.is_none(), "an answer is under way");
                    self.answering = Some(None);
                }
                RealtimeCommand::Audio(_) => self.uncommitted += 1,
                RealtimeCommand::Commit => {
                    assert!(std::mem::take(&mut self.uncommitted) > 0, "nothing is committed");
                    self.commits += 1;
                }
                RealtimeCommand::Discard => self.uncommitted = 0,
                RealtimeCommand::Insert { id, after, item } => {
                    assert!(after.is_none_or(|after| self.items.contains_key(&after)), "inserted behind nothing");
                    assert!(!matches!(item, RealtimeItem::ToolResult { .. }), "no tool was run");
                    assert!(self.items.insert(id, 0).is_none(), "a name is given twice");
                }
                RealtimeCommand::Remove(id) => {
                    assert!(self.items.remove(&id).is_some(), "nothing to remove");
                    self.untranscribed.retain(|item| *item != id);
                }
                RealtimeCommand::Truncate { id, heard } => {
                    let sound = self.items[&id];
                    assert!(heard <= Duration::from_micros(sound * 125), "{heard:?} of {sound} samples");
                }
                RealtimeCommand::Cancel => assert!(self.answering.is_some(), "nothing to give up"),
                RealtimeCommand::Configure { .. } => {}
            }
        }
    }

    fn read(&mut self) {
        while let Some((op, event)) = self.protocol.next_event() {
            let is_known = self.open.contains(&op) || matches!(event, AgentEvent::Usage(_));
            assert!(is_known, "{event:?} of {op:?}, which is over");
            match event {
                AgentEvent::Speech(chunk) => *self.delivered.entry(op).or_default() += chunk.audio.len() as u64,
                AgentEvent::Done | AgentEvent::Failed(_) => drop(self.open.remove(&op)),
                _ => {}
            }
        }
    }

    /// Whatever is under way comes to its end.
    fn end(&mut self) {
        self.step(Step::Finish);
        for _ in 0..1000 {
            if self.open.is_empty() {
                return;
            }
            for step in [Step::Heard, Step::Transcript(true), Step::Finished(true), Step::Grant(255)] {
                self.step(step);
            }
        }
        panic!("{:?} never end: {:#?}", self.open, self.protocol);
    }
}

proptest! {
    #[test]
    fn the_model_is_asked_nothing_it_cannot_do_and_every_operation_ends(steps in prop::collection::vec(step(), 0..60)) {
        let mut world = World::new();
        for step in steps {
            world.step(step);
        }
        world.end();
    }
}
