//! Bearer tokens: who may act for which businesses (JWT, RFC 7519, HMAC-SHA-256).

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use axum::extract::{FromRequestParts, Request, State as Extract};
use axum::http::request::Parts;
use axum::http::{HeaderMap, StatusCode, header};
use axum::middleware::Next;
use axum::response::Response;
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation, decode, encode};
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use serde_json::json;
use sha2::{Digest, Sha256};
use voicecall::{Error, ErrorKind, RecordId, Result, TenantId};

use super::revoked::{LONGEST_ID, Revoked};
use super::scope::{self, Scope};
use super::{ApiError, State};

/// Who must have issued tokens.
const ISSUER: &str = "voicecall";

/// Whom tokens must be meant for.
const AUDIENCE: &str = "feedback";

/// How long an issued token is valid, in seconds.
const VALID_FOR: i64 = 12 * 3600;

/// How long any token may still be valid, in seconds: one that never ends cannot be lost.
const LONGEST: i64 = 31 * 24 * 3600;

/// Clocks may differ by this much, in seconds.
const LEEWAY: u64 = 30;

/// Issues and checks tokens.
#[derive(Clone)]
pub(crate) struct Tokens(Arc<Keys>);

struct Keys {
    encoding: EncodingKey,
    decoding: DecodingKey,
    validation: Validation,
    revoked: Revoked,
}

impl fmt::Debug for Tokens {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Tokens")
    }
}

/// What a valid token says.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Claims {
    exp: i64,
    /// The token's id, by which it can be taken back.
    jti: String,
    /// What it is good for, in words with a space between; reading if nothing is said.
    #[serde(default = "reading")]
    scope: String,
    /// The businesses it is valid for.
    businesses: Vec<TenantId>,
}

fn reading() -> String {
    Scope::Read.as_str().to_owned()
}

impl Tokens {
    /// Those signed with `secret` that the file at `revoked` does not name.
    pub(crate) fn new(secret: &SecretString, revoked: PathBuf) -> Self {
        let secret = secret.expose_secret().as_bytes();
        // One algorithm, whatever a token's header says.
        let mut validation = Validation::new(Algorithm::HS256);
        validation.set_issuer(&[ISSUER]);
        validation.set_audience(&[AUDIENCE]);
        validation.set_required_spec_claims(&["exp", "iss", "aud", "sub"]);
        validation.validate_nbf = true;
        validation.leeway = LEEWAY;
        let (encoding, decoding) = (EncodingKey::from_secret(secret), DecodingKey::from_secret(secret));
        Self(Arc::new(Keys { encoding, decoding, validation, revoked: Revoked::new(revoked) }))
    }

    /// A token for `subject`, these businesses and these scopes.
    ///
    /// # Errors
    /// `Internal` if it cannot be signed.
    pub(crate) fn issue(&self, subject: &str, businesses: &[TenantId], scopes: &[Scope]) -> Result<String> {
        let now = jiff::Timestamp::now().as_second();
        let scope: Vec<_> = scopes.iter().map(|scope| scope.as_str()).collect();
        let claims = json!({
            "iss": ISSUER, "sub": subject, "aud": AUDIENCE, "iat": now, "exp": now + VALID_FOR, "jti": RecordId::new(),
            "scope": scope.join(" "), "businesses": businesses,
        });
        encode(&Header::default(), &claims, &self.0.encoding)
            .map_err(|error| Error::new(ErrorKind::Internal, "issue token").with_source(error))
    }

    fn check(&self, token: &str) -> Option<Claims> {
        let claims = decode::<Claims>(token, &self.0.decoding, &self.0.validation).ok()?.claims;
        let latest = jiff::Timestamp::now().as_second() + LONGEST;
        let is_bounded = claims.exp <= latest && (1..=LONGEST_ID).contains(&claims.jti.len());
        is_bounded.then_some(claims)
    }

    /// Whether a token was taken back after it was issued.
    ///
    /// # Errors
    /// `Unavailable` if nobody knows.
    pub(super) fn is_revoked(&self, claims: &Claims) -> Result<bool> {
        self.0.revoked.contains(&claims.jti)
    }
}

impl Claims {
    /// Refuses what is not for `business`: another business is as unknown as one that never was.
    ///
    /// # Errors
    /// 404 naming `businessId`.
    pub(crate) fn allow(&self, business: TenantId) -> Result<(), ApiError> {
        if self.businesses.contains(&business) {
            return Ok(());
        }
        Err(ApiError::not_found("businessId"))
    }

    /// When it stops being valid.
    pub(super) fn expires(&self) -> jiff::Timestamp {
        jiff::Timestamp::from_second(self.exp).unwrap_or(jiff::Timestamp::MIN)
    }

    /// The businesses it is valid for.
    pub(crate) fn businesses(&self) -> &[TenantId] {
        &self.businesses
    }
}

