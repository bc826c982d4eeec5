//! Access tokens, with which a browser or an app signs in to Twilio and calls without a telephone.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;
use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use secrecy::{ExposeSecret, SecretString};
use serde::Serialize;
use voicecall_core::{Error, ErrorKind, Result};

use crate::PROVIDER;
use crate::config::TwilioBuilder;

/// The content type of Twilio's tokens.
const CONTENT_TYPE: &str = "twilio-fpa;v=1";

/// The longest a token may be valid.
const MAX_LIFETIME: Duration = Duration::from_secs(24 * 3600);

/// The longest name of a client, in characters.
const MAX_IDENTITY: usize = 121;

/// What a client may do with a token.
///
/// An incoming call rings at every client that is signed in with the identity (`client:{identity}`). An outgoing one asks the
/// voice address of the application what to do, as a call that comes in does.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct VoiceGrant {
    /// Who it is: 1 to 121 letters, digits and underscores.
    pub identity: String,
    /// Whether calls may come in.
    pub incoming: bool,
    /// By which application calls go out: `AP` and 32 hexadecimal digits. None go out without one.
    pub application_sid: Option<String>,
    /// What the application is told of each call that goes out, beside what the client says.
    pub parameters: BTreeMap<String, String>,
    /// How long the token is valid: 1 s to 24 h; one hour if not said.
    pub lifetime: Duration,
}

impl VoiceGrant {
    /// Nothing but a name.
    #[must_use]
    pub fn new(identity: impl Into<String>) -> Self {
        Self {
            identity: identity.into(),
            incoming: false,
            application_sid: None,
            parameters: BTreeMap::new(),
            lifetime: Duration::from_secs(3600),
        }
    }

    /// Lets calls come in.
    #[must_use]
    pub const fn receiving(mut self) -> Self {
        self.incoming = true;
        self
    }

    /// Lets calls go out by an application.
    #[must_use]
    pub fn calling_by(mut self, application_sid: impl Into<String>) -> Self {
        self.application_sid = Some(application_sid.into());
        self
    }

    fn check(&self) -> Result<()> {
        let is_fit = |char: char| char.is_ascii_alphanumeric() || char == '_';
        if !(1..=MAX_IDENTITY).contains(&self.identity.len()) || !self.identity.chars().all(is_fit) {
            return Err(wrong("identity", "1 to 121 letters, digits and underscores"));
        }
        if !(Duration::from_secs(1)..=MAX_LIFETIME).contains(&self.lifetime) {
            return Err(wrong("lifetime", "1 s to 24 h"));
        }
        let is_application = |sid: &String| {
            let digits = sid.strip_prefix("AP").unwrap_or_default();
            digits.len() == 32 && digits.bytes().all(|byte| byte.is_ascii_hexdigit())
        };
        if self.application_sid.as_ref().is_some_and(|sid| !is_application(sid)) {
            return Err(wrong("application_sid", "AP and 32 hexadecimal digits"));
        }
        if !self.incoming && self.application_sid.is_none() {
            return Err(wrong("incoming", "calls that come in, or an application by which they go out"));
        }
        Ok(())
    }
}

/// Makes access tokens for the clients of one account, signed with its API key. Nothing is sent.
///
/// ```
/// use jiff::Timestamp;
/// use voicecall_twilio::{TwilioAccessTokens, VoiceGrant};
///
/// let tokens = TwilioAccessTokens::builder()
///     .account_sid("AC00000000000000000000000000000000")
///     .api_key("SK00000000000000000000000000000000", "a secret")
///     .build_access_tokens()?;
/// let token = tokens.voice(&VoiceGrant::new("anna").receiving(), Timestamp::now())?;
///
/// let error = tokens.voice(&VoiceGrant::new("anna b"), Timestamp::now()).unwrap_err();
/// assert_eq!(error.field(), Some("identity"));
/// # Ok::<(), voicecall_core::Error>(())
/// ```
#[derive(Debug)]
pub struct TwilioAccessTokens {
    account_sid: String,
    api_key: String,
    secret: SecretString,
    region: Option<String>,
}

impl TwilioAccessTokens {
    /// Starts a configuration, which [`build_access_tokens`](TwilioBuilder::build_access_tokens) ends.
    pub fn builder() -> TwilioBuilder {
        TwilioBuilder::new()
    }

