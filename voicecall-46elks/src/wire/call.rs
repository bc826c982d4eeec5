//! `GET /calls` and `POST /calls`.

use serde::Deserialize;
use serde_json::Value;

/// A call.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct Call {
    pub(crate) id: String,
    #[serde(default)]
    pub(crate) direction: Option<String>,
    #[serde(default)]
    pub(crate) from: Option<String>,
    #[serde(default)]
    pub(crate) to: Option<String>,
    /// UTC without a zone.
    #[serde(default)]
    pub(crate) created: Option<String>,
    /// When it was picked up.
    #[serde(default)]
    pub(crate) start: Option<String>,
    #[serde(default)]
    pub(crate) state: Option<String>,
    /// Seconds; a number, or a string that is one.
    #[serde(default)]
    pub(crate) duration: Value,
    /// Ten-thousandths of the account's currency.
    #[serde(default)]
    pub(crate) cost: Value,
    #[serde(default)]
    pub(crate) legs: Vec<Leg>,
}

/// A connection of a call.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct Leg {
    #[serde(default)]
    pub(crate) state: Option<String>,
}

/// A page of calls, newest first.
#[derive(Debug, Deserialize)]
pub(crate) struct CallPage {
    #[serde(default)]
    pub(crate) data: Vec<Call>,
    /// Where the next page begins; none behind the last.
    #[serde(default)]
    pub(crate) next: Option<String>,
}
