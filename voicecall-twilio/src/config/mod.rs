//! The settings of an account at Twilio, checked before anything is sent.

mod build;
mod check;
mod region;

use std::time::Duration;

use secrecy::SecretString;
use url::Url;
use voicecall_core::{Error, Result};
use voicecall_net::is_loopback;

pub(crate) use self::check::has_underscore;
use self::check::{check_public_url, check_secret, check_sid, pair, parse_url, required};
use crate::overrides::ConnectionOverrides;

const DEFAULT_CONNECT_TIMEOUT: Duration = Duration::from_secs(3);
const DEFAULT_REQUEST_TIMEOUT: Duration = Duration::from_secs(10);
const DEFAULT_RATE_LIMIT_PATIENCE: Duration = Duration::from_secs(5);

/// Builds each side of an account: a [`TwilioVoice`](crate::TwilioVoice), a [`TwilioMessaging`](crate::TwilioMessaging), a
/// [`TwilioConversations`](crate::TwilioConversations), a [`TwilioTranscriptions`](crate::TwilioTranscriptions), a
/// [`TwilioNumbers`](crate::TwilioNumbers) or a [`TwilioAccessTokens`](crate::TwilioAccessTokens), or several with the same
/// settings. Three settings have no default: the account, its auth token and the public address.
///
/// An error names the setting by its environment variable, also if it was set in code.
///
/// ```
/// use voicecall_twilio::TwilioVoice;
///
/// let twilio = TwilioVoice::builder()
///     .account_sid("AC00000000000000000000000000000000")
///     .auth_token("a secret")
///     .public_url("https://calls.example")
///     .region("ie1")
///     .build()?;
///
/// let error = TwilioVoice::builder().account_sid("AC1").build().unwrap_err();
/// assert_eq!(error.field(), Some("TWILIO_ACCOUNT_SID"));
/// # Ok::<(), voicecall_core::Error>(())
/// ```
#[derive(Debug, Clone, Default)]
#[must_use]
pub struct TwilioBuilder {
    account_sid: Option<String>,
    auth_token: Option<SecretString>,
    secondary_auth_token: Option<SecretString>,
    api_key: Option<String>,
    api_secret: Option<SecretString>,
    parent_account_sid: Option<String>,
    parent_auth_token: Option<SecretString>,
    public_url: Option<String>,
    api_base_url: Option<String>,
    region: Option<String>,
    edge: Option<String>,
    connect_timeout: Option<Duration>,
    request_timeout: Option<Duration>,
    retry_rate_limited_for: Option<Duration>,
    connection_overrides: ConnectionOverrides,
    messaging_service: Option<String>,
    conversation_service: Option<String>,
}

