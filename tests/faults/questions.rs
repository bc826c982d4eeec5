//! A dialogue that asks five questions and goes on where it was, and says which answers the store has confirmed.

use std::collections::HashSet;
use std::sync::Arc;

use voicecall::dialogue::{Action, Dialogue, DialogueEvent, Utterance, UtteranceId};
use voicecall::journal::Fact;
use voicecall::store::EndReason;
use voicecall::survey::store::{QuestionId, SurveyFact};
use voicecall::{CallTime, SessionId};

use super::world::Connection;

pub const QUESTIONS: usize = 5;

/// The questions, and who is told of confirmed answers.
#[derive(Clone)]
pub struct Questionnaire {
    questions: [QuestionId; QUESTIONS],
    confirmed: Arc<dyn Fn((SessionId, QuestionId)) + Send + Sync>,
}

impl std::fmt::Debug for Questionnaire {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Questionnaire")
    }
}

impl Questionnaire {
    /// The same questions for whoever makes one.
    pub fn new(confirmed: impl Fn((SessionId, QuestionId)) + Send + Sync + 'static) -> Self {
        let question = |n: usize| format!("00000000-0000-7000-8000-00000000000{n}").parse().unwrap();
        Self { questions: std::array::from_fn(question), confirmed: Arc::new(confirmed) }
    }

    /// The dialogue of a call, or of what is left of it.
    pub fn dialogue(&self, connection: &Connection) -> Questions {
        let answered = connection.journal.iter().filter_map(|entry| match SurveyFact::read(&entry.fact).unwrap() {
            Some(SurveyFact::Answered { question, .. }) => Some(question),
            _ => None,
        });
        Questions {
            next: answered.collect::<HashSet<_>>().len(),
            session: connection.session,
            resumed: connection.resumed,
            journaled: 0,
            answers: Vec::new(),
            said: 0,
            questionnaire: self.clone(),
        }
    }
}

/// Asks its questions in order, from the first that has no answer.
#[derive(Debug)]
pub struct Questions {
    session: SessionId,
    next: usize,
    resumed: bool,
    /// How many facts it has journaled, and which of them were answers.
    journaled: u64,
    answers: Vec<(u64, QuestionId)>,
    said: u32,
    questionnaire: Questionnaire,
}

impl Questions {
    fn journal(&mut self, fact: Fact, actions: &mut Vec<Action>) {
        self.journaled += 1;
        actions.push(Action::Journal(fact));
    }

    fn say(&mut self, text: &str, actions: &mut Vec<Action>) {
        self.said += 1;
        let utterance = Utterance { id: UtteranceId(self.said), text: text.to_owned(), interruptible: false };
        actions.push(Action::Say(utterance));
    }

    fn ask_next(&mut self, actions: &mut Vec<Action>) {
        if self.next < QUESTIONS {
            self.say("How was it?", actions);
        } else {
            self.say("Thank you.", actions);
            actions.push(Action::End(EndReason::Completed));
        }
    }
}

impl Dialogue for Questions {
    fn can_grant_consent(&self) -> bool {
        true
    }

    fn handle(&mut self, event: &DialogueEvent, now: CallTime, actions: &mut Vec<Action>) {
        match event {
            DialogueEvent::Connected => {
                if self.resumed {
                    self.say("Sorry, we were cut off.", actions);
                } else {
                    self.journal(Fact::Consent { given: true }, actions);
                }
                actions.push(Action::GrantConsent);
                self.ask_next(actions);
            }
            DialogueEvent::Heard(turn) if self.next < QUESTIONS => {
                let question = self.questionnaire.questions[self.next];
                self.next += 1;
                let answer = SurveyFact::Answered {
                    question,
                    question_text: "How was it?".to_owned(),
                    text: turn.text.clone().unwrap_or_default(),
                    spoken: turn.ended.since(turn.started),
                    confidence: None,
                    asked_at: turn.started,
                    responded_at: now,
                };
                self.journal(answer.into(), actions);
                self.answers.push((self.journaled, question));
                self.ask_next(actions);
            }
            DialogueEvent::Stored(number) => {
                let confirmed = self.answers.iter().find(|(fact, _)| fact == number);
                if let Some((_, question)) = confirmed {
                    (self.questionnaire.confirmed)((self.session, *question));
                }
            }
            _ => {}
        }
    }
}
