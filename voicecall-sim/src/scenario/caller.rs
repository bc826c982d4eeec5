//! Callers written in code.

use std::time::Duration;

use super::{Act, Caller, Manners, Patience, Phrase, Step, Trigger};
use crate::phone::{Answer, Answerer};

/// How long a caller waits for more before it speaks.
const POLITE: Duration = Duration::from_millis(800);

/// How long it listens to the last answer before it hangs up.
const LAST_WORD: Duration = Duration::from_secs(2);

impl Caller {
    /// Somebody who says nothing and stays until the other side hangs up. What else they do is added step by step; each
    /// step is done once, and the first one that fits goes first.
    ///
    /// ```
    /// use voicecall_sim::scenario::Caller;
    ///
    /// let caller = Caller::silent().says_when("How can I help?", "Are you open on Sunday?").presses_when("press one", "1");
    /// assert_eq!(caller.steps.len(), 2);
    /// ```
    #[must_use]
    pub const fn silent() -> Self {
        Self { answer: Answer::AT_ONCE, answerer: Answerer::Person, calls: false, in_order: false, steps: Vec::new() }
    }

    /// Somebody who says these texts in turn, each once the other side has spoken and been silent for 0.8 s, and hangs up
    /// 2 s after the last answer.
    #[must_use]
    pub fn says<T: Into<String>>(texts: impl IntoIterator<Item = T>) -> Self {
        let heard = |wait| Trigger::Hears(vec![Phrase::any()], Manners::Waits(wait));
        let texts = texts.into_iter().map(|text| Step::new(heard(POLITE), Act::Say(text.into())));
        let steps = texts.chain([Step::new(heard(LAST_WORD), Act::HangUp)]).collect();
        Self { steps, in_order: true, ..Self::silent() }
    }

    /// Says `text` once the other side has said `phrase` and is silent.
    #[must_use]
    pub fn says_when(self, phrase: &str, text: impl Into<String>) -> Self {
        self.step(Step::new(Trigger::heard(phrase, Manners::Waits(POLITE)), Act::Say(text.into())))
    }

    /// Interrupts the other side with `text`, so many words behind `phrase`.
    #[must_use]
    pub fn interrupts_when(self, phrase: &str, words: usize, text: impl Into<String>) -> Self {
        let trigger = Trigger::heard(phrase, Manners::Interrupts(Patience::Words(words)));
        self.step(Step::new(trigger, Act::Say(text.into())))
    }

    /// Presses keys (`0`-`9`, `*`, `#`, `A`-`D`) once the other side has said `phrase` and is silent.
    #[must_use]
    pub fn presses_when(self, phrase: &str, keys: impl Into<String>) -> Self {
        self.step(Step::new(Trigger::heard(phrase, Manners::Waits(POLITE)), Act::Keys(keys.into())))
    }

    /// Hangs up once the other side has said `phrase` and is silent.
    #[must_use]
    pub fn hangs_up_when(self, phrase: &str) -> Self {
        self.step(Step::new(Trigger::heard(phrase, Manners::Waits(POLITE)), Act::HangUp))
    }

    /// What becomes of the ringing when they are called; they answer at once if not told otherwise.
    #[must_use]
    pub const fn answers(mut self, answer: Answer) -> Self {
        self.answer = answer;
        self
    }

    /// Adds a step.
    #[must_use]
    pub fn step(mut self, step: Step) -> Self {
        self.steps.push(step);
        self
    }
}

impl Trigger {
    /// `phrase` was heard: words, whatever their case and punctuation. A phrase without a word is any speech.
    #[must_use]
    pub fn heard(phrase: &str, manners: Manners) -> Self {
        Self::Hears(vec![Phrase::parse(phrase).unwrap_or_else(Phrase::any)], manners)
    }
}
