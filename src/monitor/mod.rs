//! Watching a server: numbers for dashboards, and alerts when they are not as they should be.
//!
//! The first two are [`Observer`](crate::engine::Observer)s: give them to
//! [`CallEngine::add_observer`](crate::engine::CallEngine::add_observer).
//!
//! | feature | what |
//! |---|---|
//! | `metrics` | [`MetricsObserver`]: counters, gauges and histograms through the `metrics` facade, listed in [`METRICS`] |
//! | `alerts` | [`Alerts`]: rules over sliding windows, sent to an [`AlertSink`] such as [`WebhookSink`] |
//! | `otlp` | [`Telemetry`]: lines of JSON, and traces and logs to a collector over OpenTelemetry's protocol |

#[cfg(feature = "alerts")]
mod alerts;
#[cfg(feature = "metrics")]
mod catalog;
#[cfg(feature = "metrics")]
mod metrics;
#[cfg(feature = "otlp")]
mod telemetry;
#[cfg(any(feature = "alerts", feature = "metrics"))]
mod units;

#[cfg(feature = "alerts")]
#[doc(inline)]
pub use alerts::{
    Alert, AlertBook, AlertOptions, AlertRule, AlertSink, AlertState, Alerts, Measure, Severity, Threshold, Transition,
    WebhookSink,
};
#[cfg(feature = "metrics")]
#[doc(inline)]
pub use catalog::{METRICS, Metric, MetricKind};
#[cfg(feature = "metrics")]
#[doc(inline)]
pub use metrics::MetricsObserver;
#[cfg(feature = "otlp")]
#[doc(inline)]
pub use telemetry::Telemetry;
