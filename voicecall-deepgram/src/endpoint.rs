//! Where Deepgram is, how to log in, which model it is asked for and how long it may take.

use std::time::Duration;

use secrecy::{ExposeSecret, SecretString};
use url::Url;
use voicecall_core::{Error, Result};
use voicecall_net::BaseAddress;

const DEEPGRAM: &str = "https://api.deepgram.com";

/// Deepgram's address, a key, a model and time limits.
///
/// ```
/// use voicecall_deepgram::Endpoint;
///
/// let europe = Endpoint::new("https://api.eu.deepgram.com", "nova-3")?.with_api_key("key");
/// assert_eq!(europe.model(), "nova-3");
/// # Ok::<(), voicecall_core::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct Endpoint {
    address: BaseAddress,
    login: Option<Login>,
    model: String,
    timeouts: Timeouts,
}

/// What is sent to log in.
#[derive(Debug, Clone)]
pub(crate) enum Login {
    /// A key of the account.
    Key(SecretString),
    /// A temporary token.
    Token(SecretString),
}

impl Endpoint {
    /// A service at `base_url`, which is everything before `/v1/listen`, path prefix included: another region
    /// (`https://api.eu.deepgram.com`), a proxy, or a server of one's own. `ws` and `wss` count as `http` and `https`.
    ///
    /// # Errors
    /// `Config` if the address is not an absolute `http`, `https`, `ws` or `wss` URL, if the model is empty, or is one
    /// of the Flux family, which has another protocol and decides turns itself.
    pub fn new(base_url: &str, model: impl Into<String>) -> Result<Self> {
        let address = BaseAddress::parse(base_url)?;
        let model = model.into();
        if model.trim().is_empty() {
            return Err(Error::config("model", "the name of a model"));
        }
        if model.trim().starts_with("flux") {
            return Err(Error::config("model", "a model that is served at /v1/listen, such as nova-3; flux is not"));
        }
        Ok(Self { address, login: None, model: model.trim().to_owned(), timeouts: Timeouts::default() })
    }

    /// Deepgram's own service, in its default region.
    ///
    /// # Errors
    /// `Config` if the model is none that can be asked for, see [`new`](Self::new).
    pub fn deepgram(api_key: impl Into<SecretString>, model: impl Into<String>) -> Result<Self> {
        Ok(Self::new(DEEPGRAM, model)?.with_api_key(api_key))
    }

    /// Logs in with a key of the account (`Authorization: Token …`). An empty key is none.
    #[must_use]
    pub fn with_api_key(mut self, api_key: impl Into<SecretString>) -> Self {
        self.login = given(api_key.into()).map(Login::Key);
        self
    }

    /// Logs in with a temporary token (`Authorization: Bearer …`) instead of a key. An empty token is none.
    #[must_use]
    pub fn with_access_token(mut self, token: impl Into<SecretString>) -> Self {
        self.login = given(token.into()).map(Login::Token);
        self
    }

    /// Replaces the time limits.
    #[must_use]
    pub fn with_timeouts(mut self, timeouts: Timeouts) -> Self {
        self.timeouts = timeouts;
        self
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

    pub(crate) fn login(&self) -> Option<&Login> {
        self.login.as_ref()
    }

    pub(crate) fn address(&self) -> &BaseAddress {
        &self.address
    }

    /// Whether the service is Deepgram's own, which answers nobody without a login.
    pub(crate) fn is_deepgram(&self) -> bool {
        self.address.is_of("deepgram.com")
    }

    /// The address of the live transcription, as a WebSocket's.
    pub(crate) fn listen(&self) -> Url {
        self.address.socket_at(&["v1", "listen"])
    }
}

fn given(secret: SecretString) -> Option<SecretString> {
    Some(secret).filter(|secret| !secret.expose_secret().trim().is_empty())
}

/// How long Deepgram may keep a caller waiting. What runs out of time ends in `Timeout`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Timeouts {
    /// Until the socket is open: name, connection, TLS and handshake together. Default 3 s.
    pub connect: Duration,
    /// From audio that was sent to the next message of any kind, while the turn goes on. Deepgram tells about once in a
    /// second what it has heard, nothing included. Default 5 s.
    pub answer: Duration,
    /// How long the socket may take no more audio. Default 1.5 s.
    pub stall: Duration,
    /// From the end of the turn's audio to its final transcript. Default 3 s.
    pub finish: Duration,
}

impl Timeouts {
    /// Replaces the limit for connecting.
    #[must_use]
    pub fn with_connect(mut self, connect: Duration) -> Self {
        self.connect = connect;
        self
    }

    /// Replaces the limit from audio to the next message.
    #[must_use]
    pub fn with_answer(mut self, answer: Duration) -> Self {
        self.answer = answer;
        self
    }

    /// Replaces the limit for a socket that takes no more audio.
    #[must_use]
    pub fn with_stall(mut self, stall: Duration) -> Self {
        self.stall = stall;
        self
    }

    /// Replaces the limit from the end of the audio to the final transcript.
    #[must_use]
    pub fn with_finish(mut self, finish: Duration) -> Self {
        self.finish = finish;
        self
    }
}

impl Default for Timeouts {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(3),
            answer: Duration::from_secs(5),
            stall: Duration::from_millis(1500),
            finish: Duration::from_secs(3),
        }
    }
}

#[cfg(test)]
mod tests {
    use voicecall_core::ErrorKind;

    use super::*;

    #[test]
    fn path_prefix_and_query_of_the_base_address_stay() {
        for (base, expected) in [
            ("https://api.deepgram.com", "wss://api.deepgram.com/v1/listen"),
            ("wss://api.eu.deepgram.com/", "wss://api.eu.deepgram.com/v1/listen"),
            ("http://localhost:8080", "ws://localhost:8080/v1/listen"),
            ("https://host/deepgram/?version=2", "wss://host/deepgram/v1/listen?version=2"),
        ] {
            assert_eq!(Endpoint::new(base, "m").unwrap().listen().as_str(), expected);
        }
    }

    #[test]
    fn wrong_addresses_and_models_are_named() {
        for base in ["", "localhost:8080", "/v1", "ftp://host", "unix:/run/socket"] {
            let error = Endpoint::new(base, "m").unwrap_err();
            assert_eq!((error.kind(), error.field()), (ErrorKind::Config, Some("base_url")), "{base:?}");
        }
        for model in ["", " ", "flux-general-en", "flux-general-multi"] {
            let error = Endpoint::new("http://host", model).unwrap_err();
            assert_eq!((error.kind(), error.field()), (ErrorKind::Config, Some("model")), "{model:?}");
        }
    }

    #[test]
    fn only_deepgrams_own_hosts_count_as_deepgram() {
        for (base, own) in [
            ("https://api.deepgram.com", true),
            ("https://api.eu.deepgram.com", true),
            ("https://api.deepgram.com.example.net", false),
            ("https://notdeepgram.com", false),
        ] {
            assert_eq!(Endpoint::new(base, "m").unwrap().is_deepgram(), own, "{base}");
        }
    }

    #[test]
    fn neither_key_nor_token_is_printed_and_empty_ones_are_none() {
        let endpoint = Endpoint::deepgram("dg-canary", "m").unwrap();
        assert!(!format!("{endpoint:?}").contains("canary"));
        assert!(!format!("{:?}", endpoint.clone().with_access_token("dg-canary")).contains("canary"));
        assert!(endpoint.clone().with_api_key(" ").login().is_none());
        assert!(endpoint.with_access_token("").login().is_none());
    }
}
