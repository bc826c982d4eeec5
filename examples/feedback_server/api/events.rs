//! `GET /calls/{sessionId}/events`: what happened, in order, a page at a time.

use axum::Json;
use axum::extract::{Path, RawQuery, State as Extract};
use jiff::Timestamp;
use serde::Serialize;
use serde_json::Value;
use voicecall::store::{CallEventType, EventSource, PageRequest};
use voicecall::{RecordId, SessionId};

use super::session::find;
use super::{ApiError, Claims, State};

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct EventBody {
    id: RecordId,
    session_id: SessionId,
    event_type: CallEventType,
    event_data: Value,
    timestamp: Timestamp,
    source: EventSource,
    #[serde(skip_serializing_if = "Option::is_none")]
    metadata: Option<Value>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Pagination {
    page: u32,
    per_page: u32,
    total: u64,
    has_next: bool,
}

#[derive(Debug, Serialize)]
pub(super) struct EventsBody {
    events: Vec<EventBody>,
    pagination: Pagination,
}

pub(super) async fn events(
    Extract(state): Extract<State>,
    claims: Claims,
    Path(session): Path<String>,
    RawQuery(query): RawQuery,
) -> Result<Json<EventsBody>, ApiError> {
    let request = page(query.as_deref().unwrap_or(""))?;
    let session = find(&state, &claims, &session).await?;
    let page = state.engine.store().events(session.tenant, session.id, request).await?;
    let body = |event: voicecall::store::CallEvent| EventBody {
        id: event.id,
        session_id: event.session,
        event_type: event.event_type,
        event_data: event.data,
        timestamp: event.timestamp,
        source: event.source,
        metadata: event.metadata,
    };
    let seen = u64::from(request.page) * u64::from(request.per_page);
    let pagination =
        Pagination { page: request.page, per_page: request.per_page, total: page.total, has_next: seen < page.total };
    Ok(Json(EventsBody { events: page.items.into_iter().map(body).collect(), pagination }))
}

/// `limit` from 1 to 100 and `page` from 1; anything else is refused by name.
fn page(query: &str) -> Result<PageRequest, ApiError> {
    let mut request = PageRequest::default();
    for (name, value) in url::form_urlencoded::parse(query.as_bytes()) {
        let number = value.parse::<u32>().ok();
        match (&*name, number) {
            ("limit", Some(limit @ 1..=100)) => request.per_page = limit,
            ("limit", _) => return Err(ApiError::invalid("limit", "1 to 100")),
            ("page", Some(page @ 1..)) => request.page = page,
            ("page", _) => return Err(ApiError::invalid("page", "1 or more")),
            _ => return Err(ApiError::invalid(&name, "not a parameter of this route")),
        }
    }
    Ok(request)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_outside_the_range_are_refused() {
        assert_eq!(page("limit=7&page=2").unwrap(), PageRequest { page: 2, per_page: 7 });
        for wrong in ["limit=0", "limit=101", "limit=x", "page=0", "offset=1"] {
            assert!(page(wrong).is_err(), "{wrong}");
        }
    }
}
