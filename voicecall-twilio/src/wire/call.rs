//! The Call resource: what placing, fetching and listing calls answer.

use serde::Deserialize;
use serde::de::IntoDeserializer;
use serde::de::value::{Error as ValueError, StrDeserializer};

/// A call. Twilio sends every value as a string or null, also numbers.
#[derive(Debug, Deserialize)]
pub(crate) struct Call {
    pub(crate) sid: String,
    pub(crate) status: Option<Status>,
    /// RFC 2822, to the second.
    pub(crate) date_created: Option<String>,
    pub(crate) start_time: Option<String>,
    pub(crate) end_time: Option<String>,
    /// Whole seconds.
    pub(crate) duration: Option<String>,
    pub(crate) to: Option<String>,
    pub(crate) from: Option<String>,
    pub(crate) direction: Option<String>,
    /// A decimal number, negative for what is charged.
    pub(crate) price: Option<String>,
    pub(crate) price_unit: Option<String>,
    pub(crate) answered_by: Option<String>,
    pub(crate) parent_call_sid: Option<String>,
}

/// A call's status, in the REST resource and in webhooks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Status {
    Queued,
    /// Only in status callbacks: taken from the queue, not yet ringing.
    Initiated,
    Ringing,
    InProgress,
    Completed,
    Busy,
    Failed,
    NoAnswer,
    Canceled,
    #[serde(other)]
    Unknown,
}

impl Status {
    pub(crate) fn from_name(name: &str) -> Self {
        let name: StrDeserializer<'_, ValueError> = name.into_deserializer();
        Self::deserialize(name).unwrap_or(Self::Unknown)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fresh_call_is_mostly_null() {
        let json =
            r#"{"sid":"CA1","status":"queued","date_created":null,"duration":null,"price":null,"new":{"a":[1]}}"#;
        let call: Call = serde_json::from_str(json).unwrap();
        assert_eq!((call.sid.as_str(), call.status), ("CA1", Some(Status::Queued)));
        assert_eq!((call.date_created, call.duration), (None, None));
    }

    #[test]
    fn every_documented_status_is_known_and_a_new_one_is_not_an_error() {
        let known = [
            ("queued", Status::Queued),
            ("initiated", Status::Initiated),
            ("ringing", Status::Ringing),
            ("in-progress", Status::InProgress),
            ("completed", Status::Completed),
            ("busy", Status::Busy),
            ("failed", Status::Failed),
            ("no-answer", Status::NoAnswer),
            ("canceled", Status::Canceled),
        ];
        for (name, status) in known {
            assert_eq!(Status::from_name(name), status);
        }
        assert_eq!(Status::from_name("teleported"), Status::Unknown);
        assert_eq!(serde_json::from_str::<Status>("\"teleported\"").unwrap(), Status::Unknown);
    }
}
