//! Structured logs: one JSON object a line on standard error, without personal data; and, if wanted, traces and logs to
//! a collector.

use std::error::Error;

use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{EnvFilter, Layer};

use crate::telemetry::Telemetry;

/// The logs of this process, for their end.
#[derive(Debug)]
pub(crate) struct Log(Option<Telemetry>);

/// Starts logging. `RUST_LOG` overrides `level`.
///
/// # Errors
/// When what the environment says about the collector cannot be understood.
pub(crate) fn start(level: &str) -> Result<Log, Box<dyn Error>> {
    let filter = || EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new(level));
    let telemetry = Telemetry::from_env()?;
    let lines = tracing_subscriber::fmt::layer().json().with_writer(std::io::stderr).with_filter(filter());
    let export = telemetry.as_ref().map(|telemetry| telemetry.layer(filter()));
    tracing_subscriber::registry().with(lines).with(export).init();
    Ok(Log(telemetry))
}

impl Log {
    /// Exports what is left.
    pub(crate) async fn stop(self) {
        if let Some(telemetry) = self.0 {
            telemetry.stop().await;
        }
    }
}
