//! An alert as it is delivered.

use std::time::Duration;

use jiff::Timestamp;
use serde::{Serialize, Serializer};
use voicecall_core::RecordId;

use super::book::{AlertState, Transition};
use super::rule::{Measure, Severity, Threshold};

/// An alert to deliver. Serialised, it is the body that [`WebhookSink`](super::WebhookSink) sends:
///
/// ```json
/// {
///   "id": "01932f4e-8d7a-7c31-9f0e-4a5f6d7c8b90",
///   "rule": "completion_rate",
///   "state": "firing",
///   "severity": "critical",
///   "measure": "completion_rate",
///   "unit": "ratio",
///   "value": 0.97,
///   "threshold": { "below": 0.99 },
///   "samples": 210,
///   "windowSeconds": 3600.0,
///   "since": "2026-03-01T11:58:40Z",
///   "at": "2026-03-01T12:00:00Z"
/// }
/// ```
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct Alert {
    /// The same whenever this alert is sent again because its delivery failed; a receiver knows a copy by it.
    pub id: RecordId,
    /// The rule's name.
    pub rule: String,
    /// Whether it fires.
    pub state: AlertState,
    /// How bad that is.
    pub severity: Severity,
    /// What was measured.
    pub measure: Measure,
    /// The unit of value and threshold: `ratio`, `seconds` or `dollars`.
    pub unit: &'static str,
    /// What was measured; `None` if there are no longer enough samples.
    pub value: Option<f64>,
    /// Which value is too bad.
    pub threshold: Threshold,
    /// How many samples are in the window.
    pub samples: u64,
    /// Over how long it was measured, in seconds.
    #[serde(rename = "windowSeconds", serialize_with = "seconds")]
    pub window: Duration,
    /// When it began to be too bad.
    pub since: Timestamp,
    /// When it was judged.
    pub at: Timestamp,
}

impl Alert {
    /// The alert that tells of a transition at a time.
    #[must_use]
    pub fn new(transition: Transition, at: Timestamp) -> Self {
        let Transition { rule, state, value, samples, lasted } = transition;
        // Before the calendar begins, the moment itself is as good as any.
        let since = at.checked_sub(lasted).unwrap_or(at);
        Self {
            id: RecordId::new(),
            rule: rule.name.into_owned(),
            state,
            severity: rule.severity,
            measure: rule.measure,
            unit: rule.measure.unit(),
            value,
            threshold: rule.threshold,
            samples,
            window: rule.window,
            since,
            at,
        }
    }
}

fn seconds<S: Serializer>(duration: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_f64(duration.as_secs_f64())
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use serde_json::json;
    use voicecall_core::{CallTime, SessionId, TenantId};
    use voicecall_engine::{LiveEvent, LiveEventKind};

    use super::super::{AlertBook, AlertRule};
    use super::*;

    #[test]
    fn the_body_is_as_documented() {
        let start = Instant::now();
        let mut book = AlertBook::new([AlertRule::call_cost(250_000)], Duration::from_secs(1)).unwrap();
        let kind = LiveEventKind::Cost { micros: 300_000 };
        book.observe(&LiveEvent::new(TenantId::new(), SessionId::new(), CallTime::ZERO, kind), start);
        book.evaluate(start);
        let transition = book.evaluate(start + Duration::from_secs(80)).remove(0);
        let alert = Alert::new(transition, "2026-03-01T12:00:00Z".parse().unwrap());
        let expected = json!({
            "id": alert.id, "rule": "call_cost", "state": "firing", "severity": "warning", "measure": "call_cost",
            "unit": "dollars", "value": 0.3, "threshold": { "above": 0.25 }, "samples": 1, "windowSeconds": 900.0,
            "since": "2026-03-01T11:58:40Z", "at": "2026-03-01T12:00:00Z",
        });
        assert_eq!(serde_json::to_value(&alert).unwrap(), expected);
    }
}
