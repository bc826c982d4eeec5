//! Letting a caller go, and the replies to what callers ask back, in every state.

use super::intent::{self, Context, Intent, Window};
use super::machine::Interview;
use super::pending_requests::About;
use super::speech::Cue;
use super::state::State;
use jiff::{SignedDuration, Zoned};
use voicecall_core::CallTime;
use voicecall_core::dialogue::{Action, CallerTurn};
use voicecall_core::journal::Fact;
use voicecall_core::store::EndReason;

/// How often a caller's questions are answered about one of ours before the interview goes on, or ends.
pub(super) const MOST_ASIDES: u8 = 4;

/// "Wait a moment" is given three silences more.
const PATIENT_SILENCES: u32 = 3;

impl Interview {
    /// The caller wants to go: notes why, says goodbye, and nothing else. `words` is what was said.
    pub(super) fn leave(&mut self, intent: Intent, words: &str, now: CallTime, actions: &mut Vec<Action>) {
        self.speech.interrupt(actions);
        if intent == Intent::DoNotCall {
            actions.push(Action::Journal(Fact::DoNotCall));
        }
        if !matches!(self.state, State::Asking(_)) {
            return self.leave_unasked(intent, words, now, actions);
        }
        match intent {
            Intent::Withdraw => {
                self.take_consent_back(actions);
                self.part(&self.plan.phrases.withdrawn.clone(), EndReason::ConsentWithdrawn, now, actions);
            }
            Intent::DoNotCall => {
                self.part(&self.plan.phrases.do_not_call.clone(), EndReason::Stopped, now, actions);
            }
            Intent::CallBack | Intent::WrongNumber | Intent::NotAvailable => {
                self.leave_unasked(intent, words, now, actions);
            }
            _ => self.part(&self.plan.phrases.stopped.clone(), EndReason::Stopped, now, actions),
        }
    }

    /// Whoever leaves before the first question, or is not the one to ask.
    fn leave_unasked(&mut self, intent: Intent, words: &str, now: CallTime, actions: &mut Vec<Action>) {
        let phrases = &self.plan.phrases;
        let (words, reason) = match intent {
            Intent::CallBack => {
                let (when, Window { not_before, not_after }) =
                    intent::call_back_time(words, self.plan.language, self.clock_at(now).as_ref());
                actions.push(Action::Journal(Fact::CallBack { not_before, not_after, when }));
                (phrases.call_back.clone(), EndReason::CallBack)
            }
            Intent::WrongNumber => (phrases.wrong_number.clone(), EndReason::WrongNumber),
            Intent::NotAvailable => (phrases.not_available.clone(), EndReason::NotAvailable),
            Intent::DoNotCall => {
                actions.push(Action::Journal(Fact::Consent { given: false }));
                (phrases.do_not_call.clone(), EndReason::Declined)
            }
            _ => return self.decline(now, actions),
        };
        self.part(&words, reason, now, actions);
    }

    /// The time on the caller's clock; `None` if nobody told when the call began.
    fn clock_at(&self, now: CallTime) -> Option<Zoned> {
        let since = SignedDuration::try_from(now.since(CallTime::ZERO)).ok()?;
        Some(self.began?.checked_add(since).ok()?.to_zoned(self.zone.clone()))
    }

    /// The last words: `words` and goodbye.
    fn part(&mut self, words: &str, reason: EndReason, now: CallTime, actions: &mut Vec<Action>) {
        if matches!(self.state, State::Consent(_)) {
            self.pending.forget(About::Consent, actions);
        }
        self.speech.say(words, Cue::Last, now, actions);
        self.speech.say(&self.plan.phrases.goodbye, Cue::Last, now, actions);
        self.close(reason, false, now, actions);
    }

    /// From here on nothing of the call is stored; what a model still reads is dropped.
    pub(super) fn take_consent_back(&mut self, actions: &mut Vec<Action>) {
        self.withdrawn = true;
        self.pending.forget_all(actions);
        actions.push(Action::Journal(Fact::Consent { given: false }));
        actions.push(Action::WithdrawConsent);
    }

    /// The caller spoke while the disclosure is being said. That decides nothing about what was not said yet; but who wants
    /// to go need not hear it out, and a machine hears nothing.
    pub(super) fn heard_early(&mut self, turn: &CallerTurn, now: CallTime, actions: &mut Vec<Action>) {
        let text = turn.text.as_deref().unwrap_or_default().trim();
        let read = |context| intent::read(text, self.plan.language, context).intent;
        if read(Context::Consent) == Intent::Voicemail {
            return self.hang_up_on_voicemail(now, actions);
        }
        let intent = intent::believed(read(Context::Question), turn);
        if intent.is_leaving() {
            self.leave(intent, text, now, actions);
        }
    }

    /// Nobody is there. The carrier's own verdict may come later, or never.
    pub(super) fn hang_up_on_voicemail(&mut self, now: CallTime, actions: &mut Vec<Action>) {
        actions.push(Action::EndNow(EndReason::Voicemail));
        self.over(now);
    }

    /// The caller goes on, without being recorded.
    pub(super) fn decline_recording(&mut self, now: CallTime, actions: &mut Vec<Action>) {
        actions.push(Action::DeclineRecording);
        actions.push(Action::Journal(Fact::RecordingDeclined));
        self.speech.say(&self.plan.phrases.without_recording, Cue::Aside, now, actions);
    }

    /// Says what answers the caller; for a wish to wait, grants it.
    pub(super) fn reply_to(&mut self, intent: Intent, now: CallTime, actions: &mut Vec<Action>) {
        let phrases = &self.plan.phrases;
        let reply = match intent {
            Intent::WhoIsCalling | Intent::Screening => &phrases.who_is_calling,
            Intent::AreYouHuman => &phrases.are_you_human,
            Intent::CanYouHear => &phrases.can_hear,
            Intent::Wait => {
                self.patient_silences = PATIENT_SILENCES;
                &phrases.take_your_time
            }
            // "What did you say?" is answered by the question that follows.
            _ => return,
        };
        self.speech.say(reply, Cue::Aside, now, actions);
    }
}
