//! Each rule fires and resolves in virtual time, by what happens in calls.

use voicecall_core::agent::AgentOperation;
use voicecall_core::call::{Exchange, TurnLatency};
use voicecall_core::store::{EndReason, ProviderOperation};
use voicecall_core::{CallTime, SessionId, TenantId};
use voicecall_engine::LiveEventKind;

use super::super::rule::{Measure, Severity, Threshold};
use super::*;

const HOUR: Duration = Duration::from_secs(3600);

/// A book with one rule, and a clock.
struct Watch {
    book: AlertBook,
    now: Instant,
}

impl Watch {
    fn of(rule: AlertRule) -> Self {
        let now = Instant::now();
        Self { book: AlertBook::new([rule], HOUR).unwrap(), now }
    }

    fn see(&mut self, times: usize, kind: &LiveEventKind) {
        let event = LiveEvent::new(TenantId::new(), SessionId::new(), CallTime::ZERO, kind.clone());
        for _ in 0..times {
            self.book.observe(&event, self.now);
        }
    }

    /// Lets time pass, judging every ten seconds. Returns what was told.
    fn pass(&mut self, seconds: u64) -> Vec<Transition> {
        let mut told = Vec::new();
        for _ in 0..seconds / 10 {
            self.now += Duration::from_secs(10);
            told.extend(self.book.evaluate(self.now));
        }
        told
    }

    #[track_caller]
    fn assert_told(&mut self, seconds: u64, expected: &[AlertState]) -> Vec<Transition> {
        let told = self.pass(seconds);
        assert_eq!(told.iter().map(|told| told.state).collect::<Vec<_>>(), expected, "{told:?}");
        told
    }
}

fn ended(reason: EndReason, cost_micros: Option<i64>) -> LiveEventKind {
    LiveEventKind::Ended { reason, connected: true, took: Duration::ZERO, cost_micros }
}

fn reply(millis: u64) -> LiveEventKind {
    let mut latency = TurnLatency::default();
    latency.heard = Some(CallTime::from_millis(millis));
    LiveEventKind::Turn(latency)
}

fn exchange(operation: ProviderOperation, success: bool) -> LiveEventKind {
    LiveEventKind::Provider { provider: "twilio", operation, success, latency: Duration::ZERO }
}

fn spoken(success: bool) -> LiveEventKind {
    let (operation, latency) = (AgentOperation::Speak, Duration::ZERO);
    LiveEventKind::Agent(Exchange { operation, provider: "openai", success, latency })
}

#[test]
fn completion_rate_fires_below_99_percent_and_resolves_when_better() {
    let mut watch = Watch::of(AlertRule::completion_rate());
    watch.see(97, &ended(EndReason::Completed, None));
    watch.see(2, &ended(EndReason::TechnicalFailure, None));
    let told = watch.assert_told(120, &[AlertState::Firing]);
    assert!((told[0].value.unwrap() - 97.0 / 99.0).abs() < 1e-9);
    assert_eq!((told[0].samples, told[0].rule.severity), (99, Severity::Critical));
    watch.see(200, &ended(EndReason::Declined, None));
    let told = watch.assert_told(60, &[AlertState::Resolved]);
    assert_eq!(told[0].samples, 299);
}

#[test]
fn completion_rate_is_quiet_at_exactly_99_percent() {
    let mut watch = Watch::of(AlertRule::completion_rate());
    watch.see(99, &ended(EndReason::Completed, None));
    watch.see(1, &ended(EndReason::RemoteHangup, None));
    watch.assert_told(600, &[]);
}

#[test]
fn calls_nobody_answered_say_nothing_about_completion() {
    let mut watch = Watch::of(AlertRule::completion_rate());
    let (took, cost_micros) = (Duration::ZERO, None);
    watch.see(100, &LiveEventKind::Ended { reason: EndReason::NoAnswer, connected: false, took, cost_micros });
    watch.assert_told(600, &[]);
}

#[test]
fn reply_latency_fires_when_a_twentieth_is_slower_than_two_seconds() {
    let mut watch = Watch::of(AlertRule::reply_latency());
    watch.see(95, &reply(900));
    watch.see(5, &reply(3000));
    watch.assert_told(120, &[]);
    watch.see(1, &reply(3000));
    let told = watch.assert_told(120, &[AlertState::Firing]);
    let value = told[0].value.unwrap();
    assert!(value > 2.94 && value <= 3.0, "{value}");
    watch.see(100, &reply(900));
    watch.assert_told(120, &[AlertState::Resolved]);
}

#[test]
fn reply_latency_does_not_fire_at_two_seconds() {
    let mut watch = Watch::of(AlertRule::reply_latency());
    watch.see(100, &reply(2000));
    watch.assert_told(600, &[]);
}

#[test]
fn the_cost_of_a_live_call_fires_at_once_and_resolves_when_it_has_left_the_window() {
    let mut watch = Watch::of(AlertRule::call_cost(250_000));
    watch.see(1, &LiveEventKind::Cost { micros: 250_000 });
    watch.assert_told(10, &[]);
    watch.see(1, &LiveEventKind::Cost { micros: 250_001 });
    let told = watch.assert_told(10, &[AlertState::Firing]);
    assert_eq!(told[0].value, Some(0.250_001));
    let told = watch.assert_told(900, &[AlertState::Resolved]);
    assert_eq!((told[0].value, told[0].samples), (None, 0));
}

