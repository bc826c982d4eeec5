//! The questions: asked one by one, answered, kept, read by the model, followed up.

use super::analysis::{Analysis, Fault, Outcome};
use super::intent::{self, Context, Intent};
use super::leaving::MOST_ASIDES;
use super::machine::Interview;
use super::pending_requests::About;
use super::plan::PlannedQuestion;
use super::prompts;
use super::speech::Cue;
use super::state::{Asking, State, Waiting};
use crate::store::SurveyFact;
use voicecall_core::CallTime;
use voicecall_core::dialogue::{Action, AskId, CallerTurn};
use voicecall_core::store::EndReason;

/// What came of a model's reply.
pub(super) enum Verdict {
    /// It was acted upon.
    Done,
    /// There is none.
    Nothing,
    /// It does not follow its schema.
    Faulty(Fault),
}

impl Interview {
    /// Leaves the current question for the next one there is time for, or for the conclusion.
    pub(super) fn ask_next(&mut self, acknowledgement: Option<&str>, now: CallTime, actions: &mut Vec<Action>) {
        if let State::Asking(asking) = &self.state
            && let Some(record) = self.records.get_mut(asking.index)
        {
            record.done = true;
        }
        let acknowledgement = acknowledgement.unwrap_or_default();
        let next = self.next_question(now + self.plan.pace.speaking(acknowledgement));
        if !acknowledgement.is_empty() {
            // An interruption drops what stands behind; it must not drop the goodbye.
            let cue = if next.is_some() { Cue::Aside } else { Cue::Last };
            self.speech.say(acknowledgement, cue, now, actions);
        }
        let Some((index, question)) = next else {
            return self.conclude(EndReason::Completed, false, now, actions);
        };
        if self.warned {
            self.last_asked = true;
            self.speech.say(&self.plan.phrases.last_question, Cue::Aside, now, actions);
        }
        actions.push(Action::LimitTurn(question.max_response_time));
        self.state = State::Asking(Asking::new(index, question.text));
        self.say_prompt(now, actions);
    }

    /// The first question in order that can be said and answered before the interview closes.
    fn next_question(&self, now: CallTime) -> Option<(usize, PlannedQuestion)> {
        if self.warned && self.last_asked {
            return None;
        }
        let pace = &self.plan.pace;
        let mut from = self.speech.done_by(now);
        if self.warned {
            from = from + pace.speaking(&self.plan.phrases.last_question);
        }
        let close = self.deadlines?.close;
        self.open_questions()
            .find(|(_, question)| from + pace.speaking(&question.text) + pace.shortest_answer <= close)
            .map(|(index, question)| (index, question.clone()))
    }

    /// The questions that are still to be asked.
    fn open_questions(&self) -> impl Iterator<Item = (usize, &PlannedQuestion)> {
        let all = self.plan.questions.iter().zip(&self.records).enumerate();
        all.filter(|(_, (_, record))| !record.done).map(|(index, (question, _))| (index, question))
    }

    /// Says what the caller is to answer, for the first time or again.
    pub(super) fn say_prompt(&mut self, now: CallTime, actions: &mut Vec<Action>) {
        let State::Asking(asking) = &mut self.state else { return };
        asking.presence_asked = false;
        self.speech.say(&asking.prompt, Cue::Prompt, now, actions);
        self.note_asked(actions);
    }

    /// Journals that a question was asked, once the caller begins to hear it.
    pub(super) fn note_asked(&mut self, actions: &mut Vec<Action>) {
        let State::Asking(asking) = &self.state else { return };
        let (Some(record), Some(question)) =
            (self.records.get_mut(asking.index), self.plan.questions.get(asking.index))
        else {
            return;
        };
        let Some(began) = self.speech.prompt().began() else { return };
        record.asked_at.get_or_insert(began);
        if !record.noted {
            record.noted = true;
            actions
                .push(Action::Journal(SurveyFact::Asked { question: question.id, text: question.text.clone() }.into()));
        }
    }

    /// The question that a turn answers: the last one that the caller had begun to hear when the turn began.
    pub(super) fn addressed(&self, turn: &CallerTurn) -> Option<usize> {
        let asked = self.records.iter().enumerate().filter_map(|(index, record)| Some((record.asked_at?, index)));
        asked.filter(|&(asked_at, _)| asked_at <= turn.started).max().map(|(_, index)| index)
    }

