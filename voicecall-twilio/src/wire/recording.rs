//! The Recording resource: what starting, changing, fetching and listing recordings answer.

use serde::Deserialize;
use serde_json::Value;

/// A recording. Numbers may be strings.
#[derive(Debug, Deserialize)]
pub(crate) struct Recording {
    pub(crate) sid: String,
    pub(crate) call_sid: Option<String>,
    pub(crate) status: Option<String>,
    #[serde(default)]
    pub(crate) channels: Value,
    /// Whole seconds; -1 while they are not known.
    #[serde(default)]
    pub(crate) duration: Value,
    /// RFC 2822.
    pub(crate) start_time: Option<String>,
}
