//! The state of all rules: events in, transitions out. It has no clock and sends nothing.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use serde::Serialize;
use voicecall_core::Result;
use voicecall_engine::LiveEvent;

use super::rule::AlertRule;
use super::window::Window;

/// Judges rules by what happens. Its memory is bounded by the number of rules and providers, whatever happens.
///
/// ```
/// use std::time::{Duration, Instant};
/// use voicecall::engine::{LiveEvent, LiveEventKind};
/// use voicecall::monitor::{AlertBook, AlertRule, AlertState};
/// use voicecall::{CallTime, SessionId, TenantId};
///
/// let start = Instant::now();
/// let mut book = AlertBook::new([AlertRule::call_cost(250_000)], Duration::from_secs(3600))?;
/// let kind = LiveEventKind::Cost { micros: 300_000 };
/// book.observe(&LiveEvent::new(TenantId::new(), SessionId::new(), CallTime::ZERO, kind), start);
/// let transitions = book.evaluate(start);
/// assert_eq!((transitions[0].state, transitions[0].value), (AlertState::Firing, Some(0.3)));
/// # Ok::<(), voicecall::Error>(())
/// ```
#[derive(Debug)]
pub struct AlertBook {
    entries: Vec<Entry>,
    repeat_every: Duration,
}

/// A rule and how it stands.
#[derive(Debug)]
struct Entry {
    rule: AlertRule,
    /// By what the measure tells apart.
    windows: BTreeMap<&'static str, Window>,
    phase: Phase,
    /// When it was last said that it fires.
    told: Option<Instant>,
}

#[derive(Debug, Clone, Copy)]
enum Phase {
    Quiet,
    /// Too bad, perhaps not long enough to fire.
    Bad {
        since: Instant,
        told: bool,
    },
}

/// Something to tell about an alert.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Transition {
    /// Which rule.
    pub rule: AlertRule,
    /// What it does now.
    pub state: AlertState,
    /// What was measured; `None` if there are no longer enough samples.
    pub value: Option<f64>,
    /// How many samples are in the window.
    pub samples: u64,
    /// How long ago it began to be too bad.
    pub lasted: Duration,
}

/// Whether an alert is on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum AlertState {
    /// It is too bad.
    Firing,
    /// It is not any more, or there are no longer enough samples to say so.
    Resolved,
}

impl AlertBook {
    /// A book of these rules. That an alert fires is told again not earlier than `repeat_every` later, be
    /// it because it still does or because it does again.
    ///
    /// # Errors
    /// `Config` for a rule without name, with a window shorter than a second or a threshold that is not a number.
    pub fn new(rules: impl IntoIterator<Item = AlertRule>, repeat_every: Duration) -> Result<Self> {
        let entries = rules.into_iter().map(|rule| {
            rule.check()?;
            Ok(Entry { rule, windows: BTreeMap::new(), phase: Phase::Quiet, told: None })
        });
        Ok(Self { entries: entries.collect::<Result<_>>()?, repeat_every })
    }

    /// Takes in an event that happens `now`.
    pub fn observe(&mut self, event: &LiveEvent, now: Instant) {
        for entry in &mut self.entries {
            let AlertRule { measure, window, .. } = entry.rule;
            if let Some(sample) = measure.sample(&event.kind) {
                let fresh = || Window::new(window, measure.needs_distribution(), now);
                entry.windows.entry(measure.subject(&event.kind)).or_insert_with(fresh).add(sample, now);
            }
        }
    }

    /// Judges every rule. Returns what has to be told.
    pub fn evaluate(&mut self, now: Instant) -> Vec<Transition> {
        let repeat_every = self.repeat_every;
        self.entries.iter_mut().filter_map(|entry| entry.evaluate(repeat_every, now)).collect()
    }
}

impl Entry {
    /// The worst of what the measure tells apart: its value, if there are enough samples, and how many there are.
    fn worst(&mut self, now: Instant) -> (Option<f64>, u64) {
        let AlertRule { measure, threshold, min_samples, .. } = self.rule;
        let judged = self.windows.values_mut().map(|window| {
            let tally = window.tally(now);
            (measure.value(&tally).filter(|_| tally.count() >= min_samples), tally.count())
        });
        let worst = judged.reduce(|worst, next| match (worst, next) {
            ((Some(one), _), (Some(other), _)) if threshold.is_worse(other, one) => next,
            ((None, _), (Some(_), _)) => next,
            ((None, few), (None, more)) if more > few => next,
            _ => worst,
        });
        worst.unwrap_or_default()
    }

    fn evaluate(&mut self, repeat_every: Duration, now: Instant) -> Option<Transition> {
        let (value, samples) = self.worst(now);
        let transition = |state, since| Transition {
            rule: self.rule.clone(),
            state,
            value,
            samples,
            lasted: now.saturating_duration_since(since),
        };
        if !value.is_some_and(|value| self.rule.threshold.is_crossed_by(value)) {
            let before = std::mem::replace(&mut self.phase, Phase::Quiet);
            return match before {
                // What nobody was told of needs no end.
                Phase::Bad { since, told: true } => Some(transition(AlertState::Resolved, since)),
                Phase::Bad { told: false, .. } | Phase::Quiet => None,
            };
        }
        let (since, told) = match self.phase {
            Phase::Bad { since, told } => (since, told),
            Phase::Quiet => (now, false),
        };
        let fires = now.saturating_duration_since(since) >= self.rule.hold;
        let is_due = self.told.is_none_or(|told| now.saturating_duration_since(told) >= repeat_every);
        if !(fires && is_due) {
            self.phase = Phase::Bad { since, told };
            return None;
        }
        self.phase = Phase::Bad { since, told: true };
        self.told = Some(now);
        Some(transition(AlertState::Firing, since))
    }
}

#[cfg(test)]
#[path = "book_tests.rs"]
mod tests;
