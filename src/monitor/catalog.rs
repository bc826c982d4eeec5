//! Every metric: its name, kind, unit, labels and meaning, so that what is recorded, served and drawn agrees.

use metrics::{Unit, describe_counter, describe_gauge, describe_histogram};

/// One metric that [`MetricsObserver`](super::MetricsObserver) records.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub struct Metric {
    /// Its name, with the unit as Prometheus wants it.
    pub name: &'static str,
    /// How it behaves.
    pub kind: MetricKind,
    /// The names of its labels. Their values come from closed sets, never from a tenant, a session or a person.
    pub labels: &'static [&'static str],
    /// What it means.
    pub help: &'static str,
}

/// How a metric behaves.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub enum MetricKind {
    /// Only rises.
    Counter,
    /// Rises and falls.
    Gauge,
    /// Counts values in buckets.
    Histogram {
        /// The buckets' upper bounds, rising, in the metric's unit. An exporter has to be told them.
        buckets: &'static [f64],
    },
}

/// A caller notices tenths of a second; beyond ten seconds nobody waits.
const LATENCY: MetricKind = MetricKind::Histogram {
    buckets: &[0.05, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.8, 1.0, 1.25, 1.5, 1.75, 2.0, 2.5, 3.0, 4.0, 5.0, 7.5, 10.0],
};

/// Ringing ends after about a minute.
const TO_ANSWER: MetricKind =
    MetricKind::Histogram { buckets: &[1.0, 2.0, 3.0, 5.0, 7.5, 10.0, 15.0, 20.0, 25.0, 30.0, 45.0, 60.0, 90.0] };

/// An interview takes one to two minutes; other calls take longer.
const DURATION: MetricKind = MetricKind::Histogram {
    buckets: &[
        5.0, 10.0, 20.0, 30.0, 45.0, 60.0, 75.0, 90.0, 100.0, 110.0, 120.0, 150.0, 180.0, 300.0, 600.0, 1800.0, 3600.0,
    ],
};

/// Around a quarter of a dollar, the most an interview may cost.
const COST: MetricKind = MetricKind::Histogram {
    buckets: &[0.01, 0.02, 0.03, 0.05, 0.075, 0.1, 0.125, 0.15, 0.2, 0.25, 0.3, 0.4, 0.5, 1.0, 2.5, 5.0],
};

/// From a step of a few milliseconds to one that waits for another system.
#[cfg(feature = "workflow")]
const STEP: MetricKind = MetricKind::Histogram {
    buckets: &[0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 15.0, 30.0, 60.0],
};

pub(super) const CALLS_PLACED: &str = "voicecall_calls_placed_total";
pub(super) const CALLS_CONNECTED: &str = "voicecall_calls_connected_total";
pub(super) const CALLS_ENDED: &str = "voicecall_calls_ended_total";
pub(super) const ATTEMPTS_POSTPONED: &str = "voicecall_attempts_postponed_total";
pub(super) const CALLS_RINGING: &str = "voicecall_calls_ringing";
pub(super) const CALLS_LIVE: &str = "voicecall_calls_live";
pub(super) const SESSIONS_WAITING: &str = "voicecall_sessions_waiting";
pub(super) const SERVICE_UP: &str = "voicecall_service_up";
#[cfg(feature = "workflow")]
pub(super) const RUNS_STARTED: &str = "voicecall_workflow_runs_started_total";
#[cfg(feature = "workflow")]
pub(super) const RUNS_ENDED: &str = "voicecall_workflow_runs_ended_total";
#[cfg(feature = "workflow")]
pub(super) const EVENT_WAIT: &str = "voicecall_workflow_event_wait_seconds";
#[cfg(feature = "workflow")]
pub(super) const STEPS: &str = "voicecall_workflow_steps_total";
#[cfg(feature = "workflow")]
pub(super) const STEP_LATENCY: &str = "voicecall_workflow_step_latency_seconds";
pub(super) const TIME_TO_ANSWER: &str = "voicecall_time_to_answer_seconds";
pub(super) const CALL_DURATION: &str = "voicecall_call_duration_seconds";
pub(super) const REPLY_LATENCY: &str = "voicecall_reply_latency_seconds";
pub(super) const REPLY_LATENCY_PART: &str = "voicecall_reply_latency_part_seconds";
pub(super) const TURNS: &str = "voicecall_turns_total";
pub(super) const PROVIDER_OPERATIONS: &str = "voicecall_provider_operations_total";
pub(super) const PROVIDER_LATENCY: &str = "voicecall_provider_latency_seconds";
pub(super) const CALL_COST: &str = "voicecall_call_cost_dollars";

