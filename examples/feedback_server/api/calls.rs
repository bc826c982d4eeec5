//! `GET /calls`: the calls of a business, newest first; and `POST /calls/{sessionId}/cancel`.

use std::time::Duration;

use axum::Json;
use axum::extract::State as Extract;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};
use voicecall::store::{EndReason, PageRequest, SessionFilter, SessionStatus};
use voicecall::{SessionId, TenantId};

use super::input::{Id, Parameters};
use super::page::{PageLength, PageNumber, Pagination, fit, page_request};
use super::session::{SessionBody, find};
use super::{ApiError, Claims, State, schema, words};

/// How long a live call may take to end before the answer is given without it.
const ENDING: Duration = Duration::from_secs(5);

#[derive(Debug, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct CallQuery {
    #[param(value_type = Uuid)]
    business_id: TenantId,
    /// A status, or `live` for all that are not over.
    #[param(inline, value_type = StatusFilter, required = false)]
    status: Option<StatusFilter>,
    #[param(value_type = schema::EndReason, required = false)]
    end_reason: Option<words::EndReason>,
    /// Those asked for at or after this instant.
    #[param(value_type = Timestamp, required = false)]
    from: Option<Timestamp>,
    /// Those asked for at or before this instant, which is not before `from`.
    #[param(value_type = Timestamp, required = false)]
    until: Option<Timestamp>,
    #[param(inline, value_type = PageNumber, required = false)]
    page: Option<PageNumber>,
    #[param(inline, value_type = PageLength, required = false)]
    limit: Option<PageLength>,
}

#[derive(Debug, Clone, Copy, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum StatusFilter {
    Live,
    Initiated,
    Connecting,
    InProgress,
    Completed,
    Timeout,
    Failed,
}

impl StatusFilter {
    fn statuses(self) -> Vec<SessionStatus> {
        match self {
            Self::Live => live_statuses(),
            Self::Initiated => vec![SessionStatus::Initiated],
            Self::Connecting => vec![SessionStatus::Connecting],
            Self::InProgress => vec![SessionStatus::InProgress],
            Self::Completed => vec![SessionStatus::Completed],
            Self::Timeout => vec![SessionStatus::Timeout],
            Self::Failed => vec![SessionStatus::Failed],
        }
    }
}

/// Those of calls that are not over.
pub(super) fn live_statuses() -> Vec<SessionStatus> {
    SessionStatus::ALL.iter().copied().filter(|status| !status.is_final()).collect()
}

#[derive(Debug, Serialize, ToSchema)]
#[schema(as = CallPage)]
pub(super) struct CallsBody {
    calls: Vec<SessionBody>,
    pagination: Pagination,
}

/// The calls of a business, newest first
#[utoipa::path(
    get, path = "/calls", operation_id = "listCalls", tag = "calls",
    params(CallQuery),
    responses(
        (status = 200, body = CallsBody),
    ),
)]
pub(super) async fn list(
    Extract(state): Extract<State>,
    claims: Claims,
    Parameters(query): Parameters<CallQuery>,
) -> Result<Json<CallsBody>, ApiError> {
    claims.allow(query.business_id)?;
    if matches!((query.from, query.until), (Some(from), Some(until)) if until < from) {
        return Err(ApiError::invalid("until", "not before from"));
    }
    let filter = SessionFilter {
        statuses: query.status.map(StatusFilter::statuses).unwrap_or_default(),
        end_reason: query.end_reason.map(|reason| reason.0),
        direction: None,
        from: query.from,
        // The store's own end is the first instant that does not belong.
        until: query.until.map(|until| until.checked_add(SignedDuration::from_nanos(1)).unwrap_or(until)),
        person: None,
    };
    page_of(&state, query.business_id, &filter, page_request(query.page, query.limit)).await
}

/// One page of the calls of a business that a filter lets through.
///
/// # Errors
/// What the store reports.
pub(super) async fn page_of(
    state: &State,
    business: TenantId,
    filter: &SessionFilter,
    request: PageRequest,
) -> Result<Json<CallsBody>, ApiError> {
    let page = state.store().calls(business, filter, request).await?;
    let (calls, request) = fit(SessionBody::page(state, business, page.items).await?, request);
    Ok(Json(CallsBody { calls, pagination: Pagination::of(request, page.total) }))
}

/// End a call
///
/// Whatever it is doing: a customer who is on the line is hung up on, one who waits to be called is not called.
#[utoipa::path(
    post, path = "/calls/{sessionId}/cancel", operation_id = "cancelCall", tag = "calls",
    params(("sessionId" = Uuid, Path)),
    responses(
        (status = 200, body = SessionBody),
        (status = 409, body = super::ErrorBody, description = "It is over."),
    ),
)]
pub(super) async fn cancel(
    Extract(state): Extract<State>,
    claims: Claims,
    Id(session): Id<SessionId>,
) -> Result<Json<SessionBody>, ApiError> {
    let session = find(&state, &claims, session).await?;
    if session.status.is_final() {
        return Err(ApiError::conflict("sessionId", "the call is over"));
    }
    let (tenant, id) = (session.tenant, session.id);
    state.engine.stop_within(tenant, id, EndReason::Canceled, ENDING).await?;
    Ok(Json(SessionBody::of(&state, state.store().call(tenant, id).await?).await?))
}