    /// Reads account, API key and region from the environment; see the crate's front page for the variables.
    ///
    /// # Errors
    /// [`Config`](ErrorKind::Config) naming the first variable that is missing or wrong.
    pub fn from_env() -> Result<Self> {
        TwilioBuilder::from_env().build_access_tokens()
    }

    pub(crate) fn new(account_sid: String, (api_key, secret): (String, SecretString), region: Option<String>) -> Self {
        Self { account_sid, api_key, secret, region }
    }

    /// A token of what a client may do from `now` on, for the client's `Device`. Whoever has it can do it: it goes to nobody
    /// but the person it names.
    ///
    /// # Errors
    /// `Invalid` naming the part of the grant that is wrong.
    pub fn voice(&self, grant: &VoiceGrant, now: Timestamp) -> Result<SecretString> {
        grant.check()?;
        let issued = now.as_second();
        let lifetime = i64::try_from(grant.lifetime.as_secs()).unwrap_or(i64::MAX);
        let claims = Claims {
            jti: format!("{}-{issued}", self.api_key),
            iss: &self.api_key,
            sub: &self.account_sid,
            nbf: issued,
            exp: issued.saturating_add(lifetime),
            grants: Grants { identity: &grant.identity, voice: Voice::of(grant) },
        };
        let mut header = Header::new(Algorithm::HS256);
        header.cty = Some(CONTENT_TYPE.to_owned());
        if let Some(region) = &self.region {
            header.extras.insert("twr", region);
        }
        let key = EncodingKey::from_secret(self.secret.expose_secret().as_bytes());
        encode(&header, &claims, &key).map(SecretString::from).map_err(|error| {
            Error::new(ErrorKind::Internal, "sign access token").with_provider(PROVIDER).with_source(error)
        })
    }
}

#[derive(Serialize)]
struct Claims<'a> {
    jti: String,
    iss: &'a str,
    sub: &'a str,
    nbf: i64,
    exp: i64,
    grants: Grants<'a>,
}

#[derive(Serialize)]
struct Grants<'a> {
    identity: &'a str,
    voice: Voice<'a>,
}

#[derive(Serialize)]
struct Voice<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    incoming: Option<Incoming>,
    #[serde(skip_serializing_if = "Option::is_none")]
    outgoing: Option<Outgoing<'a>>,
}

#[derive(Serialize)]
struct Incoming {
    allow: bool,
}

#[derive(Serialize)]
struct Outgoing<'a> {
    application_sid: &'a str,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    params: &'a BTreeMap<String, String>,
}

impl<'a> Voice<'a> {
    fn of(grant: &'a VoiceGrant) -> Self {
        let outgoing = |application_sid: &'a String| Outgoing { application_sid, params: &grant.parameters };
        Self {
            incoming: grant.incoming.then_some(Incoming { allow: true }),
            outgoing: grant.application_sid.as_ref().map(outgoing),
        }
    }
}

fn wrong(field: &'static str, expected: &'static str) -> Error {
    Error::invalid(field, expected).with_provider(PROVIDER)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_wrong_in_a_grant_is_named() {
        let tokens = TwilioAccessTokens::builder()
            .account_sid("AC00000000000000000000000000000000")
            .api_key("SK00000000000000000000000000000000", "canary")
            .build_access_tokens()
            .unwrap();
        assert!(!format!("{tokens:?}").contains("canary"));
        let field =
            |grant: &VoiceGrant| tokens.voice(grant, Timestamp::UNIX_EPOCH).unwrap_err().field().unwrap().to_owned();
        let receiving = |identity: &str| VoiceGrant::new(identity).receiving();
        for identity in ["", "anna b", "anna@example", "ä", &"a".repeat(122)] {
            assert_eq!(field(&receiving(identity)), "identity", "{identity}");
        }
        assert_eq!(field(&VoiceGrant::new("anna")), "incoming");
        assert_eq!(field(&VoiceGrant::new("anna").calling_by("AP1")), "application_sid");
        for lifetime in [0, 24 * 3600 + 1] {
            let lifetime = Duration::from_secs(lifetime);
            assert_eq!(field(&VoiceGrant { lifetime, ..receiving("anna") }), "lifetime");
        }
        let day = VoiceGrant { lifetime: MAX_LIFETIME, ..receiving("anna") };
        assert!(tokens.voice(&day, Timestamp::UNIX_EPOCH).is_ok());
    }
}
