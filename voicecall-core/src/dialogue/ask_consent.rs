//! Asks the caller whether the call may be kept, and goes on with another dialogue or ends politely.

use std::fmt::Debug;

use jiff::Timestamp;

use super::yes_no::yes_or_no;
use super::{Action, Dialogue, DialogueEvent, Past, Utterance, UtteranceId};
use crate::error::{Error, Result};
use crate::journal::{Fact, JournalEntry};
use crate::phone::PhoneNumber;
use crate::store::EndReason;
use crate::time::CallTime;
use crate::tool::Tool;

/// The question is asked this often, then no answer is one.
const ASKED: u32 = 3;

/// Utterances of the other dialogue are numbered behind those of this one.
const OWN_UTTERANCES: u32 = 8;

/// A question that comes before a dialogue: only a caller who says yes to the whole of it gets to that.
///
/// ```
/// use voicecall_core::dialogue::{AskConsent, Dialogue, LlmDialogue};
///
/// let dialogue = AskConsent::new("I am a computer, and this call is recorded. Is that all right?")
///     .then(LlmDialogue::new("You answer the phone of a bakery."));
/// assert!(dialogue.can_grant_consent());
/// ```
#[derive(Debug, Clone)]
pub struct AskConsent {
    question: String,
    declined: String,
    given: bool,
}

impl AskConsent {
    /// Asks this. The question is disclosure, too: it cannot be interrupted.
    #[must_use]
    pub fn new(question: impl Into<String>) -> Self {
        Self { question: question.into(), declined: "That's fine. Goodbye.".to_owned(), given: false }
    }

    /// The last words to a caller who does not agree; English if not said.
    #[must_use]
    pub fn declined(mut self, text: impl Into<String>) -> Self {
        self.declined = text.into();
        self
    }

    /// Goes on with `dialogue` once the caller agreed.
    #[must_use]
    pub fn then<D: Dialogue>(self, dialogue: D) -> WithConsent<D> {
        WithConsent { ask: self, dialogue, asked: 0, facts: 0, stage: Stage::Asking { heard: false } }
    }
}

/// A dialogue behind a question of consent.
#[derive(Debug)]
pub struct WithConsent<D> {
    ask: AskConsent,
    dialogue: D,
    asked: u32,
    /// Facts of our own, which are numbered before the other's.
    facts: u64,
    stage: Stage,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    Asking { heard: bool },
    Agreed,
    Over,
}

impl<D: Dialogue> WithConsent<D> {
    fn say(&mut self, text: String, interruptible: bool, actions: &mut Vec<Action>) {
        self.asked += 1;
        actions.push(Action::Say(Utterance { id: UtteranceId(self.asked), text, interruptible }));
    }

    /// Asks, or ends the call when it was asked often enough.
    fn ask(&mut self, actions: &mut Vec<Action>) {
        if self.asked >= ASKED {
            return self.end(EndReason::NoResponse, actions);
        }
        self.stage = Stage::Asking { heard: false };
        self.say(self.ask.question.clone(), false, actions);
    }

    fn end(&mut self, reason: EndReason, actions: &mut Vec<Action>) {
        self.stage = Stage::Over;
        self.say(self.ask.declined.clone(), true, actions);
        actions.push(Action::End(reason));
    }

    fn decided(&mut self, given: bool, actions: &mut Vec<Action>) {
        self.facts += 1;
        actions.push(Action::Journal(Fact::Consent { given }));
    }

    fn agreed(&mut self, now: CallTime, actions: &mut Vec<Action>) {
        self.stage = Stage::Agreed;
        actions.push(Action::GrantConsent);
        self.hand_on(&DialogueEvent::Connected, now, actions);
    }

