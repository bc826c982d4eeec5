//! `GET /recordings`.

use serde::Deserialize;
use serde_json::Value;

/// A recording; its id is that of its call with `-r` and a number.
#[derive(Debug, Deserialize)]
pub(crate) struct Recording {
    pub(crate) id: String,
    /// Seconds; a number, or a string that is one.
    #[serde(default)]
    pub(crate) duration: Value,
    #[serde(default)]
    pub(crate) created: Option<String>,
}

/// A page of recordings, newest first.
#[derive(Debug, Deserialize)]
pub(crate) struct RecordingPage {
    #[serde(default)]
    pub(crate) data: Vec<Recording>,
    #[serde(default)]
    pub(crate) next: Option<String>,
}
