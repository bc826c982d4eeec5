//! A call seen from outside: numbers for Prometheus, spans and logs for an OpenTelemetry collector, nothing personal.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test stops at the first surprise")]

mod support;

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::Uri;
use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::{KeyValue, any_value};
use opentelemetry_proto::tonic::logs::v1::LogRecord;
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace::v1::Span;
use prost::Message;
use support::world::{PHONE, SHOP, World};
use support::{client, json, until};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use voicecall_core::testing::ReservedAddress;

/// Longer than a call, on a busy machine.
const CALL: Duration = Duration::from_secs(180);

/// What a customer of the happy scenario is and says, and what is secret.
const CANARIES: [&str; 7] =
    [PHONE, "701234567", "nöjd", "Personalen", "Jag är", "simulated-auth-token", "simulated-api-key"];

/// Path and body of what was exported.
type Requests = Arc<Mutex<Vec<(String, Bytes)>>>;

/// A collector of OTLP over HTTP, which keeps what comes.
struct Collector {
    address: SocketAddr,
    requests: Requests,
    task: JoinHandle<()>,
}

impl Collector {
    async fn start() -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let requests = Requests::default();
        let router = Router::new().fallback(keep).with_state(Arc::clone(&requests));
        let task = tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self { address, requests, task }
    }

    fn of<M: Message + Default>(&self, path: &str) -> Vec<M> {
        let requests = self.requests.lock().unwrap();
        let of_path = requests.iter().filter(|(found, _)| found == path);
        of_path.map(|(_, body)| M::decode(body.clone()).unwrap()).collect()
    }

    /// Spans, with what exported them.
    fn spans(&self) -> (Vec<Span>, Vec<Resource>) {
        let requests = self.of::<ExportTraceServiceRequest>("/v1/traces");
        let resources = requests.into_iter().flat_map(|request| request.resource_spans);
        let (spans, resources): (Vec<_>, Vec<_>) = resources
            .map(|exported| {
                let spans = exported.scope_spans.into_iter().flat_map(|scope| scope.spans).collect::<Vec<_>>();
                (spans, exported.resource.unwrap())
            })
            .unzip();
        (spans.concat(), resources)
    }

    /// Logs, with the module each came from.
    fn logs(&self) -> Vec<(String, LogRecord)> {
        let requests = self.of::<ExportLogsServiceRequest>("/v1/logs");
        let scopes = requests.into_iter().flat_map(|request| request.resource_logs).flat_map(|logs| logs.scope_logs);
        scopes
            .flat_map(|scope| {
                let module = scope.scope.unwrap_or_default().name;
                scope.log_records.into_iter().map(move |record| (module.clone(), record))
            })
            .collect()
    }

    fn assert_no_canary(&self) {
        for (path, body) in &*self.requests.lock().unwrap() {
            // Texts stand as they are in the binary form.
            for canary in CANARIES {
                let found = body.windows(canary.len()).any(|window| window == canary.as_bytes());
                assert!(!found, "{canary} in {path}: {}", String::from_utf8_lossy(body));
            }
        }
    }
}

impl Drop for Collector {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn keep(State(requests): State<Requests>, uri: Uri, body: Bytes) {
    requests.lock().unwrap().push((uri.path().to_owned(), body));
}

fn attribute<'a>(attributes: &'a [KeyValue], key: &str) -> Option<&'a str> {
    let value = attributes.iter().find(|attribute| attribute.key == key)?.value.as_ref()?;
    match value.value.as_ref()? {
        any_value::Value::StringValue(text) => Some(text),
        _ => None,
    }
}

/// The one span of a name that belongs to a session.
#[track_caller]
fn span_of<'a>(spans: &'a [Span], name: &str, session: &str) -> &'a Span {
    let found = |span: &&Span| span.name == name && attribute(&span.attributes, "session") == Some(session);
    let all = spans.iter().filter(found).collect::<Vec<_>>();
    let names = || spans.iter().map(|span| span.name.as_str()).collect::<Vec<_>>();
    assert_eq!(all.len(), 1, "{name}: {:?}", names());
    all[0]
}

/// How many spans of a name are directly beneath another, and done by a provider.
fn beneath(spans: &[Span], parent: &Span, name: &str, provider: Option<&str>) -> usize {
    let beneath = spans.iter().filter(|span| span.parent_span_id == parent.span_id && span.name == name);
    beneath.filter(|span| attribute(&span.attributes, "provider") == provider).count()
}

fn assert_spans(collector: &Collector, session: &str) {
    let (spans, resources) = collector.spans();
    for resource in &resources {
        assert_eq!(attribute(&resource.attributes, "service.name"), Some("feedback_server"));
        assert_eq!(attribute(&resource.attributes, "deployment.environment.name"), Some("test"));
    }
    let place = span_of(&spans, "place", session);
    assert_eq!(beneath(&spans, place, "twilio.place", None), 1);
    // What this call says is made before it is placed.
    assert!(beneath(&spans, place, "prepare_speech", Some("openai-compatible")) > 0);
    let call = span_of(&spans, "call", session);
    for operation in ["listen", "think"] {
        assert!(beneath(&spans, call, operation, Some("openai-compatible")) > 0, "{operation}");
    }
    assert_eq!(beneath(&spans, call, "twilio.hang_up", None), 1);
}

