//! Structured logs: one JSON object a line on standard error, without personal data.

use tracing_subscriber::EnvFilter;

/// Starts logging. `RUST_LOG` overrides `level`.
pub(crate) fn start(level: &str) {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new(level));
    tracing_subscriber::fmt().json().with_env_filter(filter).with_writer(std::io::stderr).init();
}
