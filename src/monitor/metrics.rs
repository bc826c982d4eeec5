//! What happens in calls as metrics, through the `metrics` facade: whoever runs the process chooses the exporter.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use metrics::{counter, gauge, histogram};
use voicecall_core::SessionId;
use voicecall_core::call::{Exchange, TurnLatency};
use voicecall_core::model::{ServiceHealth, Trust};
use voicecall_engine::{LiveEvent, LiveEventKind, Observer};
#[cfg(feature = "workflow")]
use voicecall_workflow::{WorkflowEvent, WorkflowObserver};

use super::catalog;
use super::units::dollars;

/// Sessions whose times are kept at once. The times of further ones are not measured; everything else is counted.
const MEASURED: usize = 100_000;

/// Records everything in [`METRICS`](super::METRICS).
///
/// Install a recorder first: what is recorded or described without one is lost. An exporter has to be told the buckets
/// of histograms, which [`MetricKind::Histogram`](super::MetricKind::Histogram) knows.
///
/// ```
/// use std::sync::Arc;
/// use voicecall::monitor::MetricsObserver;
///
/// let metrics = Arc::new(MetricsObserver::new());
/// metrics.set_calls(2, 5);
/// // engine.add_observer(metrics);
/// ```
#[derive(Debug)]
pub struct MetricsObserver {
    sessions: Mutex<HashMap<SessionId, Since>>,
}

/// What a session does, and since when.
#[derive(Debug, Clone, Copy)]
enum Since {
    Placed(Instant),
    Connected(Instant),
}

impl MetricsObserver {
    /// An observer, with every metric described to the recorder that is installed.
    #[must_use]
    pub fn new() -> Self {
        catalog::describe();
        Self { sessions: Mutex::default() }
    }

    /// How many calls ring and how many are live: [`CallEngine::count`](voicecall_engine::CallEngine::count).
    /// To be told whenever the metrics are read.
    pub fn set_calls(&self, ringing: usize, live: usize) {
        gauge!(catalog::CALLS_RINGING).set(number(ringing));
        gauge!(catalog::CALLS_LIVE).set(number(live));
    }

    /// How many sessions wait for their call to be placed.
    pub fn set_waiting(&self, sessions: usize) {
        gauge!(catalog::SESSIONS_WAITING).set(number(sessions));
    }

    /// Whether each AI service is asked: [`CallEngine::services`](voicecall_engine::CallEngine::services).
    pub fn set_services(&self, services: &[ServiceHealth]) {
        for service in services {
            let is_asked = service.trust() == Trust::Trusted;
            gauge!(catalog::SERVICE_UP, "service" => service.name()).set(if is_asked { 1.0 } else { 0.0 });
        }
    }

    /// Records an event that happens `now`.
    fn record(&self, event: &LiveEvent, now: Instant) {
        match &event.kind {
            LiveEventKind::Placed => {
                counter!(catalog::CALLS_PLACED).increment(1);
                self.keep(event.session, Since::Placed(now));
            }
            LiveEventKind::Postponed { reason, .. } => {
                counter!(catalog::ATTEMPTS_POSTPONED, "reason" => reason.as_str()).increment(1);
                self.take(event.session);
            }
            LiveEventKind::Connected => {
                counter!(catalog::CALLS_CONNECTED).increment(1);
                if let Some(Since::Placed(placed)) = self.take(event.session) {
                    histogram!(catalog::TIME_TO_ANSWER).record(now.saturating_duration_since(placed));
                }
                self.keep(event.session, Since::Connected(now));
            }
            LiveEventKind::Turn(latency) => turn(latency),
            LiveEventKind::Provider { provider, operation, success, latency } => {
                exchange(provider, operation.as_str(), *success, *latency);
            }
            LiveEventKind::Agent(Exchange { operation, provider, success, latency }) => {
                exchange(provider, operation.as_str(), *success, *latency);
            }
            LiveEventKind::Ended { reason, connected, cost_micros, .. } => {
                let labels = [("reason", reason.as_str()), ("connected", yes_or_no(*connected))];
                counter!(catalog::CALLS_ENDED, &labels).increment(1);
                if let Some(Since::Connected(connected)) = self.take(event.session) {
                    histogram!(catalog::CALL_DURATION).record(now.saturating_duration_since(connected));
                }
                if let Some(micros) = cost_micros {
                    histogram!(catalog::CALL_COST).record(dollars(*micros));
                }
            }
            // What was said is nobody's number; what a call has cost so far is part of what it costs in the end.
            _ => {}
        }
    }

