//! The end of an interview: thanks, goodbye, and the words that arrive after it.

use super::intent::{self, Context, Intent};
use super::machine::Interview;
use super::pending_requests::About;
use super::speech::Cue;
use super::state::{Farewell, Record, State};
use voicecall_core::CallTime;
use voicecall_core::dialogue::{Action, CallerTurn};
use voicecall_core::journal::Fact;
use voicecall_core::store::EndReason;

impl Interview {
    /// Thanks and goodbye. With the question open, what is said from here on may still be its answer.
    pub(super) fn conclude(
        &mut self,
        reason: EndReason,
        question_open: bool,
        now: CallTime,
        actions: &mut Vec<Action>,
    ) {
        let phrases = &self.plan.phrases;
        let thanks = if self.has_answers() { &phrases.thanks } else { &phrases.thanks_without_answers };
        self.speech.say(thanks, Cue::Last, now, actions);
        self.speech.say(&phrases.goodbye, Cue::Last, now, actions);
        self.close(reason, question_open, now, actions);
    }

    /// There is no money for more than a goodbye.
    pub(super) fn wrap_up(&mut self, now: CallTime, actions: &mut Vec<Action>) {
        if matches!(self.state, State::Introduction(_)) {
            self.speech.interrupt(actions);
            self.speech.say(&self.plan.phrases.declined, Cue::Last, now, actions);
            return self.close(EndReason::RefusedByBudget, false, now, actions);
        }
        self.close_at_once(EndReason::RefusedByBudget, now, actions);
    }

    /// Nothing fits any more but a goodbye, even if the caller is speaking. `unasked` is the reason if not even consent was
    /// given; else the interview counts as completed.
    pub(super) fn close_at_once(&mut self, unasked: EndReason, now: CallTime, actions: &mut Vec<Action>) {
        match self.state {
            State::Introduction(_) => {
                self.speech.interrupt(actions);
                self.close(unasked, false, now, actions);
            }
            State::Consent(_) => {
                self.pending.forget(About::Consent, actions);
                self.speech.interrupt(actions);
                self.speech.say(&self.plan.phrases.declined, Cue::Last, now, actions);
                self.close(unasked, false, now, actions);
            }
            State::Asking(_) => {
                self.speech.interrupt(actions);
                self.conclude(EndReason::Completed, true, now, actions);
            }
            State::Idle | State::Closing(_) | State::Over(_) => {}
        }
    }

    /// The caller speaks another language.
    pub(super) fn close_for_language(&mut self, now: CallTime, actions: &mut Vec<Action>) {
        for sentence in &self.plan.phrases.other_language {
            self.speech.say(sentence, Cue::Last, now, actions);
        }
        self.close(EndReason::OtherLanguage, false, now, actions);
    }

    /// Ends the call behind what has been said.
    pub(super) fn close(&mut self, reason: EndReason, question_open: bool, now: CallTime, actions: &mut Vec<Action>) {
        actions.push(Action::End(reason));
        self.state = State::Closing(Farewell { since: now, question_open });
    }

    /// Nothing will be said any more.
    pub(super) fn over(&mut self, now: CallTime) {
        self.state = State::Over(match self.state {
            State::Closing(farewell) | State::Over(farewell) => farewell,
            State::Asking(_) => Farewell { since: now, question_open: true },
            _ => Farewell { since: now, question_open: false },
        });
    }

    /// Words that were said, or transcribed, after the farewell began.
    pub(super) fn heard_late(&mut self, turn: &CallerTurn, farewell: Farewell, actions: &mut Vec<Action>) {
        if self.withdrawn {
            return;
        }
        let text = turn.text.as_deref().unwrap_or_default().trim();
        let language = self.plan.language;
        let intent = intent::read(text, language, Context::Question).intent;
        match intent {
            Intent::DoNotCall => return actions.push(Action::Journal(Fact::DoNotCall)),
            Intent::Withdraw => return self.take_consent_back(actions),
            Intent::Nothing => return,
            _ => {}
        }
        let is_farewell = intent == Intent::Stop || intent::is_farewell(text, language);
        let is_answer = turn.started < farewell.since || (farewell.question_open && !is_farewell);
        if is_answer
            && !text.is_empty()
            && let Some(index) = self.addressed(turn)
        {
            self.keep_answer(index, turn, text, actions);
            self.analyse(index, actions);
        }
    }

    /// The caller has fallen silent for good.
    pub(super) fn give_up(&mut self, now: CallTime, actions: &mut Vec<Action>) {
        let reason = if self.has_answers() { EndReason::Completed } else { EndReason::NoResponse };
        self.conclude(reason, true, now, actions);
    }

    fn has_answers(&self) -> bool {
        self.records.iter().any(Record::is_answered)
    }
}
