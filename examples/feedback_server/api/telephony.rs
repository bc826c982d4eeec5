//! `/calls/webhooks/telephony`: the carrier's reports, authenticated by the carrier's own signature.

use axum::extract::{Query, State as Extract};
use axum::http::StatusCode;
use serde::Deserialize;
use voicecall::engine::CallKey;
use voicecall::server::IncomingRequest;

use super::{ApiError, State};

#[derive(Debug, Deserialize)]
pub(super) struct ReportQuery {
    call: Option<String>,
}

pub(super) async fn report(
    Extract(state): Extract<State>,
    Query(query): Query<ReportQuery>,
    request: IncomingRequest,
) -> Result<StatusCode, ApiError> {
    let key = query.call.map(|call| call.parse::<CallKey>()).transpose()?;
    let headers = request.headers();
    state.engine.report(key, &request.webhook(&headers)).await?;
    Ok(StatusCode::OK)
}
