//! Numbers for Prometheus on a listener of their own, and alerts to the log and a webhook.

use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::http::header::CONTENT_TYPE;
use axum::response::IntoResponse;
use axum::routing::get;
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};
use tokio::task::JoinSet;
use tracing::{info, warn};
use url::Url;
use voicecall::engine::CallEngine;
use voicecall::monitor::{
    AlertOptions, AlertRule, AlertSink, Alerts, METRICS, MetricKind, MetricsObserver, WebhookSink,
};
use voicecall::server::{self, ServeOptions};

use crate::settings::{Problems, optional};

/// How often recorded values are put into their buckets; until then they are kept one by one.
const UPKEEP: Duration = Duration::from_secs(5);

/// How long alerts may be on their way when the server stops.
const LAST_ALERTS: Duration = Duration::from_secs(10);

/// What a call may cost, and all calls of an hour, before it is an alert; in millionths of a dollar.
const CALL_COST: i64 = 250_000;
const HOURLY_COST: i64 = 100_000_000;

/// What watches a server, as its environment says.
#[derive(Debug)]
pub(crate) struct Monitor {
    alerts: Alerts,
    /// The metrics' listener and their upkeep, which end with this value.
    _metrics: JoinSet<()>,
}

impl Monitor {
    /// Begins to watch. To be called before anything happens that shall be counted.
    ///
    /// # Errors
    /// When a variable is wrong, or the metrics' address cannot be used.
    pub(crate) async fn start(engine: &Arc<CallEngine>) -> Result<Self, Box<dyn Error>> {
        let call_cost = dollars("ALERT_CALL_COST")?.unwrap_or(CALL_COST);
        let hourly_cost = dollars("ALERT_HOURLY_COST")?.unwrap_or(HOURLY_COST);
        let alerts = Alerts::start(
            AlertOptions::new([
                AlertRule::completion_rate(),
                AlertRule::reply_latency(),
                AlertRule::call_cost(call_cost),
                AlertRule::hourly_cost(hourly_cost),
                AlertRule::provider_errors(),
            ]),
            sink()?,
        )?;
        engine.add_observer(alerts.observer());
        let mut tasks = JoinSet::new();
        if let Some(address) = optional("METRICS_LISTEN") {
            let listener = server::listen("METRICS_LISTEN", &address).await?;
            info!(address = %listener.local_addr()?, "serving metrics");
            let prometheus = recorder()?;
            let observer = Arc::new(MetricsObserver::new());
            engine.add_observer(Arc::clone(&observer) as _);
            tasks.spawn(upkeep(prometheus.clone()));
            let source = Source { engine: Arc::clone(engine), observer, prometheus };
            let router = Router::new().route("/metrics", get(scrape)).with_state(source);
            let serving = server::serve(listener, router, ServeOptions::default(), std::future::pending())?;
            tasks.spawn(async move {
                if let Err(error) = serving.await {
                    warn!(%error, "serving metrics failed");
                }
            });
        }
        Ok(Self { alerts, _metrics: tasks })
    }

    /// Looks at the variables before anything is started with them.
    pub(crate) fn check(problems: &mut Problems) {
        problems.take(sink());
        for name in ["ALERT_CALL_COST", "ALERT_HOURLY_COST"] {
            problems.take(dollars(name));
        }
    }

    /// Delivers the last alerts.
    pub(crate) async fn stop(self) {
        self.alerts.stop(LAST_ALERTS).await;
    }
}

/// Where alerts go besides the log.
fn sink() -> voicecall::Result<Option<Arc<dyn AlertSink>>> {
    let Some(url) = optional("ALERT_WEBHOOK_URL") else { return Ok(None) };
    let url = Url::parse(&url)
        .map_err(|error| voicecall::Error::config("ALERT_WEBHOOK_URL", "an address").with_source(error))?;
    let secret = optional("ALERT_WEBHOOK_SECRET")
        .ok_or_else(|| voicecall::Error::config("ALERT_WEBHOOK_SECRET", "to be set with ALERT_WEBHOOK_URL"))?;
    Ok(Some(Arc::new(WebhookSink::new(url, secret.into())?)))
}

/// A variable in dollars, as millionths of a dollar.
fn dollars(name: &'static str) -> voicecall::Result<Option<i64>> {
    let Some(value) = optional(name) else { return Ok(None) };
    let wrong = || voicecall::Error::config(name, "dollars, such as 0.25");
    let dollars: f64 = value.trim().parse().map_err(|_| wrong())?;
    if !(0.0..=1e9).contains(&dollars) {
        return Err(wrong());
    }
    #[allow(clippy::cast_possible_truncation, reason = "checked above")]
    Ok(Some((dollars * 1e6).round() as i64))
}

/// What keeps the numbers of this process.
fn recorder() -> Result<PrometheusHandle, Box<dyn Error>> {
    let mut builder = PrometheusBuilder::new();
    for metric in METRICS {
        if let MetricKind::Histogram { buckets } = metric.kind {
            builder = builder.set_buckets_for_metric(Matcher::Full(metric.name.to_owned()), buckets)?;
        }
    }
    Ok(builder.install_recorder()?)
}

async fn upkeep(prometheus: PrometheusHandle) {
    let mut ticks = tokio::time::interval(UPKEEP);
    loop {
        ticks.tick().await;
        prometheus.run_upkeep();
    }
}

/// What a scrape reads.
#[derive(Debug, Clone)]
struct Source {
    engine: Arc<CallEngine>,
    observer: Arc<MetricsObserver>,
    prometheus: PrometheusHandle,
}

async fn scrape(State(Source { engine, observer, prometheus }): State<Source>) -> impl IntoResponse {
    let (ringing, live) = engine.count();
    observer.set_calls(ringing, live);
    observer.set_services(engine.services());
    match engine.count_waiting().await {
        Ok(waiting) => observer.set_waiting(usize::try_from(waiting).unwrap_or(usize::MAX)),
        Err(error) => warn!(%error, "waiting sessions cannot be counted"),
    }
    ([(CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], prometheus.render())
}
