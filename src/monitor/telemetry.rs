//! What a process says of itself: lines of JSON on standard error, and traces and logs over OpenTelemetry's protocol (OTLP)
//! to a collector.

use std::time::Duration;

use opentelemetry::trace::TracerProvider;
use opentelemetry_appender_tracing::layer::OpenTelemetryTracingBridge;
use opentelemetry_http::{Bytes, HttpClient, HttpError, Request, Response};
use opentelemetry_otlp::{LogExporter, SpanExporter, WithHttpConfig};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::logs::SdkLoggerProvider;
use opentelemetry_sdk::trace::SdkTracerProvider;
use tokio::runtime::Handle;
use tracing::level_filters::LevelFilter;
use tracing::{Metadata, Subscriber, warn};
use tracing_subscriber::filter::{FilterExt, filter_fn};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::registry::LookupSpan;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{EnvFilter, Layer};
use voicecall_core::{Error, RecordId, Result, async_trait};

/// How long one export may take.
const EXPORT_WITHIN: Duration = Duration::from_secs(10);

/// The variable that says where the collector is.
const ENDPOINT: &str = "OTEL_EXPORTER_OTLP_ENDPOINT";

/// The variable that says what is logged.
const LOG: &str = "RUST_LOG";

/// The logs and traces of this process, for their end. Nothing personal is in them.
///
/// Logs are lines of JSON on standard error. If `OTEL_EXPORTER_OTLP_ENDPOINT` says where a collector is, spans and logs of this
/// library and of the program go there as well, over HTTP with protobuf; the protocol's own variables hold (addresses, headers,
/// timeouts, sizes of batches, `OTEL_SERVICE_NAME`, `OTEL_RESOURCE_ATTRIBUTES`).
///
/// ```no_run
/// # async fn serve() -> voicecall::Result<()> { Ok(()) }
/// # #[tokio::main]
/// # async fn main() -> voicecall::Result<()> {
/// let telemetry = voicecall::monitor::Telemetry::start(env!("CARGO_CRATE_NAME"), "info")?;
/// let served = serve().await;
/// telemetry.stop().await;
/// served
/// # }
/// ```
#[derive(Debug)]
#[must_use = "what is left when the program ends is exported by `stop`"]
pub struct Telemetry(Option<Export>);

/// What is exported.
#[derive(Debug)]
struct Export {
    program: &'static str,
    traces: SdkTracerProvider,
    logs: SdkLoggerProvider,
}

impl Telemetry {
    /// Starts to log, for the whole process, and to export, if the environment wants it. `program` is the name of the program's
    /// crate, by which it is called at the collector and its own spans are told from those of other crates. `RUST_LOG` overrides
    /// `level`, such as `info`. To be called within the runtime that shall export.
    ///
    /// # Errors
    /// `Config` if `RUST_LOG` or a variable of the exporters cannot be understood, or the process has a log already.
    pub fn start(program: &'static str, level: &str) -> Result<Self> {
        let wanted = set(LOG);
        let wanted = wanted.as_deref().unwrap_or(level);
        check_filter(wanted)?;
        let filter = || EnvFilter::new(wanted);
        let export = Export::from_env(program)?;
        let lines = tracing_subscriber::fmt::layer().json().with_writer(std::io::stderr).with_filter(filter());
        let layer = export.as_ref().map(|export| export.layer(filter()));
        let started = tracing_subscriber::registry().with(lines).with(layer).try_init();
        started.map_err(|error| Error::config("log", "one for the process").with_source(error))?;
        Ok(Self(export))
    }

    /// Exports what is left.
    pub async fn stop(self) {
        let Some(export) = self.0 else { return };
        // Waits for the exporting threads, which wait for the runtime.
        let stopped = tokio::task::spawn_blocking(move || export.traces.shutdown().and(export.logs.shutdown())).await;
        if !matches!(stopped, Ok(Ok(()))) {
            warn!("the last traces and logs could not be exported");
        }
    }
}

