//! The IncomingPhoneNumber resource, a number of the account, and AvailablePhoneNumber, one that is sold.

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
    pub(crate) sms_url: Option<String>,
    /// An application that takes messages in the place of `sms_url`.
    pub(crate) sms_application_sid: Option<String>,
    pub(crate) capabilities: Option<NumberAbilities>,
}

/// What a number is good for. Some listings write the names in capitals.
#[derive(Debug, Clone, Copy, Default, Deserialize)]
pub(crate) struct NumberAbilities {
    #[serde(default)]
    pub(crate) voice: bool,
    #[serde(default, alias = "SMS")]
    pub(crate) sms: bool,
    #[serde(default, alias = "MMS")]
    pub(crate) mms: bool,
}

/// A number that is sold.
#[derive(Debug, Deserialize)]
pub(crate) struct AvailableNumber {
    /// In E.164.
    pub(crate) phone_number: Option<String>,
    pub(crate) locality: Option<String>,
    /// `none`, `any`, `local` or `foreign`.
    pub(crate) address_requirements: Option<String>,
    pub(crate) capabilities: Option<NumberAbilities>,
}

/// `GET /2010-04-01/Accounts/{AC}/AvailablePhoneNumbers/{CC}/{kind}.json`.
#[derive(Debug, Deserialize)]
pub(crate) struct AvailableNumbers {
    pub(crate) available_phone_numbers: Vec<AvailableNumber>,
}
