//! The settings of an account at 46elks, checked before anything is sent.

use std::time::Duration;

use secrecy::{ExposeSecret, SecretString};
use url::Url;
use voicecall_core::{Error, Result};
use voicecall_net::is_loopback;

use crate::{ElksMessaging, ElksNumbers, ElksVoice};

const DEFAULT_API: &str = "https://api.46elks.com";
const DEFAULT_CONNECT_TIMEOUT: Duration = Duration::from_secs(3);
const DEFAULT_REQUEST_TIMEOUT: Duration = Duration::from_secs(10);

/// Builds an [`ElksVoice`] or an [`ElksMessaging`], or both with the same settings. Four settings have no default: username,
/// password, the public address and, for calls, the websocket number.
///
/// An error names the setting by its environment variable, also if it was set in code.
///
/// ```
/// use voicecall_46elks::ElksVoice;
///
/// let elks = ElksVoice::builder()
///     .api_username("u00000000000000000000000000000000")
///     .api_password("a secret")
///     .websocket_number("+4600700001")
///     .public_url("https://calls.example")
///     .build()?;
///
/// let error = ElksVoice::builder().api_username("u 1").build().unwrap_err();
/// assert_eq!(error.field(), Some("ELKS_API_USERNAME"));
/// # Ok::<(), voicecall_core::Error>(())
/// ```
#[derive(Debug, Clone, Default)]
#[must_use]
pub struct ElksBuilder {
    api_username: Option<String>,
    api_password: Option<SecretString>,
    websocket_number: Option<String>,
    webhook_secret: Option<SecretString>,
    public_url: Option<String>,
    api_base_url: Option<String>,
    connect_timeout: Option<Duration>,
    request_timeout: Option<Duration>,
}

impl ElksBuilder {
    /// Nothing set.
    pub fn new() -> Self {
        Self::default()
    }

    /// The settings of the environment; see the crate's front page for the variables. An empty one counts as not set.
    pub fn from_env() -> Self {
        Self::from_variables(|name| std::env::var(name).ok())
    }

    fn from_variables(variable: impl Fn(&str) -> Option<String>) -> Self {
        let text = |name| variable(name).filter(|value| !value.is_empty());
        let secret = |name| text(name).map(SecretString::from);
        Self {
            api_username: text("ELKS_API_USERNAME"),
            api_password: secret("ELKS_API_PASSWORD"),
            websocket_number: text("ELKS_WEBSOCKET_NUMBER"),
            webhook_secret: secret("ELKS_WEBHOOK_SECRET"),
            public_url: text("PUBLIC_URL"),
            api_base_url: text("ELKS_API_BASE_URL"),
            ..Self::default()
        }
    }

    /// The API username, `u…`, or the id of a subaccount (`ELKS_API_USERNAME`).
    pub fn api_username(mut self, username: impl Into<String>) -> Self {
        self.api_username = Some(username.into());
        self
    }

    /// The API password, or the secret of a subaccount (`ELKS_API_PASSWORD`).
    pub fn api_password(mut self, password: impl Into<SecretString>) -> Self {
        self.api_password = Some(password.into());
        self
    }

    /// The account's number for the realtime voice socket, `+4600…`, to which calls are connected (`ELKS_WEBSOCKET_NUMBER`).
    pub fn websocket_number(mut self, number: impl Into<String>) -> Self {
        self.websocket_number = Some(number.into());
        self
    }

    /// Makes the addresses given to 46elks secret (`ELKS_WEBHOOK_SECRET`); the API password does so otherwise. With one of its
    /// own the addresses stay when the password is changed. At least 16 characters.
    pub fn webhook_secret(mut self, secret: impl Into<SecretString>) -> Self {
        self.webhook_secret = Some(secret.into());
        self
    }

    /// Where 46elks reaches this service (`PUBLIC_URL`): scheme, host and, if a proxy removes it from requests, a path.
    pub fn public_url(mut self, url: impl Into<String>) -> Self {
        self.public_url = Some(url.into());
        self
    }

    /// Another address for the REST interface, such as an emulator's (`ELKS_API_BASE_URL`). `http` only on this machine.
    /// The default is `https://api.46elks.com`.
    pub fn api_base_url(mut self, url: impl Into<String>) -> Self {
        self.api_base_url = Some(url.into());
        self
    }

