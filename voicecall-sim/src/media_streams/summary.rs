//! What is said about all calls together.

use serde::Serialize;

use super::report::CallReport;

/// All calls of a run, as `--json` writes them.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Report {
    /// The version of this form: 1. Members may be added within a version.
    pub version: u32,
    /// The address that was called.
    pub url: String,
    /// The scenario's name.
    pub scenario: String,
    /// The figures of all calls.
    pub summary: Summary,
    /// The calls, in the order of their numbers.
    pub calls: Vec<CallReport>,
}

/// Figures over several calls.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Summary {
    /// How many calls there were.
    pub calls: usize,
    /// Of these, calls that went as expected.
    pub passed: usize,
    /// Of these, calls that did not.
    pub failed: usize,
    /// [`CallReport::first_audio_ms`] of all calls.
    pub first_audio_ms: Option<Spread>,
    /// [`CallerTurn::response_ms`](super::CallerTurn::response_ms) of all turns that were answered.
    pub response_ms: Option<Spread>,
    /// [`BargeIn::silent_ms`](super::BargeIn::silent_ms) of all interruptions that stopped the agent.
    pub barge_in_ms: Option<Spread>,
}

/// How figures are spread, in milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Spread {
    /// The smallest.
    pub min: i64,
    /// Half of the figures are not larger.
    pub median: i64,
    /// 95 of 100 figures are not larger.
    pub p95: i64,
    /// The largest.
    pub max: i64,
}

impl Report {
    pub(super) fn new(url: String, scenario: String, mut calls: Vec<CallReport>) -> Self {
        calls.sort_by_key(|call| call.number);
        Self { version: 1, url, scenario, summary: Summary::of(&calls), calls }
    }

    /// Whether all calls went as expected.
    #[must_use]
    pub const fn passed(&self) -> bool {
        self.summary.failed == 0
    }
}

impl Summary {
    fn of(calls: &[CallReport]) -> Self {
        let turns = || calls.iter().flat_map(|call| &call.turns);
        let passed = calls.iter().filter(|call| call.passed).count();
        let signed = |figure: u64| i64::try_from(figure).unwrap_or(i64::MAX);
        let silent = |turn: &super::CallerTurn| turn.barge_in.and_then(|barge_in| barge_in.silent_ms);
        Self {
            calls: calls.len(),
            passed,
            failed: calls.len() - passed,
            first_audio_ms: Spread::of(calls.iter().filter_map(|call| call.first_audio_ms).map(signed)),
            response_ms: Spread::of(turns().filter_map(|turn| turn.response_ms)),
            barge_in_ms: Spread::of(turns().filter_map(silent).map(signed)),
        }
    }
}

impl Spread {
    /// By nearest rank; `None` of no figures.
    fn of(figures: impl Iterator<Item = i64>) -> Option<Self> {
        let mut figures: Vec<i64> = figures.collect();
        figures.sort_unstable();
        let (&min, &max) = (figures.first()?, figures.last()?);
        let rank = |percent: usize| figures[(figures.len() * percent).div_ceil(100).saturating_sub(1)];
        Some(Self { min, median: rank(50), p95: rank(95), max })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_are_spread_by_nearest_rank() {
        let spread = |figures: &[i64]| Spread::of(figures.iter().copied());
        assert_eq!(spread(&[]), None);
        assert_eq!(spread(&[7]), Some(Spread { min: 7, median: 7, p95: 7, max: 7 }));
        let hundred: Vec<i64> = (1..=100).rev().collect();
        assert_eq!(spread(&hundred), Some(Spread { min: 1, median: 50, p95: 95, max: 100 }));
        assert_eq!(spread(&[-20, 30]), Some(Spread { min: -20, median: -20, p95: 30, max: 30 }));
    }
}
