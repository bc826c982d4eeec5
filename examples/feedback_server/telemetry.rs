//! Traces and logs over OpenTelemetry's protocol, when `OTEL_EXPORTER_OTLP_ENDPOINT` says where to.

use std::error::Error;
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
use tracing_subscriber::registry::LookupSpan;
use tracing_subscriber::{EnvFilter, Layer};
use voicecall::RecordId;
use voicecall::async_trait;

use crate::settings::optional;

/// How long one export may take.
const EXPORT_WITHIN: Duration = Duration::from_secs(10);

/// What is exported, for its end.
#[derive(Debug)]
pub(crate) struct Telemetry {
    traces: SdkTracerProvider,
    logs: SdkLoggerProvider,
}

impl Telemetry {
    /// What exports, if the environment wants it. To be called within the runtime that shall do it.
    ///
    /// The exporters read the protocol's own variables: address, headers, timeouts, the sizes of batches.
    ///
    /// # Errors
    /// When a variable cannot be understood.
    pub(crate) fn from_env() -> Result<Option<Self>, Box<dyn Error>> {
        if optional("OTEL_EXPORTER_OTLP_ENDPOINT").is_none() {
            return Ok(None);
        }
        let http = Http {
            client: reqwest::Client::builder().timeout(EXPORT_WITHIN).build()?,
            // Exports are made by threads of their own, which have no runtime.
            runtime: Handle::current(),
        };
        let spans = SpanExporter::builder().with_http().with_http_client(http.clone()).build()?;
        let logs = LogExporter::builder().with_http().with_http_client(http).build()?;
        let resource = resource();
        Ok(Some(Self {
            traces: SdkTracerProvider::builder().with_resource(resource.clone()).with_batch_exporter(spans).build(),
            logs: SdkLoggerProvider::builder().with_resource(resource).with_batch_exporter(logs).build(),
        }))
    }

    /// What hands spans and logs to the exporters.
    pub(crate) fn layer<S>(&self, level: EnvFilter) -> impl Layer<S> + use<S>
    where
        S: Subscriber + for<'a> LookupSpan<'a> + Send + Sync,
    {
        // Events are exported as logs, which name the span they belong to.
        let spans = tracing_opentelemetry::layer()
            .with_tracer(self.traces.tracer(env!("CARGO_CRATE_NAME")))
            .with_location(false)
            .with_threads(false)
            .with_filter(LevelFilter::INFO.and(filter_fn(|metadata| metadata.is_span() && is_ours(metadata))));
        let logs = OpenTelemetryTracingBridge::new(&self.logs)
            .with_filter(level.and(filter_fn(|metadata| metadata.is_event() && is_ours(metadata))));
        spans.and_then(logs)
    }

    /// Exports what is left.
    pub(crate) async fn stop(self) {
        // Waits for the exporting threads, which wait for the runtime.
        let stopped = tokio::task::spawn_blocking(move || self.traces.shutdown().and(self.logs.shutdown())).await;
        if !matches!(stopped, Ok(Ok(()))) {
            warn!("the last traces and logs could not be exported");
        }
    }
}

/// Whether a span or event is this program's or its library's own. Those of other crates know nothing of personal data,
/// and those of the export's client would each cause another export.
fn is_ours(metadata: &Metadata<'_>) -> bool {
    let crate_name = metadata.target().split("::").next().unwrap_or_default();
    crate_name.starts_with("voicecall") || crate_name == env!("CARGO_CRATE_NAME")
}

/// Who exports. `OTEL_SERVICE_NAME` and `OTEL_RESOURCE_ATTRIBUTES` say otherwise or more.
fn resource() -> Resource {
    let instance = opentelemetry::KeyValue::new("service.instance.id", RecordId::new().to_string());
    let version = opentelemetry::KeyValue::new("service.version", env!("CARGO_PKG_VERSION"));
    let resource = Resource::builder().with_attributes([instance, version]);
    match optional("OTEL_SERVICE_NAME") {
        Some(_) => resource.build(),
        None => resource.with_service_name(env!("CARGO_CRATE_NAME")).build(),
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
    async fn send_bytes(&self, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
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
