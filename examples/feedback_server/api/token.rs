//! Bearer tokens: who may act for which businesses (JWT, RFC 7519, HMAC-SHA-256).

use std::fmt;
use std::sync::Arc;

use axum::extract::FromRequestParts;
use axum::http::StatusCode;
use axum::http::header::AUTHORIZATION;
use axum::http::request::Parts;
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation, decode, encode};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use voicecall::{Error, ErrorKind, Result, TenantId};

use super::{ApiError, State};

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
    sub: String,
    aud: String,
    exp: i64,
    /// The businesses it is valid for.
    businesses: Vec<TenantId>,
}

impl Tokens {
    pub(crate) fn new(secret: &SecretString) -> Self {
        let secret = secret.expose_secret().as_bytes();
        let mut validation = Validation::new(Algorithm::HS256);
        validation.set_audience(&[AUDIENCE]);
        validation.set_required_spec_claims(&["exp", "aud", "sub"]);
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

    /// The businesses it is valid for.
    pub(crate) fn businesses(&self) -> &[TenantId] {
        &self.businesses
    }
}

impl FromRequestParts<State> for Claims {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &State) -> Result<Self, ApiError> {
        let refused = |message: &str| {
            ApiError::new(StatusCode::UNAUTHORIZED, "unauthenticated", message).with_field("authorization")
        };
        let header = parts.headers.get(AUTHORIZATION).ok_or_else(|| refused("authorization: a bearer token"))?;
        let token = header.to_str().ok().and_then(|value| value.strip_prefix("Bearer "));
        let token = token.ok_or_else(|| refused("authorization: a bearer token"))?;
        state.tokens.check(token).ok_or_else(|| refused("authorization: the token is wrong or expired"))
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
        let good = json!({ "sub": "t", "aud": AUDIENCE, "exp": now + 60, "businesses": [] });
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
            changed("businesses", json!("all")),
            missing("exp"),
            missing("aud"),
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
