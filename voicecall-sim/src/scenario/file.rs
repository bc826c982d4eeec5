//! The whole scenario, and how it is read.

use std::path::Path;
use std::str::FromStr;

use serde::Deserialize;
use voicecall_core::{Error, ErrorKind, Result};

use super::{Act, Expect, Latency, MessageStep, Model, Step};
use crate::fault::{FaultPlan, FaultRule, Rng};
use crate::phone::{Answer, Answerer};

/// One story: a call, the person called and the services around it.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Scenario {
    /// A short name, for reports.
    pub name: String,
    /// Where all chance comes from: the same seed gives the same run.
    pub seed: u64,
    /// The person called.
    pub caller: Caller,
    /// What the person writes, each message once the one before it was answered.
    #[serde(default, rename = "message")]
    pub messages: Vec<MessageStep>,
    /// What the model answers.
    #[serde(default)]
    pub model: Model,
    /// How slow the AI services are.
    #[serde(default)]
    pub latency: Latency,
    /// What a call has to be like, judged by [`media_streams`](crate::media_streams).
    #[serde(default)]
    pub expect: Expect,
    /// What goes wrong, at the carrier and at the AI services.
    #[serde(default, rename = "fault")]
    pub faults: Vec<FaultRule>,
}

/// The parts of a simulation that draw by chance, each from numbers of its own.
#[derive(Debug, Clone, Copy)]
#[repr(u64)]
pub(crate) enum Part {
    /// The model's pace.
    ScriptedLlm = 1 << 32,
    /// The synthesiser's pace.
    Voice,
    /// The transcriber's pace.
    Ear,
    /// The caller's noise.
    Caller,
    /// The names in sessions of the Realtime API.
    Realtime,
}

/// The person on the phone: called, or calling.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Caller {
    /// What becomes of the ringing: `{ after = "2 s" }`, `"busy"`, `"never"` or `"unreachable"`.
    pub answer: Answer,
    /// Who, or what, answers, as the carrier finds out: `"person"`, `"fax"` or
    /// `{ machine = { greeting = "6 s", beep = true } }`.
    #[serde(default)]
    pub answerer: Answerer,
    /// Whether they call, instead of being called.
    #[serde(default)]
    pub calls: bool,
    /// Whether a step waits until the one before it in the file was done.
    #[serde(default)]
    pub in_order: bool,
    /// What they do, each step once. At every instant the first unused step whose trigger holds begins; while it lasts no other does.
    #[serde(default, rename = "step")]
    pub steps: Vec<Step>,
}

impl Scenario {
    /// Reads a scenario file.
    ///
    /// # Errors
    /// [`ErrorKind::NotFound`] if there is no readable file at `path`, otherwise as [`from_str`](Self::from_str).
    pub fn load(path: impl AsRef<Path>) -> Result<Self> {
        let text = std::fs::read_to_string(&path)
            .map_err(|error| Error::new(ErrorKind::NotFound, "read scenario").with_source(error))?;
        let mut scenario: Self = text.parse()?;
        let folder = path.as_ref().parent().unwrap_or(Path::new(""));
        for step in &mut scenario.caller.steps {
            if let Act::Play(file) = &mut step.act {
                *file = folder.join(&*file);
            }
        }
        Ok(scenario)
    }

    /// The faults as a plan that is seeded by the scenario.
    #[must_use]
    pub fn fault_plan(&self) -> FaultPlan {
        FaultPlan { seed: self.seed, rules: self.faults.clone() }
    }

    /// The numbers of one part of the simulation.
    pub(crate) fn rng(&self, part: Part) -> Rng {
        Rng::fork(self.seed, part as u64)
    }
}

impl FromStr for Scenario {
    type Err = Error;