    fn keep(&self, session: SessionId, since: Since) {
        let mut sessions = self.sessions.lock().unwrap_or_else(PoisonError::into_inner);
        if sessions.len() < MEASURED {
            sessions.insert(session, since);
        }
    }

    fn take(&self, session: SessionId) -> Option<Since> {
        self.sessions.lock().unwrap_or_else(PoisonError::into_inner).remove(&session)
    }
}

impl Default for MetricsObserver {
    fn default() -> Self {
        Self::new()
    }
}

impl Observer for MetricsObserver {
    fn observe(&self, event: &LiveEvent) {
        self.record(event, Instant::now());
    }
}

#[cfg(feature = "workflow")]
impl WorkflowObserver for MetricsObserver {
    fn observe(&self, event: &WorkflowEvent) {
        match event {
            WorkflowEvent::Started { workflow, waited } => {
                counter!(catalog::RUNS_STARTED, "workflow" => *workflow).increment(1);
                histogram!(catalog::EVENT_WAIT).record(*waited);
            }
            WorkflowEvent::StepEnded { workflow, step, success, took } => {
                let labels = [("workflow", *workflow), ("step", *step), ("success", yes_or_no(*success))];
                counter!(catalog::STEPS, &labels).increment(1);
                histogram!(catalog::STEP_LATENCY, "workflow" => *workflow, "step" => *step).record(*took);
            }
            WorkflowEvent::Ended { workflow, state } => {
                counter!(catalog::RUNS_ENDED, "workflow" => *workflow, "state" => state.as_str()).increment(1);
            }
            _ => {}
        }
    }
}

fn exchange(provider: &'static str, operation: &'static str, success: bool, latency: Duration) {
    let labels = [("provider", provider), ("operation", operation), ("success", yes_or_no(success))];
    counter!(catalog::PROVIDER_OPERATIONS, &labels).increment(1);
    histogram!(catalog::PROVIDER_LATENCY, "provider" => provider, "operation" => operation).record(latency);
}

fn turn(latency: &TurnLatency) {
    counter!(catalog::TURNS, "filler" => yes_or_no(latency.filler)).increment(1);
    // An answer that nobody heard has no latency.
    let Some(total) = latency.total() else { return };
    histogram!(catalog::REPLY_LATENCY).record(total);
    for (part, took) in latency.parts() {
        histogram!(catalog::REPLY_LATENCY_PART, "part" => part).record(took);
    }
}

const fn yes_or_no(value: bool) -> &'static str {
    if value { "true" } else { "false" }
}

#[allow(clippy::cast_precision_loss, reason = "there are fewer calls than a float counts exactly")]
const fn number(count: usize) -> f64 {
    count as f64
}

