//! What a person writes.

use serde::Deserialize;

/// A message of the person, in a conversation by text.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct MessageStep {
    /// Over what: `"sms"`, or `"whatsapp"`.
    #[serde(default)]
    pub over: Over,
    /// The words.
    pub text: String,
    /// What the answer that is waited for contains; any answer does if absent.
    #[serde(default)]
    pub answer: Option<String>,
    /// Whether the person calls once they have the answer, as `[caller]` says, and goes on writing after the call.
    #[serde(default)]
    pub then_calls: bool,
}

/// Over what a person writes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Over {
    /// Text messages to a phone number.
    #[default]
    Sms,
    /// Messages on WhatsApp.
    Whatsapp,
}

impl Over {
    /// Its name.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Sms => "sms",
            Self::Whatsapp => "whatsapp",
        }
    }

    /// A number as an address of the simulated Twilio.
    pub(crate) fn address(self, number: &str) -> String {
        match self {
            Self::Sms => number.to_owned(),
            Self::Whatsapp => format!("whatsapp:{number}"),
        }
    }
}
