//! A dialogue that says fixed lines: one at the start, one after each turn of the caller, then ends.

use std::collections::VecDeque;

use super::{Action, Dialogue, DialogueEvent, Utterance, UtteranceId};
use crate::store::EndReason;
use crate::time::CallTime;

/// Says its lines in order, the next one whenever the caller has finished a turn, and ends behind the last. Told to wrap
/// up, it says the last. A line that broke off is said once more.
///
/// For announcements, for tests, and as the smallest example of a [`Dialogue`].
#[derive(Debug, Clone)]
pub struct Scripted {
    lines: VecDeque<String>,
    said: u32,
    /// The line said last, until it has broken off once.
    last: Option<String>,
}

impl Scripted {
    /// A dialogue of these lines.
    pub fn new<S: Into<String>>(lines: impl IntoIterator<Item = S>) -> Self {
        Self { lines: lines.into_iter().map(Into::into).collect(), said: 0, last: None }
    }

    fn say_next(&mut self, actions: &mut Vec<Action>) {
        if let Some(text) = self.lines.pop_front() {
            self.last = Some(text.clone());
            self.say(text, actions);
        }
        if self.lines.is_empty() {
            actions.push(Action::End(EndReason::Completed));
        }
    }

    fn say(&mut self, text: String, actions: &mut Vec<Action>) {
        self.said += 1;
        actions.push(Action::Say(Utterance { id: UtteranceId(self.said), text, interruptible: true }));
    }
}

impl Dialogue for Scripted {
    fn handle(&mut self, event: &DialogueEvent, _now: CallTime, actions: &mut Vec<Action>) {
        match event {
            DialogueEvent::Connected | DialogueEvent::Heard(_) => self.say_next(actions),
            DialogueEvent::Messaging { heard_follows: false } => self.say_next(actions),
            DialogueEvent::WrapUp if !self.lines.is_empty() => {
                self.lines.drain(..self.lines.len() - 1);
                actions.push(Action::Interrupt);
                self.say_next(actions);
            }
            // Said once more, unless the call is ending.
            DialogueEvent::BrokeOff { utterance, .. } if utterance.0 == self.said => {
                if let Some(text) = self.last.take() {
                    self.say(text, actions);
                }
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn told_to_wrap_up_it_says_its_last_line_and_ends() {
        let mut dialogue = Scripted::new(["one", "two", "three"]);
        let mut actions = Vec::new();
        dialogue.handle(&DialogueEvent::WrapUp, CallTime::ZERO, &mut actions);
        let [Action::Interrupt, Action::Say(said), Action::End(EndReason::Completed)] = &actions[..] else {
            panic!("{actions:?}")
        };
        assert_eq!(said.text, "three");
        actions.clear();
        dialogue.handle(&DialogueEvent::WrapUp, CallTime::ZERO, &mut actions);
        assert!(actions.is_empty());
    }

    #[test]
    fn says_one_line_a_turn_and_ends_behind_the_last() {
        let mut dialogue = Scripted::new(["one", "two"]);
        let mut actions = Vec::new();
        dialogue.handle(&DialogueEvent::Connected, CallTime::ZERO, &mut actions);
        assert!(matches!(&actions[..], [Action::Say(one)] if one.text == "one"));
        actions.clear();
        dialogue.handle(&DialogueEvent::Key('1'), CallTime::ZERO, &mut actions);
        assert!(actions.is_empty());
    }
}