impl Export {
    fn from_env(program: &'static str) -> Result<Option<Self>> {
        if set(ENDPOINT).is_none() {
            return Ok(None);
        }
        let wrong = || Error::config(ENDPOINT, "an address, and exporters that are set up as OTLP demands");
        let client = reqwest::Client::builder().timeout(EXPORT_WITHIN).build();
        let http = Http {
            client: client.map_err(|error| wrong().with_source(error))?,
            // Exports are made by threads of their own, which have no runtime.
            runtime: Handle::current(),
        };
        let spans = SpanExporter::builder().with_http().with_http_client(http.clone()).build();
        let spans = spans.map_err(|error| wrong().with_source(error))?;
        let logs = LogExporter::builder().with_http().with_http_client(http).build();
        let logs = logs.map_err(|error| wrong().with_source(error))?;
        let resource = resource(program);
        Ok(Some(Self {
            program,
            traces: SdkTracerProvider::builder().with_resource(resource.clone()).with_batch_exporter(spans).build(),
            logs: SdkLoggerProvider::builder().with_resource(resource).with_batch_exporter(logs).build(),
        }))
    }

    /// What hands spans and logs to the exporters.
    fn layer<S>(&self, level: EnvFilter) -> impl Layer<S> + use<S>
    where
        S: Subscriber + for<'a> LookupSpan<'a> + Send + Sync,
    {
        let program = self.program;
        // Events are exported as logs, which name the span they belong to.
        let spans = tracing_opentelemetry::layer()
            .with_tracer(self.traces.tracer(program))
            .with_location(false)
            .with_threads(false)
            .with_filter(
                LevelFilter::INFO.and(filter_fn(move |metadata| metadata.is_span() && is_ours(program, metadata))),
            );
        let logs = OpenTelemetryTracingBridge::new(&self.logs)
            .with_filter(level.and(filter_fn(move |metadata| metadata.is_event() && is_ours(program, metadata))));
        spans.and_then(logs)
    }
}

/// Refuses what would silently log something else. A word alone that is no level would be taken for the name of a crate, and nothing
/// of any other crate would be logged.
fn check_filter(wanted: &str) -> Result<()> {
    let wrong = |what: &str| Error::config(LOG, format!("levels such as info or voicecall_core=debug; {what}"));
    EnvFilter::try_new(wanted).map_err(|error| wrong(&format!("{wanted}: {error}")))?;
    let words = wanted.split(',').map(str::trim).filter(|word| !word.is_empty());
    match words.into_iter().find(|word| !word.contains(['=', '[', ':']) && word.parse::<LevelFilter>().is_err()) {
        Some(word) => Err(wrong(&format!("{word} is none, and all of a crate of this name is {word}=trace"))),
        None => Ok(()),
    }
}

/// A variable that is set and not empty.
fn set(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

/// Whether a span or event is this program's or its library's own. Those of other crates know nothing of personal data,
/// and those of the export's client would each cause another export.
fn is_ours(program: &str, metadata: &Metadata<'_>) -> bool {
    let crate_name = metadata.target().split("::").next().unwrap_or_default();
    crate_name.starts_with("voicecall") || crate_name == program
}

/// Who exports. `OTEL_SERVICE_NAME` and `OTEL_RESOURCE_ATTRIBUTES` say otherwise or more.
fn resource(program: &'static str) -> Resource {
    let instance = opentelemetry::KeyValue::new("service.instance.id", RecordId::new().to_string());
    let version = opentelemetry::KeyValue::new("service.version", env!("CARGO_PKG_VERSION"));
    let resource = Resource::builder().with_attributes([instance, version]);
    match set("OTEL_SERVICE_NAME") {
        Some(_) => resource.build(),
        None => resource.with_service_name(program).build(),
    }
}

/// The client the rest of the program uses, for threads without a runtime.
#[derive(Debug, Clone)]
struct Http {
    client: reqwest::Client,
    runtime: Handle,
}

#[async_trait]
impl HttpClient for Http {
    async fn send_bytes(&self, request: Request<Bytes>) -> std::result::Result<Response<Bytes>, HttpError> {
        let client = self.client.clone();
        // Ends within the client's time limit.
        let exchange = self.runtime.spawn(async move {
            let mut answer = client.execute(request.try_into()?).await?;
            let (status, headers) = (answer.status(), std::mem::take(answer.headers_mut()));
            let mut response = Response::new(answer.bytes().await?);
            (*response.status_mut(), *response.headers_mut()) = (status, headers);
            Ok(response)
        });
        exchange.await?
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_would_log_something_else_is_refused_by_name() {
        for good in ["info", "WARN", "off", "warn,voicecall_core=debug", "voicecall::server=trace", "[request]=debug"] {
            assert!(check_filter(good).is_ok(), "{good}");
        }
        for wrong in ["inof", "voicecall_core", "voicecall_core=loud", "info,[", "="] {
            assert_eq!(check_filter(wrong).unwrap_err().field(), Some("RUST_LOG"), "{wrong}");
        }
    }
}
