//! How far an interview had come when its call broke off, so that it goes on and repeats no answered question.

use std::time::Duration;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::store::{QuestionId, SurveyFact};
use voicecall_core::journal::{Fact, JournalEntry};

/// What is already done.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Progress {
    /// The caller agreed in this very call, so it was also told who is speaking.
    pub consented: bool,
    /// The caller did not want the sound of this very call to be recorded.
    #[serde(default)]
    pub recording_declined: bool,
    /// The wrap-up has been announced.
    pub warned: bool,
    /// These questions have an answer.
    pub answered: Vec<QuestionId>,
    /// The time used of the call.
    pub elapsed: Duration,
}

impl Progress {
    /// What a session's journal says of its last call, which broke off and goes on at `now`.
    #[must_use]
    pub fn of(journal: &[JournalEntry], now: Timestamp) -> Self {
        let mut progress = Self::default();
        let mut connected = None;
        for entry in journal {
            match &entry.fact {
                Fact::Connected => {
                    progress = progress.for_new_call();
                    connected = Some(entry.at);
                }
                Fact::Consent { given } => progress.consented = *given,
                Fact::RecordingDeclined => progress.recording_declined = true,
                Fact::Warned => progress.warned = true,
                // What does not read cannot say which question it answered.
                fact => match SurveyFact::read(fact) {
                    Ok(Some(SurveyFact::Answered { question, .. })) if !progress.answered.contains(&question) => {
                        progress.answered.push(question);
                    }
                    _ => {}
                },
            }
        }
        if let Some(connected) = connected {
            progress.elapsed = Duration::try_from(now.duration_since(connected)).unwrap_or_default();
        }
        progress
    }

    /// Whether this is not the beginning of the call.
    pub(super) const fn is_under_way(&self) -> bool {
        self.consented || !self.elapsed.is_zero()
    }

    /// What of it holds in a new call to the same caller: the answers. Disclosure and consent are asked for again.
    #[must_use]
    pub fn for_new_call(self) -> Self {
        Self { answered: self.answered, ..Self::default() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use voicecall_core::CallTime;
    use voicecall_core::{Epoch, SessionId};

    #[test]
    fn a_journal_tells_what_is_done_and_how_long_it_took() {
        let (session, question) = (SessionId::new(), QuestionId::new());
        let answered = Fact::from(SurveyFact::Answered {
            question,
            question_text: "Hur var besöket?".into(),
            text: "Bra.".into(),
            spoken: Duration::from_secs(1),
            confidence: None,
            asked_at: CallTime::ZERO,
            responded_at: CallTime::ZERO,
        });
        let consent = [Fact::Connected, Fact::RecordingDeclined, Fact::Consent { given: true }];
        let facts = consent.into_iter().chain([answered.clone(), answered, Fact::Warned]);
        let journal: Vec<_> = (1..)
            .zip(facts)
            .map(|(seq, fact)| JournalEntry {
                session,
                epoch: Epoch::FIRST,
                seq,
                at: Timestamp::from_second(100 + i64::try_from(seq).unwrap()).unwrap(),
                offset: CallTime::ZERO,
                fact,
            })
            .collect();

        let progress = Progress::of(&journal, Timestamp::from_second(121).unwrap());

        let elapsed = Duration::from_secs(20);
        let answered = vec![question];
        assert_eq!(progress, Progress { consented: true, recording_declined: true, warned: true, answered, elapsed });
        assert_eq!(progress.for_new_call(), Progress { answered: vec![question], ..Progress::default() });
        assert_eq!(Progress::of(&[], Timestamp::UNIX_EPOCH), Progress::default());

        let entry =
            |second, fact| JournalEntry { at: Timestamp::from_second(second).unwrap(), fact, ..journal[0].clone() };
        let again: Vec<_> = journal.iter().cloned().chain([entry(500, Fact::Connected)]).collect();
        let elapsed = Duration::from_secs(7);
        let now = Timestamp::from_second(507).unwrap();
        let new_call = Progress { answered: vec![question], elapsed, ..Progress::default() };
        assert_eq!(Progress::of(&again, now), new_call, "another call asks for consent again");
        let resumed: Vec<_> = again.into_iter().chain([entry(504, Fact::Resumed)]).collect();
        assert_eq!(Progress::of(&resumed, now), new_call, "the same call goes on");
    }
}
