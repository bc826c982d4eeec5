//! The addresses a carrier is given for one attempt, and reading them back.

use std::fmt;
use std::str::FromStr;

use url::Url;
use uuid::Uuid;

use super::accounts::account_of;
use super::config::EngineConfig;
use voicecall_core::store::DialAttempt;
use voicecall_core::{AccountName, AttemptId, TenantId};
use voicecall_core::{Error, Result};

/// Names an attempt in the path of an address: the account, a dot, the tenant and the attempt as 64 hexadecimal digits.
///
/// Every address given to a carrier holds one, so that what arrives is known to belong to this attempt even before
/// the carrier has told the name of the call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct CallKey {
    /// Through which account it goes: whose signature what arrives must have.
    pub account: AccountName,
    /// Whose attempt.
    pub tenant: TenantId,
    /// Which.
    pub attempt: AttemptId,
}

impl CallKey {
    /// The key of an attempt.
    ///
    /// # Errors
    /// `Invalid` if the attempt's account has a name that none can have.
    pub fn of(attempt: &DialAttempt) -> Result<Self> {
        Ok(Self { account: account_of(attempt)?, tenant: attempt.tenant, attempt: attempt.id })
    }
}

/// What a carrier's report is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReportOf {
    /// An attempt, named in the address.
    Call(CallKey),
    /// Some call of this account, named only in the report itself.
    Account(AccountName),
}

impl ReportOf {
    /// The account it comes from.
    #[must_use]
    pub const fn account(&self) -> AccountName {
        match self {
            Self::Call(key) => key.account,
            Self::Account(name) => *name,
        }
    }
}

impl fmt::Display for CallKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}{}", self.account, self.tenant.as_uuid().simple(), self.attempt.as_uuid().simple())
    }
}

impl FromStr for CallKey {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let wrong = || Error::invalid("call key", "an account, a dot and 64 hexadecimal digits");
        let (account, digits) = text.split_once('.').ok_or_else(wrong)?;
        if digits.len() != 64 || !digits.is_ascii() {
            return Err(wrong());
        }
        let part = |digits: &str| Uuid::try_parse(digits).map_err(|_| wrong());
        let (tenant, attempt) = digits.split_at(32);
        Ok(Self {
            account: account.parse().map_err(|_| wrong())?,
            tenant: TenantId::from_uuid(part(tenant)?),
            attempt: AttemptId::from_uuid(part(attempt)?),
        })
    }
}

impl EngineConfig {
    /// Where the carrier asks what to do with calls to the numbers of this account: to be set at the carrier.
    ///
    /// # Errors
    /// `Config` if nothing can be appended to the public address.
    pub fn incoming_url(&self, account: AccountName) -> Result<Url> {
        self.url(&format!("voice/{account}/incoming"))
    }

    /// Where the carrier reports how such calls end: to be set beside it.
    ///
    /// # Errors
    /// As [`incoming_url`](Self::incoming_url).
    pub fn incoming_status_url(&self, account: AccountName) -> Result<Url> {
        let mut url = self.url(&self.status_path)?;
        url.query_pairs_mut().append_pair("account", account.as_str());
        Ok(url)
    }

    /// Where the carrier connects the audio of all calls of this account, if it does not take an address for each: to be set
    /// at the carrier. The account's name takes the place of a ticket.
    ///
    /// # Errors
    /// As [`incoming_url`](Self::incoming_url).
    pub fn shared_media_url(&self, account: AccountName) -> Result<Url> {
        self.media_url(account.as_str())
    }

    /// Where the carrier asks what to do with the answered call.
    pub(super) fn answer_url(&self, key: CallKey) -> Result<Url> {
        self.url(&format!("voice/{key}/answer"))
    }

    /// Where the carrier asks what to do when the media socket has closed.
    pub(super) fn resume_url(&self, key: CallKey) -> Result<Url> {
        self.url(&format!("voice/{key}/resume"))
    }

    /// Where the carrier asks what to say to whoever is to take the call. What that is stands in the address, sealed.
    pub(super) fn screening_url(&self, key: CallKey, announcement: &str) -> Result<Url> {
        self.url(&format!("voice/{key}/screen/{announcement}"))
    }

    /// Where the carrier says which key they pressed.
    pub(super) fn accept_url(&self, key: CallKey) -> Result<Url> {
        self.url(&format!("voice/{key}/accept"))
    }

    /// Where the carrier reports what happens to the call.
    pub(super) fn status_url(&self, key: CallKey) -> Result<Url> {
        let mut url = self.url(&self.status_path)?;
        url.query_pairs_mut().append_pair("call", &key.to_string());
        Ok(url)
    }

    /// Where the carrier connects the call's audio.
    pub(super) fn media_url(&self, token: &str) -> Result<Url> {
        let mut url = self.url(&format!("media/{token}"))?;
        let scheme = if url.scheme() == "http" { "ws" } else { "wss" };
        // Both pairs are special schemes, so the change is allowed.
        let _ = url.set_scheme(scheme);
        Ok(url)
    }

    /// `path` below the public address, whether or not that ends in a slash.
    fn url(&self, path: &str) -> Result<Url> {
        let base = self.public_url.as_str().trim_end_matches('/');
        Url::parse(&format!("{base}/{}", path.trim_start_matches('/')))
            .map_err(|error| Error::config("PUBLIC_URL", "an address paths can be appended to").with_source(error))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn key() -> CallKey {
        CallKey { account: "scripted".parse().unwrap(), tenant: TenantId::new(), attempt: AttemptId::new() }
    }

    #[test]
    fn addresses_keep_the_public_path_and_the_media_one_has_no_query() {
        let url = Url::parse("https://calls.example/base/").unwrap();
        let config = EngineConfig::new(url);
        let key = key();
        assert_eq!(config.answer_url(key).unwrap().as_str(), format!("https://calls.example/base/voice/{key}/answer"));
        assert_eq!(config.media_url("abc").unwrap().as_str(), "wss://calls.example/base/media/abc");
        assert_eq!(config.status_url(key).unwrap().query(), Some(format!("call={key}").as_str()));
    }

    proptest! {
        #[test]
        fn a_key_reads_back_and_nothing_panics(text in ".{0,70}") {
            let key = key();
            prop_assert_eq!(key.to_string().parse::<CallKey>().unwrap(), key);
            let _ = text.parse::<CallKey>();
        }
    }
}
