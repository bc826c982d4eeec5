//! What an interview is made of. Plain data, so that a restarted server builds the same interview again.

use std::time::Duration;

use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};

use super::language::Language;
use super::limits::{Limits, Pace};
use super::phrases::Phrases;
use crate::store::{QuestionConfiguration, QuestionId};
use voicecall_core::{Error, Result};

/// One interview: who asks what, in which words, in what time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct InterviewPlan {
    /// The shop it is made for.
    pub business: String,
    /// The name the agent gives.
    pub agent: String,
    /// What to ask, in this order; at least one.
    pub questions: Vec<PlannedQuestion>,
    /// The language it is held in.
    #[serde(default)]
    pub language: Language,
    /// The IANA time zone of whoever is called, on whose clock they tell when to be called back.
    #[serde(default = "utc")]
    pub time_zone: String,
    /// The words around the questions.
    pub phrases: Phrases,
    /// When it ends.
    #[serde(default)]
    pub limits: Limits,
    /// How long its parts take.
    #[serde(default)]
    pub pace: Pace,
}

impl InterviewPlan {
    /// A Swedish interview with the usual limits, on Swedish clocks.
    #[must_use]
    pub fn swedish(business: impl Into<String>, agent: impl Into<String>, questions: Vec<PlannedQuestion>) -> Self {
        Self::new(Language::Swedish, business.into(), agent.into(), questions)
    }

    /// An English interview with the usual limits, in UTC unless another time zone is set.
    #[must_use]
    pub fn english(business: impl Into<String>, agent: impl Into<String>, questions: Vec<PlannedQuestion>) -> Self {
        Self::new(Language::English, business.into(), agent.into(), questions)
    }

    fn new(language: Language, business: String, agent: String, questions: Vec<PlannedQuestion>) -> Self {
        let phrases = match language {
            Language::Swedish => Phrases::swedish(&business, &agent),
            Language::English => Phrases::english(&business, &agent),
        };
        let time_zone = match language {
            Language::Swedish => "Europe/Stockholm".to_owned(),
            Language::English => utc(),
        };
        Self {
            business,
            agent,
            questions,
            language,
            time_zone,
            phrases,
            limits: Limits::default(),
            pace: Pace::default(),
        }
    }

    /// The time zone by its name.
    pub(super) fn zone(&self) -> Result<TimeZone> {
        let wrong = || Error::config("time_zone", "an IANA time zone such as Europe/Stockholm");
        TimeZone::get(&self.time_zone).map_err(|error| wrong().with_source(error))
    }

    /// Checks everything an interview relies on.
    ///
    /// # Errors
    /// `Config` naming the part that is missing or out of range.
    pub fn validate(&self) -> Result<()> {
        self.limits.validate()?;
        self.pace.validate()?;
        self.zone()?;
        if self.questions.is_empty() {
            return Err(Error::config("questions", "at least one"));
        }
        for (place, question) in self.questions.iter().enumerate() {
            if question.text.trim().is_empty() {
                return Err(Error::config("questions.text", "not empty"));
            }
            if self.questions.iter().take(place).any(|earlier| earlier.id == question.id) {
                return Err(Error::config("questions.id", "each only once"));
            }
        }
        if self.phrases.disclosure.is_empty() || self.phrases.disclosure.iter().any(|text| text.trim().is_empty()) {
            return Err(Error::config("phrases.disclosure", "at least one sentence, none empty"));
        }
        if self.phrases.acknowledgements.is_empty() {
            return Err(Error::config("phrases.acknowledgements", "at least one"));
        }
        Ok(())
    }
}

fn utc() -> String {
    "UTC".to_owned()
}

/// A question as it will be asked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlannedQuestion {
    /// Its id.
    pub id: QuestionId,
    /// Its words.
    pub text: String,
    /// An answer is cut off after this time.
    pub max_response_time: Duration,
    /// What to ask when the answer is too thin, in this order, each at most once.
    #[serde(default)]
    pub follow_up_prompts: Vec<String>,
}

impl From<&QuestionConfiguration> for PlannedQuestion {
    fn from(configured: &QuestionConfiguration) -> Self {
        Self {
            id: configured.id,
            text: configured.text.clone(),
            max_response_time: configured.max_response_time,
            follow_up_prompts: configured.follow_up_prompts.clone(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn question() -> PlannedQuestion {
        PlannedQuestion {
            id: QuestionId::new(),
            text: "Hur var besöket?".into(),
            max_response_time: Duration::from_secs(30),
            follow_up_prompts: Vec::new(),
        }
    }

    #[test]
    fn a_plan_reads_back_as_it_was_written() {
        let plan = InterviewPlan::swedish("Kaffebutiken", "Vera", vec![question()]);
        let json = serde_json::to_string(&plan).unwrap();
        assert_eq!(serde_json::from_str::<InterviewPlan>(&json).unwrap(), plan);
    }

    #[test]
    fn what_is_missing_is_named() {
        let wrong = |change: fn(&mut InterviewPlan)| {
            let mut plan = InterviewPlan::swedish("Kaffebutiken", "Vera", vec![question()]);
            assert!(plan.validate().is_ok());
            change(&mut plan);
            plan.validate().unwrap_err().field().unwrap().to_owned()
        };
        assert_eq!(wrong(|plan| plan.questions.clear()), "questions");
        assert_eq!(wrong(|plan| plan.questions[0].text = " ".into()), "questions.text");
        assert_eq!(wrong(|plan| plan.questions.push(plan.questions[0].clone())), "questions.id");
        assert_eq!(wrong(|plan| plan.phrases.disclosure.clear()), "phrases.disclosure");
        assert_eq!(wrong(|plan| plan.phrases.acknowledgements.clear()), "phrases.acknowledgements");
        assert_eq!(wrong(|plan| plan.time_zone = "Europe/Atlantis".into()), "time_zone");
        assert_eq!(wrong(|plan| plan.limits.end = Duration::ZERO), "limits.end");
        assert_eq!(wrong(|plan| plan.pace.chars_per_second = 0), "pace.chars_per_second");
    }
}
