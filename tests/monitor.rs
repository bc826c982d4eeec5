//! Alerts over real HTTP, and the documents about metrics against the metrics themselves.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that meets an unexpected result should stop there")]

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::post;
use hmac::{Hmac, KeyInit, Mac};
use serde_json::Value;
use sha2::Sha256;
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tokio::time::timeout;
use voicecall::call::TurnLatency;
use voicecall::engine::{LiveEvent, LiveEventKind};
use voicecall::monitor::{AlertOptions, AlertRule, Alerts, METRICS, MetricKind, WebhookSink};
use voicecall::store::{EndReason, ProviderOperation};
use voicecall::{CallTime, SessionId, TenantId};

const SECRET: &str = "a secret of the test that is long enough";

/// Nothing here takes this long unless it hangs.
const DEADLINE: Duration = Duration::from_secs(30);

/// What a receiver got: the signature's header and the body.
type Request = (String, Bytes);

#[derive(Clone)]
struct Receiver {
    requests: mpsc::UnboundedSender<Request>,
    failures: Arc<AtomicUsize>,
}

async fn receive(State(receiver): State<Receiver>, headers: HeaderMap, body: Bytes) -> StatusCode {
    assert_eq!(headers["content-type"], "application/json");
    let signature = headers["x-voicecall-signature"].to_str().unwrap().to_owned();
    receiver.requests.send((signature, body)).unwrap();
    let fails = receiver.failures.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1));
    if fails.is_ok() { StatusCode::SERVICE_UNAVAILABLE } else { StatusCode::NO_CONTENT }
}

/// A receiver that fails so often, and a sink that sends to it.
async fn receiver(failures: usize) -> (Arc<WebhookSink>, mpsc::UnboundedReceiver<Request>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/alerts", listener.local_addr().unwrap());
    let (requests, received) = mpsc::unbounded_channel();
    let receiver = Receiver { requests, failures: Arc::new(AtomicUsize::new(failures)) };
    let router = Router::new().route("/alerts", post(receive)).with_state(receiver);
    // Ends with the test's runtime.
    tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
    (Arc::new(WebhookSink::new(url.parse().unwrap(), SECRET.into()).unwrap()), received)
}

async fn next(received: &mut mpsc::UnboundedReceiver<Request>) -> Value {
    let (signature, body) = timeout(DEADLINE, received.recv()).await.expect("an alert in time").unwrap();
    let (at, hex) = signature.strip_prefix("t=").unwrap().split_once(",v1=").unwrap();
    let age = jiff::Timestamp::now().as_second() - at.parse::<i64>().unwrap();
    assert!((0..=DEADLINE.as_secs() as i64).contains(&age), "{signature}");
    let mut mac = Hmac::<Sha256>::new_from_slice(SECRET.as_bytes()).unwrap();
    mac.update(at.as_bytes());
    mac.update(b".");
    mac.update(&body);
    let expected: String = mac.finalize().into_bytes().iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(hex, expected);
    serde_json::from_slice(&body).unwrap()
}

/// The documented rules, but judged over two seconds instead of an hour.
fn quick(rules: impl IntoIterator<Item = AlertRule>) -> AlertOptions {
    let mut options = AlertOptions::new(rules.into_iter().map(|mut rule| {
        (rule.window, rule.hold) = (Duration::from_secs(2), Duration::ZERO);
        rule
    }));
    (options.evaluate_every, options.backoff) = (Duration::from_millis(20), Duration::from_millis(10));
    options
}

fn see(alerts: &Alerts, times: usize, kind: &LiveEventKind) {
    let observer = alerts.observer();
    for _ in 0..times {
        observer.observe(&LiveEvent::new(TenantId::new(), SessionId::new(), CallTime::ZERO, kind.clone()));
    }
}

#[tokio::test]
async fn each_rule_reaches_the_receiver_when_it_fires_and_when_it_is_resolved() {
    let (sink, mut received) = receiver(0).await;
    let rules = [
        AlertRule::completion_rate(),
        AlertRule::reply_latency(),
        AlertRule::call_cost(250_000),
        AlertRule::hourly_cost(1_000_000),
        AlertRule::provider_errors(),
    ];
    let alerts = Alerts::start(quick(rules), Some(sink)).unwrap();
    let (reason, took) = (EndReason::TechnicalFailure, Duration::from_secs(9));
    see(&alerts, 20, &LiveEventKind::Ended { reason, connected: true, took, cost_micros: Some(60_000) });
    let mut latency = TurnLatency::default();
    latency.heard = Some(CallTime::from_millis(2500));
    see(&alerts, 20, &LiveEventKind::Turn(latency));
    see(&alerts, 1, &LiveEventKind::Cost { micros: 300_000 });
    let (provider, operation, success) = ("twilio", ProviderOperation::Initiate, false);
    see(&alerts, 20, &LiveEventKind::Provider { provider, operation, success, latency: took });

    let mut seen = BTreeMap::<String, Vec<(String, Value)>>::new();
    for _ in 0..10 {
        let alert = next(&mut received).await;
        let state = (alert["state"].as_str().unwrap().to_owned(), alert["value"].clone());
        seen.entry(alert["rule"].as_str().unwrap().to_owned()).or_default().push(state);
    }
    let names: Vec<_> = seen.keys().map(String::as_str).collect();
    let expected = ["call_cost", "completion_rate", "hourly_cost", "provider_error_rate", "reply_latency_p95"];
    assert_eq!(names, expected);
    for (rule, states) in &seen {
        let states: Vec<_> = states.iter().map(|(state, _)| state.as_str()).collect();
        assert_eq!(states, ["firing", "resolved"], "{rule}");
    }
    assert_eq!(seen["completion_rate"][0].1, 0.0);
    assert_eq!(seen["call_cost"][0].1, 0.3);
    assert_eq!(alerts.lost(), 0);
}

