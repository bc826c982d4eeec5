//! The units of metrics and alerts.

/// Millionths of a dollar as dollars.
#[allow(clippy::cast_precision_loss, reason = "exact up to nine thousand million dollars")]
pub(super) const fn dollars(micros: i64) -> f64 {
    micros as f64 / 1e6
}