    /// Reads the text of a scenario file.
    ///
    /// # Errors
    /// [`ErrorKind::Config`]; its field is the line, or the key, that is wrong.
    fn from_str(text: &str) -> Result<Self> {
        let scenario: Self = toml::from_str(text).map_err(|error| {
            let field = error.span().map_or_else(|| "scenario".to_owned(), |span| line_at(text, span.start));
            Error::config(field, error.message().to_owned())
        })?;
        scenario.latency.check().map_err(|(field, expected)| Error::config(field, expected))?;
        let empty = |number| Error::config(format!("model.rule {number}"), "a `reply` or `calls`");
        scenario.model.check().map_err(empty)?;
        scenario.fault_plan().check()?;
        Ok(scenario)
    }
}

/// The line with its number that holds the byte at `offset`.
fn line_at(text: &str, offset: usize) -> String {
    let mut start = 0;
    for (number, line) in text.split_inclusive('\n').enumerate() {
        start += line.len();
        if offset < start || start == text.len() {
            return format!("line {}: {}", number + 1, line.trim());
        }
    }
    "line 1".to_owned()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use proptest::prelude::*;

    use super::*;

    const SMALLEST: &str = "name = 'x'\nseed = 1\n[caller]\nanswer = 'busy'\n";

    #[test]
    fn the_smallest_scenario_is_a_call_that_is_not_answered() {
        let scenario: Scenario = SMALLEST.parse().unwrap();
        assert_eq!(scenario.caller.answer, Answer::Busy);
        assert_eq!(scenario.latency, Latency::default());
    }

    #[test]
    fn an_answer_says_after_how_long() {
        let scenario: Scenario = SMALLEST.replace("'busy'", "{ after = '2 s' }").parse().unwrap();
        assert_eq!(scenario.caller.answer, Answer::After(Duration::from_secs(2)));
    }

    #[test]
    fn who_answers_is_a_person_unless_said_otherwise() {
        let scenario: Scenario = SMALLEST.parse().unwrap();
        assert_eq!(scenario.caller.answerer, Answerer::Person);
        let scenario: Scenario =
            format!("{SMALLEST}answerer = {{ machine = {{ greeting = '6 s', beep = true }} }}").parse().unwrap();
        assert_eq!(scenario.caller.answerer, Answerer::Machine { greeting: Duration::from_secs(6), beep: true });
    }

    #[test]
    fn an_error_names_the_line_and_what_was_expected() {
        for (added, line, named) in [
            ("[latency]\nspeech = 3", "line 6: speech = 3", "duration"),
            ("[latency]\nspeach = '3 s'", "line 6: speach = '3 s'", "`speech`"),
            ("[[caller.step]]\nhears = 'a'\nsay = 1", "line 7: say = 1", "string"),
            ("[latency]\njitter = 2.0", "latency.jitter", "0 to 1"),
            ("[latency]\nspeech_pace = 0.0", "latency.speech_pace", "1 to 1000"),
            ("= 3", "line 5: = 3", "key"),
        ] {
            let error = format!("{SMALLEST}{added}").parse::<Scenario>().unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Config);
            assert_eq!(error.field(), Some(line), "{error}");
            assert!(error.message().unwrap().contains(named), "{error}");
        }
        let error = SMALLEST.replace("seed = 1", "").parse::<Scenario>().unwrap_err();
        assert!(error.to_string().contains("seed"), "{error}");
    }

    #[test]
    fn a_missing_file_is_not_found() {
        assert_eq!(Scenario::load("no/such/file.toml").unwrap_err().kind(), ErrorKind::NotFound);
    }

    proptest! {
        #[test]
        fn no_text_makes_the_reader_panic(text in ".{0,200}") {
            let _ = text.parse::<Scenario>();
        }

        #[test]
        fn no_damage_to_a_real_file_makes_the_reader_panic(at in 0_usize..4000, inserted in "\\PC{0,8}", cut in 0_usize..20) {
            let mut text: Vec<char> = include_str!("../../scenarios/happy.toml").chars().collect();
            let at = at.min(text.len());
            let end = (at + cut).min(text.len());
            text.splice(at..end, inserted.chars());
            let _ = text.into_iter().collect::<String>().parse::<Scenario>();
        }
    }
}
