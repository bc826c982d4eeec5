//! One behaviour of the caller: when it begins, and what it is.

use std::path::PathBuf;
use std::time::Duration;

use serde::Deserialize;

use super::{Phrase, time};

/// How long a caller waits before it answers, unless the step says otherwise.
const DEFAULT_DELAY: Duration = Duration::from_millis(500);

/// One thing the caller does, once, when its trigger holds.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(try_from = "StepKeys")]
#[non_exhaustive]
pub struct Step {
    /// When.
    pub trigger: Trigger,
    /// What.
    pub act: Act,
}

impl Step {
    /// Does `act` when `trigger` holds.
    #[must_use]
    pub const fn new(trigger: Trigger, act: Act) -> Self {
        Self { trigger, act }
    }
}

/// When a step begins.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Trigger {
    /// One of these phrases was heard since the caller last did something (`hears`, with `delay` or `interrupt_after`). Any speech
    /// (`"*"`) counts from the end of what the caller said, in any language, and whether or not it is understood.
    Hears(Vec<Phrase>, Manners),
    /// Neither side has spoken for so long (`after_silence`).
    Silence(Duration),
    /// So long after the call's media began (`at`; `start = true` is zero).
    At(Duration),
}

impl Trigger {
    /// Whether it takes words to know that it holds; any speech at all (`hears = "*"`) is told by its sound.
    #[must_use]
    pub fn needs_words(&self) -> bool {
        match self {
            Self::Hears(_, Manners::Interrupts(Patience::Words(_))) => true,
            Self::Hears(phrases, _) => phrases.iter().any(|phrase| !phrase.is_any()),
            Self::Silence(_) | Self::At(_) => false,
        }
    }
}

/// Whether the caller lets the agent finish.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Manners {
    /// The caller begins when the agent has been silent for so long.
    Waits(Duration),
    /// The caller begins while the agent speaks, when so much was heard behind the phrase.
    Interrupts(Patience),
}

/// How much of the agent's speech behind a phrase a caller listens to before it interrupts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Patience {
    /// So many words.
    Words(usize),
    /// So long.
    Time(Duration),
}

/// What a caller does.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Act {
    /// Says sentences the caller has clips of (`say`).
    Say(String),
    /// Plays a recording of somebody who speaks: a WAV file, mono, 16-bit PCM at 8, 16 or 24 kHz (`play`). In a scenario that was
    /// [loaded](super::Scenario::load), a relative path begins at the scenario's folder.
    Play(PathBuf),
    /// Presses keys: `0`-`9`, `*`, `#`, `A`-`D` (`keys`).
    Keys(String),
    /// Deliberately says nothing for so long; other steps wait (`silence`).
    Silence(Duration),
    /// Hangs up (`hang_up = true`).
    HangUp,
    /// Makes white noise (`noise`).
    Noise {
        /// How long.
        duration: Duration,
        /// How loud: RMS in decibels below full scale, 0 to 90.
        below_full_scale: f64,
    },
}

/// The keys of a step as they stand in a file.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct StepKeys {
    hears: Option<OneOrMore>,
    #[serde(default, deserialize_with = "time::option::deserialize")]
    after_silence: Option<Duration>,
    #[serde(default, deserialize_with = "time::option::deserialize")]
    at: Option<Duration>,
    start: Option<bool>,
    #[serde(default, deserialize_with = "time::option::deserialize")]
    delay: Option<Duration>,
    interrupt_after: Option<PatienceKey>,
    say: Option<String>,
    play: Option<PathBuf>,
    keys: Option<String>,
    #[serde(default, deserialize_with = "time::option::deserialize")]
    silence: Option<Duration>,
    hang_up: Option<bool>,
    noise: Option<NoiseKeys>,
}

#[derive(Deserialize)]
#[serde(untagged, expecting = "expected a phrase or a list of phrases, each with a word in it or \"*\"")]
enum OneOrMore {
    One(Phrase),
    More(Vec<Phrase>),
}