    /// How long to try to connect to the REST interface. A call that fails here was certainly not placed. Default 3 s.
    pub fn connect_timeout(mut self, timeout: Duration) -> Self {
        self.connect_timeout = Some(timeout);
        self
    }

    /// How long a request may take in all, connecting included. Default 10 s.
    pub fn request_timeout(mut self, timeout: Duration) -> Self {
        self.request_timeout = Some(timeout);
        self
    }

    /// Checks the settings and builds the voice side. Nothing is sent.
    ///
    /// # Errors
    /// [`Config`](voicecall_core::ErrorKind::Config) naming the first setting that is missing or wrong.
    pub fn build(self) -> Result<ElksVoice> {
        let websocket_number = self.websocket_number.clone();
        let Checked { client, secret, public_url } = self.check()?;
        let websocket_number = required("ELKS_WEBSOCKET_NUMBER", websocket_number)?;
        check_websocket_number(&websocket_number)?;
        ElksVoice::new(client, secret, &public_url, websocket_number)
    }

    /// Checks the settings and builds the messaging side. Nothing is sent.
    ///
    /// # Errors
    /// As [`build`](Self::build).
    pub fn build_messaging(self) -> Result<ElksMessaging> {
        let Checked { client, secret, public_url } = self.check()?;
        ElksMessaging::new(client, secret, &public_url)
    }

    /// Checks the settings and builds the side that buys numbers and gives them back. Nothing is sent.
    ///
    /// # Errors
    /// As [`build`](Self::build); the websocket number is not needed.
    pub fn build_numbers(self) -> Result<ElksNumbers> {
        ElksNumbers::new(self.check()?.client)
    }

    fn check(self) -> Result<Checked> {
        let username = required("ELKS_API_USERNAME", self.api_username)?;
        if !username.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
            return Err(Error::config("ELKS_API_USERNAME", "letters and digits"));
        }
        let password = required("ELKS_API_PASSWORD", self.api_password)?;
        if password.expose_secret().trim().is_empty() {
            return Err(Error::config("ELKS_API_PASSWORD", "is empty"));
        }
        let secret = match self.webhook_secret {
            Some(secret) if secret.expose_secret().len() < 16 => {
                return Err(Error::config("ELKS_WEBHOOK_SECRET", "at least 16 characters"));
            }
            Some(secret) => secret,
            None => password.clone(),
        };
        let public_url = check_public_url(&required("PUBLIC_URL", self.public_url)?)?;
        let api_base_url = check_api_base_url(self.api_base_url.as_deref().unwrap_or(DEFAULT_API))?;
        let connect_timeout = self.connect_timeout.unwrap_or(DEFAULT_CONNECT_TIMEOUT);
        let request_timeout = self.request_timeout.unwrap_or(DEFAULT_REQUEST_TIMEOUT);
        if connect_timeout.is_zero() || connect_timeout >= request_timeout {
            return Err(Error::config("connect_timeout", "more than zero and less than request_timeout"));
        }
        let client = ClientConfig { api_base_url, username, password, connect_timeout, request_timeout };
        Ok(Checked { client, secret, public_url })
    }
}

/// Settings that were checked.
struct Checked {
    client: ClientConfig,
    secret: SecretString,
    public_url: Url,
}

/// What the REST client is made of.
#[derive(Debug)]
pub(crate) struct ClientConfig {
    pub(crate) api_base_url: Url,
    pub(crate) username: String,
    pub(crate) password: SecretString,
    pub(crate) connect_timeout: Duration,
    pub(crate) request_timeout: Duration,
}

fn required<T>(setting: &'static str, value: Option<T>) -> Result<T> {
    value.ok_or_else(|| Error::config(setting, "is not set"))
}

fn check_websocket_number(number: &str) -> Result<()> {
    let digits = number.strip_prefix('+').unwrap_or_default();
    let is_one = (6..=15).contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_digit());
    if is_one { Ok(()) } else { Err(Error::config("ELKS_WEBSOCKET_NUMBER", "a number such as +4600700001")) }
}

fn parse_url(setting: &'static str, text: &str) -> Result<Url> {
    let url = Url::parse(text)
        .map_err(|error| Error::config(setting, "an address such as https://calls.example").with_source(error))?;
    if url.query().is_some() || url.fragment().is_some() {
        return Err(Error::config(setting, "an address without query and fragment"));
    }
    Ok(url)
}

