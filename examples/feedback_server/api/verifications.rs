//! `/verifications`: the purchases from which calls may follow.

use axum::Json;
use axum::extract::State as Extract;
use axum::http::StatusCode;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use voicecall::survey::store::{CustomerVerification, VerificationId, VerificationStatus};
use voicecall::{ErrorKind, TenantId};

use super::bounds::{Number, SwedishPhone};
use super::input::{Id, Input, Parameters};
use super::page::{PageLength, PageNumber, Pagination, fit, page_request};
use super::{ApiError, Claims, State, schema};

type Amount = Number<0, 1_000_000_000>;

/// A purchase as clients see it.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Verification)]
#[serde(rename_all = "camelCase")]
pub(super) struct VerificationBody {
    #[schema(value_type = Uuid)]
    id: VerificationId,
    #[schema(value_type = Uuid)]
    business_id: TenantId,
    purchased_at: Timestamp,
    /// In the currency of the business.
    amount: f64,
    /// All but the first three and the last two characters are hidden. Null if it cannot be read.
    #[schema(required = true, pattern = r"^\+[0-9]{2}\*+[0-9]{2}$")]
    customer_phone: Option<String>,
    #[schema(value_type = schema::VerificationStatus)]
    status: VerificationStatus,
}

impl VerificationBody {
    pub(super) fn of(state: &State, verification: CustomerVerification) -> Self {
        Self {
            id: verification.id,
            business_id: verification.tenant,
            purchased_at: verification.purchased_at,
            amount: verification.amount_micros as f64 / 1e6,
            customer_phone: state
                .masked(CustomerVerification::row(verification.tenant, verification.id), &verification.phone),
            status: verification.status,
        }
    }
}

/// Nobody remembers a visit that is longer ago, or was asked about it by somebody they know.
const OLDEST_PURCHASE: SignedDuration = SignedDuration::from_hours(90 * 24);

/// Clocks differ.
const CLOCK_MARGIN: SignedDuration = SignedDuration::from_mins(5);

/// A purchase to be kept.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct NewVerification {
    /// Its id; a new one if nothing is said.
    #[schema(value_type = Option<Uuid>)]
    id: Option<VerificationId>,
    #[schema(value_type = Uuid)]
    business_id: TenantId,
    purchased_at: Timestamp,
    /// In the currency of the business, to the millionth.
    amount: Amount,

    customer_phone: SwedishPhone,
    /// Pending if nothing is said. Only the verified are called.
    #[schema(value_type = Option<schema::VerificationStatus>)]
    status: Option<VerificationStatus>,
}

/// Keep a purchase
#[utoipa::path(
    post, path = "/verifications", operation_id = "createVerification", tag = "verifications",
    request_body = NewVerification,
    responses(
        (status = 201, body = VerificationBody),
        (status = 409, body = super::ErrorBody, description = "There is one with this id."),
        (status = 422, body = super::ErrorBody, description = "Nobody may be called about it: a premium number, or a \
            purchase that is to come or more than 90 days ago."),
    ),
)]
pub(super) async fn create(
    Extract(state): Extract<State>,
    claims: Claims,
    Input(new): Input<NewVerification>,
) -> Result<(StatusCode, Json<VerificationBody>), ApiError> {
    claims.allow(new.business_id)?;
    if state.engine.check_destination(&new.customer_phone.0).is_err() {
        return Err(ApiError::unprocessable("not_allowed", "customerPhone", "not a number that may be called"));
    }
    let age = Timestamp::now().duration_since(new.purchased_at);
    if age < -CLOCK_MARGIN || age > OLDEST_PURCHASE {
        return Err(ApiError::unprocessable("too_old", "purchasedAt", "not within the last 90 days"));
    }
    let id = match new.id {
        Some(id) => match state.verifications.read(new.business_id, id).await {
            Err(error) if error.kind() == ErrorKind::NotFound => id,
            Ok(_) => return Err(ApiError::conflict("id", "there is one with this id")),
            Err(error) => return Err(error.into()),
        },
        None => VerificationId::new(),
    };
    let verification = CustomerVerification {
        id,
        tenant: new.business_id,
        purchased_at: new.purchased_at,
        // Bounded far below what the integer holds.
        amount_micros: (new.amount.get() * 1e6).round() as i64,
        phone: state
            .vault
            .seal_address(CustomerVerification::row(new.business_id, id), &new.customer_phone.0.into())?,
        status: new.status.unwrap_or(VerificationStatus::Pending),
    };
    state.verifications.write(&verification).await?;
    Ok((StatusCode::CREATED, Json(VerificationBody::of(&state, verification))))
}

