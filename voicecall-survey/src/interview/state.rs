//! Where an interview stands: the state machine's states and what each of them remembers.

use std::fmt;

use super::analysis::Outcome;
use voicecall_core::CallTime;
use voicecall_core::dialogue::AskId;

/// The states, in their order.
#[derive(Debug)]
pub(super) enum State {
    /// Not connected yet.
    Idle,
    /// The disclosure is being spoken. Whatever the caller says meanwhile decides nothing.
    Introduction(Introduction),
    /// The consent question is open.
    Consent(Consent),
    /// A question is open.
    Asking(Asking),
    /// Goodbye has been said, or is being said.
    Closing(Farewell),
    /// The call has ended, or was told to. Only facts may follow.
    Over(Farewell),
}

#[derive(Debug, Default)]
pub(super) struct Introduction {
    /// The sentences of the disclosure that were heard to their end.
    pub(super) heard: usize,
    /// One of them could not be spoken and is tried a second time.
    pub(super) failed: bool,
}

#[derive(Debug, Default)]
pub(super) struct Consent {
    /// What the caller said since the question was asked last.
    pub(super) words: Words,
    pub(super) waiting: Option<Waiting>,
    /// How often something the caller asked back has been answered.
    pub(super) asides: u8,
    /// The caller sounded willing without saying yes, and has been asked again.
    pub(super) hesitated: bool,
    /// The question has been asked a second time.
    pub(super) asked_again: bool,
    /// "Are you there?" was asked last, so a yes is no consent.
    pub(super) presence_asked: bool,
}

#[derive(Debug)]
pub(super) struct Asking {
    /// The place of the question in the plan.
    pub(super) index: usize,
    /// What the caller was asked last: the question or one of its follow-up prompts.
    pub(super) prompt: String,
    pub(super) waiting: Option<Waiting>,
    /// How many follow-up prompts were used.
    pub(super) follow_ups: usize,
    /// The question was repeated because it was not understood.
    pub(super) repeated: bool,
    /// The question was repeated because the answer could not be heard.
    pub(super) unheard: bool,
    /// "Are you there?" was asked last, so a yes is no answer.
    pub(super) presence_asked: bool,
    /// How often something the caller asked back has been answered.
    pub(super) asides: u8,
}

impl Asking {
    pub(super) const fn new(index: usize, prompt: String) -> Self {
        Self {
            index,
            prompt,
            waiting: None,
            follow_ups: 0,
            repeated: false,
            unheard: false,
            presence_asked: false,
            asides: 0,
        }
    }
}

/// A reply of the model without which the interview does not go on yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Waiting {
    pub(super) ask: AskId,
    /// Then it goes on all the same.
    pub(super) until: CallTime,
}

/// The end of the interview.
#[derive(Debug, Clone, Copy)]
pub(super) struct Farewell {
    /// When it began. Words begun earlier are answers.
    pub(super) since: CallTime,
    /// A question was open at that time, so that later words, too, are its answer unless they are a goodbye.
    pub(super) question_open: bool,
}

/// What became of one planned question.
#[derive(Debug, Default)]
pub(super) struct Record {
    /// When the caller began to hear it. What was said earlier belongs to an earlier question.
    pub(super) asked_at: Option<CallTime>,
    /// That it was asked has been journaled.
    pub(super) noted: bool,
    /// All that was answered in this call.
    pub(super) words: Words,
    /// It was answered in an earlier part of this interview.
    pub(super) answered_before: bool,
    /// What kind of answer it is, once analysed.
    pub(super) outcome: Option<Outcome>,
    /// It is not asked any more.
    pub(super) done: bool,
}

impl Record {
    /// Whether there is an answer worth thanks.
    pub(super) fn is_answered(&self) -> bool {
        self.answered_before || (!self.words.is_empty() && self.outcome.is_none_or(Outcome::is_answer))
    }
}

/// What a caller said; never printed.
#[derive(Default)]
pub(super) struct Words(String);

impl Words {
    pub(super) fn push(&mut self, text: &str) {
        if !self.0.is_empty() {
            self.0.push(' ');
        }
        self.0.push_str(text);
    }

    pub(super) fn clear(&mut self) {
        self.0.clear();
    }

    pub(super) fn as_str(&self) -> &str {
        &self.0
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl fmt::Debug for Words {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Words({} bytes)", self.0.len())
    }
}