#[cfg(test)]
mod tests {
    use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle, PrometheusRecorder};
    use voicecall_core::agent::AgentOperation;
    use voicecall_core::store::{EndReason, ProviderOperation};
    use voicecall_core::{CallTime, TenantId};

    use super::*;

    struct Fixture {
        recorder: PrometheusRecorder,
        handle: PrometheusHandle,
        observer: MetricsObserver,
        session: SessionId,
        start: Instant,
    }

    impl Fixture {
        fn new() -> Self {
            let mut builder = PrometheusBuilder::new();
            for metric in super::super::METRICS {
                if let super::super::MetricKind::Histogram { buckets } = metric.kind {
                    let matcher = metrics_exporter_prometheus::Matcher::Full(metric.name.to_owned());
                    builder = builder.set_buckets_for_metric(matcher, buckets).unwrap();
                }
            }
            let recorder = builder.build_recorder();
            let handle = recorder.handle();
            let observer = metrics::with_local_recorder(&recorder, MetricsObserver::new);
            Self { recorder, handle, observer, session: SessionId::new(), start: Instant::now() }
        }

        fn at(&self, second: u64, kind: LiveEventKind) {
            let event = LiveEvent::new(TenantId::new(), self.session, CallTime::ZERO, kind);
            let now = self.start + Duration::from_secs(second);
            metrics::with_local_recorder(&self.recorder, || self.observer.record(&event, now));
        }

        #[track_caller]
        fn assert_has(&self, line: &str) {
            let rendered = self.handle.render();
            assert!(rendered.lines().any(|found| found == line), "{line}\nis not in\n{rendered}");
        }
    }

    fn ended(reason: EndReason, connected: bool, cost_micros: Option<i64>) -> LiveEventKind {
        LiveEventKind::Ended { reason, connected, took: Duration::from_secs(100), cost_micros }
    }

    #[cfg(feature = "workflow")]
    #[test]
    fn runs_and_their_steps_are_counted_by_the_names_in_the_code() {
        use voicecall_core::store::RunState;
        let fixture = Fixture::new();
        let (workflow, took) = ("follow_up", Duration::from_millis(20));
        metrics::with_local_recorder(&fixture.recorder, || {
            for event in [
                WorkflowEvent::Started { workflow, waited: Duration::from_millis(4) },
                WorkflowEvent::StepEnded { workflow, step: "ask", success: false, took },
                WorkflowEvent::Ended { workflow, state: RunState::Dead },
            ] {
                WorkflowObserver::observe(&fixture.observer, &event);
            }
        });
        fixture.assert_has("voicecall_workflow_runs_started_total{workflow=\"follow_up\"} 1");
        fixture.assert_has("voicecall_workflow_event_wait_seconds_bucket{le=\"0.005\"} 1");
        fixture.assert_has("voicecall_workflow_steps_total{workflow=\"follow_up\",step=\"ask\",success=\"false\"} 1");
        fixture.assert_has("voicecall_workflow_step_latency_seconds_sum{workflow=\"follow_up\",step=\"ask\"} 0.02");
        fixture.assert_has("voicecall_workflow_runs_ended_total{workflow=\"follow_up\",state=\"dead\"} 1");
    }

    #[test]
    fn a_call_is_counted_and_timed_from_the_order_to_the_end() {
        let calls = Fixture::new();
        calls.at(0, LiveEventKind::Placed);
        calls.at(8, LiveEventKind::Connected);
        calls.at(98, ended(EndReason::Completed, true, Some(60_000)));
        calls.assert_has("voicecall_calls_placed_total 1");
        calls.assert_has("voicecall_calls_connected_total 1");
        calls.assert_has("voicecall_calls_ended_total{reason=\"completed\",connected=\"true\"} 1");
        calls.assert_has("voicecall_time_to_answer_seconds_sum 8");
        calls.assert_has("voicecall_call_duration_seconds_sum 90");
        calls.assert_has("voicecall_call_cost_dollars_sum 0.06");
        calls.assert_has("voicecall_call_cost_dollars_bucket{le=\"0.05\"} 0");
        calls.assert_has("voicecall_call_cost_dollars_bucket{le=\"0.075\"} 1");
        assert!(calls.observer.sessions.lock().unwrap().is_empty(), "nothing is left of a session that is over");
    }

    #[test]
    fn the_wait_for_the_next_attempt_is_not_time_to_answer() {
        let calls = Fixture::new();
        calls.at(0, LiveEventKind::Placed);
        let until = jiff::Timestamp::UNIX_EPOCH;
        calls.at(30, LiveEventKind::Postponed { reason: EndReason::Busy, until });
        calls.at(600, LiveEventKind::Placed);
        calls.at(605, LiveEventKind::Connected);
        calls.assert_has("voicecall_attempts_postponed_total{reason=\"busy\"} 1");
        calls.assert_has("voicecall_time_to_answer_seconds_sum 5");
        calls.assert_has("voicecall_time_to_answer_seconds_count 1");
    }

    #[test]
    fn a_call_nobody_answered_has_neither_duration_nor_unknown_cost() {
        let calls = Fixture::new();
        calls.at(0, LiveEventKind::Placed);
        calls.at(40, ended(EndReason::NoAnswer, false, None));
        calls.assert_has("voicecall_calls_ended_total{reason=\"no_answer\",connected=\"false\"} 1");
        let rendered = calls.handle.render();
        assert!(!rendered.contains("duration_seconds_count") && !rendered.contains("dollars_count"), "{rendered}");
    }

    #[test]
    fn the_parts_of_a_reply_add_up_to_its_latency() {
        let calls = Fixture::new();
        let at = CallTime::from_millis;
        let mut latency = TurnLatency::default();
        (latency.last_voiced, latency.end_of_turn, latency.heard) = (at(1000), at(1600), Some(at(2500)));
        latency.filler = true;
        calls.at(0, LiveEventKind::Turn(latency));
        calls.assert_has("voicecall_turns_total{filler=\"true\"} 1");
        calls.assert_has("voicecall_reply_latency_seconds_sum 1.5");
        calls.assert_has("voicecall_reply_latency_part_seconds_sum{part=\"end_of_turn\"} 0.6");
        calls.assert_has("voicecall_reply_latency_part_seconds_sum{part=\"heard\"} 0.9");
    }

    #[test]
    fn exchanges_with_providers_are_counted_by_what_and_whether_they_worked() {
        let calls = Fixture::new();
        for success in [true, false] {
            let (operation, latency) = (ProviderOperation::Initiate, Duration::from_millis(250));
            calls.at(0, LiveEventKind::Provider { provider: "twilio", operation, success, latency });
        }
        let counted = "voicecall_provider_operations_total{provider=\"twilio\",operation=\"initiate\",success=";
        calls.assert_has(&format!("{counted}\"true\"}} 1"));
        calls.assert_has(&format!("{counted}\"false\"}} 1"));
        calls.assert_has("voicecall_provider_latency_seconds_sum{provider=\"twilio\",operation=\"initiate\"} 0.5");
    }

    #[test]
    fn what_was_asked_of_ai_services_is_counted_as_well() {
        let calls = Fixture::new();
        for (success, millis) in [(true, 500), (true, 750), (false, 2000)] {
            let (operation, latency) = (AgentOperation::Listen, Duration::from_millis(millis));
            calls.at(0, LiveEventKind::Agent(Exchange { operation, provider: "openai", success, latency }));
        }
        let counted = "voicecall_provider_operations_total{provider=\"openai\",operation=\"listen\",success=";
        calls.assert_has(&format!("{counted}\"true\"}} 2"));
        calls.assert_has(&format!("{counted}\"false\"}} 1"));
        calls.assert_has("voicecall_provider_latency_seconds_sum{provider=\"openai\",operation=\"listen\"} 3.25");
    }

    #[test]
    fn gauges_show_what_they_were_told_last() {
        let calls = Fixture::new();
        metrics::with_local_recorder(&calls.recorder, || {
            calls.observer.set_calls(9, 9);
            calls.observer.set_calls(2, 5);
            calls.observer.set_waiting(7);
            calls.observer.set_services(&[ServiceHealth::new("chat")]);
        });
        calls.assert_has("voicecall_service_up{service=\"chat\"} 1");
        calls.assert_has("voicecall_calls_ringing 2");
        calls.assert_has("voicecall_calls_live 5");
        calls.assert_has("voicecall_sessions_waiting 7");
    }

    #[test]
    fn no_label_holds_what_was_said_or_whose_call_it_is() {
        let calls = Fixture::new();
        calls.at(0, LiveEventKind::CallerSaid { text: Some("canary".into()) });
        calls.at(0, LiveEventKind::AgentSaid { heard: "canary".into(), unheard: "canary".into() });
        calls.at(1, ended(EndReason::Completed, true, Some(1)));
        let rendered = calls.handle.render();
        assert!(!rendered.contains("canary") && !rendered.contains(&calls.session.to_string()), "{rendered}");
    }
}
