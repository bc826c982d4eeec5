//! Answers as stored.

use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use voicecall_core::store::SessionChange;
use voicecall_core::{Error, RecordId, Result, SessionId};

use super::QuestionId;

/// An answer as stored.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct CallResponse {
    /// Its id.
    pub id: RecordId,
    /// Whose.
    pub session: SessionId,
    /// The question answered.
    pub question: QuestionId,
    /// The question as it was asked.
    pub question_text: String,
    /// The answer.
    pub text: String,
    /// How long the caller spoke; at most 60 s.
    pub duration: Duration,
    /// From 0 to 1.
    pub confidence: Option<f32>,
    /// From -1 to 1.
    pub sentiment: Option<f32>,
    /// When the question was asked.
    pub asked_at: Timestamp,
    /// When the answer was complete; not before `asked_at`.
    pub responded_at: Option<Timestamp>,
    /// What the model made of it.
    pub analysis: Option<Value>,
}

impl CallResponse {
    /// The longest response a row may claim.
    pub const LONGEST: Duration = Duration::from_secs(60);

    /// Joins a later answer to the same question, as [`Projection::Response`](super::Projection::Response) says.
    pub fn extend(&mut self, later: &Self) {
        if !self.text.is_empty() && !later.text.is_empty() {
            self.text.push(' ');
        }
        self.text.push_str(&later.text);
        self.duration = (self.duration + later.duration).min(Self::LONGEST);
        self.confidence = match (self.confidence, later.confidence) {
            (Some(one), Some(two)) => Some(one.min(two)),
            (one, two) => one.or(two),
        };
        self.responded_at = self.responded_at.max(later.responded_at);
    }

    /// Takes in what the model made of it, as [`Projection::Analysis`](super::Projection::Analysis) says.
    pub fn analyse(&mut self, sentiment: Option<f32>, analysis: &Value) {
        self.sentiment = sentiment.or(self.sentiment);
        self.analysis = Some(analysis.clone());
    }
}

/// Checks that answers belong to this session, as every store does before it keeps them.
///
/// # Errors
/// `Invalid` naming `responses`.
pub fn check_answers(session: SessionId, responses: &[CallResponse]) -> Result<()> {
    if responses.iter().all(|response| response.session == session) {
        return Ok(());
    }
    Err(Error::invalid("responses", "answers of this session"))
}

/// Checks what comes with the end of a session, as every store does.
///
/// # Errors
/// `Invalid` naming `change` if it is not an end, or `responses` if one is of another session.
pub fn check_end(session: SessionId, change: &SessionChange, responses: &[CallResponse]) -> Result<()> {
    if !matches!(change, SessionChange::Ended { .. }) {
        return Err(Error::invalid("change", "an end"));
    }
    check_answers(session, responses)
}
