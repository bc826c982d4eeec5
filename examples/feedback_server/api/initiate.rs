//! `POST /calls/initiate`: call a verified customer.

use axum::Json;
use axum::extract::State as Extract;
use axum::http::StatusCode;
use jiff::Timestamp;
use serde::Deserialize;
use utoipa::ToSchema;
use voicecall::store::{CallPriority, NewSession, Session, VerificationStatus};
use voicecall::{ErrorKind, SessionId, TenantId, VerificationId};

use super::bounds::SwedishPhone;
use super::input::Input;
use super::session::SessionBody;
use super::{ApiError, Claims, State, schema};

/// A call that is asked for.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Order {
    #[schema(value_type = Uuid)]
    verification_id: VerificationId,
    #[schema(value_type = Uuid)]
    business_id: TenantId,
    /// The number of the verification.
    customer_phone: SwedishPhone,
    /// Whether it goes before others; normal if nothing is said.
    #[schema(value_type = Option<schema::CallPriority>)]
    priority: Option<CallPriority>,
}

/// Call a verified customer
///
/// It is called within seconds if the business's hours permit it, and again if it is not reached. Asking again for the
/// same verification gives the same session.
#[utoipa::path(
    post, path = "/calls/initiate", tag = "calls",
    request_body = Order,
    responses(
        (status = 201, body = SessionBody),
        (status = 403, body = super::ErrorBody, description = "The token is not for this business."),
        (status = 422, body = super::ErrorBody, description = "The verification is not complete, or the business has no active question."),
    ),
)]
pub(super) async fn initiate(
    Extract(state): Extract<State>,
    claims: Claims,
    Input(order): Input<Order>,
) -> Result<(StatusCode, Json<SessionBody>), ApiError> {
    claims.allow(order.business_id)?;
    state.limits.call(order.business_id)?;
    check(&state, &order).await?;
    let session = match state.store().session_of_verification(order.business_id, order.verification_id).await? {
        // The same verification asked for twice is one call.
        Some(session) => session,
        None => place(&state, &order).await?,
    };
    Ok((StatusCode::CREATED, Json(SessionBody::of(&state, session).await?)))
}

/// Everything that must hold before a phone may ring.
async fn check(state: &State, order: &Order) -> Result<(), ApiError> {
    let business = order.business_id;
    match state.store().business(business).await {
        Ok(_) => {}
        Err(error) if error.kind() == ErrorKind::NotFound => return Err(ApiError::invalid("businessId", "not known")),
        Err(error) => return Err(error.into()),
    }
    let not_verified = |why| ApiError::unprocessable("not_verified", "verificationId", why);
    let verification = match state.verifications.read(business, order.verification_id).await {
        Ok(verification) => verification,
        Err(error) if error.kind() == ErrorKind::NotFound => return Err(not_verified("not known")),
        Err(error) => return Err(error.into()),
    };
    if verification.status != VerificationStatus::Verified {
        return Err(not_verified("the verification is not complete"));
    }
    if verification.phone.lookup != state.vault.lookup(business, &order.customer_phone.0) {
        return Err(ApiError::invalid("customerPhone", "not the number of the verification"));
    }
    let now = Timestamp::now();
    let questions = state.store().questions(business, true).await?;
    if !questions.iter().any(|question| question.is_active_at(now)) {
        let why = "the business has no active question";
        return Err(ApiError::unprocessable("no_active_question", "businessId", why));
    }
    Ok(())
}

async fn place(state: &State, order: &Order) -> Result<Session, ApiError> {
    let new = NewSession {
        id: SessionId::new(),
        tenant: order.business_id,
        phone: state.vault.seal_phone(order.business_id, &order.customer_phone.0)?,
        verification: order.verification_id,
        priority: order.priority.unwrap_or(CallPriority::Normal),
        started_at: Timestamp::now(),
    };
    match state.engine.submit(&new).await {
        // Somebody else asked for the same call a moment ago.
        Err(error) if error.kind() == ErrorKind::Conflict => {
            let existing = state.store().session_of_verification(order.business_id, order.verification_id).await?;
            existing.ok_or_else(|| error.into())
        }
        session => Ok(session?),
    }
}