#[derive(Debug, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct VerificationQuery {
    #[param(value_type = Uuid)]
    business_id: TenantId,
    #[param(value_type = schema::VerificationStatus, required = false)]
    status: Option<VerificationStatus>,
    #[param(inline, value_type = PageNumber, required = false)]
    page: Option<PageNumber>,
    #[param(inline, value_type = PageLength, required = false)]
    limit: Option<PageLength>,
}

#[derive(Debug, Serialize, ToSchema)]
#[schema(as = VerificationPage)]
pub(super) struct VerificationsBody {
    verifications: Vec<VerificationBody>,
    pagination: Pagination,
}

/// The purchases of a business, newest first
#[utoipa::path(
    get, path = "/verifications", operation_id = "listVerifications", tag = "verifications",
    params(VerificationQuery),
    responses((status = 200, body = VerificationsBody)),
)]
pub(super) async fn list(
    Extract(state): Extract<State>,
    claims: Claims,
    Parameters(query): Parameters<VerificationQuery>,
) -> Result<Json<VerificationsBody>, ApiError> {
    claims.allow(query.business_id)?;
    let request = page_request(query.page, query.limit);
    let page = state.verifications.list(query.business_id, query.status, request).await?;
    let bodies = page.items.into_iter().map(|verification| VerificationBody::of(&state, verification));
    let (verifications, request) = fit(bodies.collect(), request);
    Ok(Json(VerificationsBody { verifications, pagination: Pagination::of(request, page.total) }))
}

/// One purchase
#[utoipa::path(
    get, path = "/verifications/{verificationId}", operation_id = "getVerification", tag = "verifications",
    params(("verificationId" = Uuid, Path)),
    responses((status = 200, body = VerificationBody)),
)]
pub(super) async fn one(
    Extract(state): Extract<State>,
    claims: Claims,
    Id(id): Id<VerificationId>,
) -> Result<Json<VerificationBody>, ApiError> {
    Ok(Json(VerificationBody::of(&state, find(&state, &claims, id).await?)))
}

/// What became of a purchase.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct VerificationChange {
    #[schema(value_type = schema::VerificationStatus)]
    status: VerificationStatus,
}

/// Decide about a purchase
#[utoipa::path(
    patch, path = "/verifications/{verificationId}", operation_id = "decideVerification", tag = "verifications",
    params(("verificationId" = Uuid, Path)),
    request_body = VerificationChange,
    responses((status = 200, body = VerificationBody)),
)]
pub(super) async fn decide(
    Extract(state): Extract<State>,
    claims: Claims,
    Id(id): Id<VerificationId>,
    Input(change): Input<VerificationChange>,
) -> Result<Json<VerificationBody>, ApiError> {
    let verification = find(&state, &claims, id).await?;
    let verification = CustomerVerification { status: change.status, ..verification };
    state.verifications.write(&verification).await?;
    Ok(Json(VerificationBody::of(&state, verification)))
}

async fn find(state: &State, claims: &Claims, id: VerificationId) -> Result<CustomerVerification, ApiError> {
    for &business in claims.businesses() {
        match state.verifications.read(business, id).await {
            Ok(verification) => return Ok(verification),
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            Err(error) => return Err(error.into()),
        }
    }
    Err(ApiError::not_found("verificationId"))
}