#[tokio::test]
async fn a_receiver_that_fails_gets_the_same_alert_again() {
    let (sink, mut received) = receiver(2).await;
    let alerts = Alerts::start(quick([AlertRule::call_cost(1)]), Some(sink)).unwrap();
    see(&alerts, 1, &LiveEventKind::Cost { micros: 2 });
    let tries = [next(&mut received).await, next(&mut received).await, next(&mut received).await];
    assert!(tries.iter().all(|alert| *alert == tries[0]), "{tries:?}");
    let after = next(&mut received).await;
    assert_eq!(after["state"], "resolved", "the third try arrived: {after}");
    assert_eq!(alerts.lost(), 0);
}

/// A document about monitoring.
fn document(name: &str) -> String {
    let path = format!("{}/docs/monitoring/{name}", env!("CARGO_MANIFEST_DIR"));
    std::fs::read_to_string(path).unwrap()
}

/// Every word of a text that begins like this.
fn words<'a>(text: &'a str, prefix: &str) -> BTreeSet<&'a str> {
    let is_part = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | ':');
    text.split(|c| !is_part(c)).filter(|word| word.starts_with(prefix)).collect()
}

/// Fails for a word that is no series of a metric that is recorded.
fn assert_exist(text: &str) {
    let series: BTreeSet<_> = METRICS
        .iter()
        .flat_map(|metric| match metric.kind {
            MetricKind::Histogram { .. } => {
                ["_bucket", "_sum", "_count"].map(|end| metric.name.to_owned() + end).to_vec()
            }
            _ => vec![metric.name.to_owned()],
        })
        .collect();
    for word in words(text, "voicecall_") {
        assert!(series.contains(word), "{word} is not recorded");
    }
}

/// Every expression of a dashboard.
fn expressions(value: &Value, found: &mut Vec<String>) {
    match value {
        Value::Object(fields) => {
            for (name, value) in fields {
                match value {
                    Value::String(text) if name == "expr" => found.push(text.clone()),
                    _ => expressions(value, found),
                }
            }
        }
        Value::Array(values) => values.iter().for_each(|value| expressions(value, found)),
        _ => {}
    }
}

#[test]
fn the_dashboard_draws_only_what_is_recorded() {
    let dashboard: Value = serde_json::from_str(&document("grafana-dashboard.json")).unwrap();
    let mut found = Vec::new();
    expressions(&dashboard, &mut found);
    let rules = document("prometheus-rules.yaml");
    assert!(found.len() >= 12, "{found:?}");
    for expression in &found {
        assert_exist(expression);
        let used = words(expression, "voicecall_").len() + words(expression, "voicecall:").len();
        assert!(used > 0, "{expression} draws nothing of ours");
        for name in words(expression, "voicecall:") {
            assert!(rules.contains(&format!("record: {name}\n")), "{name} is not a recording rule");
        }
    }
    let panels = dashboard["panels"].as_array().unwrap();
    let ids: BTreeSet<_> = panels.iter().map(|panel| panel["id"].as_u64().unwrap()).collect();
    assert_eq!(ids.len(), panels.len(), "ids occur once");
}

#[test]
fn the_rules_judge_only_what_is_recorded() {
    let rules = document("prometheus-rules.yaml");
    assert_exist(&rules);
    for name in words(&rules, "voicecall:") {
        assert!(rules.contains(&format!("record: {name}\n")), "{name} is not a recording rule");
    }
    for rule in [
        "VoicecallCompletionRate",
        "VoicecallReplyLatency",
        "VoicecallCallCost",
        "VoicecallHourlyCost",
        "VoicecallProviderErrors",
    ] {
        assert!(rules.contains(&format!("alert: {rule}\n")), "{rule} is missing");
    }
}

#[test]
fn the_guide_explains_every_metric_and_label() {
    let guide = document("README.md");
    for metric in METRICS {
        let row = guide.lines().find(|line| line.starts_with(&format!("| `{}` |", metric.name)));
        let row = row.unwrap_or_else(|| panic!("{} is not explained", metric.name));
        for label in metric.labels {
            assert!(row.contains(&format!("`{label}`")), "{}: {label} is not explained", metric.name);
        }
    }
    let named = words(&guide, "voicecall_");
    let strangers = named.iter().filter(|name| !METRICS.iter().any(|metric| name.starts_with(metric.name)));
    assert_eq!(strangers.count(), 0, "{named:?}");
}