#[derive(Deserialize)]
#[serde(untagged, expecting = "`interrupt_after` is a number of words, or a duration such as \"800 ms\"")]
enum PatienceKey {
    Words(u32),
    Time(#[serde(deserialize_with = "time::deserialize")] Duration),
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct NoiseKeys {
    #[serde(deserialize_with = "time::deserialize")]
    duration: Duration,
    below_full_scale: f64,
}

impl TryFrom<StepKeys> for Step {
    type Error = String;

    fn try_from(mut keys: StepKeys) -> Result<Self, Self::Error> {
        Ok(Self { trigger: keys.trigger()?, act: keys.act()? })
    }
}

impl StepKeys {
    fn trigger(&mut self) -> Result<Trigger, String> {
        let start = marker(self.start, "start")?.then_some(Duration::ZERO);
        let manners = self.manners()?;
        if manners.is_some() && self.hears.is_none() {
            return Err("`delay` and `interrupt_after` belong to `hears`".into());
        }
        let hears = self.hears.take().map(|phrases| match phrases {
            OneOrMore::One(phrase) => vec![phrase],
            OneOrMore::More(phrases) => phrases,
        });
        let triggers = [
            hears.map(|phrases| Trigger::Hears(phrases, manners.unwrap_or(Manners::Waits(DEFAULT_DELAY)))),
            self.after_silence.map(Trigger::Silence),
            self.at.map(Trigger::At),
            start.map(Trigger::At),
        ];
        the_only(triggers).ok_or_else(|| "a step has one of `hears`, `after_silence`, `at` and `start`".into())
    }

    fn manners(&self) -> Result<Option<Manners>, String> {
        match (self.delay, &self.interrupt_after) {
            (None, None) => Ok(None),
            (Some(delay), None) => Ok(Some(Manners::Waits(delay))),
            (None, Some(PatienceKey::Words(words))) => Ok(Some(Manners::Interrupts(Patience::Words(*words as usize)))),
            (None, Some(PatienceKey::Time(time))) => Ok(Some(Manners::Interrupts(Patience::Time(*time)))),
            (Some(_), Some(_)) => Err("a step has `delay` or `interrupt_after`, not both".into()),
        }
    }

    fn act(&mut self) -> Result<Act, String> {
        let is_key = |key| matches!(key, '0'..='9' | '*' | '#' | 'A'..='D');
        if self.keys.as_ref().is_some_and(|keys| keys.is_empty() || !keys.chars().all(is_key)) {
            return Err("`keys` are one or more of 0-9, *, # and A-D".into());
        }
        if self.noise.as_ref().is_some_and(|noise| !(0.0..=90.0).contains(&noise.below_full_scale)) {
            return Err("`noise.below_full_scale` is a number of decibels from 0 to 90".into());
        }
        let hang_up = marker(self.hang_up, "hang_up")?;
        let acts = [
            self.say.take().map(Act::Say),
            self.play.take().map(Act::Play),
            self.keys.take().map(Act::Keys),
            self.silence.map(Act::Silence),
            hang_up.then_some(Act::HangUp),
            self.noise
                .as_ref()
                .map(|noise| Act::Noise { duration: noise.duration, below_full_scale: noise.below_full_scale }),
        ];
        the_only(acts).ok_or_else(|| "a step has one of `say`, `play`, `keys`, `silence`, `hang_up` and `noise`".into())
    }
}

/// A key that is only ever written with the value `true`.
fn marker(value: Option<bool>, key: &str) -> Result<bool, String> {
    match value {
        Some(false) => Err(format!("`{key}` is `true` or left out")),
        Some(true) => Ok(true),
        None => Ok(false),
    }
}

fn the_only<T>(options: impl IntoIterator<Item = Option<T>>) -> Option<T> {
    let mut given = options.into_iter().flatten();
    let first = given.next();
    if given.next().is_some() { None } else { first }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn step(text: &str) -> Result<Step, String> {
        toml::from_str(text).map_err(|error| error.message().to_owned())
    }

    #[test]
    fn a_caller_waits_half_a_second_by_default() {
        let step = step("hears = 'Hör du mig?'\nsay = 'Ja.'").unwrap();
        let phrase = Phrase::parse("hör du mig").unwrap();
        assert_eq!(step.trigger, Trigger::Hears(vec![phrase], Manners::Waits(Duration::from_millis(500))));
        assert_eq!(step.act, Act::Say("Ja.".into()));
    }

    #[test]
    fn patience_is_counted_in_words_or_time() {
        let manners = |line: &str| match step(&format!("hears = ['a', 'b']\nsay = 'x'\n{line}")).unwrap().trigger {
            Trigger::Hears(phrases, manners) if phrases.len() == 2 => manners,
            other => panic!("{other:?}"),
        };
        assert_eq!(manners("interrupt_after = 3"), Manners::Interrupts(Patience::Words(3)));
        assert_eq!(
            manners("interrupt_after = '800 ms'"),
            Manners::Interrupts(Patience::Time(Duration::from_millis(800)))
        );
        assert_eq!(manners("delay = '2 s'"), Manners::Waits(Duration::from_secs(2)));
    }

    #[test]
    fn any_speech_needs_no_words_unless_they_are_counted() {
        let needs_words = |line: &str| step(&format!("{line}\nsay = 'x'")).unwrap().trigger.needs_words();
        assert!(needs_words("hears = ['*', 'a']") && needs_words("hears = '*'\ninterrupt_after = 2"));
        assert!(!needs_words("hears = '*'") && !needs_words("hears = '*'\ninterrupt_after = '1 s'"));
        assert!(!needs_words("after_silence = '1 s'") && !needs_words("start = true"));
    }

    #[test]
    fn start_is_the_first_instant() {
        assert_eq!(step("start = true\nkeys = '12#'").unwrap().trigger, Trigger::At(Duration::ZERO));
    }

    #[test]
    fn what_contradicts_itself_is_refused_by_name() {
        for (text, named) in [
            ("say = 'x'", "`hears`"),
            ("hears = 'a'\nat = '1 s'\nsay = 'x'", "`after_silence`"),
            ("hears = 'a'", "`hang_up`"),
            ("hears = 'a'\nsay = 'x'\nhang_up = true", "`hang_up`"),
            ("hears = 'a'\nhang_up = false", "`hang_up`"),
            ("at = '1 s'\ndelay = '1 s'\nsay = 'x'", "`delay`"),
            ("hears = 'a'\ndelay = '1 s'\ninterrupt_after = 1\nsay = 'x'", "`interrupt_after`"),
            ("hears = '?'\nsay = 'x'", "phrase"),
            ("start = true\nkeys = '1X'", "`keys`"),
            ("start = true\nnoise = { duration = '1 s', below_full_scale = -3.0 }", "`noise.below_full_scale`"),
            ("start = true\nsing = 'x'", "`sing`"),
            ("at = 500\nsay = 'x'", "duration"),
        ] {
            let error = step(text).unwrap_err();
            assert!(error.contains(named), "{text}: {error}");
        }
    }
}
