//! Typed identifiers: a session's id cannot be passed where an attempt's is wanted.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::error::Error;
use crate::uuid_ids;

uuid_ids! {
    /// Whose data it is. Every call of a tenant's store is scoped by one.
    TenantId: "businessId";
    /// One session: one contact over one channel, from its beginning to its end.
    SessionId: "sessionId";
    /// One thread of messages with a person, over as many sessions as it takes.
    ConversationId: "conversationId";
    /// One try to reach a phone. A phone never rings twice for one attempt.
    AttemptId: "attemptId";
    /// One message, in or out.
    MessageId: "messageId";
    /// One row of a log: an event, a provider operation.
    RecordId: "id";
    /// Something that happened, told to workflows and webhooks.
    EventId: "eventId";
    /// One run of a workflow.
    RunId: "runId";
    /// Where events go to outside.
    SubscriptionId: "subscriptionId";
}

impl RecordId {
    /// The id of a row that follows from something: the same for the same parts, so that what comes twice is stored once
    /// (SHA-256, as a UUID of version 8).
    #[must_use]
    pub fn derived(parts: &[&[u8]]) -> Self {
        let mut digest = Sha256::new();
        for part in parts {
            // The length keeps a part apart from the next.
            digest.update((part.len() as u64).to_be_bytes());
            digest.update(part);
        }
        let mut bytes = [0; 16];
        bytes.copy_from_slice(&digest.finalize()[..16]);
        Self::from_uuid(uuid::Builder::from_bytes(bytes).with_version(uuid::Version::Custom).into_uuid())
    }
}

/// A carrier's own name for something. Opaque.
macro_rules! carrier_ids {
    ($($(#[$doc:meta])* $name:ident)*) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(String);

        impl $name {
            /// Wraps the carrier's identifier.
            #[must_use]
            pub fn new(id: impl Into<String>) -> Self {
                Self(id.into())
            }

            /// The carrier's identifier.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    )*};
}

carrier_ids! {
    /// A carrier's own name for a call, such as Twilio's `CA…`. Opaque.
    CarrierCallId
    /// A carrier's own name for a message, such as Twilio's `SM…`. Opaque.
    CarrierMessageId
}

/// The name of one account at a carrier: 1 to 40 characters out of `a-z 0-9 -`. It stands in rows, logs and addresses.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct AccountName {
    /// Padded with zeros.
    bytes: [u8; Self::LONGEST],
}

impl AccountName {
    /// The most characters a name has.
    pub const LONGEST: usize = 40;

    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        let end = self.bytes.iter().position(|byte| *byte == 0).unwrap_or(Self::LONGEST);
        // Only ASCII is taken in.
        std::str::from_utf8(&self.bytes[..end]).unwrap_or_default()
    }
}

impl FromStr for AccountName {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let is_fit = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        if text.is_empty() || text.len() > Self::LONGEST || !text.bytes().all(is_fit) {
            return Err(Error::invalid("account", "1 to 40 characters out of a-z 0-9 -"));
        }
        let mut bytes = [0; Self::LONGEST];
        bytes[..text.len()].copy_from_slice(text.as_bytes());
        Ok(Self { bytes })
    }
}

impl TryFrom<String> for AccountName {
    type Error = Error;

    fn try_from(text: String) -> Result<Self, Error> {
        text.parse()
    }
}

impl fmt::Display for AccountName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl fmt::Debug for AccountName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.as_str(), f)
    }
}

impl Serialize for AccountName {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl<'de> Deserialize<'de> for AccountName {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

/// Who owns a call, counted up at each change of hands. A write with an older epoch is refused by the store.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Epoch(pub u32);

impl Epoch {
    /// The epoch of a call's first owner.
    pub const FIRST: Self = Self(1);

    /// The epoch of the next owner.
    #[must_use]
    pub const fn next(self) -> Self {
        Self(self.0 + 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_derived_id_is_that_of_its_parts() {
        let id = RecordId::derived(&[b"call 1", b"busy"]);
        assert_eq!(id, RecordId::derived(&[b"call 1", b"busy"]));
        for other in [&[&b"call 1b"[..], b"usy"][..], &[b"call 1busy"], &[b"busy", b"call 1"], &[]] {
            assert_ne!(id, RecordId::derived(other));
        }
    }

    #[test]
    fn a_wrong_id_names_its_field() {
        let error = "nonsense".parse::<SessionId>().unwrap_err();
        assert_eq!(error.field(), Some("sessionId"));
    }

    #[test]
    fn an_account_is_named_shortly_and_plainly() {
        let name: AccountName = "twilio-se".parse().unwrap();
        assert_eq!((name.as_str(), format!("{name:?}")), ("twilio-se", "\"twilio-se\"".to_owned()));
        let longest = "a".repeat(AccountName::LONGEST);
        assert_eq!(longest.parse::<AccountName>().unwrap().as_str(), longest);
        for wrong in ["", "Twilio", "a/b", "å", &"a".repeat(41)] {
            assert_eq!(wrong.parse::<AccountName>().unwrap_err().field(), Some("account"));
        }
        assert_eq!(serde_json::from_str::<AccountName>("\"a\"").unwrap().to_string(), "a");
    }

    #[test]
    fn ids_made_later_sort_later() {
        let ids: Vec<_> = (0..100).map(|_| SessionId::new()).collect();
        assert!(ids.is_sorted());
    }
}
