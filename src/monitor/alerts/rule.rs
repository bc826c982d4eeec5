//! What an alert is about: what is measured, over which time, and when that is too bad.

use std::borrow::Cow;
use std::time::Duration;

use serde::Serialize;
use voicecall_core::call::Exchange;
use voicecall_core::store::{ProviderOperation, SessionStatus};
use voicecall_core::{Error, Result};
use voicecall_engine::LiveEventKind;

use super::window::Tally;
use crate::monitor::units::dollars;

/// What a requirement says the reply latency may be at most.
const REPLY_WITHIN: f64 = 2.0;

/// A rule, usually one of the constructors' with its fields adjusted.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct AlertRule {
    /// Its name, which tells it from the others.
    pub name: Cow<'static, str>,
    /// What is measured.
    pub measure: Measure,
    /// Over how long, back from now. It slides in steps of a sixtieth.
    pub window: Duration,
    /// Beyond which value it is too bad.
    pub threshold: Threshold,
    /// Fewer samples in the window say nothing: the alert neither fires nor stays.
    pub min_samples: u64,
    /// For how long it has to be too bad before the alert fires.
    pub hold: Duration,
    /// How bad that is.
    pub severity: Severity,
}

/// What a rule measures.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Measure {
    /// The share of answered calls that ended with the status `completed`, 0 to 1. A caller who hangs up in the middle
    /// counts as not completed, one who declines as completed. One sample a call, when it ends.
    CompletionRate,
    /// The 95th percentile of the reply latency in seconds, rounded down by less than 2 %. One sample a turn.
    ReplyLatencyP95,
    /// The cost of the dearest call in dollars, known while it is live. One sample for each time a cost is reported.
    CallCost,
    /// The cost of all calls that ended within the window, in dollars. One sample a call.
    TotalCost,
    /// The share of exchanges with a carrier or AI service that failed, 0 to 1, of the provider for which it is worst.
    /// What they tell us by themselves does not count.
    /// One sample an exchange.
    ProviderErrorRate,
}

/// Which side of which value is too bad. In the unit of the measure: a share, seconds or dollars.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Threshold {
    /// Less than this.
    Below(f64),
    /// More than this.
    Above(f64),
}

/// How bad it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Severity {
    /// Somebody should look at it soon.
    Warning,
    /// Somebody should look at it now.
    Critical,
}

impl AlertRule {
    /// `completion_rate`: less than 99 % of the answered calls of an hour complete, for a minute, with at least 20
    /// calls; critical.
    #[must_use]
    pub fn completion_rate() -> Self {
        let rule = Self::new("completion_rate", Measure::CompletionRate, Threshold::Below(0.99));
        Self { window: Duration::from_secs(3600), severity: Severity::Critical, ..rule }
    }

    /// `reply_latency_p95`: the slowest twentieth of the replies of 15 minutes takes more than two seconds, for a
    /// minute, with at least 20 replies; a warning.
    #[must_use]
    pub fn reply_latency() -> Self {
        Self::new("reply_latency_p95", Measure::ReplyLatencyP95, Threshold::Above(REPLY_WITHIN))
    }

    /// `call_cost`: a call of the last 15 minutes costs more than this many millionths of a dollar; a warning, at once.
    #[must_use]
    pub fn call_cost(cap_micros: i64) -> Self {
        let rule = Self::new("call_cost", Measure::CallCost, Threshold::Above(dollars(cap_micros)));
        Self { min_samples: 1, hold: Duration::ZERO, ..rule }
    }

    /// `hourly_cost`: the calls of an hour cost more than this many millionths of a dollar; critical, at once.
    #[must_use]
    pub fn hourly_cost(limit_micros: i64) -> Self {
        let rule = Self::new("hourly_cost", Measure::TotalCost, Threshold::Above(dollars(limit_micros)));
        let window = Duration::from_secs(3600);
        Self { window, min_samples: 1, hold: Duration::ZERO, severity: Severity::Critical, ..rule }
    }

    /// `provider_error_rate`: more than 5 % of the exchanges of 15 minutes with one provider fail, for a minute, with at
    /// least 20 exchanges; critical.
    #[must_use]
    pub fn provider_errors() -> Self {
        let rule = Self::new("provider_error_rate", Measure::ProviderErrorRate, Threshold::Above(0.05));
        Self { severity: Severity::Critical, ..rule }
    }

