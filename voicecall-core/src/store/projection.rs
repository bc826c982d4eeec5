//! What a store writes beside a journal entry, in the same transaction: the tables are views of the journal.

use std::time::Duration;

use serde_json::json;

use super::log::{CallEvent, CallEventType, CallResponse, EventSource};
use crate::id::{QuestionId, RecordId};
use crate::journal::{Fact, JournalEntry};

/// A row that follows from a journal entry.
#[derive(Debug, Clone, PartialEq)]
pub enum Projection {
    /// Append the question to the session's `questions_asked`, if it is not the last one there.
    Asked(QuestionId),
    /// Append an event.
    Event(CallEvent),
    /// Insert a response; or, if the question already has one in this session, append the text to it, add the
    /// durations, keep the lower confidence and take the later `responded_at`.
    Response(CallResponse),
    /// Add what the model made of an answer to the session's response to this question.
    Analysis {
        /// Which question.
        question: QuestionId,
        /// From -1 to 1.
        sentiment: Option<f32>,
        /// The validated output.
        analysis: serde_json::Value,
    },
}

/// The longest response a row may claim.
const LONGEST_RESPONSE: Duration = Duration::from_secs(60);

/// What follows from an entry, in order. Ids are derived from the entry, so that a repeated append adds nothing.
#[must_use]
pub fn project(entry: &JournalEntry) -> Vec<Projection> {
    let event = |event_type, source| CallEvent {
        id: derived_id(entry),
        ..CallEvent::new(entry.session, event_type, source, entry.at)
    };
    match &entry.fact {
        Fact::Connected => vec![Projection::Event(event(CallEventType::AiConnected, EventSource::System))],
        Fact::Asked { question, .. } => vec![
            Projection::Asked(*question),
            Projection::Event(
                event(CallEventType::QuestionAsked, EventSource::Ai).with_data(json!({ "questionId": question })),
            ),
        ],
        Fact::Answered { question, question_text, text, spoken, confidence, asked_at, responded_at } => {
            // Offsets become wall-clock instants relative to this entry's, which has both.
            let at = |offset: crate::time::CallTime| {
                let back = entry.offset.since(offset);
                entry.at - jiff::SignedDuration::try_from(back).unwrap_or_default()
            };
            vec![
                Projection::Response(CallResponse {
                    id: derived_id(entry),
                    session: entry.session,
                    question: *question,
                    question_text: question_text.clone(),
                    text: text.clone(),
                    duration: (*spoken).min(LONGEST_RESPONSE),
                    confidence: *confidence,
                    sentiment: None,
                    asked_at: at(*asked_at),
                    responded_at: Some(at(*responded_at)),
                    analysis: None,
                }),
                Projection::Event(
                    event(CallEventType::ResponseReceived, EventSource::Customer)
                        .with_data(json!({ "questionId": question })),
                ),
            ]
        }
        Fact::Analysed { question, sentiment, analysis } => {
            vec![Projection::Analysis { question: *question, sentiment: *sentiment, analysis: analysis.clone() }]
        }
        Fact::Warned => vec![Projection::Event(event(CallEventType::WarningSent, EventSource::System))],
        _ => Vec::new(),
    }
}

impl CallResponse {
    /// Joins a later answer to the same question, as [`Projection::Response`] says.
    pub fn extend(&mut self, later: &Self) {
        if !self.text.is_empty() && !later.text.is_empty() {
            self.text.push(' ');
        }
        self.text.push_str(&later.text);
        self.duration = (self.duration + later.duration).min(LONGEST_RESPONSE);
        self.confidence = match (self.confidence, later.confidence) {
            (Some(one), Some(two)) => Some(one.min(two)),
            (one, two) => one.or(two),
        };
        self.responded_at = self.responded_at.max(later.responded_at);
    }
}

/// The same entry always gives the same id: the session's id with the number mixed into its random part.
fn derived_id(entry: &JournalEntry) -> RecordId {
    let mut bytes = *entry.session.as_uuid().as_bytes();
    for (byte, seq) in bytes[8..].iter_mut().zip(entry.seq.to_be_bytes()) {
        *byte ^= seq;
    }
    RecordId::from_uuid(uuid::Builder::from_bytes(bytes).with_version(uuid::Version::Custom).into_uuid())
}
