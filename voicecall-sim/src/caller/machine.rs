//! The caller as a state machine: frames and words in, actions out.

use voicecall_core::audio::{FRAME_DURATION, Frame};
use voicecall_core::{CallTime, Error, Result};

use super::hearing::{Hearing, Word};
use super::log::{CallerEvent, CallerLog};
use super::performance::Performance;
use super::turn::Turn;
use crate::clips::{Library, Speech};
use crate::fault::Rng;
use crate::labels::Labels;
use crate::matcher::ClipMatcher;
use crate::phone::{Answer, Answerer, Party, PartyAction, Ring};
use crate::scenario::{self, Act, Manners, Part, Scenario, Trigger};

/// The speaker of the library whose clips are used.
const SPEAKER: &str = "caller";

/// The person on the phone, who behaves as a scenario says.
#[derive(Debug)]
pub struct ScriptedCaller {
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

impl ScriptedCaller {
    /// The caller of `scenario`, speaking and understanding the bundled clips.
    ///
    /// # Errors
    /// [`Config`](voicecall_core::ErrorKind::Config) if the caller is to say what no clip says.
    pub fn new(scenario: &Scenario) -> Result<Self> {
        Self::with_voices(scenario, Library::bundled(), ClipMatcher::bundled())
    }

    /// The same with the clips of `library`, which `ears` understand.
    ///
    /// # Errors
    /// [`Config`](voicecall_core::ErrorKind::Config) if the caller is to say what no clip says.
    pub fn with_voices(scenario: &Scenario, library: &Library, ears: &ClipMatcher) -> Result<Self> {
        for step in &scenario.caller.steps {
            if let Act::Say(text) = &step.act {
                library.voice(SPEAKER, text).map_err(|error| Error::config("caller.step.say", error.to_string()))?;
            }
        }
        let say = |text: &str| library.voice(SPEAKER, text).unwrap_or_else(|_| library.stand_in(SPEAKER, text));
        Self::prepare(scenario, Hearing::audio(ears.clone()), say)
    }

    /// The same with labelled speech in both directions: it says anything in any language, and hears what is spoken with
    /// these labels. Of other sound it tells voice from silence, and no words.
    ///
    /// # Errors
    /// [`Config`](voicecall_core::ErrorKind::Config) if the caller is to play a recording that cannot be played.
    pub fn with_labels(scenario: &Scenario, labels: &Labels) -> Result<Self> {
        Self::prepare(scenario, Hearing::labels(labels.clone()), |text| (*labels.speak(SPEAKER, text)).clone())
    }

    fn prepare(scenario: &Scenario, hearing: Hearing, say: impl Fn(&str) -> Speech) -> Result<Self> {
        let prepare = |step: &scenario::Step| {
            let performance = Performance::prepare(&step.act, &say)?;
            Ok(Step { trigger: step.trigger.clone(), performance: Some(performance) })
        };
        Ok(Self {
            answer: scenario.caller.answer,
            answerer: scenario.caller.answerer,
            steps: scenario.caller.steps.iter().map(prepare).collect::<Result<_>>()?,
            in_order: scenario.caller.in_order,
            hearing,
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
        self.hearing = Hearing::labels(Labels::new());
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

impl Party for ScriptedCaller {
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
