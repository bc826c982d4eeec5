//! Facts: what a call leaves behind, appended one by one with a number, from which everything else is derived.

use std::fmt;
use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::call::TurnLatency;
use crate::dialogue::{CallerTurn, UtteranceId};
use crate::id::{Epoch, QuestionId, SessionId};
use crate::model::TokenUsage;
use crate::money::Cost;
use crate::store::EndReason;
use crate::time::CallTime;

/// Something that happened in a call.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "fact", rename_all = "snake_case")]
#[non_exhaustive]
pub enum Fact {
    /// The call was answered and its audio ran.
    Connected,
    /// The audio ran again after it had broken off; what follows belongs to the same call.
    Resumed,
    /// The caller heard, to the end, that an AI speaks and for whom.
    Disclosed {
        /// What was said.
        text: String,
    },
    /// The caller decided about taking part and being recorded. The latest counts: a no behind a yes takes it back.
    Consent {
        /// Yes or no.
        given: bool,
    },
    /// The caller takes part but does not want the sound to be recorded.
    RecordingDeclined,
    /// The caller does not want to be called any more, by anybody of the business.
    DoNotCall,
    /// The caller wants to be called at another time.
    CallBack {
        /// The time as it was said, such as "imorgon efter fem"; empty if none was.
        when: String,
    },
    /// The agent spoke.
    Said {
        /// Which utterance.
        utterance: UtteranceId,
        /// What the caller heard of it.
        heard: String,
        /// What was meant to be said and was not heard.
        unheard: String,
        /// When its first sample was heard.
        from: CallTime,
        /// When its last sample was heard.
        until: CallTime,
        /// Whether the border between heard and unheard is an estimate.
        estimated: bool,
    },
    /// The caller spoke; the words are raw.
    Heard(CallerTurn),
    /// A configured question was asked.
    Asked {
        /// Which.
        question: QuestionId,
        /// As it was worded.
        text: String,
    },
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
        analysis: serde_json::Value,
    },
    /// The agent was told to wrap up.
    Warned,
    /// The agent was told to end the call, because its budget was nearly used up.
    BudgetReached(Cost),
    /// What the session has cost so far; the latest counts. Comes at most once a second.
    Cost(Cost),
    /// What the model used for one answer.
    Used(TokenUsage),
    /// How long the parts of a turn took.
    Latency(TurnLatency),
    /// The call ended.
    Ended {
        /// Why.
        reason: EndReason,
    },
}

impl Fact {
    /// Whether it holds what somebody said. Such facts stay in memory until the caller consents.
    #[must_use]
    pub const fn needs_consent(&self) -> bool {
        matches!(
            self,
            Self::Said { .. } | Self::Heard(_) | Self::Asked { .. } | Self::Answered { .. } | Self::Analysed { .. }
        )
    }
}

/// A fact with its place in a session's journal.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct JournalEntry {
    /// Whose session.
    pub session: SessionId,
    /// Who owned the call when it happened.
    pub epoch: Epoch,
    /// Counts up from 1 within a session, without gaps, over all its calls and connections.
    pub seq: u64,
    /// The wall-clock instant at which it happened.
    pub at: Timestamp,
    /// The instant within the call, counted on over its connections.
    pub offset: CallTime,
    /// What happened.
    pub fact: Fact,
}

/// The number of the next fact of a session with this journal: [`CallSettings::first_seq`](crate::call::CallSettings::first_seq)
/// of its next connection.
#[must_use]
pub fn next_seq(entries: &[JournalEntry]) -> u64 {
    entries.iter().map(|entry| entry.seq).max().unwrap_or(0).saturating_add(1)
}

/// Who spoke.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Speaker {
    /// We.
    Agent,
    /// The person on the phone.
    Caller,
}

/// A line of a transcript.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TranscriptLine {
    /// Who spoke.
    pub speaker: Speaker,
    /// When the first sound was heard.
    pub from: CallTime,
    /// When the last sound was heard.
    pub until: CallTime,
    /// What was heard.
    pub text: String,
    /// What was meant and never heard; empty for the caller.
    pub unheard: String,
    /// Whether the border between heard and unheard is an estimate.
    pub estimated: bool,
}

impl fmt::Display for TranscriptLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let speaker = match self.speaker {
            Speaker::Agent => "agent",
            Speaker::Caller => "caller",
        };
        write!(f, "{speaker}: {}", self.text)
    }
}

/// Who said what, in the order it was heard, call by call. Holds only what was heard; the rest stands beside it.
#[must_use]
pub fn transcript(entries: &[JournalEntry]) -> Vec<TranscriptLine> {
    let line = |entry: &JournalEntry| match &entry.fact {
        Fact::Said { heard, unheard, from, until, estimated, .. } => Some(TranscriptLine {
            speaker: Speaker::Agent,
            from: *from,
            until: *until,
            text: heard.clone(),
            unheard: unheard.clone(),
            estimated: *estimated,
        }),
        Fact::Heard(turn) => Some(TranscriptLine {
            speaker: Speaker::Caller,
            from: turn.started,
            until: turn.ended,
            text: turn.text.clone().unwrap_or_default(),
            unheard: String::new(),
            estimated: false,
        }),
        _ => None,
    };
    // Every call of a session counts its time from its own answer.
    let mut call = 0;
    let mut lines: Vec<(u32, TranscriptLine)> = Vec::new();
    for entry in entries {
        call += u32::from(entry.fact == Fact::Connected);
        lines.extend(line(entry).map(|line| (call, line)));
    }
    lines.sort_by_key(|(call, line)| (*call, line.from));
    lines.into_iter().map(|(_, line)| line).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn heard(text: &str, millis: u64) -> Fact {
        let at = CallTime::from_millis(millis);
        let text = Some(text.to_owned());
        Fact::Heard(CallerTurn {
            turn: 1,
            text,
            confidence: None,
            language: None,
            started: at,
            ended: at,
            voiced: Duration::ZERO,
            cut_off: false,
        })
    }

    fn journal(facts: impl IntoIterator<Item = Fact>) -> Vec<JournalEntry> {
        let (session, at) = (SessionId::new(), Timestamp::UNIX_EPOCH);
        let entry = |(seq, fact)| JournalEntry { session, epoch: Epoch::FIRST, seq, at, offset: CallTime::ZERO, fact };
        (1..).zip(facts).map(entry).collect()
    }

    #[test]
    fn a_transcript_goes_by_time_within_a_call_and_call_by_call() {
        let facts = [
            Fact::Connected,
            heard("two", 2000),
            heard("one", 1000),
            Fact::Resumed,
            heard("three", 9000),
            Fact::Connected,
            heard("four", 500),
        ];
        let entries = journal(facts);
        let texts: Vec<_> = transcript(&entries).into_iter().map(|line| line.text).collect();
        assert_eq!(texts, ["one", "two", "three", "four"]);
        assert_eq!((next_seq(&entries), next_seq(&[])), (8, 1));
    }

    #[test]
    fn the_latest_cost_counts() {
        let cost = |micros| Cost { speech: crate::money::Money::from_micros(micros), ..Cost::default() };
        let entries = journal([Fact::Cost(cost(1)), Fact::Cost(cost(2)), Fact::Connected]);
        assert_eq!(Cost::of(&entries), Some(cost(2)));
        assert_eq!(Cost::of(&[]), None);
    }
}
