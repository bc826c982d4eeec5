//! `GET /calls/{sessionId}/status`, and how a session looks to clients.

use axum::Json;
use axum::extract::{Path, State as Extract};
use axum::http::StatusCode;
use jiff::Timestamp;
use serde::Serialize;
use voicecall::store::{EndReason, Session, SessionStatus};
use voicecall::{ErrorKind, QuestionId, SessionId, TenantId};

use super::{ApiError, Claims, State};

/// A session as clients see it.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct SessionBody {
    id: SessionId,
    business_id: TenantId,
    status: SessionStatus,
    started_at: Timestamp,
    #[serde(skip_serializing_if = "Option::is_none")]
    connected_at: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    ended_at: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    end_reason: Option<EndReason>,
    duration_seconds: Option<u64>,
    questions_asked: Vec<QuestionId>,
    cost_estimate: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    recording_url: Option<String>,
}

impl From<Session> for SessionBody {
    fn from(session: Session) -> Self {
        Self {
            duration_seconds: session.duration_seconds(),
            id: session.id,
            business_id: session.tenant,
            status: session.status,
            started_at: session.started_at,
            connected_at: session.connected_at,
            ended_at: session.ended_at,
            end_reason: session.end_reason,
            questions_asked: session.questions_asked,
            cost_estimate: session.cost_micros.unwrap_or(0) as f64 / 1e6,
            recording_url: session.recording_url,
        }
    }
}

pub(super) async fn status(
    Extract(state): Extract<State>,
    claims: Claims,
    Path(session): Path<String>,
) -> Result<Json<SessionBody>, ApiError> {
    Ok(Json(find(&state, &claims, &session).await?.into()))
}

/// A session of one of the token's businesses. Another's is as unknown as one that never was.
pub(super) async fn find(state: &State, claims: &Claims, session: &str) -> Result<Session, ApiError> {
    let missing = || ApiError::new(StatusCode::NOT_FOUND, "not_found", "sessionId: not found").with_field("sessionId");
    let id: SessionId = session.parse().map_err(|_| missing())?;
    for &business in claims.businesses() {
        match state.engine.store().session(business, id).await {
            Ok(session) => return Ok(session),
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            Err(error) => return Err(error.into()),
        }
    }
    Err(missing())
}