    fn asking(&mut self, heard: bool, event: &DialogueEvent, now: CallTime, actions: &mut Vec<Action>) {
        match event {
            DialogueEvent::Connected | DialogueEvent::Messaging { .. } if self.ask.given => {
                self.stage = Stage::Agreed;
                actions.push(Action::GrantConsent);
                self.hand_on(event, now, actions);
            }
            DialogueEvent::Connected => self.ask(actions),
            DialogueEvent::Spoken(utterance) if utterance.0 == self.asked => self.stage = Stage::Asking { heard: true },
            // What was said before the question had ended is no answer to it.
            DialogueEvent::Heard(turn) if heard => match yes_or_no(turn.text.as_deref().unwrap_or("")) {
                Some(true) => {
                    self.decided(true, actions);
                    self.agreed(now, actions);
                }
                Some(false) => {
                    self.decided(false, actions);
                    self.end(EndReason::Declined, actions);
                }
                None => self.ask(actions),
            },
            DialogueEvent::Silence { .. } => self.ask(actions),
            DialogueEvent::WrapUp => {
                actions.push(Action::Interrupt);
                self.end(EndReason::Completed, actions);
            }
            _ => {}
        }
    }

    /// Tells the other dialogue, in its own numbers.
    fn hand_on(&mut self, event: &DialogueEvent, now: CallTime, actions: &mut Vec<Action>) {
        let mut event = event.clone();
        match &mut event {
            DialogueEvent::Spoken(utterance)
            | DialogueEvent::Interrupted { utterance, .. }
            | DialogueEvent::ToolCall { utterance, .. }
            | DialogueEvent::Written { utterance, .. }
            | DialogueEvent::ResponseFailed { utterance, .. } => match utterance.0.checked_sub(OWN_UTTERANCES) {
                Some(number) => utterance.0 = number,
                None => return,
            },
            DialogueEvent::Stored(number) => match number.checked_sub(self.facts).filter(|number| *number > 0) {
                Some(of_other) => *number = of_other,
                None => return,
            },
            _ => {}
        }
        let from = actions.len();
        self.dialogue.handle(&event, now, actions);
        for action in &mut actions[from..] {
            match action {
                Action::Say(said) => said.id.0 = said.id.0.saturating_add(OWN_UTTERANCES),
                Action::Respond { utterance, .. } => utterance.0 = utterance.0.saturating_add(OWN_UTTERANCES),
                _ => {}
            }
        }
    }
}

impl<D: Dialogue> Dialogue for WithConsent<D> {
    fn handle(&mut self, event: &DialogueEvent, now: CallTime, actions: &mut Vec<Action>) {
        match self.stage {
            Stage::Asking { heard } => self.asking(heard, event, now, actions),
            Stage::Agreed => self.hand_on(event, now, actions),
            Stage::Over => {}
        }
    }

    fn begin(&mut self, at: Timestamp) {
        self.dialogue.begin(at);
    }

    fn recall(&mut self, past: &Past) {
        self.dialogue.recall(past);
    }

    /// Whoever agreed in this very call is not asked again; whoever was not asked, or is called another time, is.
    fn resume(&mut self, journal: &[JournalEntry]) {
        let decision = journal.iter().rev().find_map(|entry| match entry.fact {
            Fact::Consent { given } => Some(given),
            // A connection that broke has not ended the call: it goes on.
            Fact::Ended { reason: EndReason::TechnicalFailure } => None,
            Fact::Ended { .. } | Fact::CallBack { .. } => Some(false),
            _ => None,
        });
        self.ask.given = decision.unwrap_or(false);
        self.dialogue.resume(journal);
    }

    fn wake_at(&self) -> Option<CallTime> {
        self.dialogue.wake_at().filter(|_| self.stage == Stage::Agreed)
    }

    fn tool(&self, name: &str) -> Option<Tool> {
        self.dialogue.tool(name)
    }

    fn transfer_number(&self, name: &str) -> Option<PhoneNumber> {
        self.dialogue.transfer_number(name)
    }

    fn can_grant_consent(&self) -> bool {
        true
    }

