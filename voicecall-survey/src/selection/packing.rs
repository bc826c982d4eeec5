//! The time budget: what a question takes, what the call takes around the questions, what still fits.

use std::time::Duration;

use super::explanation::Load;
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
    demanded: Duration,
}

impl<'a> Packing<'a> {
    pub(super) const fn new(pace: &'a Pace, budget: Duration) -> Self {
        Self { pace, budget, used: AROUND, demanded: Duration::ZERO }
    }

    /// What a question adds to the call.
    pub(super) fn estimate(&self, question: &QuestionConfiguration) -> Duration {
        self.pace.question(&question.text, question.max_response_time)
    }

    /// Counts what an active question demands of an average call.
    pub(super) fn demand(&mut self, question: &QuestionConfiguration, estimated: Duration) {
        self.demanded += estimated / question.frequency.max(1);
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

    /// Whether a question would fit if it was the only one.
    pub(super) fn could_take(&self, estimated: Duration) -> bool {
        AROUND + estimated <= self.budget
    }

    /// How long the call takes; a call without questions is not made.
    pub(super) fn duration(&self) -> Duration {
        if self.used == AROUND { Duration::ZERO } else { self.used }
    }

    /// What was demanded beside what there is, both in whole milliseconds.
    pub(super) fn load(&self) -> Load {
        let whole_millis = |duration: Duration| {
            let nanos = duration.subsec_nanos() % 1_000_000;
            duration.saturating_sub(Duration::from_nanos(nanos.into()))
        };
        Load { demanded: whole_millis(self.demanded), available: whole_millis(self.budget.saturating_sub(AROUND)) }
    }
}
