//! What a store writes beside a journal entry, in the same transaction: the tables are views of the journal.

use std::time::Duration;

use serde_json::json;

use super::log::{CallEvent, CallEventType, CallResponse, EventSource};
use crate::id::{QuestionId, RecordId};
use crate::journal::{Fact, JournalEntry};
use crate::time::CallTime;

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
    /// Add what the model made of an answer to the session's response to this question, if there is one: the
    /// analysis replaces the one before, the sentiment too unless it is `None`.
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
            let at = |offset: CallTime| entry.at.checked_sub(entry.offset.since(offset)).unwrap_or(entry.at);
            let asked_at = at(*asked_at);
            vec![
                Projection::Response(CallResponse {
                    id: derived_id(entry),
                    session: entry.session,
                    question: *question,
                    question_text: question_text.clone(),
                    text: text.clone(),
                    duration: (*spoken).min(LONGEST_RESPONSE),
                    confidence: confidence.and_then(|confidence| within(confidence, 0.0)),
                    sentiment: None,
                    asked_at,
                    responded_at: Some(at(*responded_at).max(asked_at)),
                    analysis: None,
                }),
                Projection::Event(
                    event(CallEventType::ResponseReceived, EventSource::Customer)
                        .with_data(json!({ "questionId": question })),
                ),
            ]
        }
        Fact::Analysed { question, sentiment, analysis } => {
            vec![Projection::Analysis {
                question: *question,
                sentiment: sentiment.and_then(|sentiment| within(sentiment, -1.0)),
                analysis: analysis.clone(),
            }]
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

    /// Takes in what the model made of it, as [`Projection::Analysis`] says.
    pub fn analyse(&mut self, sentiment: Option<f32>, analysis: &serde_json::Value) {
        self.sentiment = sentiment.or(self.sentiment);
        self.analysis = Some(analysis.clone());
    }
}

/// A score within its range: a provider that leaves it must not cost the caller's answer.
fn within(score: f32, lowest: f32) -> Option<f32> {
    (!score.is_nan()).then(|| score.clamp(lowest, 1.0))
}

/// The same entry always gives the same id: the session's id with the number mixed into its random part.
fn derived_id(entry: &JournalEntry) -> RecordId {
    let mut bytes = *entry.session.as_uuid().as_bytes();
    for (byte, seq) in bytes[8..].iter_mut().zip(entry.seq.to_be_bytes()) {
        *byte ^= seq;
    }
    RecordId::from_uuid(uuid::Builder::from_bytes(bytes).with_version(uuid::Version::Custom).into_uuid())
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;
    use crate::id::{Epoch, SessionId};

    fn answer(confidence: f32, offset: CallTime) -> CallResponse {
        let entry = JournalEntry {
            session: SessionId::new(),
            epoch: Epoch::FIRST,
            seq: 1,
            at: Timestamp::UNIX_EPOCH,
            offset,
            fact: Fact::Answered {
                question: QuestionId::new(),
                question_text: "Hur var besöket?".to_owned(),
                text: "Bra".to_owned(),
                spoken: Duration::from_secs(61),
                confidence: Some(confidence),
                asked_at: CallTime::from_millis(2000),
                responded_at: CallTime::from_millis(1000),
            },
        };
        match project(&entry).remove(0) {
            Projection::Response(response) => response,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn what_a_provider_exaggerates_is_brought_into_range() {
        let response = answer(1.5, CallTime::from_millis(3000));
        assert_eq!(response.confidence, Some(1.0));
        assert_eq!(response.duration, LONGEST_RESPONSE);
        assert_eq!(response.responded_at, Some(response.asked_at), "not before it was asked");
        assert_eq!(answer(f32::NAN, CallTime::ZERO).confidence, None);
    }

    #[test]
    fn an_offset_beyond_all_time_does_not_panic() {
        assert_eq!(answer(0.5, CallTime::from_micros(u64::MAX)).asked_at, Timestamp::UNIX_EPOCH);
    }
}
