//! The interview's machine: takes events in, hands them to the state they belong to, keeps the time.

use super::asking::Verdict;
use super::pending_requests::{About, PendingRequests};
use super::plan::{InterviewPlan, PlannedQuestion};
use super::progress::Progress;
use super::speech::{Cue, Speech};
use super::state::{Introduction, Record, State, Waiting};
use jiff::Timestamp;
use jiff::tz::TimeZone;
use voicecall_core::CallTime;
use voicecall_core::Result;
use voicecall_core::dialogue::{Action, AskId, CallerTurn, Dialogue, DialogueEvent, UtteranceId};
use voicecall_core::journal::{Fact, JournalEntry};
use voicecall_core::store::EndReason;

/// The interview of one call.
///
/// ```
/// use std::time::Duration;
/// use voicecall_core::dialogue::{Action, Dialogue, DialogueEvent};
/// use voicecall_survey::interview::{Interview, InterviewPlan, PlannedQuestion, Progress};
/// use voicecall_core::CallTime;
/// use voicecall_survey::store::QuestionId;
///
/// let question = PlannedQuestion {
///     id: QuestionId::new(),
///     text: "Hur upplevde du kaffet?".into(),
///     max_response_time: Duration::from_secs(30),
///     follow_up_prompts: vec!["Kan du berätta lite mer?".into()],
/// };
/// let plan = InterviewPlan::swedish("Kaffebutiken", "Vera", vec![question]);
/// let mut interview = Interview::new(plan, Progress::default())?;
///
/// let mut actions = Vec::new();
/// interview.handle(&DialogueEvent::Connected, CallTime::ZERO, &mut actions);
/// let Action::Say(first) = &actions[0] else { panic!("it speaks first") };
/// assert!(first.text.contains("AI-assistent") && !first.interruptible);
/// # Ok::<(), voicecall_core::Error>(())
/// ```
#[derive(Debug)]
pub struct Interview {
    pub(super) plan: InterviewPlan,
    pub(super) progress: Progress,
    pub(super) state: State,
    /// One for each question of the plan, at the same place.
    pub(super) records: Vec<Record>,
    pub(super) speech: Speech,
    pub(super) pending: PendingRequests,
    pub(super) deadlines: Option<Deadlines>,
    pub(super) warned: bool,
    /// The question that was announced as the last one has been asked.
    pub(super) last_asked: bool,
    /// How often the voice has failed in the middle of something the caller needs to hear.
    pub(super) broken: u32,
    /// The caller took the consent back: nothing that is said counts any more.
    pub(super) withdrawn: bool,
    /// The caller asked for a moment: this many silences in a row are nothing to speak of.
    pub(super) patient_silences: u32,
    /// The wall-clock instant from which the call's time counts, if that was told.
    pub(super) began: Option<Timestamp>,
    pub(super) zone: TimeZone,
}

/// What broke off is said again this often in one call: a voice that fails more often cannot be understood.
const MOST_BROKEN: u32 = 3;

/// The plan's limits as instants of the call.
#[derive(Debug, Clone, Copy)]
pub(super) struct Deadlines {
    pub(super) wrap_up: CallTime,
    pub(super) close: CallTime,
    pub(super) end: CallTime,
}

impl Interview {
    /// The interview of this plan; `progress` is what an earlier part of it has done, empty for a new one.
    ///
    /// # Errors
    /// `Config` if the plan is not valid; see [`InterviewPlan::validate`].
    pub fn new(plan: InterviewPlan, progress: Progress) -> Result<Self> {
        plan.validate()?;
        let record = |question: &PlannedQuestion| {
            let answered_before = progress.answered.contains(&question.id);
            Record { answered_before, done: answered_before, ..Record::default() }
        };
        Ok(Self {
            records: plan.questions.iter().map(record).collect(),
            speech: Speech::new(plan.pace),
            pending: PendingRequests::default(),
            state: State::Idle,
            deadlines: None,
            warned: progress.warned,
            last_asked: false,
            broken: 0,
            withdrawn: false,
            patient_silences: 0,
            began: None,
            zone: plan.zone()?,
            plan,
            progress,
        })
    }

