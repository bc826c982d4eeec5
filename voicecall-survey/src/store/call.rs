//! A survey's call: the session, and what the survey keeps of it.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use voicecall_core::journal::{JournalEntry, transcript};
use voicecall_core::store::Session;

use super::{CallResponse, Projection, QuestionId, VerificationId};

/// What a survey keeps of a session: a row that is made when there is something to keep.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct CallRecord {
    /// The questions that were asked, in order.
    pub questions_asked: Vec<QuestionId>,
    /// The AI provider's name for its part, if it has one.
    pub ai_session: Option<String>,
    /// The transcript as told from outside, or without personal data; otherwise it is read from the journal.
    pub transcript: Option<String>,
    /// What a model made of the whole call, once it is over: validated output.
    pub analysis: Option<Value>,
    /// Since when it holds no personal data any more, the session's sealed address apart.
    pub anonymised_at: Option<Timestamp>,
    /// The answers, in the order they were given.
    pub responses: Vec<CallResponse>,
    /// When the row last changed.
    pub updated_at: Option<Timestamp>,
}

impl CallRecord {
    /// Takes in what follows from a fact of `at`; an event is the session's and not kept here.
    pub fn project(&mut self, projection: Projection, at: Timestamp) {
        match projection {
            Projection::Asked(question) => {
                // Asking again is not another question.
                if self.questions_asked.last() != Some(&question) {
                    self.questions_asked.push(question);
                }
            }
            Projection::Response(response) => match self.response_mut(response.question) {
                Some(earlier) => earlier.extend(&response),
                None => self.responses.push(response),
            },
            Projection::Analysis { question, sentiment, analysis } => {
                if let Some(response) = self.response_mut(question) {
                    response.analyse(sentiment, &analysis);
                }
            }
            Projection::Event(_) => return,
        }
        self.updated_at = Some(at);
    }

    /// Keeps an answer that came from outside; one to the same question is replaced.
    pub fn replace(&mut self, response: &CallResponse) {
        match self.response_mut(response.question) {
            Some(earlier) => *earlier = response.clone(),
            None => self.responses.push(response.clone()),
        }
    }

    /// Takes in what became known on the way.
    pub fn attach(&mut self, what: &CallAttachment, at: Timestamp) {
        self.ai_session = what.ai_session.clone().or(self.ai_session.take());
        self.transcript = what.transcript.clone().or(self.transcript.take());
        self.analysis = what.analysis.clone().or(self.analysis.take());
        self.updated_at = Some(at);
    }

    fn response_mut(&mut self, question: QuestionId) -> Option<&mut CallResponse> {
        self.responses.iter_mut().find(|response| response.question == question)
    }
}

/// What becomes known of a call on the way; what is `None` stays as it was.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct CallAttachment {
    /// The AI provider's name for its part.
    pub ai_session: Option<String>,
    /// The transcript, as told from outside.
    pub transcript: Option<String>,
    /// What a model made of the whole call.
    pub analysis: Option<Value>,
}

/// A call's texts without personal data.
#[derive(Debug, Clone, PartialEq)]
pub struct Anonymised {
    /// The transcript.
    pub transcript: Option<String>,
    /// What a model made of the call.
    pub analysis: Option<Value>,
    /// The answers; those that are missing are deleted.
    pub responses: Vec<CallResponse>,
    /// When.
    pub at: Timestamp,
}

/// A session with what a survey keeps of it.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct SurveyCall {
    /// The session.
    pub session: Session,
    /// What the survey keeps.
    pub record: CallRecord,
    /// What was said, once the call is over and if anything was.
    pub transcript: Option<String>,
}

impl SurveyCall {
    /// The longest call a survey speaks of, in seconds: its calls are planned to be shorter.
    pub const LONGEST_SECONDS: u64 = 120;

    /// Joins a session with its row and its journal.
    #[must_use]
    pub fn new(session: Session, record: CallRecord, journal: &[JournalEntry]) -> Self {
        let heard = || {
            let lines: Vec<_> = transcript(journal).iter().map(ToString::to_string).collect();
            (session.status.is_final() && record.anonymised_at.is_none() && !lines.is_empty()).then(|| lines.join("\n"))
        };
        let transcript = record.transcript.clone().or_else(heard);
        Self { session, record, transcript }
    }

    /// The verification the call follows from: the session's reference.
    #[must_use]
    pub fn verification(&self) -> Option<VerificationId> {
        self.session.reference.as_ref()?.parse().ok()
    }

    /// How long the customer was on the line, in whole seconds; at most [`LONGEST_SECONDS`](Self::LONGEST_SECONDS).
    #[must_use]
    pub fn duration_seconds(&self) -> Option<u64> {
        Some(self.session.duration_seconds()?.min(Self::LONGEST_SECONDS))
    }

    /// When the session or its row last changed.
    #[must_use]
    pub fn updated_at(&self) -> Timestamp {
        self.record.updated_at.map_or(self.session.updated_at, |at| at.max(self.session.updated_at))
    }
}
