//! The IncomingPhoneNumber resource: a number of the account, and where calls to it are asked about.

use serde::Deserialize;

/// A number. What is not set is null, or empty.
#[derive(Debug, Deserialize)]
pub(crate) struct Number {
    pub(crate) sid: String,
    /// In E.164.
    pub(crate) phone_number: Option<String>,
    pub(crate) voice_url: Option<String>,
    pub(crate) status_callback: Option<String>,
    /// An application that answers in the place of `voice_url`.
    pub(crate) voice_application_sid: Option<String>,
    /// A SIP trunk that takes calls in the place of `voice_url`.
    pub(crate) trunk_sid: Option<String>,
}

/// `GET /2010-04-01/Accounts/{AC}/IncomingPhoneNumbers.json`.
#[derive(Debug, Deserialize)]
pub(crate) struct NumberPage {
    pub(crate) incoming_phone_numbers: Vec<Number>,
}
