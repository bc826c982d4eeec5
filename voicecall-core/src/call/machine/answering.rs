//! Answers that a model is still writing, as the machine takes them in.

use super::super::io::{InputEvent, Output};
use super::CallMachine;
use crate::dialogue::DialogueEvent;

impl CallMachine {
    /// Takes in what a responding operation says beside words and audio.
    pub(super) fn response(&mut self, event: InputEvent<'_>, out: &mut Vec<Output>) {
        match event {
            InputEvent::ToolCall { op, call } => {
                if let Some(utterance) = self.speech.tool_call(op, self.now) {
                    self.latency.first_token(self.now);
                    out.push(Output::Notify(DialogueEvent::ToolCall { utterance, call }));
                }
            }
            InputEvent::TextDone { op } => {
                if let Some((utterance, text)) = self.speech.text_done(op, self.now) {
                    out.push(Output::Notify(DialogueEvent::Written { utterance, text }));
                }
            }
            InputEvent::Segment { op, text } => {
                let characters = text.chars().count();
                if self.speech.segment(op, text) {
                    self.latency.first_sentence(self.now);
                    if let Some(budget) = &mut self.budget {
                        budget.spoke(characters);
                    }
                }
            }
            _ => {}
        }
    }
}
