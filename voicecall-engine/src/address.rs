//! The addresses a carrier is given for one attempt, and reading them back.

use std::fmt;
use std::str::FromStr;

use url::Url;
use uuid::Uuid;

use super::config::EngineConfig;
use voicecall_core::{AttemptId, TenantId};
use voicecall_core::{Error, Result};

/// Names an attempt in the path of an address: the tenant and the attempt, 64 hexadecimal digits.
///
/// Every address given to a carrier holds one, so that what arrives is known to belong to this attempt even before
/// the carrier has told the name of the call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct CallKey {
    /// Whose attempt.
    pub tenant: TenantId,
    /// Which.
    pub attempt: AttemptId,
}

impl fmt::Display for CallKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.tenant.as_uuid().simple(), self.attempt.as_uuid().simple())
    }
}

impl FromStr for CallKey {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let wrong = || Error::invalid("call key", "64 hexadecimal digits");
        if text.len() != 64 || !text.is_ascii() {
            return Err(wrong());
        }
        let part = |digits: &str| Uuid::try_parse(digits).map_err(|_| wrong());
        let (tenant, attempt) = text.split_at(32);
        Ok(Self { tenant: TenantId::from_uuid(part(tenant)?), attempt: AttemptId::from_uuid(part(attempt)?) })
    }
}

impl EngineConfig {
    /// Where the carrier asks what to do with the answered call.
    pub(super) fn answer_url(&self, key: CallKey) -> Result<Url> {
        self.url(&format!("voice/{key}/answer"))
    }

    /// Where the carrier asks what to do when the media socket has closed.
    pub(super) fn resume_url(&self, key: CallKey) -> Result<Url> {
        self.url(&format!("voice/{key}/resume"))
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
        CallKey { tenant: TenantId::new(), attempt: AttemptId::new() }
    }

    #[test]
    fn addresses_keep_the_public_path_and_the_media_one_has_no_query() {
        let url = Url::parse("https://calls.example/base/").unwrap();
        let config = EngineConfig::new(url, "+46700000000".parse().unwrap());
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
