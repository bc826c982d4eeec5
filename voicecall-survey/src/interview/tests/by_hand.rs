//! A call conducted by hand: a test says what happens and looks at what comes of it.

use std::time::Duration;

use serde_json::json;

use crate::interview::{Interview, InterviewPlan, PlannedQuestion, Progress};
use crate::store::{QuestionId, SurveyFact};
use voicecall_core::CallTime;
use voicecall_core::dialogue::{Action, AskId, CallerTurn, Dialogue, DialogueEvent, Utterance};
use voicecall_core::journal::Fact;
use voicecall_core::store::EndReason;

/// The questions of the tests, by place.
pub(super) const QUESTIONS: [&str; 3] = ["Hur var kaffet?", "Hur var bemötandet?", "Vad saknade du?"];

/// A fact, if it is one of the survey's own.
pub(super) fn own(fact: &Fact) -> Option<SurveyFact> {
    SurveyFact::read(fact).unwrap()
}

/// The survey's own fact that an action journals, if it does.
pub(super) fn journaled(action: &Action) -> Option<SurveyFact> {
    if let Action::Journal(fact) = action { own(fact) } else { None }
}

pub(super) fn question_id(place: usize) -> QuestionId {
    QuestionId::from_uuid(uuid::Uuid::from_u128(place as u128))
}

pub(super) fn plan(questions: usize) -> InterviewPlan {
    let question = |(place, text): (usize, &&str)| PlannedQuestion {
        id: question_id(place),
        text: (*text).to_owned(),
        max_response_time: Duration::from_secs(30),
        follow_up_prompts: vec!["Kan du berätta lite mer?".into(), "Vad gjorde att du kände så?".into()],
    };
    InterviewPlan::swedish("Kaffebutiken", "Vera", QUESTIONS[..questions].iter().enumerate().map(question).collect())
}

pub(super) fn analysis(outcome: &str) -> String {
    let analysis = json!({
        "outcome": outcome, "answer": "Ett svar.", "sentiment": 0.5, "confidence": 0.9, "topics": ["kaffe"],
        "acknowledgement": "Tack för det.",
    });
    analysis.to_string()
}

/// One call and everything the interview wanted.
pub(super) struct Call {
    pub(super) interview: Interview,
    pub(super) now: CallTime,
    pub(super) all: Vec<Action>,
    /// What has not been looked at yet.
    fresh: Vec<Action>,
    queue: Vec<Utterance>,
    turns: u32,
}

impl Call {
    pub(super) fn new(plan: InterviewPlan, progress: Progress) -> Self {
        let interview = Interview::new(plan, progress).unwrap();
        Self { interview, now: CallTime::ZERO, all: vec![], fresh: vec![], queue: vec![], turns: 0 }
    }

    /// Connected, disclosed, consented; the first question has been heard. Nothing is fresh.
    pub(super) fn consented(questions: usize) -> Self {
        let mut call = Self::new(plan(questions), Progress::default());
        call.event(DialogueEvent::Connected);
        call.listen();
        call.says("Ja, gärna.");
        call.listen();
        call.fresh.clear();
        call
    }

    pub(super) fn event(&mut self, event: DialogueEvent) {
        let mut actions = Vec::new();
        self.interview.handle(&event, self.now, &mut actions);
        for action in &actions {
            match action {
                Action::Say(utterance) => self.queue.push(utterance.clone()),
                Action::Interrupt | Action::EndNow(_) => self.queue.clear(),
                _ => {}
            }
        }
        self.all.extend(actions.iter().cloned());
        self.fresh.extend(actions);
    }

    /// Time passes; wake-ups come when they were asked for.
    pub(super) fn wait(&mut self, duration: Duration) {
        let until = self.now + duration;
        while let Some(at) = self.interview.wake_at().filter(|&at| at <= until) {
            self.now = at;
            self.event(DialogueEvent::Wake);
        }
        self.now = until;
    }

    pub(super) fn wait_until(&mut self, seconds: u64) {
        self.wait(CallTime::from_millis(seconds * 1000).since(self.now));
    }

