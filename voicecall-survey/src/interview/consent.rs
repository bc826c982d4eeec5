//! The introduction, which nothing can skip, and the question whether the caller takes part.

use super::analysis::Decision;
use super::asking::Verdict;
use super::intent::{self, Context, Intent};
use super::leaving::MOST_ASIDES;
use super::machine::Interview;
use super::pending_requests::About;
use super::prompts;
use super::speech::Cue;
use super::state::{Consent, State, Waiting};
use voicecall_core::CallTime;
use voicecall_core::dialogue::{Action, CallerTurn};
use voicecall_core::journal::Fact;
use voicecall_core::store::EndReason;

impl Interview {
    /// Says what of the disclosure has not been heard, and asks for consent behind it.
    pub(super) fn introduce(&mut self, now: CallTime, actions: &mut Vec<Action>) {
        let State::Introduction(introduction) = &self.state else { return };
        let phrases = &self.plan.phrases;
        for sentence in phrases.disclosure.iter().skip(introduction.heard) {
            self.speech.say(sentence, Cue::Disclosure, now, actions);
        }
        self.speech.say(&phrases.consent, Cue::Prompt, now, actions);
    }

    /// A sentence of the disclosure was heard to its end.
    pub(super) fn disclosed_more(&mut self, actions: &mut Vec<Action>) {
        let State::Introduction(introduction) = &mut self.state else { return };
        introduction.heard += 1;
        if introduction.heard == self.plan.phrases.disclosure.len() {
            actions.push(Action::Journal(Fact::Disclosed { text: self.plan.phrases.disclosure.join(" ") }));
            self.state = State::Consent(Consent::default());
        }
    }

    /// A sentence of the disclosure could not be spoken. Without disclosure there is no conversation.
    pub(super) fn disclosure_failed(&mut self, now: CallTime, actions: &mut Vec<Action>) {
        let State::Introduction(introduction) = &mut self.state else { return };
        if introduction.failed {
            actions.push(Action::EndNow(EndReason::TechnicalFailure));
            self.over(now);
        } else {
            introduction.failed = true;
            self.introduce(now, actions);
        }
    }

    /// The caller spoke behind the disclosure.
    pub(super) fn heard_about_consent(&mut self, turn: &CallerTurn, now: CallTime, actions: &mut Vec<Action>) {
        let State::Consent(consent) = &mut self.state else { return };
        // Only what was said after the question began can be a reply to it.
        if self.speech.prompt().began().is_none_or(|began| turn.started < began) {
            if self.speech.prompt().is_lost() {
                self.ask_consent(now, actions);
            }
            return;
        }
        let text = turn.text.as_deref().unwrap_or_default().trim();
        if text.is_empty() {
            if consent.waiting.is_none() {
                self.unclear(now, actions);
            }
            return;
        }
        consent.words.push(text);
        let words = consent.words.as_str().to_owned();
        let intent = intent::read(&words, self.plan.language, Context::Consent).intent;
        match intent::believed(intent, turn) {
            Intent::No => self.decline(now, actions),
            Intent::Voicemail => self.hang_up_on_voicemail(now, actions),
            intent if intent.is_leaving() => self.leave(intent, &words, now, actions),
            _ if consent.presence_asked => self.ask_consent(now, actions),
            Intent::Yes => self.granted(now, actions),
            Intent::NoRecording => {
                self.decline_recording(now, actions);
                self.granted(now, actions);
            }
            Intent::Hesitant if consent.hesitated => self.granted(now, actions),
            Intent::Hesitant => {
                consent.hesitated = true;
                self.pending.forget(About::Consent, actions);
                self.ask_consent(now, actions);
            }
            Intent::Ambiguous | Intent::Nothing => self.unclear(now, actions),
            Intent::Other => self.ask_model_about_consent(&words, now, actions),
            intent => self.answer_about_consent(intent, now, actions),
        }
    }

    fn ask_model_about_consent(&mut self, words: &str, now: CallTime, actions: &mut Vec<Action>) {
        let State::Consent(consent) = &mut self.state else { return };
        let request = prompts::consent(&self.plan, &self.plan.phrases.consent, words);
        let ask = self.pending.ask(About::Consent, request, actions);
        consent.waiting = Some(Waiting { ask, until: now + self.plan.pace.patience });
    }

