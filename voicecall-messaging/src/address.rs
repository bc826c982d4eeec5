//! The addresses carriers are given, and reading them back.

use std::fmt;
use std::str::FromStr;

use url::Url;
use uuid::Uuid;
use voicecall_core::{AccountName, Error, MessageId, Result, TenantId};

use crate::MessagingConfig;

/// Names a message of ours in the path of an address: the account, a dot, the tenant and the message as 64 hexadecimal
/// digits. So a report is known to belong to it even before the carrier has told its own name for the message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct MessageKey {
    /// Through which account it goes: whose signature what arrives must have.
    pub account: AccountName,
    /// Whose message.
    pub tenant: TenantId,
    /// Which.
    pub message: MessageId,
}

impl fmt::Display for MessageKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}{}", self.account, self.tenant.as_uuid().simple(), self.message.as_uuid().simple())
    }
}

impl FromStr for MessageKey {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let wrong = || Error::invalid("message key", "an account, a dot and 64 hexadecimal digits");
        let (account, digits) = text.split_once('.').ok_or_else(wrong)?;
        if digits.len() != 64 || !digits.is_ascii() {
            return Err(wrong());
        }
        let part = |digits: &str| Uuid::try_parse(digits).map_err(|_| wrong());
        let (tenant, message) = digits.split_at(32);
        Ok(Self {
            account: account.parse().map_err(|_| wrong())?,
            tenant: TenantId::from_uuid(part(tenant)?),
            message: MessageId::from_uuid(part(message)?),
        })
    }
}

impl MessagingConfig {
    /// Where the carrier delivers messages to the addresses of this account: to be set at the carrier.
    ///
    /// # Errors
    /// `Config` if nothing can be appended to the public address.
    pub fn incoming_url(&self, account: AccountName) -> Result<Url> {
        self.url(&format!("messages/{account}/incoming"))
    }

    /// Where the carrier reports what becomes of a message.
    pub(crate) fn report_url(&self, key: MessageKey) -> Result<Url> {
        self.url(&format!("messages/{key}/report"))
    }

    fn url(&self, path: &str) -> Result<Url> {
        let base = self.public_url.as_str().trim_end_matches('/');
        Url::parse(&format!("{base}/{path}"))
            .map_err(|error| Error::config("public_url", "an address paths can be appended to").with_source(error))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn addresses_keep_the_public_path() {
        let config = MessagingConfig::new("https://calls.example/base/".parse().unwrap());
        let account = "main".parse().unwrap();
        let key = MessageKey { account, tenant: TenantId::new(), message: MessageId::new() };
        assert_eq!(config.incoming_url(account).unwrap().as_str(), "https://calls.example/base/messages/main/incoming");
        let report = config.report_url(key).unwrap();
        assert_eq!(report.as_str(), format!("https://calls.example/base/messages/{key}/report"));
    }

    proptest! {
        #[test]
        fn a_key_reads_back_and_nothing_panics(text in ".{0,70}") {
            let account = "main".parse().unwrap();
            let key = MessageKey { account, tenant: TenantId::new(), message: MessageId::new() };
            prop_assert_eq!(key.to_string().parse::<MessageKey>().unwrap(), key);
            let _ = text.parse::<MessageKey>();
        }
    }
}
