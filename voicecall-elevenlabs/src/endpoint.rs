//! Where ElevenLabs is, how to log in and how long it may take.

use secrecy::{ExposeSecret, SecretString};
use url::Url;
use voicecall_core::model::Timeouts;
use voicecall_core::{Error, Result};
use voicecall_net::BaseAddress;

const GLOBAL: &str = "https://api.elevenlabs.io";

/// The base address of accounts whose data stays in the European Union.
pub const EU_RESIDENCY: &str = "https://api.eu.residency.elevenlabs.io";

/// The base address of accounts whose data stays in India.
pub const INDIA_RESIDENCY: &str = "https://api.in.residency.elevenlabs.io";

/// The base address that is answered from the United States only.
pub const US_RESIDENCY: &str = "https://api.us.elevenlabs.io";

/// An account: its address, its key and its time limits.
///
/// ```
/// use voicecall_elevenlabs::{EU_RESIDENCY, Endpoint};
///
/// let account = Endpoint::new("key")?.with_base_url(EU_RESIDENCY)?;
/// assert!(!format!("{account:?}").contains("key\""));
/// # Ok::<(), voicecall_core::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct Endpoint {
    address: BaseAddress,
    api_key: SecretString,
    timeouts: Timeouts,
}

impl Endpoint {
    /// The account of `api_key` at ElevenLabs's global address.
    ///
    /// # Errors
    /// `Config` naming `api_key` if the key is empty.
    pub fn new(api_key: impl Into<SecretString>) -> Result<Self> {
        let api_key = api_key.into();
        if api_key.expose_secret().trim().is_empty() {
            return Err(Error::config("api_key", "a key, since ElevenLabs takes no request without one"));
        }
        Ok(Self { address: BaseAddress::parse(GLOBAL)?, api_key, timeouts: Timeouts::default() })
    }

    /// Replaces the address, which is everything before `/v1/…`, path prefix included: that of a residency, or of a server
    /// that speaks the same protocol.
    ///
    /// # Errors
    /// `Config` naming `base_url` if it is not an absolute `http` or `https` address.
    pub fn with_base_url(mut self, base_url: &str) -> Result<Self> {
        self.address = BaseAddress::parse(base_url)?;
        Ok(self)
    }

    /// Replaces the time limits.
    #[must_use]
    pub fn with_timeouts(mut self, timeouts: Timeouts) -> Self {
        self.timeouts = timeouts;
        self
    }

    /// The time limits.
    #[must_use]
    pub fn timeouts(&self) -> Timeouts {
        self.timeouts
    }

    pub(crate) fn api_key(&self) -> &SecretString {
        &self.api_key
    }

    pub(crate) fn address(&self) -> &BaseAddress {
        &self.address
    }

    /// The address of one operation; a query of the base address stays.
    pub(crate) fn url(&self, path: &[&str]) -> Url {
        self.address.at(path)
    }
}

#[cfg(test)]
mod tests {
    use voicecall_core::ErrorKind;

    use super::*;

    #[test]
    fn path_prefix_and_query_of_the_base_address_stay() {
        for (base, expected) in [
            (EU_RESIDENCY, "https://api.eu.residency.elevenlabs.io/v1/voices"),
            ("http://localhost:8080/", "http://localhost:8080/v1/voices"),
            ("https://host/proxy/", "https://host/proxy/v1/voices"),
            ("https://host?tenant=2", "https://host/v1/voices?tenant=2"),
        ] {
            let endpoint = Endpoint::new("key").unwrap().with_base_url(base).unwrap();
            assert_eq!(endpoint.url(&["v1", "voices"]).as_str(), expected);
        }
    }

    #[test]
    fn wrong_addresses_and_empty_keys_are_named() {
        for base in ["", "localhost:8080", "/v1", "ftp://host", "unix:/run/socket"] {
            let error = Endpoint::new("key").unwrap().with_base_url(base).unwrap_err();
            assert_eq!((error.kind(), error.field()), (ErrorKind::Config, Some("base_url")), "{base:?}");
        }
        assert_eq!(Endpoint::new(" ").unwrap_err().field(), Some("api_key"));
    }

    #[test]
    fn the_key_is_not_printed() {
        let endpoint = Endpoint::new("canary-key").unwrap();
        assert!(!format!("{endpoint:?}").contains("canary"));
    }
}
