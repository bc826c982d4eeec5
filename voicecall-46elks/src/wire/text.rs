//! `GET /sms`, `POST /sms`, `GET /mms` and `POST /mms`.

use serde::Deserialize;
use serde_json::Value;

/// An SMS or an MMS.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct Text {
    pub(crate) id: String,
    /// `incoming` or `outgoing`.
    #[serde(default)]
    pub(crate) direction: Option<String>,
    #[serde(default)]
    pub(crate) from: Option<String>,
    #[serde(default)]
    pub(crate) to: Option<String>,
    /// The words.
    #[serde(default)]
    pub(crate) message: Option<String>,
    /// UTC without a zone.
    #[serde(default)]
    pub(crate) created: Option<String>,
    /// `created`, `sent`, `delivered` or `failed`; an MMS has none.
    #[serde(default)]
    pub(crate) status: Option<String>,
    /// Ten-thousandths of the account's currency.
    #[serde(default)]
    pub(crate) cost: Value,
    #[serde(default)]
    pub(crate) parts: Value,
}

/// A page of them, newest first.
#[derive(Debug, Deserialize)]
pub(crate) struct TextPage {
    #[serde(default)]
    pub(crate) data: Vec<Text>,
    /// Where the next page begins; none behind the last.
    #[serde(default)]
    pub(crate) next: Option<String>,
}
