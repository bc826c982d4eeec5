//! `POST /calls/webhooks/ai`: what an AI service outside this process reports. What was said is not kept.

use axum::Json;
use axum::extract::State as Extract;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use utoipa::ToSchema;
use voicecall::store::{EventKind, EventSource, Session, SessionEvent};
use voicecall::survey::store::{CallAttachment, QuestionId, RESPONSE_RECEIVED};
use voicecall::{ErrorKind, SessionId, TenantId};

use super::bounds::{Number, Text};
use super::input::Object;
use super::webhook::{Receipt, Signed, find, keep};
use super::{ApiError, State};

type Name = Text<1, 200>;
type Millis = Number<0, 600_000>;

/// What happened in the AI's part of a call.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct AiEvent {
    event_type: AiEventType,
    #[schema(value_type = Uuid)]
    session_id: SessionId,
    /// Whose session it is. Needed when it is over.
    #[schema(value_type = Option<Uuid>)]
    business_id: Option<TenantId>,
    /// When it happened. What lies in the future happened now.
    timestamp: Timestamp,
    #[schema(value_type = Option<AiData>)]
    data: Option<Object<AiData>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum AiEventType {
    SessionStarted,
    ResponseGenerated,
    SessionEnded,
    ErrorOccurred,
}

/// Particulars. What else is there, such as the words, is not kept.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct AiData {
    /// The AI service's name for its session. Needed with `session_started`.
    ai_session_id: Option<Name>,
    /// The AI service's name for a response.
    response_id: Option<Name>,
    /// The question a response asks or follows up.
    #[schema(value_type = Uuid, required = false)]
    question_id: Option<QuestionId>,
    /// How long a response took.
    latency_ms: Option<Millis>,
    /// The AI service's code for an error.
    code: Option<Name>,
}

/// Report what happened in the AI's part of a call
#[utoipa::path(
    post, path = "/calls/webhooks/ai", operation_id = "reportAi", tag = "webhooks",
    request_body = AiEvent,
    responses(
        (status = 200, body = Receipt),
        (status = 404, body = super::ErrorBody, description = "No such session."),
    ),
)]
pub(super) async fn report(
    Extract(state): Extract<State>,
    Signed { event, delivery }: Signed<AiEvent>,
) -> Result<Json<Receipt>, ApiError> {
    let session = find(&state, event.session_id, event.business_id, None).await?;
    if delivery.is_known(&state, &session).await? {
        return Ok(Json(Receipt::new(false)));
    }
    let data = event.data.map(|data| data.0).unwrap_or_default();
    let at = event.timestamp.min(Timestamp::now()).max(session.started_at);
    let kind = event.event_type;
    let particulars = particulars(kind, &data);
    let event_of = |kind| SessionEvent {
        id: delivery.row("event", session.id),
        ..SessionEvent::new(session.id, kind, EventSource::Ai, at).with_data(particulars.clone())
    };
    let changed = match (kind, data.ai_session_id) {
        (AiEventType::SessionStarted, None) => return Err(ApiError::invalid("data.aiSessionId", "is missing")),
        (AiEventType::SessionStarted, Some(name)) => {
            let what = CallAttachment { ai_session: Some(name.into_inner()), ..CallAttachment::default() };
            state.store().attach_to_call(session.tenant, session.id, &what, at).await?;
            state.tell(&session);
            append(&state, &session, event_of(EventKind::AiConnected)).await?
        }
        (AiEventType::ResponseGenerated, _) => append(&state, &session, event_of(RESPONSE_RECEIVED)).await?,
        (AiEventType::ErrorOccurred, _) => append(&state, &session, event_of(EventKind::Failed)).await?,
        // The call goes on, or ends by itself.
        (AiEventType::SessionEnded, _) => false,
    };
    let failure =
        (kind == AiEventType::ErrorOccurred).then(|| data.code.map_or_else(|| "not said".to_owned(), Name::into_inner));
    let is_news = keep(&state, &session, delivery, "ai", None, particulars, failure).await;
    Ok(Json(Receipt::new(changed && is_news)))
}

/// What is kept of the particulars: no words.
fn particulars(kind: AiEventType, data: &AiData) -> Value {
    let mut kept = json!({ "eventType": kind });
    let mut keep = |name: &str, value: Option<Value>| {
        if let (Some(value), Some(kept)) = (value, kept.as_object_mut()) {
            kept.insert(name.to_owned(), value);
        }
    };
    let text = |name: &Option<Name>| name.as_ref().map(|name| json!(name.as_str()));
    keep("responseId", text(&data.response_id));
    keep("questionId", data.question_id.map(|id| json!(id)));
    keep("latencyMs", data.latency_ms.map(|millis| json!(millis.get())));
    keep("code", text(&data.code));
    kept
}

/// Appends an event, unless it is there.
async fn append(state: &State, session: &Session, event: SessionEvent) -> Result<bool, ApiError> {
    match state.store().append_event(session.tenant, &event).await {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == ErrorKind::Conflict => Ok(false),
        Err(error) => Err(error.into()),
    }
}
