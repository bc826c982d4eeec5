//! Where a service is, how to log in, which model it is asked for and how long it may take.

use secrecy::{ExposeSecret, SecretString};
use url::Url;
use voicecall_core::model::Timeouts;
use voicecall_core::{Error, Result};
use voicecall_net::BaseAddress;

const OPENAI: &str = "https://api.openai.com/v1";
const HOST: &str = "api.openai.com";

/// One service: its address, its key, its model and its time limits.
///
/// Every service of a cascade has its own, so that the chat can run at OpenAI and the voice in the next room.
///
/// ```
/// use voicecall_openai::Endpoint;
///
/// let ollama = Endpoint::new("http://localhost:11434/v1", "llama3.2")?.with_name("ollama");
/// assert_eq!(ollama.model(), "llama3.2");
/// # Ok::<(), voicecall_core::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct Endpoint {
    name: &'static str,
    address: BaseAddress,
    api_key: Option<SecretString>,
    model: String,
    timeouts: Timeouts,
}

impl Endpoint {
    /// A service at `base_url`, which is everything before `/chat/completions` or `/audio/…`, path prefix included.
    ///
    /// # Errors
    /// `Config` if the address is not an absolute `http` or `https` URL, or the model is empty.
    pub fn new(base_url: &str, model: impl Into<String>) -> Result<Self> {
        let address = BaseAddress::parse(base_url)?;
        let model = model.into();
        if model.trim().is_empty() {
            return Err(Error::config("model", "the name of a model"));
        }
        let name = if address.is_of(HOST) { "openai" } else { "openai-compatible" };
        Ok(Self { name, address, api_key: None, model, timeouts: Timeouts::default() })
    }

    /// A service of OpenAI itself.
    ///
    /// # Errors
    /// `Config` if the model is empty.
    pub fn openai(api_key: impl Into<SecretString>, model: impl Into<String>) -> Result<Self> {
        Ok(Self::new(OPENAI, model)?.with_api_key(api_key))
    }

    /// Logs in with a key, sent as a bearer token. An empty key is none.
    #[must_use]
    pub fn with_api_key(mut self, api_key: impl Into<SecretString>) -> Self {
        self.api_key = Some(api_key.into()).filter(|key| !key.expose_secret().trim().is_empty());
        self
    }

    /// Replaces the name under which logs, errors and the price book know the service. The default is `openai` for
    /// OpenAI's own hosts, else `openai-compatible`.
    #[must_use]
    pub fn with_name(mut self, name: &'static str) -> Self {
        self.name = name;
        self
    }

    /// Replaces the time limits.
    #[must_use]
    pub fn with_timeouts(mut self, timeouts: Timeouts) -> Self {
        self.timeouts = timeouts;
        self
    }

    /// The name under which logs, errors and the price book know the service.
    #[must_use]
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// The model that is asked for.
    #[must_use]
    pub fn model(&self) -> &str {
        &self.model
    }

    /// The time limits.
    #[must_use]
    pub fn timeouts(&self) -> Timeouts {
        self.timeouts
    }

    pub(crate) fn api_key(&self) -> Option<&SecretString> {
        self.api_key.as_ref()
    }

    /// Whether the service is OpenAI's own, which takes fields that others refuse, and refuses others.
    pub(crate) fn is_openai(&self) -> bool {
        self.address.is_of(HOST)
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
            ("https://api.openai.com/v1", "https://api.openai.com/v1/audio/speech"),
            ("http://localhost:8080", "http://localhost:8080/audio/speech"),
            ("https://host/proxy/openai/v1/", "https://host/proxy/openai/v1/audio/speech"),
            ("https://host/v1?version=2", "https://host/v1/audio/speech?version=2"),
        ] {
            let endpoint = Endpoint::new(base, "m").unwrap();
            assert_eq!(endpoint.url(&["audio", "speech"]).as_str(), expected);
        }
    }

    #[test]
    fn wrong_addresses_and_models_are_named() {
        for base in ["", "localhost:11434/v1", "/v1", "ftp://host/v1", "unix:/run/socket"] {
            let error = Endpoint::new(base, "m").unwrap_err();
            assert_eq!((error.kind(), error.field()), (ErrorKind::Config, Some("base_url")), "{base:?}");
        }
        assert_eq!(Endpoint::new("http://host", " ").unwrap_err().field(), Some("model"));
    }

    #[test]
    fn only_openais_own_hosts_count_as_openai() {
        for (base, own) in [
            ("https://api.openai.com/v1", true),
            ("https://eu.api.openai.com/v1", true),
            ("https://api.openai.com.example.net/v1", false),
            ("https://fakeapi.openai.com/v1", false),
            ("http://localhost:11434/v1", false),
        ] {
            let endpoint = Endpoint::new(base, "m").unwrap();
            assert_eq!(endpoint.is_openai(), own, "{base}");
            assert_eq!(endpoint.name() == "openai", own, "{base}");
        }
    }

    #[test]
    fn the_key_is_not_printed_and_an_empty_one_is_none() {
        let endpoint = Endpoint::openai("sk-secret", "m").unwrap();
        assert!(!format!("{endpoint:?}").contains("sk-secret"));
        assert!(endpoint.with_api_key(" ").api_key().is_none());
    }
}
