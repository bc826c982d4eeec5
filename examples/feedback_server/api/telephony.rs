//! `POST /calls/webhooks/telephony`: what a carrier reports, in its own form with its own signature, or in ours.

use axum::Json;
use axum::extract::{FromRequest, Request, State as Extract};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::json;
use utoipa::openapi::RefOr;
use utoipa::openapi::schema::{ObjectBuilder, Schema, Type};
use utoipa::{IntoParams, PartialSchema, ToSchema};
use voicecall::engine::{CallKey, ReportOf};
use voicecall::server::IncomingRequest;
use voicecall::store::{Attachment, EndReason, EventSource, SessionChange, SessionStatus};
use voicecall::{CarrierCallId, SessionId, TenantId};

use super::bounds::Text;
use super::input::{Object, Parameters, content_type, too_large};
use super::shapes::HttpsAddress;
use super::webhook::{Delivery, Receipt, Signed, change, find, keep};
use super::{ApiError, State, schema, words};

type CallName = Text<1, 200>;

/// The longest form of a carrier, in bytes.
const LONGEST_FORM: usize = 64 * 1024;

#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(super) struct ReportQuery {
    /// Which attempt it is about, as in the address the carrier was given. Only for a carrier's own form.
    #[param(value_type = String, required = false)]
    call: Option<String>,
    /// By which account, if the report alone names the call: the preferred one unless given. Only for a carrier's own form.
    #[param(value_type = String, required = false)]
    account: Option<String>,
}

/// A carrier's own report: whatever its documentation says.
#[derive(Debug)]
enum CarrierForm {}

impl PartialSchema for CarrierForm {
    fn schema() -> RefOr<Schema> {
        RefOr::T(Schema::Object(ObjectBuilder::new().schema_type(Type::Object).build()))
    }
}

impl ToSchema for CarrierForm {}

/// What happened to a call, in a form of no particular carrier.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct TelephonyEvent {
    event_type: TelephonyEventType,
    /// The carrier's name for the call.
    call_id: CallName,
    #[schema(value_type = Uuid)]
    session_id: SessionId,
    /// Whose session it is. Needed when it is over and we did not place the call.
    #[schema(value_type = Option<Uuid>)]
    business_id: Option<TenantId>,
    /// When it happened. What lies in the future happened now.
    timestamp: Timestamp,
    #[schema(value_type = Option<TelephonyData>)]
    data: Option<Object<TelephonyData>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum TelephonyEventType {
    CallInitiated,
    CallAnswered,
    CallCompleted,
    CallFailed,
    RecordingAvailable,
}

/// Particulars. What else is there is not kept.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
struct TelephonyData {
    /// Why a call is over, if the carrier knows.
    #[schema(value_type = Option<schema::EndReason>)]
    reason: Option<words::EndReason>,
    /// Needed with `recording_available`.
    recording_url: Option<HttpsAddress>,
}

/// Report what happened to a call
#[utoipa::path(
    post, path = "/calls/webhooks/telephony", operation_id = "reportTelephony", tag = "webhooks",
    params(ReportQuery),
    request_body(content((TelephonyEvent = "application/json"), (CarrierForm = "application/x-www-form-urlencoded"))),
    responses(
        (status = 200, body = Receipt),
        (status = 404, body = super::ErrorBody, description = "No such session or call."),
        (status = 409, body = super::ErrorBody, description = "The session has another call."),
    ),
)]
pub(super) async fn report(
    Extract(state): Extract<State>,
    Parameters(query): Parameters<ReportQuery>,
    request: Request,
) -> Result<Json<Receipt>, ApiError> {
    if content_type(request.headers()).as_deref() != Some("application/x-www-form-urlencoded") {
        let Signed { event, delivery } = Signed::from_request(request, &state).await?;
        return take_in(&state, event, delivery).await;
    }
    let request = IncomingRequest::from_request(request, &state).await.map_err(|_| too_large(LONGEST_FORM))?;
    let key = query.call.map(|call| call.parse::<CallKey>()).transpose();
    let named = query.account.as_deref().and_then(|name| name.parse().ok());
    let headers = request.headers();
    // A key that cannot be read is told to the carrier only: it is looked at after the signature.
    let about = match &key {
        Ok(Some(key)) => ReportOf::Call(*key),
        _ => ReportOf::Account(named.map_or_else(|| state.account(), Ok)?),
    };
    let is_news = state.engine.report(about, &request.webhook(&headers)).await?;
    key?;
    Ok(Json(Receipt::new(is_news)))
}

async fn take_in(state: &State, event: TelephonyEvent, delivery: Delivery) -> Result<Json<Receipt>, ApiError> {
    let call = CarrierCallId::new(event.call_id.into_inner());
    let session = find(state, event.session_id, event.business_id, Some(&call)).await?;
    if delivery.is_known(state, &session).await? {
        return Ok(Json(Receipt::new(false)));
    }
    let starts = event.event_type == TelephonyEventType::CallInitiated;
    if !starts && session.carrier_call.as_ref().is_some_and(|own| *own != call) {
        return Err(ApiError::conflict("callId", "the session has another call"));
    }
    let data = event.data.map(|data| data.0).unwrap_or_default();
    // Whoever sets the clock of a report: nothing of a call happens before it began, or the end would be old enough to forget.
    let at = event.timestamp.min(Timestamp::now()).max(session.started_at);
    let ended = |reason| SessionChange::Ended { reason, source: EventSource::Telephony, at };
    let told = data.reason.map(|reason| reason.0);
    let news = match event.event_type {
        TelephonyEventType::CallInitiated => SessionChange::Connecting { call: call.clone(), at },
        TelephonyEventType::CallAnswered => SessionChange::Connected { at },
        TelephonyEventType::CallCompleted => ended(told.unwrap_or(match session.status {
            SessionStatus::InProgress => EndReason::Completed,
            _ => EndReason::NoAnswer,
        })),
        TelephonyEventType::CallFailed => ended(told.unwrap_or(EndReason::CallFailed)),
        TelephonyEventType::RecordingAvailable => {
            let url = data.recording_url.ok_or_else(|| ApiError::invalid("data.recordingUrl", "is missing"))?;
            SessionChange::Attach {
                what: Attachment { recording_url: Some(url.into_inner()), ..Attachment::default() },
                at,
            }
        }
    };
    let changed = change(state, &session, &news).await?;
    let what = json!({ "eventType": event.event_type });
    let is_news = keep(state, &session, delivery, "telephony", Some(&call), what, None).await;
    Ok(Json(Receipt::new(changed && is_news)))
}