    /// The caller listens until the agent has said everything.
    pub(super) fn listen(&mut self) {
        while !self.queue.is_empty() {
            self.listen_once();
        }
    }

    pub(super) fn listen_once(&mut self) {
        let utterance = self.queue.remove(0);
        self.wait(Duration::from_millis(utterance.text.chars().count() as u64 * 60));
        self.event(DialogueEvent::Spoken(utterance.id));
    }

    /// The caller interrupts the utterance that is being said.
    pub(super) fn breaks_off(&mut self) {
        let utterance = self.queue.remove(0).id;
        self.queue.clear();
        self.event(DialogueEvent::BrokeOff { utterance, heard: String::new() });
    }

    /// The caller interrupts the utterance that is being said.
    pub(super) fn interrupts(&mut self, heard: &str) {
        let utterance = self.queue.remove(0);
        self.queue.clear();
        self.event(DialogueEvent::Interrupted { utterance: utterance.id, heard: heard.to_owned() });
    }

    pub(super) fn says(&mut self, text: &str) {
        self.hears(Some(text), |_| {});
    }

    /// A turn of one second that begins now.
    pub(super) fn hears(&mut self, text: Option<&str>, change: impl FnOnce(&mut CallerTurn)) {
        self.turns += 1;
        let started = self.now;
        self.wait(Duration::from_millis(1600));
        let mut turn = CallerTurn {
            turn: self.turns,
            text: text.map(str::to_owned),
            confidence: Some(0.75),
            language: None,
            started,
            ended: started + Duration::from_secs(1),
            voiced: Duration::from_secs(1),
            cut_off: false,
        };
        change(&mut turn);
        self.event(DialogueEvent::Heard(turn));
    }

    pub(super) fn silence(&mut self, count: u32) {
        self.wait(Duration::from_secs(5));
        self.event(DialogueEvent::Silence { count });
    }

    /// The number of the model's last request.
    pub(super) fn last_ask(&self) -> AskId {
        let asks = self.all.iter().rev();
        asks.filter_map(|action| if let Action::Ask { ask, .. } = action { Some(*ask) } else { None }).next().unwrap()
    }

    /// The model replies to the last request.
    pub(super) fn replies(&mut self, text: &str) {
        let ask = self.last_ask();
        self.event(DialogueEvent::Reply { ask, text: text.to_owned() });
    }

    /// A question is answered and read, and the agent's next words are heard.
    pub(super) fn answers(&mut self, text: &str, outcome: &str) {
        self.says(text);
        self.replies(&analysis(outcome));
        self.listen();
    }

    /// What was said since it was looked at last.
    pub(super) fn said(&mut self) -> Vec<String> {
        let fresh = std::mem::take(&mut self.fresh);
        fresh
            .into_iter()
            .filter_map(|action| if let Action::Say(said) = action { Some(said.text) } else { None })
            .collect()
    }

    pub(super) fn facts(&self) -> Vec<Fact> {
        let facts = self.all.iter();
        facts.filter_map(|action| if let Action::Journal(fact) = action { Some(fact.clone()) } else { None }).collect()
    }

    /// The raw answers, with the place of their question.
    pub(super) fn answered(&self) -> Vec<(usize, String)> {
        let facts = self.facts();
        let answers = facts.iter().filter_map(own).filter_map(|fact| match fact {
            SurveyFact::Answered { question, text, .. } => Some((question.as_uuid().as_u128() as usize, text)),
            _ => None,
        });
        answers.collect()
    }

    pub(super) fn analysed(&self) -> usize {
        self.facts().iter().filter_map(own).filter(|fact| matches!(fact, SurveyFact::Analysed { .. })).count()
    }

    /// How it wanted the call to end, if it did: softly, or now.
    pub(super) fn ends(&self) -> Option<(&'static str, EndReason)> {
        self.all.iter().rev().find_map(|action| match action {
            Action::End(reason) => Some(("softly", *reason)),
            Action::EndNow(reason) => Some(("now", *reason)),
            _ => None,
        })
    }
}