fn assert_logs(collector: &Collector, session: &str) {
    let logs = collector.logs();
    for (module, _) in &logs {
        assert!(module.starts_with("voicecall") || module.starts_with("feedback_server"), "{module}");
    }
    let placed = logs.iter().map(|(_, record)| record).find(|record| {
        let body = record.body.as_ref().and_then(|body| body.value.as_ref());
        body == Some(&any_value::Value::StringValue("call placed".to_owned()))
    });
    let placed = placed.expect("the log of the order");
    assert_eq!(attribute(&placed.attributes, "session"), Some(session));
    let (spans, _) = collector.spans();
    assert_eq!(placed.span_id, span_of(&spans, "place", session).span_id);
}

async fn assert_metrics(world: &World, metrics: SocketAddr) {
    let public = client().get(world.url("/metrics")).send().await.unwrap();
    assert_eq!(public.status(), 404, "the public address has no metrics");
    let scraped = client().get(format!("http://{metrics}/metrics")).send().await.unwrap();
    assert_eq!(scraped.status(), 200);
    assert_eq!(scraped.headers()["content-type"], "text/plain; version=0.0.4; charset=utf-8");
    let text = scraped.text().await.unwrap();
    for line in [
        "voicecall_calls_placed_total 1",
        "voicecall_calls_connected_total 1",
        "voicecall_calls_ended_total{reason=\"completed\",connected=\"true\"} 1",
        "voicecall_calls_live 0",
        "voicecall_calls_ringing 0",
        "voicecall_sessions_waiting 0",
        "voicecall_service_up{service=\"chat\"} 1",
        "voicecall_time_to_answer_seconds_count 1",
        "voicecall_call_duration_seconds_count 1",
        "voicecall_reply_latency_seconds_count 3",
        "# TYPE voicecall_reply_latency_part_seconds histogram",
        "voicecall_provider_operations_total{provider=\"twilio\",operation=\"initiate\",success=\"true\"} 1",
        "voicecall_provider_operations_total{provider=\"openai-compatible\",operation=\"listen\",success=\"true\"} 3",
        "voicecall_provider_latency_seconds_count{provider=\"openai-compatible\",operation=\"listen\"} 3",
    ] {
        assert!(text.lines().any(|found| found == line), "{line}\nis not in\n{text}");
    }
    for canary in CANARIES.iter().chain(&[SHOP]) {
        assert!(!text.contains(canary), "{canary} in {text}");
    }
}

#[tokio::test]
async fn a_call_is_seen_in_metrics_traces_and_logs_without_personal_data() {
    let (collector, reserved) = (Collector::start().await, ReservedAddress::new());
    let metrics = reserved.address();
    let mut world = World::start("happy").await;
    world.set("METRICS_LISTEN", metrics);
    world.set("OTEL_EXPORTER_OTLP_ENDPOINT", format!("http://{}", collector.address));
    world.set("OTEL_RESOURCE_ATTRIBUTES", "deployment.environment.name=test");
    // Everything that could be exported is looked at.
    world.set("RUST_LOG", "trace");
    let mut server = world.serve().await;
    let session = world.initiate().await;
    let token = world.token(SHOP).await;
    until("the end of the call", CALL, async || {
        server.must_live();
        let request = client().get(world.url(&format!("/api/calls/{session}/status"))).bearer_auth(&token);
        let status = json(request.send().await.unwrap(), 200).await;
        (status["status"] == "completed").then_some(())
    })
    .await;
    // A call is over for its caller a moment before it is for us.
    until("no live call", CALL, async || {
        let health = json(client().get(world.url("/health")).send().await.unwrap(), 200).await;
        (health["live"] == 0).then_some(())
    })
    .await;
    assert_metrics(&world, metrics).await;

    server.terminate();
    assert!(server.exit(CALL).await.success(), "{}", server.log());

    assert_spans(&collector, &session);
    assert_logs(&collector, &session);
    collector.assert_no_canary();
}

#[tokio::test]
async fn a_collector_that_is_gone_delays_nothing_and_is_told_of_in_the_log() {
    let mut world = World::start("happy").await;
    let nobody = ReservedAddress::new();
    world.set("OTEL_EXPORTER_OTLP_ENDPOINT", format!("http://{}", nobody.address()));
    let mut server = world.serve().await;
    server.terminate();
    assert!(server.exit(Duration::from_secs(60)).await.success(), "{}", server.log());
    // The exporter's own words, which depend on how far it came with its repetitions.
    assert!(server.log().contains("BatchLogProcessor"), "{}", server.log());
}
