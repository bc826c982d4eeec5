//! `POST /calls/search`: the calls with one customer. A number stands in no address, because addresses are logged.

use axum::Json;
use axum::extract::State as Extract;
use serde::Deserialize;
use utoipa::ToSchema;
use voicecall::TenantId;
use voicecall::store::SessionFilter;

use super::bounds::SwedishPhone;
use super::calls::{CallsBody, page_of};
use super::input::Input;
use super::page::{PageLength, PageNumber, page_request};
use super::{ApiError, Claims, State};

/// Which calls are looked for.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct CallSearch {
    #[schema(value_type = Uuid)]
    business_id: TenantId,
    /// With whom.
    customer_phone: SwedishPhone,
    /// Which page, from 1; the first if nothing is said.
    #[schema(inline)]
    page: Option<PageNumber>,
    /// How many calls to a page; 50 if nothing is said.
    #[schema(inline)]
    limit: Option<PageLength>,
}

/// The calls with a customer, newest first
#[utoipa::path(
    post, path = "/calls/search", operation_id = "searchCalls", tag = "calls",
    request_body = CallSearch,
    responses((status = 200, body = CallsBody)),
)]
pub(super) async fn search(
    Extract(state): Extract<State>,
    claims: Claims,
    Input(search): Input<CallSearch>,
) -> Result<Json<CallsBody>, ApiError> {
    claims.allow(search.business_id)?;
    let customer = state.vault.lookup(search.business_id, &search.customer_phone.0.into());
    let filter = SessionFilter { person: Some(customer.into()), ..SessionFilter::default() };
    page_of(&state, search.business_id, &filter, page_request(search.page, search.limit)).await
}
