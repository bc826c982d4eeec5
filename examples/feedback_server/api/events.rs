//! What happened to a session: `GET /calls/{sessionId}/events`, and `POST /calls/logs` for those who know of more.

use axum::Json;
use axum::extract::State as Extract;
use axum::http::StatusCode;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::{IntoParams, ToSchema};
use voicecall::store::{self, EventKind, Page, PageRequest, SessionEvent};
use voicecall::survey::store::{QUESTION_ASKED, RESPONSE_RECEIVED};
use voicecall::{RecordId, SessionId, TenantId};

use super::input::{Id, Input, Parameters};
use super::page::{self, PageLength, PageNumber, Pagination, page_request};
use super::session::find;
use super::shapes::SmallObject;
use super::words::{self, CallEventType, EventSource};
use super::{ApiError, Claims, State, not_in_the_future, schema};

/// An event as clients see it.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Event)]
#[serde(rename_all = "camelCase")]
pub(super) struct EventBody {
    #[schema(value_type = Uuid)]
    id: RecordId,
    #[schema(value_type = Uuid)]
    session_id: SessionId,
    #[schema(value_type = schema::CallEventType)]
    event_type: CallEventType,
    #[schema(value_type = Object)]
    event_data: Value,
    timestamp: Timestamp,
    #[schema(value_type = schema::EventSource)]
    source: EventSource,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Object, required = false)]
    metadata: Option<Value>,
}

impl From<SessionEvent> for EventBody {
    fn from(event: SessionEvent) -> Self {
        Self {
            id: event.id,
            session_id: event.session,
            event_data: words::event_data(&event),
            event_type: CallEventType(event.kind),
            timestamp: event.at,
            source: event.source.into(),
            metadata: event.metadata,
        }
    }
}

#[derive(Debug, Serialize, ToSchema)]
#[schema(as = EventPage)]
pub(super) struct EventsBody {
    events: Vec<EventBody>,
    pagination: Pagination,
}

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct EventQuery {
    #[param(inline, value_type = PageNumber, required = false)]
    page: Option<PageNumber>,
    #[param(inline, value_type = PageLength, required = false)]
    limit: Option<PageLength>,
}

/// What happened, in order
#[utoipa::path(
    get, path = "/calls/{sessionId}/events", operation_id = "listEvents", tag = "calls",
    params(("sessionId" = Uuid, Path), EventQuery),
    responses((status = 200, body = EventsBody)),
)]
pub(super) async fn list(
    Extract(state): Extract<State>,
    claims: Claims,
    Id(session): Id<SessionId>,
    Parameters(query): Parameters<EventQuery>,
) -> Result<Json<EventsBody>, ApiError> {
    let session = find(&state, &claims, session).await?;
    let (store, session) = (state.store(), &session);
    let step = |request| async move {
        let Page { items, total } = store.events(session.tenant, session.id, request).await?;
        Ok(Page { items: items.into_iter().map(EventBody::from).collect(), total })
    };
    let (events, request, total) = page::read(page_request(query.page, query.limit), step).await?;
    Ok(Json(EventsBody { events, pagination: Pagination::of(request, total) }))
}

/// A timeline takes no more from outside: somebody writes into it, no call does.
pub(super) const MOST_EVENTS: u64 = 1000;

/// What others may know of a call: how a session stands is the server's to say, and what the phone does the carrier's.
fn check_claim(kind: &CallEventType, source: store::EventSource) -> Result<(), ApiError> {
    let not_yours =
        |field| Err(ApiError::unprocessable("not_yours", field, "is only the server's or the carrier's to say"));
    let known_outside = [EventKind::AiConnected, QUESTION_ASKED, RESPONSE_RECEIVED, EventKind::WarningSent];
    if !known_outside.contains(&kind.0) {
        return not_yours("eventType");
    }
    if source == store::EventSource::Telephony {
        return not_yours("source");
    }
    Ok(())
}

/// An event to be kept.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct NewEvent {
    #[schema(value_type = Uuid)]
    session_id: SessionId,
    #[schema(value_type = schema::CallEventType)]
    event_type: CallEventType,
    /// Particulars, without personal data.
    #[schema(inline)]
    event_data: Option<SmallObject>,
    /// When; now if nothing is said. One before the session's last event gets that one's time.
    timestamp: Option<Timestamp>,
    /// Who made it happen; the system if nothing is said.
    #[schema(value_type = Option<schema::EventSource>)]
    source: Option<EventSource>,
    #[schema(inline)]
    metadata: Option<SmallObject>,
}

/// Keep an event
///
/// It changes nothing but the session's timeline.
#[utoipa::path(
    post, path = "/calls/logs", operation_id = "logEvent", tag = "calls",
    request_body = NewEvent,
    responses(
        (status = 201, body = EventBody),
        (status = 409, body = super::ErrorBody, description = "The call is over, or its timeline is full."),
        (status = 422, body = super::ErrorBody, description = "It lies in the future, or is only the server's or the carrier's to say."),
    ),
)]
pub(super) async fn log(
    Extract(state): Extract<State>,
    claims: Claims,
    Input(new): Input<NewEvent>,
) -> Result<(StatusCode, Json<EventBody>), ApiError> {
    let session = find(&state, &claims, new.session_id).await?;
    let now = Timestamp::now();
    not_in_the_future("timestamp", new.timestamp, now)?;
    let source = new.source.map_or(store::EventSource::System, |source| source.0);
    check_claim(&new.event_type, source)?;
    if session.status.is_final() {
        return Err(ApiError::conflict("sessionId", "the call is over"));
    }
    let first = PageRequest { page: 1, per_page: 1 };
    if state.store().events(session.tenant, session.id, first).await?.total >= MOST_EVENTS {
        return Err(ApiError::conflict("sessionId", "the timeline has a thousand events, which is all it holds"));
    }
    let mut event = SessionEvent::new(session.id, new.event_type.0, source, new.timestamp.unwrap_or(now))
        .with_data(Value::Object(new.event_data.map_or_else(Map::new, SmallObject::into_inner)));
    event.metadata = new.metadata.map(|metadata| Value::Object(metadata.into_inner()));
    state.store().append_event(session.tenant, &event).await?;
    Ok((StatusCode::CREATED, Json(kept(&state, session.tenant, &event).await?.into())))
}

/// An event as it is kept, which may be later than it was told. It is one of the last.
async fn kept(state: &State, tenant: TenantId, event: &SessionEvent) -> Result<SessionEvent, ApiError> {
    let per_page = PageRequest::MAX_PER_PAGE;
    let first = PageRequest { page: 1, per_page: 1 };
    let total = state.store().events(tenant, event.session, first).await?.total;
    for page in (1..=u32::try_from(total.div_ceil(per_page.into())).unwrap_or(u32::MAX)).rev() {
        let page = state.store().events(tenant, event.session, PageRequest { page, per_page }).await?;
        if let Some(kept) = page.items.into_iter().find(|kept| kept.id == event.id) {
            return Ok(kept);
        }
    }
    // Erased since.
    Err(ApiError::not_found("sessionId"))
}
