//! What an interview journals of its own.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use voicecall_core::journal::Fact;
use voicecall_core::store::EventKind;
use voicecall_core::{CallTime, Error, Result};

use super::QuestionId;

/// A question was asked.
pub const QUESTION_ASKED: EventKind = EventKind::new("question_asked");
/// An answer was stored.
pub const RESPONSE_RECEIVED: EventKind = EventKind::new("response_received");

/// Something of an interview's own that happened in a call. It stands in the journal as a [`Fact::Custom`], and holds what
/// somebody said.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum SurveyFact {
    /// The caller answered a question; the words are raw and stored before anything is made of them.
    Answered {
        /// Which question.
        question: QuestionId,
        /// As it was worded.
        question_text: String,
        /// The answer as transcribed. A later answer to the same question adds to the earlier.
        text: String,
        /// How long the caller spoke.
        spoken: Duration,
        /// The transcriber's confidence from 0 to 1.
        confidence: Option<f32>,
        /// When the question was asked.
        asked_at: CallTime,
        /// When the answer was complete.
        responded_at: CallTime,
    },
    /// The model's reading of an answer, added later.
    Analysed {
        /// Which question.
        question: QuestionId,
        /// From -1 to 1.
        sentiment: Option<f32>,
        /// The validated output.
        analysis: Value,
    },
    /// A configured question was asked.
    Asked {
        /// Which.
        question: QuestionId,
        /// As it was worded.
        text: String,
    },
}

impl SurveyFact {
    const ASKED: &'static str = "survey.asked";
    const ANSWERED: &'static str = "survey.answered";
    const ANALYSED: &'static str = "survey.analysed";

    /// Reads a fact that is one of a survey's; `None` for another.
    ///
    /// # Errors
    /// `Invalid` naming `data` if it says that it is, and is not.
    pub fn read(fact: &Fact) -> Result<Option<Self>> {
        let Fact::Custom { kind, data, .. } = fact else { return Ok(None) };
        if ![Self::ASKED, Self::ANSWERED, Self::ANALYSED].contains(&&**kind) {
            return Ok(None);
        }
        let read = Self::deserialize(data)
            .map_err(|error| Error::invalid("data", "as a survey journals it").with_source(error))?;
        if read.kind() == kind { Ok(Some(read)) } else { Err(Error::invalid("data", "of the kind that it says")) }
    }

    const fn kind(&self) -> &'static str {
        match self {
            Self::Asked { .. } => Self::ASKED,
            Self::Answered { .. } => Self::ANSWERED,
            Self::Analysed { .. } => Self::ANALYSED,
        }
    }
}

impl From<SurveyFact> for Fact {
    fn from(fact: SurveyFact) -> Self {
        // Ids, texts, times and numbers, of which JSON can hold all: one that is no number becomes null.
        let data = serde_json::to_value(&fact).unwrap_or_default();
        Self::Custom { kind: fact.kind().into(), data, personal: true }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_fact_reads_back_and_is_personal() {
        let question = QuestionId::new();
        let facts = [
            SurveyFact::Asked { question, text: "Hur var besöket?".to_owned() },
            SurveyFact::Answered {
                question,
                question_text: "Hur var besöket?".to_owned(),
                text: "Bra".to_owned(),
                spoken: Duration::from_millis(2345),
                confidence: None,
                asked_at: CallTime::ZERO,
                responded_at: CallTime::from_millis(1000),
            },
            SurveyFact::Analysed { question, sentiment: Some(0.5), analysis: Value::Null },
        ];
        for fact in facts {
            let journaled = Fact::from(fact.clone());
            assert!(journaled.needs_consent());
            assert_eq!(SurveyFact::read(&journaled).unwrap(), Some(fact));
        }
    }

    #[test]
    fn another_modules_fact_is_left_alone_and_a_broken_one_is_refused() {
        let fact = |kind: &'static str| Fact::Custom { kind: kind.into(), data: Value::Null, personal: false };
        assert_eq!(SurveyFact::read(&fact("booking.made")).unwrap(), None);
        assert_eq!(SurveyFact::read(&Fact::Warned).unwrap(), None);
        assert_eq!(SurveyFact::read(&fact("survey.asked")).unwrap_err().field(), Some("data"));
    }
}
