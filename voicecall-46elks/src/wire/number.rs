//! `GET /numbers`.

use serde::Deserialize;

/// A number of the account, perhaps one that it has given back.
#[derive(Debug, Deserialize)]
pub(crate) struct Number {
    pub(crate) id: String,
    #[serde(default)]
    pub(crate) number: Option<String>,
    /// `yes` or `no`.
    #[serde(default)]
    pub(crate) active: Option<String>,
    /// Such as `sms`, `mms`, `voice`, `websocket`.
    #[serde(default)]
    pub(crate) capabilities: Vec<String>,
    /// What to do with calls: an address or an action.
    #[serde(default)]
    pub(crate) voice_start: Option<String>,
    /// Where texts to it are told: an address or an action.
    #[serde(default)]
    pub(crate) sms_url: Option<String>,
    /// Where a number for the realtime voice socket connects to.
    #[serde(default)]
    pub(crate) websocket_url: Option<String>,
}

/// A page of numbers.
#[derive(Debug, Deserialize)]
pub(crate) struct NumberPage {
    #[serde(default)]
    pub(crate) data: Vec<Number>,
    #[serde(default)]
    pub(crate) next: Option<String>,
}
