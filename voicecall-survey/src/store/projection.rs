//! What a store writes beside a survey's fact, in the same transaction: its rows are views of the journal.

use serde_json::json;
use voicecall_core::journal::JournalEntry;
use voicecall_core::store::{EventSource, SessionEvent};
use voicecall_core::{CallTime, Result};

use super::{CallResponse, QUESTION_ASKED, QuestionId, RESPONSE_RECEIVED, SurveyFact};

/// A row that follows from a journal entry.
#[derive(Debug, Clone, PartialEq)]
pub enum Projection {
    /// Append the question to the session's `questions_asked`, if it is not the last one there.
    Asked(QuestionId),
    /// Append an event.
    Event(SessionEvent),
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

/// What follows from an entry, in order. Ids are derived from the entry, so that a repeated append adds nothing.
///
/// # Errors
/// As [`SurveyFact::read`].
pub fn project(entry: &JournalEntry) -> Result<Vec<Projection>> {
    let about = |question: &QuestionId| json!({ "questionId": question });
    Ok(match SurveyFact::read(&entry.fact)? {
        None => Vec::new(),
        Some(SurveyFact::Asked { question, .. }) => vec![
            Projection::Asked(question),
            Projection::Event(entry.event(QUESTION_ASKED, EventSource::Ai).with_data(about(&question))),
        ],
        Some(SurveyFact::Answered { question, question_text, text, spoken, confidence, asked_at, responded_at }) => {
            // Offsets become wall-clock instants relative to this entry's, which has both.
            let at = |offset: CallTime| entry.at.checked_sub(entry.offset.since(offset)).unwrap_or(entry.at);
            let asked_at = at(asked_at);
            vec![
                Projection::Response(CallResponse {
                    id: entry.derived_id(),
                    session: entry.session,
                    question,
                    question_text,
                    text,
                    duration: spoken.min(CallResponse::LONGEST),
                    confidence: confidence.and_then(|confidence| within(confidence, 0.0)),
                    sentiment: None,
                    asked_at,
                    responded_at: Some(at(responded_at).max(asked_at)),
                    analysis: None,
                }),
                Projection::Event(entry.event(RESPONSE_RECEIVED, EventSource::Person).with_data(about(&question))),
            ]
        }
        Some(SurveyFact::Analysed { question, sentiment, analysis }) => vec![Projection::Analysis {
            question,
            sentiment: sentiment.and_then(|sentiment| within(sentiment, -1.0)),
            analysis,
        }],
    })
}

/// A score within its range: a provider that leaves it must not cost the caller's answer.
fn within(score: f32, lowest: f32) -> Option<f32> {
    (!score.is_nan()).then(|| score.clamp(lowest, 1.0))
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use std::time::Duration;

    use voicecall_core::{Epoch, SessionId};

    use super::*;

    fn answer(confidence: f32, offset: CallTime) -> CallResponse {
        let entry = JournalEntry {
            session: SessionId::new(),
            epoch: Epoch::FIRST,
            seq: 1,
            at: Timestamp::UNIX_EPOCH,
            offset,
            fact: SurveyFact::Answered {
                question: QuestionId::new(),
                question_text: "Hur var besöket?".to_owned(),
                text: "Bra".to_owned(),
                spoken: Duration::from_secs(61),
                confidence: Some(confidence),
                asked_at: CallTime::from_millis(2000),
                responded_at: CallTime::from_millis(1000),
            }
            .into(),
        };
        match project(&entry).unwrap().remove(0) {
            Projection::Response(response) => response,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn what_a_provider_exaggerates_is_brought_into_range() {
        let response = answer(1.5, CallTime::from_millis(3000));
        assert_eq!(response.confidence, Some(1.0));
        assert_eq!(response.duration, CallResponse::LONGEST);
        assert_eq!(response.responded_at, Some(response.asked_at), "not before it was asked");
        assert_eq!(answer(f32::NAN, CallTime::ZERO).confidence, None);
    }

    #[test]
    fn an_offset_beyond_all_time_does_not_panic() {
        assert_eq!(answer(0.5, CallTime::from_micros(u64::MAX)).asked_at, Timestamp::UNIX_EPOCH);
    }
}
