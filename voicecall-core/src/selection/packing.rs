//! The time budget: what a question takes, what the call takes around the questions, what still fits.

use std::time::Duration;

use crate::interview::Pace;
use crate::store::QuestionConfiguration;

/// What a call takes around its questions: introduction and consent about 16 s, thanks and goodbye about 4 s.
pub(super) const AROUND: Duration = Duration::from_secs(20);

/// A call being filled with questions.
#[derive(Debug)]
pub(super) struct Packing<'a> {
    pace: &'a Pace,
    budget: Duration,
    used: Duration,
}

impl<'a> Packing<'a> {
    pub(super) const fn new(pace: &'a Pace, budget: Duration) -> Self {
        Self { pace, budget, used: AROUND }
    }

    /// What a question adds to the call.
    pub(super) fn estimate(&self, question: &QuestionConfiguration) -> Duration {
        self.pace.question(&question.text, question.max_response_time)
    }

    /// Takes the time for a question, if there is enough left.
    pub(super) fn take(&mut self, estimated: Duration) -> bool {
        let used = self.used + estimated;
        let fits = used <= self.budget;
        if fits {
            self.used = used;
        }
        fits
    }

    /// How long the call takes; a call without questions is not made.
    pub(super) fn duration(&self) -> Duration {
        if self.used == AROUND { Duration::ZERO } else { self.used }
    }
}