    /// The caller spoke while questions are asked: wants something, or answers, or both.
    pub(super) fn heard_in_question(&mut self, turn: &CallerTurn, now: CallTime, actions: &mut Vec<Action>) {
        let text = turn.text.as_deref().unwrap_or_default().trim();
        let reading = intent::read(text, self.plan.language, Context::Question);
        let intent = intent::believed(reading.intent, turn);
        if intent.is_leaving() {
            // Who takes the consent back does not want that answer kept either.
            if reading.has_answer
                && intent != Intent::Withdraw
                && let Some(index) = self.addressed(turn)
            {
                self.keep_answer(index, turn, text, actions);
                self.analyse(index, actions);
            }
            return self.leave(intent, text, now, actions);
        }
        let State::Asking(asking) = &self.state else { return };
        let has_answered = asking.waiting.is_some();
        let was_asked_for_presence = asking.presence_asked && intent::is_present(text, self.plan.language);
        let is_about_this = self.addressed(turn) == Some(asking.index);
        match intent {
            _ if turn.cut_off || was_asked_for_presence => self.heard_answer(turn, text, now, actions),
            Intent::NoRecording => {
                self.decline_recording(now, actions);
                self.say_prompt_again(now, actions);
            }
            Intent::Repeat if is_about_this && !has_answered => self.repeat(now, actions),
            Intent::WhoIsCalling | Intent::AreYouHuman | Intent::CanYouHear | Intent::Wait if is_about_this => {
                self.answer_in_question(intent, now, actions);
            }
            Intent::WhoIsCalling | Intent::AreYouHuman | Intent::CanYouHear | Intent::Wait | Intent::Nothing => {
                self.heard_answer(turn, "", now, actions);
            }
            _ => self.heard_answer(turn, text, now, actions),
        }
    }

    /// Answers what the caller asked back. Who goes on asking is asked the next question.
    fn answer_in_question(&mut self, intent: Intent, now: CallTime, actions: &mut Vec<Action>) {
        let State::Asking(asking) = &mut self.state else { return };
        asking.asides += 1;
        if asking.asides > MOST_ASIDES {
            return self.ask_next(None, now, actions);
        }
        self.reply_to(intent, now, actions);
        if intent != Intent::Wait {
            self.say_prompt_again(now, actions);
        }
    }

    /// Says the question again, unless it has been answered and the answer is being read.
    fn say_prompt_again(&mut self, now: CallTime, actions: &mut Vec<Action>) {
        if self.waiting().is_none() {
            self.say_prompt(now, actions);
        }
    }

    fn heard_answer(&mut self, turn: &CallerTurn, text: &str, now: CallTime, actions: &mut Vec<Action>) {
        let addressed = self.addressed(turn);
        let State::Asking(asking) = &mut self.state else { return };
        if addressed != Some(asking.index) {
            return self.heard_more(addressed, turn, text, now, actions);
        }
        let has_answer = asking.waiting.is_some();
        if text.is_empty() {
            if !has_answer {
                self.not_heard(now, actions);
            }
            return;
        }
        if !has_answer && asking.presence_asked && intent::is_present(text, self.plan.language) {
            return self.say_prompt(now, actions);
        }
        asking.presence_asked = false;
        let index = asking.index;
        self.keep_answer(index, turn, text, actions);
        let Some(ask) = self.analyse(index, actions) else { return };
        if turn.cut_off {
            self.speech.say(&self.plan.phrases.cut_off, Cue::Last, now, actions);
            self.ask_next(None, now, actions);
        } else {
            self.wait_for(Waiting { ask, until: now + self.plan.pace.patience });
        }
    }

    /// The caller added to an earlier answer after the interview had gone on.
    fn heard_more(
        &mut self,
        addressed: Option<usize>,
        turn: &CallerTurn,
        text: &str,
        now: CallTime,
        actions: &mut Vec<Action>,
    ) {
        if let Some(index) = addressed
            && !text.is_empty()
        {
            self.keep_answer(index, turn, text, actions);
            self.analyse(index, actions);
        }
        if self.speech.prompt().is_lost() && self.waiting().is_none() {
            self.say_prompt(now, actions);
        }
    }

    /// Journals an answer as it was transcribed, before anything is made of it.
    pub(super) fn keep_answer(&mut self, index: usize, turn: &CallerTurn, text: &str, actions: &mut Vec<Action>) {
        let (Some(record), Some(question)) = (self.records.get_mut(index), self.plan.questions.get(index)) else {
            return;
        };
        record.words.push(text);
        let asked_at = record.asked_at.unwrap_or(turn.started);
        actions.push(Action::Journal(
            SurveyFact::Answered {
                question: question.id,
                question_text: question.text.clone(),
                text: text.to_owned(),
                spoken: turn.ended.since(turn.started),
                confidence: turn.confidence,
                asked_at,
                responded_at: turn.ended.max(asked_at),
            }
            .into(),
        ));
    }

    /// Asks the model to read all that was answered to a question.
    pub(super) fn analyse(&mut self, index: usize, actions: &mut Vec<Action>) -> Option<AskId> {
        let (record, question) = (self.records.get(index)?, self.plan.questions.get(index)?);
        let prompt = match &self.state {
            State::Asking(asking) if asking.index == index => &asking.prompt,
            _ => &question.text,
        };
        let request = prompts::answer(&self.plan, &question.text, prompt, record.words.as_str());
        Some(self.pending.ask(About::Answer(index), request, actions))
    }

