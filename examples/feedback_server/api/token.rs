//! Bearer tokens: who may act for which businesses (JWT, RFC 7519, HMAC-SHA-256).

use std::fmt;
use std::sync::Arc;

use axum::extract::{FromRequestParts, Request, State as Extract};
use axum::http::request::Parts;
use axum::http::{HeaderMap, StatusCode, header};
use axum::middleware::Next;
use axum::response::Response;
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation, decode, encode};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use voicecall::{Error, ErrorKind, Result, TenantId};

use super::{ApiError, State};

/// Who must have issued tokens.
const ISSUER: &str = "voicecall";

/// Whom tokens must be meant for.
const AUDIENCE: &str = "feedback";

/// How long an issued token is valid, in seconds.
const VALID_FOR: i64 = 12 * 3600;

/// Clocks may differ by this much, in seconds.
const LEEWAY: u64 = 30;

/// Issues and checks tokens.
#[derive(Clone)]
pub(crate) struct Tokens(Arc<Keys>);

struct Keys {
    encoding: EncodingKey,
    decoding: DecodingKey,
    validation: Validation,
}

impl fmt::Debug for Tokens {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Tokens")
    }
}

/// What a valid token says.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Claims {
    iss: String,
    sub: String,
    aud: String,
    exp: i64,
    /// The businesses it is valid for.
    businesses: Vec<TenantId>,
}

impl Tokens {
    pub(crate) fn new(secret: &SecretString) -> Self {
        let secret = secret.expose_secret().as_bytes();
        // One algorithm, whatever a token's header says.
        let mut validation = Validation::new(Algorithm::HS256);
        validation.set_issuer(&[ISSUER]);
        validation.set_audience(&[AUDIENCE]);
        validation.set_required_spec_claims(&["exp", "iss", "aud", "sub"]);
        validation.leeway = LEEWAY;
        let keys =
            Keys { encoding: EncodingKey::from_secret(secret), decoding: DecodingKey::from_secret(secret), validation };
        Self(Arc::new(keys))
    }

    /// A token for `subject` and these businesses.
    ///
    /// # Errors
    /// `Internal` if it cannot be signed.
    pub(crate) fn issue(&self, subject: &str, businesses: &[TenantId]) -> Result<String> {
        let claims = Claims {
            iss: ISSUER.to_owned(),
            sub: subject.to_owned(),
            aud: AUDIENCE.to_owned(),
            exp: jiff::Timestamp::now().as_second() + VALID_FOR,
            businesses: businesses.to_vec(),
        };
        encode(&Header::default(), &claims, &self.0.encoding)
            .map_err(|error| Error::new(ErrorKind::Internal, "issue token").with_source(error))
    }

    fn check(&self, token: &str) -> Option<Claims> {
        decode::<Claims>(token, &self.0.decoding, &self.0.validation).ok().map(|data| data.claims)
    }
}

impl Claims {
    /// Refuses what is not for `business`.
    ///
    /// # Errors
    /// 403 naming `businessId`.
    pub(crate) fn allow(&self, business: TenantId) -> Result<(), ApiError> {
        if self.businesses.contains(&business) {
            return Ok(());
        }
        let message = "businessId: the token is not for this business";
        Err(ApiError::new(StatusCode::FORBIDDEN, "forbidden", message).with_field("businessId"))
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

/// Lets only those through who have a valid token, and not more often than they may. The routes behind it get its
/// [`Claims`].
pub(super) async fn authenticate(
    Extract(state): Extract<State>,
    mut request: Request,
    next: Next,
) -> Result<Response, ApiError> {
    let token = bearer(request.headers()).ok_or_else(|| refused("a bearer token"))?;
    let claims = state.tokens.check(token).ok_or_else(|| refused("the token is wrong or expired"))?;
    state.limits.request(&Sha256::digest(token).into())?;
    request.extensions_mut().insert(claims);
    Ok(next.run(request).await)
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
    use serde_json::json;

    fn tokens() -> Tokens {
        Tokens::new(&"0123456789abcdef0123456789abcdef".to_owned().into())
    }

    fn signed(claims: &serde_json::Value, algorithm: Algorithm) -> String {
        encode(&Header::new(algorithm), claims, &tokens().0.encoding).unwrap()
    }

    #[test]
    fn an_issued_token_is_valid_for_its_businesses_only() {
        let (ours, theirs) = (TenantId::new(), TenantId::new());
        let claims = tokens().check(&tokens().issue("test", &[ours]).unwrap()).unwrap();
        assert!(claims.allow(ours).is_ok());
        assert!(claims.allow(theirs).is_err());
    }

    #[test]
    fn nothing_else_is_valid() {
        let now = jiff::Timestamp::now().as_second();
        let good = json!({ "iss": ISSUER, "sub": "t", "aud": AUDIENCE, "exp": now + 60, "businesses": [] });
        assert!(tokens().check(&signed(&good, Algorithm::HS256)).is_some());
        let changed = |field: &str, value: serde_json::Value| {
            let mut claims = good.clone();
            claims[field] = value;
            signed(&claims, Algorithm::HS256)
        };
        let missing = |field: &str| {
            let mut claims = good.clone();
            claims.as_object_mut().unwrap().remove(field);
            signed(&claims, Algorithm::HS256)
        };
        let wrong = [
            changed("exp", json!(now - 60)),
            changed("exp", json!("never")),
            changed("aud", json!("another")),
            changed("iss", json!("another")),
            changed("businesses", json!("all")),
            missing("exp"),
            missing("aud"),
            missing("iss"),
            missing("sub"),
            missing("businesses"),
            signed(&good, Algorithm::HS384),
            "eyJhbGciOiJub25lIn0.e30.".to_owned(),
            String::new(),
            "a.b.c".to_owned(),
        ];
        for token in wrong {
            assert!(tokens().check(&token).is_none(), "{token}");
        }
        let other = Tokens::new(&"another secret of sufficient length".to_owned().into());
        assert!(other.check(&signed(&good, Algorithm::HS256)).is_none());
    }
}