    fn connected(&mut self, now: CallTime, actions: &mut Vec<Action>) {
        if !matches!(self.state, State::Idle) {
            return;
        }
        let limits = self.plan.limits;
        let at = |limit: std::time::Duration| now + limit.saturating_sub(self.progress.elapsed);
        let deadlines = Deadlines { wrap_up: at(limits.wrap_up), close: at(limits.close), end: at(limits.end) };
        self.deadlines = Some(deadlines);
        self.speech.end_at(deadlines.end);
        if self.progress.recording_declined {
            actions.push(Action::DeclineRecording);
        }
        if self.progress.consented {
            actions.push(Action::GrantConsent);
        }
        if self.progress.is_under_way() {
            self.speech.say(&self.plan.phrases.resumed, Cue::Last, now, actions);
        }
        if self.progress.consented {
            self.keep_time(now, actions);
            if matches!(self.state, State::Idle) {
                self.ask_next(None, now, actions);
            }
        } else {
            self.state = State::Introduction(Introduction::default());
            self.keep_time(now, actions);
            self.introduce(now, actions);
        }
    }

    /// Does what is due by now. Called before every event, so that a late wake-up changes nothing.
    fn keep_time(&mut self, now: CallTime, actions: &mut Vec<Action>) {
        let Some(deadlines) = self.deadlines else { return };
        if matches!(self.state, State::Over(_)) {
            return;
        }
        if now >= deadlines.end {
            actions.push(Action::EndNow(EndReason::Timeout));
            return self.over(now);
        }
        if matches!(self.state, State::Closing(_)) {
            return;
        }
        if now >= deadlines.wrap_up && !self.warned {
            self.warned = true;
            actions.push(Action::Journal(Fact::Warned));
        }
        if now >= deadlines.close {
            return self.close_at_once(EndReason::NoResponse, now, actions);
        }
        if let Some(waiting) = self.waiting()
            && now >= waiting.until
        {
            self.without_reply(now, actions);
        }
    }

    fn heard(&mut self, turn: &CallerTurn, now: CallTime, actions: &mut Vec<Action>) {
        self.patient_silences = 0;
        match self.state {
            State::Idle => {}
            State::Introduction(_) => self.heard_early(turn, now, actions),
            State::Consent(_) => self.heard_about_consent(turn, now, actions),
            State::Asking(_) => self.heard_in_question(turn, now, actions),
            State::Closing(farewell) | State::Over(farewell) => self.heard_late(turn, farewell, actions),
        }
    }

    fn spoken(&mut self, utterance: UtteranceId, now: CallTime, actions: &mut Vec<Action>) {
        if self.speech.spoken(utterance, now) == Some(Cue::Disclosure) {
            self.disclosed_more(actions);
        }
        self.note_asked(actions);
    }

    fn interrupted(&mut self, utterance: UtteranceId, heard: &str, now: CallTime, actions: &mut Vec<Action>) {
        let began = self.speech.prompt().began();
        if self.speech.interrupted(utterance, heard) == Some(Cue::Disclosure) {
            return self.disclosure_failed(now, actions);
        }
        self.forget_unheard_question(began);
    }

    /// The voice failed in the middle of an utterance: what the caller needs to hear is said again, a few times.
    fn broke_off(&mut self, utterance: UtteranceId, now: CallTime, actions: &mut Vec<Action>) {
        let began = self.speech.prompt().began();
        match self.speech.broke_off(utterance) {
            Some(Cue::Disclosure) => return self.disclosure_failed(now, actions),
            Some(Cue::Prompt | Cue::Aside) => {}
            Some(Cue::Last) | None => return,
        }
        self.forget_unheard_question(began);
        self.broken += 1;
        if self.broken > MOST_BROKEN {
            actions.push(Action::EndNow(EndReason::TechnicalFailure));
            return self.over(now);
        }
        match self.state {
            State::Introduction(_) => self.introduce(now, actions),
            State::Consent(_) => self.ask_consent(now, actions),
            State::Asking(_) => self.say_prompt(now, actions),
            State::Idle | State::Closing(_) | State::Over(_) => {}
        }
    }

    fn forget_unheard_question(&mut self, began: Option<CallTime>) {
        // A question whose first telling nobody heard has not been asked.
        if self.speech.prompt().began().is_none()
            && let State::Asking(asking) = &self.state
            && let Some(record) = self.records.get_mut(asking.index)
            && record.asked_at == began
        {
            record.asked_at = None;
        }
    }

