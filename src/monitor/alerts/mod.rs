//! Alerts: rules over what happens in calls, judged over sliding windows, and their delivery.

mod book;
mod delivery;
mod message;
mod rule;
mod webhook;
mod window;

pub use book::{AlertBook, AlertState, Transition};
pub use delivery::{AlertOptions, AlertSink, Alerts};
pub use message::Alert;
pub use rule::{AlertRule, Measure, Severity, Threshold};
pub use webhook::WebhookSink;
