//! A call that somebody places to us.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::address::Address;

/// A call that came in, as the carrier describes it when it asks what to do with it. It has not been answered yet.
///
/// Nothing here is proof of who calls: a caller's number can be forged. `Debug` masks every address and hides the name;
/// serialising gives them in full.
///
/// Of a call's session, `from` (sealed), `to` and the account are kept. The rest is for the decision about the call alone and
/// reaches no store: it is about people, has no place in a session's metadata, and a process that goes on with the call
/// later does not know it. An application that needs it keeps it among its own data, under the session's id.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct IncomingCall {
    /// Who calls; absent if they withhold it, or if what the carrier sent is no address.
    #[serde(default, with = "optional_address")]
    pub from: Option<Address>,
    /// Which of our addresses they called.
    #[serde(with = "address")]
    pub to: Address,
    /// Whose call was forwarded to us, if the network tells. Not kept.
    #[serde(default, with = "optional_address")]
    pub forwarded_from: Option<Address>,
    /// The caller's name, if the carrier looked it up; at most [`MAX_NAME`](Self::MAX_NAME) characters. Not kept.
    #[serde(default)]
    pub caller_name: Option<String>,
    /// The carrier's name of the account, or sub-account, that the call came in to.
    #[serde(default)]
    pub account: Option<String>,
    /// The country of the caller as an ISO 3166-1 alpha-2 code in upper case, if the carrier tells.
    #[serde(default)]
    pub country: Option<String>,
}

impl IncomingCall {
    /// The most characters of a caller's name; what is longer is cut.
    pub const MAX_NAME: usize = 64;

    /// A call to `to` of which nothing else is known.
    #[must_use]
    pub const fn new(to: Address) -> Self {
        Self { from: None, to, forwarded_from: None, caller_name: None, account: None, country: None }
    }

    /// Adds who calls.
    #[must_use]
    pub fn with_from(mut self, from: Option<Address>) -> Self {
        self.from = from;
        self
    }

    /// Adds the caller's name: without control characters and surrounding space, cut to length; none if that leaves
    /// nothing.
    #[must_use]
    pub fn with_caller_name(mut self, name: Option<&str>) -> Self {
        let plain = |name: &str| name.trim().chars().filter(|char| !char.is_control()).take(Self::MAX_NAME).collect();
        self.caller_name = name.map(plain).filter(|name: &String| !name.is_empty());
        self
    }

    /// The same call without the addresses of people and their names, for logs.
    pub(super) fn without_personal_data(&self) -> Self {
        Self { from: None, forwarded_from: None, caller_name: None, ..self.clone() }
    }
}

impl fmt::Debug for IncomingCall {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("IncomingCall")
            .field("from", &self.from)
            .field("to", &self.to)
            .field("forwarded_from", &self.forwarded_from)
            .field("has_caller_name", &self.caller_name.is_some())
            .field("account", &self.account)
            .field("country", &self.country)
            .finish()
    }
}

/// An address in its canonical form.
mod address {
    use serde::de::Error as _;
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    use crate::address::Address;

    pub(super) fn serialize<S: Serializer>(address: &Address, serializer: S) -> Result<S::Ok, S::Error> {
        address.canonical().serialize(serializer)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Address, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(D::Error::custom)
    }
}

/// An address in its canonical form, or none.
mod optional_address {
    use serde::de::Error as _;
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    use crate::address::Address;

    #[expect(clippy::ref_option, reason = "serde passes a reference to the field")]
    pub(super) fn serialize<S: Serializer>(address: &Option<Address>, serializer: S) -> Result<S::Ok, S::Error> {
        address.as_ref().map(Address::canonical).serialize(serializer)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Address>, D::Error> {
        let text = Option::<String>::deserialize(deserializer)?;
        text.map(|text| text.parse()).transpose().map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::carrier::CarrierEventKind;

    fn call() -> IncomingCall {
        let mut call = IncomingCall::new("+46701234567".parse().unwrap())
            .with_from(Some("sip:anna@example.com".parse().unwrap()))
            .with_caller_name(Some(" ANNA \n BERG "));
        call.forwarded_from = Some("+46709876543".parse().unwrap());
        call
    }

    #[test]
    fn it_reads_back_and_is_never_printed_whole() {
        let json = serde_json::to_string(&call()).unwrap();
        assert_eq!(serde_json::from_str::<IncomingCall>(&json).unwrap(), call());
        let printed = format!("{:?}", call());
        for personal in ["anna", "ANNA", "701234", "987654"] {
            assert!(!printed.contains(personal), "{printed}");
        }
    }

    #[test]
    fn it_asks_and_keeps_nobody_in_a_log() {
        let kind = CarrierEventKind::Incoming(call());
        assert!(kind.asks());
        let CarrierEventKind::Incoming(logged) = kind.without_personal_data() else { panic!("another kind") };
        assert_eq!((logged.from, logged.forwarded_from, logged.caller_name), (None, None, None));
    }

    #[test]
    fn a_name_is_plain_and_bounded() {
        let name = |name: &str| call().with_caller_name(Some(name)).caller_name;
        assert_eq!(name(&"å".repeat(99)).unwrap().chars().count(), IncomingCall::MAX_NAME);
        assert_eq!(name(" \u{7} "), None);
    }
}