    /// The model read an answer. It is journaled whenever it comes, and acted upon if the interview waits for it.
    pub(super) fn read_answer(
        &mut self,
        index: usize,
        reply: Option<&str>,
        awaited: bool,
        now: CallTime,
        actions: &mut Vec<Action>,
    ) -> Verdict {
        let Some(reply) = reply else { return Verdict::Nothing };
        let analysis = match Analysis::read(reply, &self.plan.phrases.acknowledgements) {
            Ok(analysis) => analysis,
            Err(fault) => return Verdict::Faulty(fault),
        };
        if let (Some(record), Some(question)) = (self.records.get_mut(index), self.plan.questions.get(index))
            && let Ok(json) = serde_json::to_value(&analysis)
        {
            record.outcome = Some(analysis.outcome);
            let sentiment = analysis.outcome.is_answer().then_some(analysis.sentiment);
            actions.push(Action::Journal(
                SurveyFact::Analysed { question: question.id, sentiment, analysis: json }.into(),
            ));
        }
        if awaited {
            self.act_on(&analysis, now, actions);
        }
        Verdict::Done
    }

    fn act_on(&mut self, analysis: &Analysis, now: CallTime, actions: &mut Vec<Action>) {
        if let State::Asking(asking) = &mut self.state {
            asking.waiting = None;
        }
        match analysis.outcome {
            Outcome::Answered | Outcome::Refused => self.ask_next(Some(&analysis.acknowledgement), now, actions),
            Outcome::Thin => self.follow_up(&analysis.acknowledgement, now, actions),
            Outcome::NotUnderstood | Outcome::OffTopic => self.repeat(now, actions),
            Outcome::WantsToStop => self.leave(Intent::Stop, "", now, actions),
            Outcome::OtherLanguage => self.close_for_language(now, actions),
        }
    }

    /// Asks for more, if there is a prompt left and time for it beside all questions that are still to be asked.
    fn follow_up(&mut self, acknowledgement: &str, now: CallTime, actions: &mut Vec<Action>) {
        let (pace, Some(deadlines)) = (self.plan.pace, self.deadlines) else { return };
        let State::Asking(asking) = &mut self.state else { return };
        let question = self.plan.questions.get(asking.index);
        let prompt = question.and_then(|question| question.follow_up_prompts.get(asking.follow_ups)).cloned();
        let current = asking.index;
        let others = self.open_questions().filter(|&(index, _)| index != current);
        let others = others.map(|(_, question)| pace.question(&question.text, question.max_response_time));
        let Some(prompt) = prompt.filter(|prompt| {
            let words = pace.speaking(acknowledgement) + pace.speaking(prompt) + pace.answer + pace.turnaround;
            !self.warned && others.fold(now + words, |at, takes| at + takes) <= deadlines.wrap_up
        }) else {
            return self.ask_next(Some(acknowledgement), now, actions);
        };
        self.speech.say(acknowledgement, Cue::Aside, now, actions);
        if let State::Asking(asking) = &mut self.state {
            asking.follow_ups += 1;
            asking.prompt = prompt;
        }
        self.say_prompt(now, actions);
    }

    /// Asks once more what was not understood, then goes on.
    fn repeat(&mut self, now: CallTime, actions: &mut Vec<Action>) {
        let State::Asking(asking) = &mut self.state else { return };
        if std::mem::replace(&mut asking.repeated, true) {
            return self.ask_next(None, now, actions);
        }
        self.speech.say(&self.plan.phrases.repeat, Cue::Aside, now, actions);
        self.say_prompt(now, actions);
    }

    /// The caller spoke, but the words are not known: asks once more, then goes on.
    fn not_heard(&mut self, now: CallTime, actions: &mut Vec<Action>) {
        let State::Asking(asking) = &mut self.state else { return };
        if std::mem::replace(&mut asking.unheard, true) {
            return self.ask_next(None, now, actions);
        }
        self.speech.say(&self.plan.phrases.not_heard, Cue::Aside, now, actions);
        self.say_prompt(now, actions);
    }

    pub(super) fn silent_about_question(&mut self, count: u32, now: CallTime, actions: &mut Vec<Action>) {
        let State::Asking(asking) = &mut self.state else { return };
        match count {
            1 if self.speech.prompt().is_lost() => self.say_prompt(now, actions),
            0 | 1 => {
                asking.presence_asked = true;
                self.speech.say(&self.plan.phrases.still_there, Cue::Aside, now, actions);
            }
            2 => {
                self.speech.say(&self.plan.phrases.can_you_hear, Cue::Aside, now, actions);
                self.say_prompt(now, actions);
            }
            _ => self.give_up(now, actions),
        }
    }
}