    /// A warning about `measure` over 15 minutes, for a minute, with at least 20 samples.
    #[must_use]
    pub fn new(name: impl Into<Cow<'static, str>>, measure: Measure, threshold: Threshold) -> Self {
        Self {
            name: name.into(),
            measure,
            window: Duration::from_secs(900),
            threshold,
            min_samples: 20,
            hold: Duration::from_secs(60),
            severity: Severity::Warning,
        }
    }

    /// Whether it can be judged at all.
    pub(super) fn check(&self) -> Result<()> {
        if self.name.is_empty() {
            return Err(Error::config("name", "a rule's name"));
        }
        if self.window < Duration::from_secs(1) {
            return Err(Error::config("window", "at least a second"));
        }
        if !self.threshold.value().is_finite() {
            return Err(Error::config("threshold", "a number"));
        }
        Ok(())
    }
}

impl Measure {
    /// What an event adds to it.
    #[allow(clippy::match_same_arms, reason = "a row for each measure")]
    pub(super) fn sample(self, event: &LiveEventKind) -> Option<f64> {
        match (self, event) {
            (Self::CompletionRate, LiveEventKind::Ended { reason, connected: true, .. }) => {
                Some(share(reason.status() == SessionStatus::Completed))
            }
            (Self::ReplyLatencyP95, LiveEventKind::Turn(latency)) => latency.total().map(|total| total.as_secs_f64()),
            (Self::CallCost, LiveEventKind::Cost { micros }) => Some(dollars(*micros)),
            (Self::CallCost | Self::TotalCost, LiveEventKind::Ended { cost_micros, .. }) => cost_micros.map(dollars),
            (Self::ProviderErrorRate, LiveEventKind::Provider { operation, success, .. })
                if *operation != ProviderOperation::Webhook =>
            {
                Some(share(!success))
            }
            (Self::ProviderErrorRate, LiveEventKind::Agent(exchange)) => Some(share(!exchange.success)),
            _ => None,
        }
    }

    /// What its samples are told apart by: the failures of one provider do not disappear among the successes of another.
    pub(super) const fn subject(self, event: &LiveEventKind) -> &'static str {
        match (self, event) {
            (
                Self::ProviderErrorRate,
                LiveEventKind::Provider { provider, .. } | LiveEventKind::Agent(Exchange { provider, .. }),
            ) => provider,
            _ => "",
        }
    }

    /// Its value over the samples of a window; `None` without any.
    pub(super) fn value(self, tally: &Tally) -> Option<f64> {
        match self {
            Self::CompletionRate | Self::ProviderErrorRate => tally.mean(),
            Self::ReplyLatencyP95 => tally.percentile(95),
            Self::CallCost => tally.max(),
            Self::TotalCost => (tally.count() > 0).then(|| tally.sum()),
        }
    }

    /// Whether the window has to know how its samples are distributed.
    pub(super) const fn needs_distribution(self) -> bool {
        matches!(self, Self::ReplyLatencyP95)
    }

    /// The unit of its values: `ratio`, `seconds` or `dollars`.
    #[must_use]
    pub const fn unit(self) -> &'static str {
        match self {
            Self::CompletionRate | Self::ProviderErrorRate => "ratio",
            Self::ReplyLatencyP95 => "seconds",
            Self::CallCost | Self::TotalCost => "dollars",
        }
    }
}

impl Threshold {
    /// Whether a value is too bad.
    #[must_use]
    pub fn is_crossed_by(self, value: f64) -> bool {
        match self {
            Self::Below(limit) => value < limit,
            Self::Above(limit) => value > limit,
        }
    }

    /// Whether one value is worse than another.
    pub(super) fn is_worse(self, one: f64, other: f64) -> bool {
        match self {
            Self::Below(_) => one < other,
            Self::Above(_) => one > other,
        }
    }

    const fn value(self) -> f64 {
        match self {
            Self::Below(limit) | Self::Above(limit) => limit,
        }
    }
}

fn share(counts: bool) -> f64 {
    f64::from(u8::from(counts))
}