    fn silence(&mut self, count: u32, now: CallTime, actions: &mut Vec<Action>) {
        // Waiting for the model is our silence, not the caller's.
        if self.waiting().is_some() {
            return;
        }
        let count = count.saturating_sub(self.patient_silences);
        if self.patient_silences > 0 && count == 0 {
            return;
        }
        match self.state {
            State::Consent(_) => self.silent_about_consent(count, now, actions),
            State::Asking(_) => self.silent_about_question(count, now, actions),
            _ => {}
        }
    }

    fn replied(&mut self, ask: AskId, reply: Option<&str>, now: CallTime, actions: &mut Vec<Action>) {
        let awaited = self.waiting().filter(|waiting| waiting.ask == ask);
        let Some(pending) = self.pending.take(ask) else { return };
        let verdict = match pending.about {
            About::Consent => self.read_consent(reply, now, actions),
            About::Answer(index) => self.read_answer(index, reply, awaited.is_some(), now, actions),
        };
        let Some(waiting) = awaited else { return };
        match verdict {
            Verdict::Done => {}
            Verdict::Nothing => self.without_reply(now, actions),
            Verdict::Faulty(fault) => match self.pending.repair(pending, fault, actions) {
                Some(ask) => self.wait_for(Waiting { ask, ..waiting }),
                None => self.without_reply(now, actions),
            },
        }
    }

    /// Goes on although the model has not answered.
    fn without_reply(&mut self, now: CallTime, actions: &mut Vec<Action>) {
        match &mut self.state {
            State::Consent(_) => self.unclear(now, actions),
            // The reply may still come; then it is journaled.
            State::Asking(_) => self.ask_next(None, now, actions),
            _ => {}
        }
    }

    /// The reply without which the interview does not go on.
    pub(super) const fn waiting(&self) -> Option<Waiting> {
        match &self.state {
            State::Consent(consent) => consent.waiting,
            State::Asking(asking) => asking.waiting,
            _ => None,
        }
    }

    pub(super) const fn wait_for(&mut self, waiting: Waiting) {
        match &mut self.state {
            State::Consent(consent) => consent.waiting = Some(waiting),
            State::Asking(asking) => asking.waiting = Some(waiting),
            _ => {}
        }
    }
}

impl Dialogue for Interview {
    fn begin(&mut self, at: Timestamp) {
        self.began = Some(at);
    }

    /// What was answered before is not asked again. Whoever agreed in this very call is known by the [`Progress`] that the
    /// interview was made with; anybody else is asked.
    fn resume(&mut self, journal: &[JournalEntry]) {
        // Nothing depends on the instant but the time used.
        let answered = Progress::of(journal, Timestamp::UNIX_EPOCH).answered;
        for (question, record) in self.plan.questions.iter().zip(&mut self.records) {
            if answered.contains(&question.id) {
                (record.answered_before, record.done) = (true, true);
            }
        }
    }

    fn can_grant_consent(&self) -> bool {
        true
    }

    fn handle(&mut self, event: &DialogueEvent, now: CallTime, actions: &mut Vec<Action>) {
        if let DialogueEvent::Ended(_) = event {
            self.pending.forget(About::Consent, actions);
            return self.over(now);
        }
        self.keep_time(now, actions);
        match event {
            DialogueEvent::Connected => self.connected(now, actions),
            DialogueEvent::Heard(turn) => self.heard(turn, now, actions),
            DialogueEvent::Spoken(utterance) => self.spoken(*utterance, now, actions),
            DialogueEvent::Interrupted { utterance, heard } => self.interrupted(*utterance, heard, now, actions),
            DialogueEvent::BrokeOff { utterance, .. } => self.broke_off(*utterance, now, actions),
            DialogueEvent::Silence { count } => self.silence(*count, now, actions),
            DialogueEvent::Reply { ask, text } => self.replied(*ask, Some(text), now, actions),
            DialogueEvent::NoReply { ask } => self.replied(*ask, None, now, actions),
            DialogueEvent::WrapUp => self.wrap_up(now, actions),
            _ => {}
        }
    }

    fn wake_at(&self) -> Option<CallTime> {
        let deadlines = self.deadlines?;
        let limit = match self.state {
            State::Over(_) => return None,
            State::Closing(_) => deadlines.end,
            _ if self.warned => deadlines.close,
            _ => deadlines.wrap_up,
        };
        Some(self.waiting().map_or(limit, |waiting| waiting.until.min(limit)))
    }
}
