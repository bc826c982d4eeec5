//! What the model tells, and what it means for operations and items.

use super::Protocol;
use crate::agent::AgentEvent;
use crate::error::{Error, ErrorKind, Result};
use crate::model::{ItemId, RealtimeEvent};

impl Protocol {
    /// Takes in what the model tells.
    pub(in crate::agent::realtime) fn take(&mut self, event: RealtimeEvent) {
        match event {
            RealtimeEvent::Heard(item) => {
                let op = self.commits.pop_front().flatten();
                self.items.heard(item.clone(), op);
                if op.is_none() {
                    self.items.drop_item(&item);
                    self.settle();
                }
            }
            RealtimeEvent::Transcript { item, transcript } => {
                let op = self.items.op_of(&item);
                let is_final = transcript.is_final;
                if is_final {
                    self.items.worded(&item, &transcript.text);
                }
                if let Some(op) = op {
                    self.events.push_back((op, AgentEvent::Transcript(transcript)));
                    if is_final {
                        self.events.push_back((op, AgentEvent::Done));
                    }
                }
            }
            RealtimeEvent::NotTranscribed { item, error } => self.not_transcribed(item, error),
            RealtimeEvent::Finished(end) => self.finished(end),
            event => self.answered(event),
        }
    }

    /// What was heard counts for nothing, because nobody knows what it was: it will be heard again.
    fn not_transcribed(&mut self, item: Option<ItemId>, error: Error) {
        let op = match item {
            Some(item) => {
                let op = self.items.op_of(&item);
                self.items.drop_item(&item);
                op
            }
            None => self.commits.pop_front().flatten(),
        };
        self.withdraw();
        self.settle();
        self.events.extend(op.map(|op| (op, AgentEvent::Failed(error))));
    }

    /// More of the answer under way.
    fn answered(&mut self, event: RealtimeEvent) {
        let Some(answer) = self.answers.last_mut().filter(|answer| !answer.over) else { return };
        match event {
            RealtimeEvent::Speaking(item) => {
                self.items.speaking(item.clone(), answer.op);
                if answer.dropped {
                    self.items.drop_item(&item);
                }
                answer.spoken.get_or_insert_with(|| item.clone());
                answer.items.push(item);
            }
            RealtimeEvent::ToolCall { item, call } => {
                self.items.called(item.clone(), call.clone());
                if answer.dropped {
                    self.items.drop_item(&item);
                }
                answer.items.push(item);
                answer.call(call);
            }
            // What nobody hears was made all the same.
            RealtimeEvent::Usage(usage) if answer.dropped => {
                self.events.push_back((answer.cause, AgentEvent::Usage(usage)));
            }
            _ if answer.dropped => {}
            RealtimeEvent::Text(text) => {
                let fits = answer.write(text);
                if !fits {
                    self.is_endless();
                }
            }
            RealtimeEvent::Audio(audio) => {
                let fits = answer.sound(&audio);
                if !fits {
                    self.is_endless();
                }
            }
            RealtimeEvent::Usage(usage) => answer.used(usage),
            _ => {}
        }
    }

    /// The answer under way is none.
    fn is_endless(&mut self) {
        let Some(at) = self.answers.len().checked_sub(1) else { return };
        let error = Error::new(ErrorKind::Protocol, "respond").with_message("an endless answer");
        self.events.extend(self.answers[at].op.map(|op| (op, AgentEvent::Failed(error))));
        self.give_up(at);
    }

    fn finished(&mut self, end: Result<()>) {
        let Some(answer) = self.answers.last_mut().filter(|answer| !answer.over) else { return };
        // What is left of one that was given up was told then.
        if let Some(item) = answer.spoken.as_ref().filter(|_| !answer.dropped) {
            match &end {
                Ok(()) => self.items.worded(item, &answer.text),
                // What of it is heard is said again in words.
                Err(_) => self.items.drop_item(item),
            }
        }
        answer.finish(end);
        if answer.dropped {
            self.answers.pop();
        }
        self.settle();
    }
}