    fn validate(&self) -> Result<()> {
        if self.ask.question.trim().is_empty() {
            return Err(Error::invalid("ask_consent.question", "what the caller is asked"));
        }
        self.dialogue.validate()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dialogue::{CallerTurn, Scripted};

    fn heard(text: &str) -> DialogueEvent {
        let (started, ended) = (CallTime::ZERO, CallTime::ZERO);
        let text = Some(text.to_owned());
        DialogueEvent::Heard(CallerTurn {
            turn: 1,
            text,
            confidence: None,
            language: None,
            started,
            ended,
            voiced: std::time::Duration::ZERO,
            cut_off: false,
        })
    }

    /// What follows from these events, one after the other, in short.
    fn told(events: &[DialogueEvent]) -> Vec<String> {
        let mut dialogue = AskConsent::new("May I?").declined("Bye.").then(Scripted::new(["Hello.", "End."]));
        dialogue.validate().unwrap();
        let mut actions = Vec::new();
        for event in events {
            dialogue.handle(event, CallTime::ZERO, &mut actions);
        }
        let line = |action: &Action| match action {
            Action::Say(said) => format!("{} {}", said.id.0, said.text),
            Action::Journal(Fact::Consent { given }) => format!("consent {given}"),
            other => format!("{other:?}"),
        };
        actions.iter().map(line).collect()
    }

    const ASKED_IT: DialogueEvent = DialogueEvent::Spoken(UtteranceId(1));

    #[test]
    fn only_a_yes_to_the_whole_question_leads_on() {
        let yes = told(&[DialogueEvent::Connected, ASKED_IT, heard("Yes, please.")]);
        assert_eq!(yes, ["1 May I?", "consent true", "GrantConsent", "9 Hello."]);
        let no = told(&[DialogueEvent::Connected, ASKED_IT, heard("No.")]);
        assert_eq!(no, ["1 May I?", "consent false", "2 Bye.", "End(Declined)"]);
        assert_eq!(told(&[DialogueEvent::Connected, heard("Yes.")]), ["1 May I?"]);
    }

    #[test]
    fn what_is_neither_is_asked_again_and_in_the_end_no_answer() {
        let silence = DialogueEvent::Silence { count: 1 };
        let all = told(&[DialogueEvent::Connected, ASKED_IT, heard("What?"), silence.clone(), silence]);
        assert_eq!(all, ["1 May I?", "2 May I?", "3 May I?", "4 Bye.", "End(NoResponse)"]);
    }

    #[test]
    fn the_other_dialogue_knows_its_own_numbers_only() {
        let mut dialogue = AskConsent::new("May I?").then(crate::dialogue::LlmDialogue::new("x").greeting("Hi"));
        let mut actions = Vec::new();
        for event in [DialogueEvent::Connected, ASKED_IT, heard("Yes."), heard("Well?")] {
            actions.clear();
            dialogue.handle(&event, CallTime::ZERO, &mut actions);
        }
        let Some(Action::Respond { utterance, .. }) = actions.pop() else { panic!("{actions:?}") };
        dialogue.handle(&DialogueEvent::Interrupted { utterance, heard: "So".into() }, CallTime::ZERO, &mut actions);
        dialogue.handle(&heard("What?"), CallTime::ZERO, &mut actions);
        let Some(Action::Respond { request, .. }) = actions.pop() else { panic!("{actions:?}") };
        assert!(request.messages.iter().any(|message| message.content == "So"), "{:?}", request.messages);
    }

    #[test]
    fn who_agreed_before_the_call_broke_off_is_not_asked_again() {
        let entry = |fact| JournalEntry {
            session: crate::id::SessionId::new(),
            epoch: crate::id::Epoch::FIRST,
            seq: 1,
            at: jiff::Timestamp::UNIX_EPOCH,
            offset: CallTime::ZERO,
            fact,
        };
        let ended = |reason| Fact::Ended { reason };
        let goes_on = [Fact::TransferOffered { to: "office".into() }, ended(EndReason::TechnicalFailure)];
        let is_another = [ended(EndReason::NoResponse), ended(EndReason::CallBack)];
        let after = goes_on.map(|fact| (fact, true)).into_iter().chain(is_another.map(|fact| (fact, false)));
        for (last, agreed) in after {
            let mut dialogue = AskConsent::new("May I?").then(Scripted::new(["Hello.", "End."]));
            dialogue.resume(&[entry(Fact::Consent { given: true }), entry(last.clone())]);
            let mut actions = Vec::new();
            dialogue.handle(&DialogueEvent::Connected, CallTime::ZERO, &mut actions);
            assert_eq!(actions[0] == Action::GrantConsent, agreed, "after {last:?}");
        }
    }
}