/// Lets only those through who have a valid token that is good for this, and not more often than they may. The routes behind it
/// get its [`Claims`].
pub(super) async fn authenticate(
    Extract((state, scope)): Extract<(State, Scope)>,
    mut request: Request,
    next: Next,
) -> Result<Response, ApiError> {
    let token = bearer(request.headers()).ok_or_else(|| refused("a bearer token"))?;
    let claims =
        state.tokens.check(token).ok_or_else(|| refused("the token is wrong, expired or valid for too long"))?;
    if state.tokens.is_revoked(&claims)? {
        return Err(refused("the token was taken back"));
    }
    let key = Sha256::digest(token).into();
    state.limits.request(&key)?;
    scope::check(&claims.scope, scope)?;
    let turn = state.limits.at_once(&key)?;
    request.extensions_mut().insert(claims);
    request.extensions_mut().insert(key);
    let response = next.run(request).await;
    drop(turn);
    Ok(response)
}

fn bearer(headers: &HeaderMap) -> Option<&str> {
    let (scheme, token) = headers.get(header::AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then_some(token)
}

fn refused(why: &str) -> ApiError {
    let message = format!("authorization: {why}");
    ApiError::new(StatusCode::UNAUTHORIZED, "unauthenticated", message).with_field("authorization")
}

impl<S: Sync> FromRequestParts<S> for Claims {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, ApiError> {
        // A route that asks for claims and was not put behind `authenticate` answers nobody.
        parts.extensions.get::<Self>().cloned().ok_or_else(|| refused("a bearer token"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::Value;

    fn tokens() -> Tokens {
        tokens_of("0123456789abcdef0123456789abcdef")
    }

    fn tokens_of(secret: &str) -> Tokens {
        Tokens::new(&secret.to_owned().into(), std::env::temp_dir().join("no revoked tokens"))
    }

    fn signed(claims: &Value, algorithm: Algorithm) -> String {
        encode(&Header::new(algorithm), claims, &tokens().0.encoding).unwrap()
    }

    fn good() -> Value {
        let now = jiff::Timestamp::now().as_second();
        json!({ "iss": ISSUER, "sub": "t", "aud": AUDIENCE, "exp": now + 60, "jti": "1", "businesses": [] })
    }

    fn changed(field: &str, value: Value) -> String {
        let mut claims = good();
        claims[field] = value;
        signed(&claims, Algorithm::HS256)
    }

    #[test]
    fn an_issued_token_is_valid_for_its_businesses_and_scopes_only() {
        let (ours, theirs) = (TenantId::new(), TenantId::new());
        let token = tokens().issue("test", &[ours], &[Scope::Read, Scope::Privacy]).unwrap();
        let claims = tokens().check(&token).unwrap();
        assert!(claims.allow(ours).is_ok());
        assert!(claims.allow(theirs).is_err());
        assert_eq!(claims.scope, "read privacy");
        assert_eq!(tokens().check(&signed(&good(), Algorithm::HS256)).unwrap().scope, "read", "the least");
    }

    #[test]
    fn what_the_specification_allows_is_valid() {
        let now = jiff::Timestamp::now().as_second();
        for token in [
            signed(&good(), Algorithm::HS256),
            changed("aud", json!([AUDIENCE])),
            changed("aud", json!(["another", AUDIENCE])),
            changed("nbf", json!(now - 60)),
            changed("iat", json!(now)),
            changed("exp", json!(now + LONGEST - 60)),
        ] {
            assert!(tokens().check(&token).is_some(), "{token}");
        }
    }

    #[test]
    fn nothing_else_is_valid() {
        let now = jiff::Timestamp::now().as_second();
        let missing = |field: &str| {
            let mut claims = good();
            claims.as_object_mut().unwrap().remove(field);
            signed(&claims, Algorithm::HS256)
        };
        let wrong = [
            changed("exp", json!(now - 60)),
            changed("exp", json!(now + LONGEST + 60)),
            changed("exp", json!(1_000_000_000_000_000_000_i64)),
            changed("exp", json!("never")),
            changed("nbf", json!(now + 60)),
            changed("aud", json!("another")),
            changed("aud", json!(["another"])),
            changed("aud", json!([])),
            changed("iss", json!("another")),
            changed("jti", json!("")),
            changed("jti", json!("x".repeat(LONGEST_ID + 1))),
            changed("businesses", json!("all")),
            missing("exp"),
            missing("aud"),
            missing("iss"),
            missing("sub"),
            missing("jti"),
            missing("businesses"),
            signed(&good(), Algorithm::HS384),
            "eyJhbGciOiJub25lIn0.e30.".to_owned(),
            String::new(),
            "a.b.c".to_owned(),
        ];
        for token in wrong {
            assert!(tokens().check(&token).is_none(), "{token}");
        }
        let other = tokens_of("another secret of sufficient length");
        assert!(other.check(&signed(&good(), Algorithm::HS256)).is_none());
    }
}
