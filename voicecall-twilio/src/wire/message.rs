//! The Message resource: what sending, fetching and listing messages answer.

use serde::Deserialize;
use serde_json::Value;

/// A message. Numbers may be strings.
#[derive(Debug, Deserialize)]
pub(crate) struct Message {
    pub(crate) sid: String,
    pub(crate) status: Option<String>,
    /// `inbound`, or one that begins with `outbound`.
    pub(crate) direction: Option<String>,
    /// As it was sent; empty once it was redacted.
    pub(crate) body: Option<String>,
    pub(crate) to: Option<String>,
    /// Null while a messaging service has not chosen it.
    pub(crate) from: Option<String>,
    #[serde(default)]
    pub(crate) num_segments: Value,
    /// A decimal number, negative for what is charged.
    pub(crate) price: Option<String>,
    /// Unlike a call's in lower case.
    pub(crate) price_unit: Option<String>,
    #[serde(default)]
    pub(crate) error_code: Value,
    /// RFC 2822, to the second.
    pub(crate) date_created: Option<String>,
}
