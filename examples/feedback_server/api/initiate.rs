//! `POST /calls/initiate`: call a verified customer.

use std::sync::Arc;

use axum::Json;
use axum::body::Bytes;
use axum::extract::State as Extract;
use axum::http::StatusCode;
use jiff::Timestamp;
use serde_json::Value;
use tracing::warn;
use voicecall::store::{NewSession, Session, Store, VerificationStatus};
use voicecall::{ErrorKind, PhoneNumber, SessionId, TenantId, VerificationId};

use super::session::SessionBody;
use super::{ApiError, Claims, State};

/// What is asked for, read and checked field by field, so that an error can name the field.
#[derive(Debug)]
struct Order {
    verification: VerificationId,
    business: TenantId,
    phone: PhoneNumber,
}

pub(super) async fn initiate(
    Extract(state): Extract<State>,
    claims: Claims,
    body: Bytes,
) -> Result<(StatusCode, Json<SessionBody>), ApiError> {
    let order = Order::read(&body)?;
    claims.allow(order.business)?;
    let store = Arc::clone(state.engine.store());
    check(&*store, &state, &order).await?;
    let session = match store.session_of_verification(order.business, order.verification).await? {
        // The same verification asked for twice is one call.
        Some(session) => session,
        None => place(&state, &*store, &order).await?,
    };
    Ok((StatusCode::CREATED, Json(session.into())))
}

/// Everything that must hold before a phone may ring.
async fn check(store: &dyn Store, state: &State, order: &Order) -> Result<(), ApiError> {
    let unprocessable = |field: &str, code, message: &str| {
        ApiError::new(StatusCode::UNPROCESSABLE_ENTITY, code, format!("{field}: {message}")).with_field(field)
    };
    match store.business(order.business).await {
        Ok(_) => {}
        Err(error) if error.kind() == ErrorKind::NotFound => {
            return Err(ApiError::invalid("businessId", "not known"));
        }
        Err(error) => return Err(error.into()),
    }
    let verification = match store.verification(order.business, order.verification).await {
        Ok(verification) => verification,
        Err(error) if error.kind() == ErrorKind::NotFound => {
            return Err(unprocessable("verificationId", "not_verified", "not known"));
        }
        Err(error) => return Err(error.into()),
    };
    if verification.status != VerificationStatus::Verified {
        return Err(unprocessable("verificationId", "not_verified", "the verification is not complete"));
    }
    if verification.phone.lookup != state.vault.lookup(order.business, &order.phone) {
        return Err(ApiError::invalid("customerPhone", "not the number of the verification"));
    }
    let now = Timestamp::now();
    let questions = store.questions(order.business, true).await?;
    if !questions.iter().any(|question| question.is_active_at(now)) {
        return Err(unprocessable("businessId", "no_active_question", "the business has no active question"));
    }
    Ok(())
}

async fn place(state: &State, store: &dyn Store, order: &Order) -> Result<Session, ApiError> {
    let new = NewSession {
        id: SessionId::new(),
        tenant: order.business,
        phone: state.vault.seal_phone(order.business, &order.phone)?,
        verification: order.verification,
        priority: voicecall::store::CallPriority::Normal,
        started_at: Timestamp::now(),
    };
    let session = match store.create_session(&new).await {
        Ok(session) => session,
        // Somebody else asked for the same call a moment ago.
        Err(error) if error.kind() == ErrorKind::Conflict => {
            let existing = store.session_of_verification(order.business, order.verification).await?;
            return existing.ok_or_else(|| error.into());
        }
        Err(error) => return Err(error.into()),
    };
    match state.engine.place(&session).await {
        Ok(session) => Ok(session),
        Err(error) => {
            // The session says itself that it failed, and why.
            warn!(session = %session.id, %error, "a call could not be placed");
            Ok(store.session(order.business, session.id).await?)
        }
    }
}

impl Order {
    fn read(body: &[u8]) -> Result<Self, ApiError> {
        let body: Value = serde_json::from_slice(body).map_err(|_| ApiError::invalid("body", "JSON"))?;
        let body = body.as_object().ok_or_else(|| ApiError::invalid("body", "a JSON object"))?;
        const FIELDS: [&str; 4] = ["verificationId", "businessId", "customerPhone", "priority"];
        if let Some(unknown) = body.keys().find(|key| !FIELDS.contains(&key.as_str())) {
            return Err(ApiError::invalid(unknown, "not a field of this request"));
        }
        let text = |field: &str| body.get(field).and_then(Value::as_str);
        let uuid = |field: &str| text(field).ok_or_else(|| ApiError::invalid(field, "a UUID"));
        let verification =
            uuid("verificationId")?.parse().map_err(|_| ApiError::invalid("verificationId", "a UUID"))?;
        let business = uuid("businessId")?.parse().map_err(|_| ApiError::invalid("businessId", "a UUID"))?;
        let phone = text("customerPhone")
            .and_then(swedish_number)
            .ok_or_else(|| ApiError::invalid("customerPhone", "a Swedish number, +46 and 7 to 9 digits"))?;
        match body.get("priority").map(Value::as_str) {
            None | Some(Some("normal" | "high")) => {}
            Some(_) => return Err(ApiError::invalid("priority", "normal or high")),
        }
        Ok(Self { verification, business, phone })
    }
}

fn swedish_number(text: &str) -> Option<PhoneNumber> {
    let digits = text.strip_prefix("+46")?;
    (7..=9).contains(&digits.len()).then(|| PhoneNumber::parse(text).ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn each_wrong_field_is_named() {
        let good = json!({
            "verificationId": VerificationId::new(), "businessId": TenantId::new(), "customerPhone": "+46701234567",
        });
        assert!(Order::read(good.to_string().as_bytes()).is_ok());
        let cases = [
            ("verificationId", json!("x")),
            ("businessId", json!(7)),
            ("customerPhone", json!("+4712345678")),
            ("customerPhone", json!("+46123456")),
            ("customerPhone", json!("+461234567890")),
            ("priority", json!("urgent")),
            ("extra", json!(1)),
        ];
        for (field, value) in cases {
            let mut wrong = good.clone();
            wrong[field] = value;
            let error = Order::read(wrong.to_string().as_bytes()).unwrap_err();
            assert!(format!("{error:?}").contains(field), "{error:?}");
        }
        assert!(Order::read(b"{").is_err() && Order::read(b"[]").is_err());
    }

    proptest::proptest! {
        #[test]
        fn reading_never_panics_and_takes_only_swedish_numbers(bytes: Vec<u8>, phone in ".{0,16}") {
            let _ = Order::read(&bytes);
            let body = json!({
                "verificationId": VerificationId::new(), "businessId": TenantId::new(), "customerPhone": phone,
            });
            if let Ok(order) = Order::read(body.to_string().as_bytes()) {
                proptest::prop_assert!(order.phone.reveal().starts_with("+46"));
            }
        }
    }
}