#[test]
fn the_cost_of_an_hour_adds_up_over_calls() {
    let mut watch = Watch::of(AlertRule::hourly_cost(1_000_000));
    for _ in 0..10 {
        watch.see(1, &ended(EndReason::Completed, Some(100_000)));
        watch.assert_told(240, &[]);
    }
    watch.see(1, &ended(EndReason::Completed, Some(100_000)));
    watch.assert_told(10, &[AlertState::Firing]);
    watch.assert_told(2000, &[AlertState::Resolved]);
}

#[test]
fn provider_errors_fire_above_five_percent_and_resolve() {
    let mut watch = Watch::of(AlertRule::provider_errors());
    watch.see(95, &exchange(ProviderOperation::Initiate, true));
    watch.see(5, &exchange(ProviderOperation::Hangup, false));
    // What providers tell us is no exchange we asked for.
    watch.see(50, &exchange(ProviderOperation::Webhook, false));
    watch.assert_told(120, &[]);
    watch.see(1, &exchange(ProviderOperation::Initiate, false));
    watch.assert_told(120, &[AlertState::Firing]);
    watch.assert_told(1000, &[AlertState::Resolved]);
}

#[test]
fn failures_of_ai_services_are_provider_errors_too() {
    let mut watch = Watch::of(AlertRule::provider_errors());
    watch.see(94, &spoken(true));
    watch.see(6, &spoken(false));
    watch.assert_told(120, &[AlertState::Firing]);
}

#[test]
fn a_carrier_that_fails_is_seen_among_many_successes_of_ai_services() {
    let mut watch = Watch::of(AlertRule::provider_errors());
    watch.see(10_000, &spoken(true));
    watch.see(18, &exchange(ProviderOperation::Initiate, true));
    watch.see(1, &exchange(ProviderOperation::Initiate, false));
    watch.assert_told(120, &[]);
    watch.see(1, &exchange(ProviderOperation::Initiate, false));
    let told = watch.assert_told(120, &[AlertState::Firing]);
    assert_eq!((told[0].value, told[0].samples), (Some(0.1), 20));
    watch.see(100, &exchange(ProviderOperation::Initiate, true));
    watch.assert_told(10, &[AlertState::Resolved]);
}

#[test]
fn too_few_samples_say_nothing() {
    let mut watch = Watch::of(AlertRule::provider_errors());
    watch.see(19, &exchange(ProviderOperation::Initiate, false));
    watch.assert_told(300, &[]);
    watch.see(1, &exchange(ProviderOperation::Initiate, false));
    watch.assert_told(120, &[AlertState::Firing]);
}

#[test]
fn what_is_bad_for_a_moment_does_not_fire() {
    let mut watch = Watch::of(AlertRule::provider_errors());
    watch.see(20, &exchange(ProviderOperation::Initiate, false));
    watch.assert_told(60, &[]);
    watch.see(10_000, &exchange(ProviderOperation::Initiate, true));
    watch.assert_told(600, &[]);
}

#[test]
fn an_alert_that_stays_is_repeated_once_an_interval() {
    let mut watch = Watch::of(AlertRule::provider_errors());
    let mut told = 0;
    for _ in 0..3 * 60 {
        watch.see(20, &exchange(ProviderOperation::Initiate, false));
        told += watch.pass(60).len();
    }
    assert_eq!(told, 3, "in three hours, with an interval of one");
}

#[test]
fn an_alert_that_comes_and_goes_is_not_told_more_often_than_the_interval() {
    let mut watch = Watch::of(AlertRule::call_cost(1));
    let mut told = Vec::new();
    for _ in 0..3 {
        watch.see(1, &LiveEventKind::Cost { micros: 2 });
        told.extend(watch.pass(1000));
    }
    let states: Vec<_> = told.iter().map(|told| told.state).collect();
    assert_eq!(states, [AlertState::Firing, AlertState::Resolved], "{told:?}");
    watch.pass(1000);
    watch.see(1, &LiveEventKind::Cost { micros: 2 });
    watch.assert_told(10, &[AlertState::Firing]);
}

#[test]
fn rules_that_cannot_be_judged_are_refused() {
    let rule = |change: fn(&mut AlertRule)| {
        let mut rule = AlertRule::new("x", Measure::CallCost, Threshold::Above(1.0));
        change(&mut rule);
        AlertBook::new([rule], HOUR).map(drop)
    };
    rule(|_| {}).unwrap();
    assert_eq!(rule(|rule| rule.name = "".into()).unwrap_err().field(), Some("name"));
    assert_eq!(rule(|rule| rule.window = Duration::ZERO).unwrap_err().field(), Some("window"));
    assert_eq!(rule(|rule| rule.threshold = Threshold::Below(f64::NAN)).unwrap_err().field(), Some("threshold"));
}