    /// Answers what the caller asked back and asks for consent again. Who goes on asking has not decided anything.
    fn answer_about_consent(&mut self, intent: Intent, now: CallTime, actions: &mut Vec<Action>) {
        let State::Consent(consent) = &mut self.state else { return };
        consent.asides += 1;
        consent.waiting = None;
        let goes_on = consent.asides <= MOST_ASIDES;
        consent.words.clear();
        self.pending.forget(About::Consent, actions);
        if !goes_on {
            self.speech.say(&self.plan.phrases.declined, Cue::Last, now, actions);
            return self.close(EndReason::NoResponse, false, now, actions);
        }
        self.reply_to(intent, now, actions);
        if intent != Intent::Wait {
            self.ask_consent(now, actions);
        }
    }

    /// The model read the caller's reply.
    pub(super) fn read_consent(&mut self, reply: Option<&str>, now: CallTime, actions: &mut Vec<Action>) -> Verdict {
        if !matches!(self.state, State::Consent(_)) {
            return Verdict::Done;
        }
        match reply.map(Decision::read) {
            None => return Verdict::Nothing,
            Some(Err(fault)) => return Verdict::Faulty(fault),
            Some(Ok(Decision::Yes)) => self.granted(now, actions),
            Some(Ok(Decision::No)) => self.decline(now, actions),
            Some(Ok(Decision::Unclear)) => self.unclear(now, actions),
            Some(Ok(Decision::OtherLanguage)) => self.close_for_language(now, actions),
        }
        Verdict::Done
    }

    /// What the caller said decides nothing: asks once more, then takes it for a no.
    pub(super) fn unclear(&mut self, now: CallTime, actions: &mut Vec<Action>) {
        let State::Consent(consent) = &mut self.state else { return };
        consent.waiting = None;
        if consent.asked_again {
            return self.decline(now, actions);
        }
        consent.asked_again = true;
        self.pending.forget(About::Consent, actions);
        self.speech.say(&self.plan.phrases.not_heard, Cue::Aside, now, actions);
        self.ask_consent(now, actions);
    }

    pub(super) fn silent_about_consent(&mut self, count: u32, now: CallTime, actions: &mut Vec<Action>) {
        let State::Consent(consent) = &mut self.state else { return };
        match count {
            1 if self.speech.prompt().is_lost() => self.ask_consent(now, actions),
            0 | 1 => {
                consent.presence_asked = true;
                self.speech.say(&self.plan.phrases.still_there, Cue::Aside, now, actions);
            }
            2 => {
                self.speech.say(&self.plan.phrases.can_you_hear, Cue::Aside, now, actions);
                self.ask_consent(now, actions);
            }
            _ => {
                self.speech.say(&self.plan.phrases.declined, Cue::Last, now, actions);
                self.close(EndReason::NoResponse, false, now, actions);
            }
        }
    }

    /// Asks the consent question again. What was said before it does not count any more.
    pub(super) fn ask_consent(&mut self, now: CallTime, actions: &mut Vec<Action>) {
        let State::Consent(consent) = &mut self.state else { return };
        consent.presence_asked = false;
        consent.waiting = None;
        consent.words.clear();
        self.speech.say(&self.plan.phrases.consent_again, Cue::Prompt, now, actions);
    }

    fn granted(&mut self, now: CallTime, actions: &mut Vec<Action>) {
        self.pending.forget(About::Consent, actions);
        actions.push(Action::GrantConsent);
        actions.push(Action::Journal(Fact::Consent { given: true }));
        self.ask_next(None, now, actions);
    }

    pub(super) fn decline(&mut self, now: CallTime, actions: &mut Vec<Action>) {
        self.pending.forget(About::Consent, actions);
        actions.push(Action::Journal(Fact::Consent { given: false }));
        self.speech.say(&self.plan.phrases.declined, Cue::Last, now, actions);
        self.close(EndReason::Declined, false, now, actions);
    }
}
