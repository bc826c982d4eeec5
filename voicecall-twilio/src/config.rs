//! The settings of an account at Twilio, checked before anything is sent.

use std::time::Duration;

use secrecy::{ExposeSecret, SecretString};
use url::{Host, Url};
use voicecall_core::{Error, Result};

use crate::overrides::ConnectionOverrides;
use crate::{TwilioMessaging, TwilioVoice};

const DEFAULT_CONNECT_TIMEOUT: Duration = Duration::from_secs(3);
const DEFAULT_REQUEST_TIMEOUT: Duration = Duration::from_secs(10);
const DEFAULT_RATE_LIMIT_PATIENCE: Duration = Duration::from_secs(5);

/// Twilio's regions, each with the edge nearest to it.
const REGIONS: [(&str, &str); 9] = [
    ("us1", "ashburn"),
    ("us2", "umatilla"),
    ("ie1", "dublin"),
    ("de1", "frankfurt"),
    ("au1", "sydney"),
    ("br1", "sao-paulo"),
    ("jp1", "tokyo"),
    ("jp2", "osaka"),
    ("sg1", "singapore"),
];

/// Builds a [`TwilioVoice`] or a [`TwilioMessaging`], or both with the same settings. Three settings have no default: the account, its auth token and the public address.
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
    api_key_sid: Option<String>,
    api_key_secret: Option<SecretString>,
    public_url: Option<String>,
    api_base_url: Option<String>,
    region: Option<String>,
    edge: Option<String>,
    connect_timeout: Option<Duration>,
    request_timeout: Option<Duration>,
    retry_rate_limited_for: Option<Duration>,
    connection_overrides: ConnectionOverrides,
    messaging_service: Option<String>,
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
            api_key_sid: text("TWILIO_API_KEY_SID"),
            api_key_secret: secret("TWILIO_API_KEY_SECRET"),
            public_url: text("PUBLIC_URL"),
            api_base_url: text("TWILIO_API_BASE_URL"),
            region: text("TWILIO_REGION"),
            edge: text("TWILIO_EDGE"),
            messaging_service: text("TWILIO_MESSAGING_SERVICE_SID"),
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

    /// An API key with its secret, to sign in our requests instead of the auth token (`TWILIO_API_KEY_SID`,
    /// `TWILIO_API_KEY_SECRET`).
    pub fn api_key(mut self, sid: impl Into<String>, secret: impl Into<SecretString>) -> Self {
        self.api_key_sid = Some(sid.into());
        self.api_key_secret = Some(secret.into());
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

    /// Checks the settings and builds the voice side. Nothing is sent.
    ///
    /// # Errors
    /// [`Config`](voicecall_core::ErrorKind::Config) naming the first setting that is missing or wrong.
    pub fn build(self) -> Result<TwilioVoice> {
        let Checked { client, public_url, tokens } = self.check()?;
        TwilioVoice::new(client, public_url, tokens, self.connection_overrides)
    }

    /// Checks the settings and builds the messaging side. Nothing is sent.
    ///
    /// # Errors
    /// As [`build`](Self::build).
    pub fn build_messaging(self) -> Result<TwilioMessaging> {
        let Checked { client, public_url, tokens } = self.check()?;
        if let Some(sid) = &self.messaging_service {
            check_sid("TWILIO_MESSAGING_SERVICE_SID", "MG", sid)?;
        }
        TwilioMessaging::new(client, public_url, tokens, self.connection_overrides, self.messaging_service)
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
        let (user, password) = match (self.api_key_sid.clone(), self.api_key_secret.clone()) {
            (None, None) => (account_sid.clone(), auth_token.clone()),
            (sid, secret) => {
                let sid = required("TWILIO_API_KEY_SID", sid)?;
                check_sid("TWILIO_API_KEY_SID", "SK", &sid)?;
                let secret = required("TWILIO_API_KEY_SECRET", secret)?;
                check_secret("TWILIO_API_KEY_SECRET", &secret)?;
                (sid, secret)
            }
        };
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

    fn check_api_base_url(&self) -> Result<Url> {
        let Some(text) = &self.api_base_url else { return self.regional_url() };
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

    /// `api[.edge.region].twilio.com`. A region without its edge is no longer served, and an edge alone means `us1`.
    fn regional_url(&self) -> Result<Url> {
        let host = match (self.edge.as_deref(), self.region.as_deref()) {
            (None, None) => "api.twilio.com".to_owned(),
            (edge, region) => {
                let region = region.unwrap_or("us1");
                let nearest = REGIONS.iter().find(|(name, _)| *name == region).map(|(_, edge)| *edge);
                let edge = edge.or(nearest).ok_or_else(|| Error::config("TWILIO_EDGE", "the edge of this region"))?;
                for (setting, label) in [("TWILIO_EDGE", edge), ("TWILIO_REGION", region)] {
                    if label.is_empty() || !label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-') {
                        return Err(Error::config(setting, "a name such as dublin or ie1"));
                    }
                }
                format!("api.{edge}.{region}.twilio.com")
            }
        };
        parse_url("TWILIO_REGION", &format!("https://{host}"))
    }
}

/// Settings that were checked.
struct Checked {
    client: ClientConfig,
    public_url: Url,
    tokens: Vec<SecretString>,
}

/// What the REST client is made of.
#[derive(Debug)]
pub(crate) struct ClientConfig {
    pub(crate) api_base_url: Url,
    pub(crate) account_sid: String,
    pub(crate) user: String,
    pub(crate) password: SecretString,
    pub(crate) connect_timeout: Duration,
    pub(crate) request_timeout: Duration,
    pub(crate) retry_rate_limited_for: Duration,
}

fn required<T>(setting: &'static str, value: Option<T>) -> Result<T> {
    value.ok_or_else(|| Error::config(setting, "is not set"))
}

fn check_sid(setting: &'static str, prefix: &str, sid: &str) -> Result<()> {
    let digits = sid.strip_prefix(prefix).unwrap_or_default();
    let is_sid = digits.len() == 32 && digits.bytes().all(|byte| byte.is_ascii_hexdigit());
    if is_sid { Ok(()) } else { Err(Error::config(setting, format!("{prefix} and 32 hexadecimal digits"))) }
}

fn check_secret(setting: &'static str, secret: &SecretString) -> Result<()> {
    if secret.expose_secret().trim().is_empty() { Err(Error::config(setting, "is empty")) } else { Ok(()) }
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
    if !matches!(url.scheme(), "http" | "https") || !url.has_host() {
        return Err(Error::config("PUBLIC_URL", "an http or https address"));
    }
    if has_underscore(&url) {
        return Err(Error::config("PUBLIC_URL", "a host without underscore: Twilio refuses it"));
    }
    Ok(url)
}

/// Whether the host's name has a character Twilio refuses in callback addresses.
pub(crate) fn has_underscore(url: &Url) -> bool {
    url.host_str().is_some_and(|host| host.contains('_'))
}

fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SID: &str = "AC0123456789abcdef0123456789abcdef";

    fn complete() -> TwilioBuilder {
        TwilioBuilder::new().account_sid(SID).auth_token("token").public_url("https://calls.example")
    }

    fn wrong_setting(builder: TwilioBuilder) -> String {
        builder.build().unwrap_err().field().unwrap().to_owned()
    }

    #[test]
    fn a_missing_setting_is_named() {
        assert_eq!(wrong_setting(TwilioBuilder::new()), "TWILIO_ACCOUNT_SID");
        assert_eq!(wrong_setting(TwilioBuilder::new().account_sid(SID)), "TWILIO_AUTH_TOKEN");
        assert_eq!(wrong_setting(TwilioBuilder::new().account_sid(SID).auth_token("t")), "PUBLIC_URL");
        assert!(complete().build().is_ok());
    }

    #[test]
    fn a_wrong_messaging_service_is_named_by_the_messaging_side_alone() {
        let wrong = complete().messaging_service("MG1");
        assert!(wrong.clone().build().is_ok());
        assert_eq!(wrong.build_messaging().unwrap_err().field(), Some("TWILIO_MESSAGING_SERVICE_SID"));
        assert!(complete().messaging_service(SID.replace("AC", "MG")).build_messaging().is_ok());
        assert_eq!(complete().auth_token(" ").build_messaging().unwrap_err().field(), Some("TWILIO_AUTH_TOKEN"));
    }

    #[test]
    fn a_wrong_setting_is_named() {
        let wrong = [
            (complete().account_sid("AC1"), "TWILIO_ACCOUNT_SID"),
            (complete().account_sid(SID.replace('0', "/")), "TWILIO_ACCOUNT_SID"),
            (complete().auth_token(" "), "TWILIO_AUTH_TOKEN"),
            (complete().secondary_auth_token(""), "TWILIO_AUTH_TOKEN_SECONDARY"),
            (complete().api_key("AC1", "secret"), "TWILIO_API_KEY_SID"),
            (complete().api_key(SID.replace("AC", "SK"), ""), "TWILIO_API_KEY_SECRET"),
            (complete().public_url("calls.example"), "PUBLIC_URL"),
            (complete().public_url("wss://calls.example"), "PUBLIC_URL"),
            (complete().public_url("https://calls.example/?a"), "PUBLIC_URL"),
            (complete().public_url("https://my_calls.example"), "PUBLIC_URL"),
            (complete().api_base_url("http://api.example"), "TWILIO_API_BASE_URL"),
            (complete().api_base_url("ftp://localhost"), "TWILIO_API_BASE_URL"),
            (complete().api_base_url("https://api.example/v1"), "TWILIO_API_BASE_URL"),
            (complete().api_base_url("https://api.example").region("ie1"), "TWILIO_API_BASE_URL"),
            (complete().region("xx1"), "TWILIO_EDGE"),
            (complete().region("ie1.evil.example/").edge("dublin"), "TWILIO_REGION"),
            (complete().connect_timeout(Duration::ZERO), "connect_timeout"),
            (complete().request_timeout(Duration::from_secs(1)), "connect_timeout"),
            (complete().connection_overrides(ConnectionOverrides::new().retries(9)), "connection_overrides"),
        ];
        for (builder, setting) in wrong {
            assert_eq!(wrong_setting(builder), setting);
        }
    }

    #[test]
    fn plain_http_is_for_this_machine_only() {
        for local in ["http://127.0.0.1:4010", "http://localhost:4010", "http://[::1]:4010"] {
            assert!(complete().api_base_url(local).build().is_ok(), "{local}");
        }
    }

    #[test]
    fn region_and_edge_choose_the_host() {
        let host = |builder: TwilioBuilder| builder.regional_url().unwrap().host_str().unwrap().to_owned();
        assert_eq!(host(complete()), "api.twilio.com");
        assert_eq!(host(complete().region("ie1")), "api.dublin.ie1.twilio.com");
        assert_eq!(host(complete().edge("sydney")), "api.sydney.us1.twilio.com");
        assert_eq!(host(complete().edge("frankfurt").region("de1")), "api.frankfurt.de1.twilio.com");
        assert_eq!(host(complete().edge("new-edge").region("xx1")), "api.new-edge.xx1.twilio.com");
    }

    #[test]
    fn the_environment_holds_every_secret_and_address() {
        let key = SID.replace("AC", "SK");
        let variables = |name: &str| {
            let value = match name {
                "TWILIO_ACCOUNT_SID" => SID,
                "TWILIO_AUTH_TOKEN" => "one",
                "TWILIO_AUTH_TOKEN_SECONDARY" => "two",
                "TWILIO_API_KEY_SID" => key.as_str(),
                "TWILIO_API_KEY_SECRET" => "three",
                "TWILIO_API_BASE_URL" => "http://127.0.0.1:4010",
                "PUBLIC_URL" => "https://calls.example",
                _ => "",
            };
            Some(value.to_owned())
        };
        let builder = TwilioBuilder::from_variables(variables);
        assert_eq!(builder.secondary_auth_token.as_ref().unwrap().expose_secret(), "two");
        assert_eq!(builder.region, None, "an empty variable is not set");
        assert!(builder.build().is_ok());
        assert_eq!(wrong_setting(TwilioBuilder::from_variables(|_| None)), "TWILIO_ACCOUNT_SID");
    }

    #[test]
    fn secrets_are_not_printed() {
        let builder = complete()
            .auth_token("canary-1")
            .secondary_auth_token("canary-2")
            .api_key(SID.replace("AC", "SK"), "canary-3");
        let printed = format!("{builder:?} {:?}", builder.clone().build().unwrap());
        assert!(!printed.contains("canary"), "{printed}");
    }
}
