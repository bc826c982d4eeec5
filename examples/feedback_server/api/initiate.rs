//! `POST /calls/initiate`: call a verified customer.

use axum::Json;
use axum::extract::State as Extract;
use axum::http::StatusCode;
use jiff::Timestamp;
use serde::Deserialize;
use utoipa::ToSchema;
use voicecall::store::{CallPriority, DO_NOT_CALL, NewSession, Session};
use voicecall::survey::store::{VerificationId, VerificationStatus};
use voicecall::{ErrorKind, TenantId};

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
/// same verification gives the same answer, with the same session as it is by then, and does not count as another call.
#[utoipa::path(
    post, path = "/calls/initiate", operation_id = "initiateCall", tag = "calls",
    request_body = Order,
    responses(
        (status = 201, body = SessionBody),
        (status = 422, body = super::ErrorBody, description = "The verification is not complete, the business has no active question, or the customer asked never to be called again."),
    ),
)]
pub(super) async fn initiate(
    Extract(state): Extract<State>,
    claims: Claims,
    Input(order): Input<Order>,
) -> Result<(StatusCode, Json<SessionBody>), ApiError> {
    claims.allow(order.business_id)?;
    let reference = order.verification_id.to_string();
    let session = match state.store().session_by_reference(order.business_id, &reference).await? {
        // The same verification asked for twice is one call, which is counted once, whatever has changed meanwhile.
        Some(session) if is_with(&state, &session, &order) => session,
        Some(_) => return Err(ApiError::invalid("customerPhone", OTHER_NUMBER)),
        None => {
            check(&state, &order).await?;
            state.limits.call(order.business_id)?;
            place(&state, &order, reference).await?
        }
    };
    Ok((
        StatusCode::CREATED,
        Json(SessionBody::of(&state, state.store().call(session.tenant, session.id).await?).await?),
    ))
}

const OTHER_NUMBER: &str = "not the number of the verification";

/// Whether a session is with the customer of an order.
fn is_with(state: &State, session: &Session, order: &Order) -> bool {
    let lookup = state.vault.lookup(order.business_id, &order.customer_phone.0.clone().into());
    session.remote.as_ref().is_some_and(|customer| customer.lookup == lookup)
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
    if verification.phone.lookup != state.vault.lookup(business, &order.customer_phone.0.clone().into()) {
        return Err(ApiError::invalid("customerPhone", OTHER_NUMBER));
    }
    let now = Timestamp::now();
    let questions = state.store().questions(business, true).await?;
    if !questions.iter().any(|question| question.is_active_at(now)) {
        let why = "the business has no active question";
        return Err(ApiError::unprocessable("no_active_question", "businessId", why));
    }
    Ok(())
}

async fn place(state: &State, order: &Order, reference: String) -> Result<Session, ApiError> {
    let customer = order.customer_phone.0.clone().into();
    let new = NewSession {
        reference: Some(reference),
        priority: order.priority.unwrap_or(CallPriority::Normal),
        ..NewSession::outbound_to(&state.vault, order.business_id, &customer, Timestamp::now())?
    };
    // If somebody else asked for the same call a moment ago, this is theirs.
    match state.engine.submit(&new).await {
        Err(error) if error.code() == Some(DO_NOT_CALL) => {
            let why = "the customer asked never to be called again";
            Err(ApiError::unprocessable(DO_NOT_CALL, "customerPhone", why))
        }
        Err(error) if error.kind() == ErrorKind::Invalid && error.field() == Some("remote") => {
            Err(ApiError::unprocessable("not_allowed", "customerPhone", "not a number that may be called"))
        }
        placed => Ok(placed?),
    }
}