const fn metric(name: &'static str, kind: MetricKind, labels: &'static [&'static str], help: &'static str) -> Metric {
    Metric { name, kind, labels, help }
}

/// All metrics.
pub const METRICS: &[Metric] = &[
    metric(CALLS_PLACED, MetricKind::Counter, &[], "Orders to call that a carrier took."),
    metric(CALLS_CONNECTED, MetricKind::Counter, &[], "Calls in which the caller came on the line."),
    metric(
        CALLS_ENDED,
        MetricKind::Counter,
        &["connected", "reason"],
        "Sessions that are over, by whether anybody was on the line and by why they ended.",
    ),
    metric(
        ATTEMPTS_POSTPONED,
        MetricKind::Counter,
        &["reason"],
        "Attempts that did not reach the customer and are repeated later, by why they did not.",
    ),
    metric(CALLS_RINGING, MetricKind::Gauge, &[], "Calls that are placed and not connected yet."),
    metric(CALLS_LIVE, MetricKind::Gauge, &[], "Calls in which somebody is on the line."),
    metric(SESSIONS_WAITING, MetricKind::Gauge, &[], "Sessions whose call is not placed yet."),
    metric(
        SERVICE_UP,
        MetricKind::Gauge,
        &["service"],
        "1 while an AI service is asked, 0 while it is failing and left alone.",
    ),
    metric(TIME_TO_ANSWER, TO_ANSWER, &[], "From the carrier taking the order to the caller coming on the line."),
    metric(CALL_DURATION, DURATION, &[], "From the caller coming on the line to the end."),
    metric(
        REPLY_LATENCY,
        LATENCY,
        &[],
        "From the caller's last voiced sample to the first sound of the answer, fillers not counted.",
    ),
    metric(REPLY_LATENCY_PART, LATENCY, &["part"], "The parts of the reply latency, which add up to it."),
    metric(TURNS, MetricKind::Counter, &["filler"], "Turns that were answered, by whether a filler bridged the wait."),
    metric(
        PROVIDER_OPERATIONS,
        MetricKind::Counter,
        &["operation", "provider", "success"],
        "Exchanges with carriers and AI services, by whether they worked.",
    ),
    metric(
        PROVIDER_LATENCY,
        LATENCY,
        &["operation", "provider"],
        "How long exchanges with carriers and AI services took.",
    ),
    metric(CALL_COST, COST, &[], "What a call cost; the sum is what all of them cost."),
    #[cfg(feature = "workflow")]
    metric(RUNS_STARTED, MetricKind::Counter, &["workflow"], "Runs of workflows that events started."),
    #[cfg(feature = "workflow")]
    metric(RUNS_ENDED, MetricKind::Counter, &["state", "workflow"], "Runs that are over: done, or dead letters."),
    #[cfg(feature = "workflow")]
    metric(EVENT_WAIT, STEP, &[], "From an event to the run that it starts."),
    #[cfg(feature = "workflow")]
    metric(STEPS, MetricKind::Counter, &["step", "success", "workflow"], "Attempts of steps, by whether they worked."),
    #[cfg(feature = "workflow")]
    metric(STEP_LATENCY, STEP, &["step", "workflow"], "How long an attempt of a step took."),
];

/// Tells the recorder what every metric means.
pub(super) fn describe() {
    for &Metric { name, kind, help, .. } in METRICS {
        let unit = if name.ends_with("_seconds") { Unit::Seconds } else { Unit::Count };
        match kind {
            MetricKind::Counter => describe_counter!(name, unit, help),
            MetricKind::Gauge => describe_gauge!(name, unit, help),
            MetricKind::Histogram { .. } => describe_histogram!(name, unit, help),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_follow_the_conventions_and_occur_once() {
        for (index, metric) in METRICS.iter().enumerate() {
            assert!(metric.name.starts_with("voicecall_"), "{}", metric.name);
            assert!(METRICS[..index].iter().all(|other| other.name != metric.name), "{} is there twice", metric.name);
            match metric.kind {
                MetricKind::Counter => assert!(metric.name.ends_with("_total"), "{}", metric.name),
                MetricKind::Gauge => assert!(!metric.name.ends_with("_total"), "{}", metric.name),
                MetricKind::Histogram { buckets } => {
                    assert!(metric.name.ends_with("_seconds") || metric.name.ends_with("_dollars"), "{}", metric.name);
                    assert!(buckets.is_sorted_by(|a, b| a < b), "{}", metric.name);
                }
            }
        }
    }
}
