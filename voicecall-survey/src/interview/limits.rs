//! The time an interview has, and how long its parts are expected to take.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use voicecall_core::{Error, Result};

/// The three instants of a call at which an interview comes to its end, counted from the answer of the call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limits {
    /// From here on at most one more question.
    pub wrap_up: Duration,
    /// Here it thanks and says goodbye, whatever is going on. The call counts as completed.
    pub close: Duration,
    /// Here the call is ended, in the middle of a word if need be. The call counts as timed out.
    pub end: Duration,
}

impl Default for Limits {
    /// 96 s, 110 s and 120 s.
    fn default() -> Self {
        Self { wrap_up: Duration::from_secs(96), close: Duration::from_secs(110), end: Duration::from_secs(120) }
    }
}

impl Limits {
    /// Checks the order.
    ///
    /// # Errors
    /// `Config` naming the limit that does not come after the one before it.
    pub fn validate(&self) -> Result<()> {
        if self.wrap_up >= self.close {
            return Err(Error::config("limits.close", "later than limits.wrap_up"));
        }
        if self.close >= self.end {
            return Err(Error::config("limits.end", "later than limits.close"));
        }
        Ok(())
    }
}

/// How long things are expected to take. Question selection and the interview reckon with the same figures.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Pace {
    /// Characters the agent speaks in a second. Swedish telephone voices speak 13 to 17.
    pub chars_per_second: u32,
    /// What an answer takes on average.
    pub answer: Duration,
    /// A question is not asked if less than this would be left to answer it.
    pub shortest_answer: Duration,
    /// From the caller's last word to the agent's first: end of turn, transcript, analysis, speech.
    pub turnaround: Duration,
    /// How long to wait for the model's reading of an answer before going on without it.
    pub patience: Duration,
}

impl Default for Pace {
    /// 15 characters a second, answers of 8 s and not under 4 s, a turnaround of 2 s, 4 s of patience.
    fn default() -> Self {
        Self {
            chars_per_second: 15,
            answer: Duration::from_secs(8),
            shortest_answer: Duration::from_secs(4),
            turnaround: Duration::from_secs(2),
            patience: Duration::from_secs(4),
        }
    }
}

impl Pace {
    /// How long the agent speaks to say `text`: a second for every [`Pace::chars_per_second`] characters,
    /// rounded up to a millisecond.
    #[must_use]
    pub fn speaking(&self, text: &str) -> Duration {
        let chars = u64::try_from(text.chars().count()).unwrap_or(u64::MAX);
        let millis = chars.saturating_mul(1000).div_ceil(u64::from(self.chars_per_second.max(1)));
        Duration::from_millis(millis)
    }

    /// How long a question takes from its first word to the agent's next: asking, answer, turnaround.
    #[must_use]
    pub fn question(&self, text: &str, max_response_time: Duration) -> Duration {
        self.speaking(text) + self.answer.min(max_response_time) + self.turnaround
    }

    /// Checks the ranges.
    ///
    /// # Errors
    /// `Config` naming the figure.
    pub fn validate(&self) -> Result<()> {
        if self.chars_per_second == 0 {
            return Err(Error::config("pace.chars_per_second", "at least 1"));
        }
        if self.patience.is_zero() {
            return Err(Error::config("pace.patience", "more than zero"));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_must_follow_each_other() {
        let secs = Duration::from_secs;
        assert!(Limits::default().validate().is_ok());
        let field = |limits: Limits| limits.validate().unwrap_err().field().unwrap().to_owned();
        assert_eq!(field(Limits { wrap_up: secs(110), ..Limits::default() }), "limits.close");
        assert_eq!(field(Limits { end: secs(110), ..Limits::default() }), "limits.end");
    }

    #[test]
    fn a_question_takes_its_words_its_answer_and_the_turnaround() {
        let pace = Pace::default();
        assert_eq!(pace.speaking("Hur var det?"), Duration::from_millis(800));
        assert_eq!(pace.question("Hur var det?", Duration::from_secs(30)), Duration::from_millis(10_800));
        assert_eq!(pace.question("Hur var det?", Duration::from_secs(5)), Duration::from_millis(7_800));
    }
}