fn check_public_url(text: &str) -> Result<Url> {
    let url = parse_url("PUBLIC_URL", text)?;
    if matches!(url.scheme(), "http" | "https") {
        Ok(url)
    } else {
        Err(Error::config("PUBLIC_URL", "an https address"))
    }
}

fn check_api_base_url(text: &str) -> Result<Url> {
    let url = parse_url("ELKS_API_BASE_URL", text)?;
    match (url.scheme(), url.path()) {
        (_, path) if path != "/" => Err(Error::config("ELKS_API_BASE_URL", "an address without a path")),
        ("https", _) => Ok(url),
        ("http", _) if is_loopback(&url) => Ok(url),
        ("http", _) => {
            Err(Error::config("ELKS_API_BASE_URL", "https, or http on this machine: credentials travel there"))
        }
        _ => Err(Error::config("ELKS_API_BASE_URL", "an https address")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn complete() -> ElksBuilder {
        ElksBuilder::new()
            .api_username("u1")
            .api_password("canary-1")
            .websocket_number("+4600700001")
            .public_url("https://calls.example")
    }

    fn wrong_setting(builder: ElksBuilder) -> String {
        builder.build().unwrap_err().field().unwrap().to_owned()
    }

    #[test]
    fn what_is_missing_or_wrong_is_named() {
        assert!(complete().build().is_ok());
        let without = |name: &str| {
            let set = complete();
            match name {
                "ELKS_API_USERNAME" => ElksBuilder { api_username: None, ..set },
                "ELKS_API_PASSWORD" => ElksBuilder { api_password: None, ..set },
                "ELKS_WEBSOCKET_NUMBER" => ElksBuilder { websocket_number: None, ..set },
                _ => ElksBuilder { public_url: None, ..set },
            }
        };
        for name in ["ELKS_API_USERNAME", "ELKS_API_PASSWORD", "ELKS_WEBSOCKET_NUMBER", "PUBLIC_URL"] {
            assert_eq!(wrong_setting(without(name)), name);
        }
        let wrong = [
            (complete().api_username("u:1"), "ELKS_API_USERNAME"),
            (complete().api_password(" "), "ELKS_API_PASSWORD"),
            (complete().websocket_number("4600700001"), "ELKS_WEBSOCKET_NUMBER"),
            (complete().webhook_secret("short"), "ELKS_WEBHOOK_SECRET"),
            (complete().public_url("calls.example"), "PUBLIC_URL"),
            (complete().public_url("https://calls.example/?a"), "PUBLIC_URL"),
            (complete().api_base_url("http://api.example"), "ELKS_API_BASE_URL"),
            (complete().api_base_url("https://api.example/a1"), "ELKS_API_BASE_URL"),
            (complete().api_base_url("ftp://localhost"), "ELKS_API_BASE_URL"),
            (complete().connect_timeout(Duration::ZERO), "connect_timeout"),
            (complete().request_timeout(Duration::from_secs(1)), "connect_timeout"),
        ];
        for (builder, setting) in wrong {
            assert_eq!(wrong_setting(builder), setting);
        }
    }

    #[test]
    fn messages_need_no_websocket_number() {
        let without = ElksBuilder { websocket_number: None, ..complete() };
        assert!(without.clone().build_messaging().is_ok());
        assert_eq!(without.api_password(" ").build_messaging().unwrap_err().field(), Some("ELKS_API_PASSWORD"));
    }

    #[test]
    fn the_environment_holds_every_setting_and_an_empty_one_is_not_set() {
        let variables = |name: &str| {
            let value = match name {
                "ELKS_API_USERNAME" => "u1",
                "ELKS_API_PASSWORD" => "one",
                "ELKS_WEBSOCKET_NUMBER" => "+4600700001",
                "ELKS_API_BASE_URL" => "http://127.0.0.1:4010",
                "PUBLIC_URL" => "https://calls.example",
                _ => "",
            };
            Some(value.to_owned())
        };
        let builder = ElksBuilder::from_variables(variables);
        assert!(builder.webhook_secret.is_none());
        assert!(builder.build().is_ok());
    }

    #[test]
    fn secrets_are_not_printed() {
        let builder = complete().webhook_secret("canary-2-and-sixteen");
        let printed = format!("{builder:?} {:?}", builder.clone().build().unwrap());
        assert!(!printed.contains("canary"), "{printed}");
    }
}
