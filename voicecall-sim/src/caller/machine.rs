//! The caller as a state machine: frames and words in, actions out.

use voicecall_core::audio::{FRAME_DURATION, Frame};
use voicecall_core::{CallTime, Result};

use super::hearing::{Hearing, Word};
use super::log::{CallerEvent, CallerLog};
use super::performance::Performance;
use super::turn::Turn;
use crate::clips::Library;
use crate::fault::Rng;
use crate::matcher::ClipMatcher;
use crate::phone::{Answer, Answerer, Party, PartyAction, Ring};
use crate::scenario::{self, Manners, Part, Scenario, Trigger};

/// The person called, who behaves as a scenario says.
#[derive(Debug)]
pub struct Caller {
    answer: Answer,
    answerer: Answerer,
    steps: Vec<Step>,
    in_order: bool,
    hearing: Hearing,
    turn: Turn,
    doing: Option<Doing>,
    has_hung_up: bool,
    rng: Rng,
    log: CallerLog,
}

/// How real a simulated call is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fidelity {
    /// The caller speaks with clips and hears through the simulated ears.
    Audio,
    /// The caller's speech is a marker, and it is told what it hears by [`Caller::hear_text`].
    Labels,
}

#[derive(Debug)]
struct Step {
    trigger: Trigger,
    /// Taken when the step is used.
    performance: Option<Performance>,
}

#[derive(Debug)]
struct Doing {
    performance: Performance,
    position: usize,
}

impl Caller {
    /// The caller of `scenario`, speaking and understanding the bundled clips.
    ///
    /// # Errors
    /// [`Config`](voicecall_core::ErrorKind::Config) if the caller is to say what no clip says.
    pub fn new(scenario: &Scenario, fidelity: Fidelity) -> Result<Self> {
        Self::with_voices(scenario, fidelity, Library::bundled(), ClipMatcher::bundled())
    }

    /// The same with the clips of `library`, which `ears` understand.
    ///
    /// # Errors
    /// [`Config`](voicecall_core::ErrorKind::Config) if the caller is to say what no clip says.
    pub fn with_voices(scenario: &Scenario, fidelity: Fidelity, library: &Library, ears: &ClipMatcher) -> Result<Self> {
        let prepare = |step: &scenario::Step| {
            let performance = Performance::prepare(&step.act, fidelity, library)?;
            Ok(Step { trigger: step.trigger.clone(), performance: Some(performance) })
        };
        Ok(Self {
            answer: scenario.caller.answer,
            answerer: scenario.caller.answerer,
            steps: scenario.caller.steps.iter().map(prepare).collect::<Result<_>>()?,
            in_order: scenario.caller.in_order,
            hearing: match fidelity {
                Fidelity::Audio => Hearing::audio(ears.clone()),
                Fidelity::Labels => Hearing::Labels,
            },
            turn: Turn::default(),
            doing: None,
            has_hung_up: false,
            rng: scenario.rng(Part::Caller),
            log: CallerLog::default(),
        })
    }

    /// Leaves the caller without ears for words, which take time to make out: it goes by voice and silence alone.
    #[must_use]
    pub fn without_words(mut self) -> Self {
        self.hearing = Hearing::Labels;
        self
    }

    /// What the caller heard and did; shared, so that it can be read when the caller has been given away.
    #[must_use]
    pub fn log(&self) -> CallerLog {
        self.log.clone()
    }

    /// The sentences the caller is in the middle of.
    #[must_use]
    pub fn saying(&self) -> Option<&str> {
        self.doing.as_ref()?.performance.text()
    }

    /// Tells what the agent said from `from` to `until`: the way to hear where there is no audio. The words count as evenly spread.
    pub fn hear_text(&mut self, text: &str, from: CallTime, until: CallTime) {
        let texts: Vec<&str> = text.split_whitespace().collect();
        let count = u32::try_from(texts.len()).unwrap_or(u32::MAX).max(1);
        let length = until.since(from) / count;
        let place = |(index, text): (u32, &str)| {
            let from = from + length * index;
            Word { text: text.to_owned(), from, until: from + length }
        };
        let words: Vec<Word> = (0..count).zip(texts).map(place).collect();
        self.understand(&words);
    }

    fn understand(&mut self, words: &[Word]) {
        self.turn.settle(words);
        if let (Some(first), Some(last)) = (words.first(), words.last()) {
            let texts: Vec<&str> = words.iter().map(|word| word.text.as_str()).collect();
            self.log.enter(CallerEvent::Heard(texts.join(" ")), first.from, last.until);
        }
    }

    /// The next 20 ms, which end at `now`, of what the caller is doing; `None` when it does nothing or is done.
    fn go_on(&mut self, now: CallTime) -> Option<PartyAction> {
        let doing = self.doing.as_mut()?;
        let Some(action) = doing.performance.at(doing.position, &mut self.rng) else {
            self.doing = None;
            return None;
        };
        doing.position += 1;
        if doing.performance.is_audible() {
            self.turn.own_sound(now);
        }
        self.has_hung_up = action == PartyAction::HangUp;
        self.log.extend(now);
        Some(action)
    }

    /// Begins the first step that is unused and whose trigger holds.
    fn begin(&mut self, now: CallTime) {
        let unused = self.steps.iter_mut().filter(|step| step.performance.is_some());
        let next = if self.in_order { 1 } else { usize::MAX };
        let due = unused.take(next).find(|step| self.turn.satisfies(&step.trigger, now));
        let Some(performance) = due.and_then(|step| step.performance.take()) else { return };
        let from = now.back(FRAME_DURATION);
        self.turn.begin(from);
        self.log.enter(performance.event(), from, now);
        self.doing = Some(Doing { performance, position: 0 });
    }

    /// Whether a step that is left interrupts, so that words matter before the agent has paused.
    fn may_interrupt(&self) -> bool {
        let interrupts = |step: &Step| matches!(step.trigger, Trigger::Hears(_, Manners::Interrupts(_)));
        self.steps.iter().any(|step| step.performance.is_some() && interrupts(step))
    }
}

impl Party for Caller {
    fn answer(&mut self, _ring: &Ring) -> Answer {
        self.answer
    }

    fn answerer(&self) -> Answerer {
        self.answerer
    }

    fn speak(&mut self, now: CallTime) -> PartyAction {
        if self.has_hung_up {
            return PartyAction::HangUp;
        }
        if let Some(action) = self.go_on(now) {
            return action;
        }
        self.begin(now);
        self.go_on(now).unwrap_or(PartyAction::Listen)
    }

    fn hear(&mut self, now: CallTime, frame: &Frame) {
        let glances = self.may_interrupt();
        let news = self.hearing.hear(now, frame, glances);
        if news.is_voice {
            self.turn.voice(now + FRAME_DURATION);
        }
        if let Some(words) = news.glance {
            self.turn.glance(&words);
        }
        if let Some(words) = news.utterance {
            self.understand(&words);
        }
    }

    fn ended(&mut self, _now: CallTime) {
        if let Some(words) = self.hearing.finish() {
            self.understand(&words);
        }
    }
}