impl TwilioBuilder {
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
            account_sid: text("TWILIO_ACCOUNT_SID"),
            auth_token: secret("TWILIO_AUTH_TOKEN"),
            secondary_auth_token: secret("TWILIO_AUTH_TOKEN_SECONDARY"),
            api_key: text("TWILIO_API_KEY"),
            api_secret: secret("TWILIO_API_SECRET"),
            parent_account_sid: text("TWILIO_PARENT_ACCOUNT_SID"),
            parent_auth_token: secret("TWILIO_PARENT_AUTH_TOKEN"),
            public_url: text("PUBLIC_URL"),
            api_base_url: text("TWILIO_API_BASE_URL"),
            region: text("TWILIO_REGION"),
            edge: text("TWILIO_EDGE"),
            messaging_service: text("TWILIO_MESSAGING_SERVICE_SID"),
            conversation_service: text("TWILIO_CONVERSATION_SERVICE_SID"),
            ..Self::default()
        }
    }

    /// The account: `AC` and 32 hexadecimal digits (`TWILIO_ACCOUNT_SID`).
    pub fn account_sid(mut self, sid: impl Into<String>) -> Self {
        self.account_sid = Some(sid.into());
        self
    }

    /// The account's auth token (`TWILIO_AUTH_TOKEN`). Twilio signs its webhooks with it; without an
    /// [`api_key`](Self::api_key) it also signs in our requests.
    pub fn auth_token(mut self, token: impl Into<SecretString>) -> Self {
        self.auth_token = Some(token.into());
        self
    }

    /// A second token under which webhooks are accepted while the first is being changed
    /// (`TWILIO_AUTH_TOKEN_SECONDARY`).
    pub fn secondary_auth_token(mut self, token: impl Into<SecretString>) -> Self {
        self.secondary_auth_token = Some(token.into());
        self
    }

    /// An API key with its secret, to sign in our requests instead of the auth token (`TWILIO_API_KEY`,
    /// `TWILIO_API_SECRET`): `SK` and 32 hexadecimal digits. It signs no webhooks.
    pub fn api_key(mut self, sid: impl Into<String>, secret: impl Into<SecretString>) -> Self {
        self.api_key = Some(sid.into());
        self.api_secret = Some(secret.into());
        self
    }

    /// The account that this one is a sub-account of, with its auth token, to sign in our requests
    /// (`TWILIO_PARENT_ACCOUNT_SID`, `TWILIO_PARENT_AUTH_TOKEN`). Calls, messages and numbers are still those of
    /// [`account_sid`](Self::account_sid), and Twilio signs a sub-account's webhooks with the sub-account's own
    /// [`auth_token`](Self::auth_token).
    pub fn parent_account(mut self, sid: impl Into<String>, auth_token: impl Into<SecretString>) -> Self {
        self.parent_account_sid = Some(sid.into());
        self.parent_auth_token = Some(auth_token.into());
        self
    }

    /// Where Twilio reaches this service (`PUBLIC_URL`): scheme, host and, if a proxy removes it from requests, a path.
    /// Signatures are checked against it.
    pub fn public_url(mut self, url: impl Into<String>) -> Self {
        self.public_url = Some(url.into());
        self
    }

    /// Another address for the REST interface, such as an emulator's (`TWILIO_API_BASE_URL`). `http` only on this machine.
    /// The default is `https://api.twilio.com`.
    pub fn api_base_url(mut self, url: impl Into<String>) -> Self {
        self.api_base_url = Some(url.into());
        self
    }

    /// The region that processes the account's data, such as `ie1` (`TWILIO_REGION`). Tokens and keys belong to a region.
    pub fn region(mut self, region: impl Into<String>) -> Self {
        self.region = Some(region.into());
        self
    }

    /// Where requests enter Twilio's network, such as `dublin` (`TWILIO_EDGE`). The default is the region's own.
    pub fn edge(mut self, edge: impl Into<String>) -> Self {
        self.edge = Some(edge.into());
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

    /// How long one operation may wait, in all, to repeat what Twilio refused as too much. Default 5 s; zero never
    /// repeats.
    pub fn retry_rate_limited_for(mut self, time: Duration) -> Self {
        self.retry_rate_limited_for = Some(time);
        self
    }

    /// How Twilio shall deliver its webhooks.
    pub fn connection_overrides(mut self, overrides: ConnectionOverrides) -> Self {
        self.connection_overrides = overrides;
        self
    }

    /// The messaging service that chooses the number that messages come from (`TWILIO_MESSAGING_SERVICE_SID`): `MG` and 32
    /// hexadecimal digits. The sender of a message is then not used. Calls have nothing to do with it.
    pub fn messaging_service(mut self, sid: impl Into<String>) -> Self {
        self.messaging_service = Some(sid.into());
        self
    }

    /// The Conversations service whose conversations are meant (`TWILIO_CONVERSATION_SERVICE_SID`): `IS` and 32 hexadecimal
    /// digits. The default is the account's default service.
    pub fn conversation_service(mut self, sid: impl Into<String>) -> Self {
        self.conversation_service = Some(sid.into());
        self
    }

    fn key(&self) -> Result<Option<(String, SecretString)>> {
        pair(("TWILIO_API_KEY", "SK", &self.api_key), ("TWILIO_API_SECRET", &self.api_secret))
    }

    fn check(&self) -> Result<Checked> {
        let account_sid = required("TWILIO_ACCOUNT_SID", self.account_sid.clone())?;
        check_sid("TWILIO_ACCOUNT_SID", "AC", &account_sid)?;
        let auth_token = required("TWILIO_AUTH_TOKEN", self.auth_token.clone())?;
        check_secret("TWILIO_AUTH_TOKEN", &auth_token)?;
        if let Some(token) = &self.secondary_auth_token {
            check_secret("TWILIO_AUTH_TOKEN_SECONDARY", token)?;
        }
        let public_url = check_public_url(&required("PUBLIC_URL", self.public_url.clone())?)?;
        let (user, password) = self.sign_in(&account_sid, &auth_token)?;
        let connect_timeout = self.connect_timeout.unwrap_or(DEFAULT_CONNECT_TIMEOUT);
        let request_timeout = self.request_timeout.unwrap_or(DEFAULT_REQUEST_TIMEOUT);
        if connect_timeout.is_zero() || connect_timeout >= request_timeout {
            return Err(Error::config("connect_timeout", "more than zero and less than request_timeout"));
        }
        self.connection_overrides.check()?;
        let client = ClientConfig {
            api_base_url: self.check_api_base_url()?,
            account_sid,
            user,
            password,
            connect_timeout,
            request_timeout,
            retry_rate_limited_for: self.retry_rate_limited_for.unwrap_or(DEFAULT_RATE_LIMIT_PATIENCE),
        };
        let tokens = [Some(auth_token), self.secondary_auth_token.clone()].into_iter().flatten().collect();
        Ok(Checked { client, public_url, tokens })
    }

    /// Who signs in our requests: an API key, the account this one belongs to, or the account itself.
    fn sign_in(&self, account_sid: &str, auth_token: &SecretString) -> Result<(String, SecretString)> {
        let key = self.key()?;
        let parent = pair(
            ("TWILIO_PARENT_ACCOUNT_SID", "AC", &self.parent_account_sid),
            ("TWILIO_PARENT_AUTH_TOKEN", &self.parent_auth_token),
        )?;
        match (key, parent) {
            (Some(_), Some(_)) => {
                Err(Error::config("TWILIO_PARENT_ACCOUNT_SID", "either this or an API key signs in our requests"))
            }
            (None, Some((sid, _))) if sid == account_sid => {
                Err(Error::config("TWILIO_PARENT_ACCOUNT_SID", "another account than TWILIO_ACCOUNT_SID"))
            }
            (None, None) => Ok((account_sid.to_owned(), auth_token.clone())),
            (Some(signs_in), None) | (None, Some(signs_in)) => Ok(signs_in),
        }
    }

    fn check_api_base_url(&self) -> Result<Url> {
        let Some(text) = &self.api_base_url else {
            return region::product_url("api", self.edge.as_deref(), self.region.as_deref());
        };
        if self.region.is_some() || self.edge.is_some() {
            return Err(Error::config("TWILIO_API_BASE_URL", "either this or a region and edge"));
        }
        let url = parse_url("TWILIO_API_BASE_URL", text)?;
        match (url.scheme(), url.path()) {
            (_, path) if path != "/" => Err(Error::config("TWILIO_API_BASE_URL", "an address without a path")),
            ("https", _) => Ok(url),
            ("http", _) if is_loopback(&url) => Ok(url),
            ("http", _) => {
                Err(Error::config("TWILIO_API_BASE_URL", "https, or http on this machine: credentials travel there"))
            }
            _ => Err(Error::config("TWILIO_API_BASE_URL", "an https address")),
        }
    }
}

/// Settings that were checked.
struct Checked {
    client: ClientConfig,
    public_url: Url,
    tokens: Vec<SecretString>,
}

/// What the REST client is made of.
#[derive(Debug, Clone)]
pub(crate) struct ClientConfig {
    pub(crate) api_base_url: Url,
    pub(crate) account_sid: String,
    pub(crate) user: String,
    pub(crate) password: SecretString,
    pub(crate) connect_timeout: Duration,
    pub(crate) request_timeout: Duration,
    pub(crate) retry_rate_limited_for: Duration,
}

#[cfg(test)]
mod tests;
