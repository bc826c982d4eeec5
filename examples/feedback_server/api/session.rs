//! How a session looks to clients, `GET /calls/{sessionId}/status`, and finding the session a path names.

use axum::Json;
use axum::extract::State as Extract;
use jiff::Timestamp;
use serde::Serialize;
use utoipa::ToSchema;
use voicecall::carrier::CallPrice;
use voicecall::money::Money;
use voicecall::store::{CallPriority, Session, SessionStatus};
use voicecall::survey::analysis::CallSummary;
use voicecall::survey::store::{QuestionId, SurveyCall};
use voicecall::{ErrorKind, SessionId, TenantId};

use super::input::Id;
use super::words::EndReason;
use super::{ApiError, Claims, State, schema};
use crate::price;

/// A session as clients see it.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Session)]
#[serde(rename_all = "camelCase")]
pub(super) struct SessionBody {
    #[schema(value_type = Uuid)]
    id: SessionId,
    #[schema(value_type = Uuid)]
    business_id: TenantId,
    /// Whom it calls; all but the first three and the last two characters are hidden. Null if it cannot be read.
    #[schema(required = true, pattern = r"^\+[0-9]{2}\*+[0-9]{2}$")]
    customer_phone: Option<String>,
    #[schema(value_type = schema::SessionStatus)]
    status: SessionStatus,
    #[schema(value_type = schema::CallPriority)]
    priority: CallPriority,
    /// How often it was tried to reach the customer.
    attempts: u64,
    /// When it is tried next, while the session waits for that.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Timestamp, required = false)]
    next_attempt_at: Option<Timestamp>,
    started_at: Timestamp,
    /// When the customer was on the line.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Timestamp, required = false)]
    connected_at: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Timestamp, required = false)]
    ended_at: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = schema::EndReason, required = false)]
    end_reason: Option<EndReason>,
    /// How long the customer was on the line; null as long as it is not known.
    #[schema(required = true)]
    duration_seconds: Option<u64>,
    /// The questions asked so far, in order.
    #[schema(value_type = Vec<Uuid>)]
    questions_asked: Vec<QuestionId>,
    /// US dollars, so far while the call goes on.
    #[schema(minimum = 0)]
    cost_estimate: f64,
    /// What the carrier charges for the session's calls. It tells some minutes after the end; `costEstimate` stays as it was.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = CarrierCostBody, required = false)]
    carrier_cost: Option<CarrierCostBody>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Url, required = false)]
    recording_url: Option<String>,
    /// What a model made of the whole call, once it is over.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = SummaryBody, required = false)]
    summary: Option<SummaryBody>,
}

/// What the carrier charges.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = CarrierCost)]
#[serde(rename_all = "camelCase")]
pub(crate) struct CarrierCostBody {
    /// In units of the currency.
    #[schema(minimum = 0)]
    amount: f64,
    /// An ISO 4217 code: USD where the server has a rate for what the carrier charges in.
    currency: String,
}

impl From<CallPrice> for CarrierCostBody {
    fn from(price: CallPrice) -> Self {
        Self { amount: price.micros as f64 / 1e6, currency: price.currency }
    }
}

/// A call in a few words.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Summary)]
#[serde(rename_all = "camelCase")]
pub(crate) struct SummaryBody {
    summary: String,
    /// How the customer felt about the visit on the whole.
    #[schema(minimum = -1, maximum = 1)]
    sentiment: f64,
    topics: Vec<String>,
    /// Whether the customer wants somebody to get back to them.
    follow_up_wanted: bool,
}

impl SummaryBody {
    /// The summary of a call, if it has one.
    pub(crate) fn of(call: &SurveyCall) -> Option<Self> {
        let CallSummary { summary, sentiment, topics, follow_up_wanted, .. } =
            serde_json::from_value(call.record.analysis.clone()?).ok()?;
        Some(Self { summary, sentiment: hundredths(sentiment), topics, follow_up_wanted })
    }
}

/// A score to two decimals: more is noise.
pub(super) fn hundredths(score: f32) -> f64 {
    (f64::from(score) * 100.0).round() / 100.0
}

impl SessionBody {
    /// The call with what else the store knows of it.
    ///
    /// # Errors
    /// What the store reports.
    pub(super) async fn of(state: &State, call: SurveyCall) -> Result<Self, ApiError> {
        let attempts = state.store().attempts(call.session.tenant, call.session.id).await?.len();
        let cost = cost(state, &call.session).await?;
        Ok(Self::with(state, call, attempts as u64, cost))
    }

    /// The same for all calls of a page of one business.
    ///
    /// # Errors
    /// As [`SessionBody::of`].
    pub(super) async fn page(state: &State, tenant: TenantId, page: Vec<SurveyCall>) -> Result<Vec<Self>, ApiError> {
        let ids: Vec<_> = page.iter().map(|call| call.session.id).collect();
        let counts = state.store().count_attempts(tenant, &ids).await?;
        let mut bodies = Vec::with_capacity(page.len());
        for call in page {
            let attempts = counts.get(&call.session.id).copied().unwrap_or(0);
            let cost = cost(state, &call.session).await?;
            bodies.push(Self::with(state, call, attempts, cost));
        }
        Ok(bodies)
    }

    fn with(state: &State, call: SurveyCall, attempts: u64, cost: Money) -> Self {
        let (summary, duration_seconds) = (SummaryBody::of(&call), call.duration_seconds());
        let SurveyCall { session, record, .. } = call;
        let customer = session.remote.as_ref();
        Self {
            summary,
            attempts,
            priority: session.priority,
            next_attempt_at: session.due_at,
            customer_phone: customer.and_then(|customer| state.masked(session.row(), customer)),
            duration_seconds,
            id: session.id,
            business_id: session.tenant,
            status: session.status,
            started_at: session.started_at,
            connected_at: session.connected_at,
            ended_at: session.ended_at,
            end_reason: session.end_reason.map(EndReason::from),
            questions_asked: record.questions_asked,
            cost_estimate: cost.micros() as f64 / 1e6,
            carrier_cost: session.carrier_price.map(CarrierCostBody::from),
            recording_url: session.recording_url,
        }
    }
}

/// What a session has cost. While somebody is on the line, that stands in its journal only.
async fn cost(state: &State, session: &Session) -> Result<Money, ApiError> {
    let is_counted = session.status.is_final() && session.cost_micros.is_some();
    if is_counted || session.connected_at.is_none() {
        return Ok(Money::from_micros(session.cost_micros.unwrap_or(0)));
    }
    Ok(price::cost(session, &state.store().journal(session.tenant, session.id).await?).total())
}

/// How far a call is
#[utoipa::path(
    get, path = "/calls/{sessionId}/status", operation_id = "getCallStatus", tag = "calls",
    params(("sessionId" = Uuid, Path)),
    responses((status = 200, body = SessionBody)),
)]
pub(super) async fn status(
    Extract(state): Extract<State>,
    claims: Claims,
    Id(session): Id<SessionId>,
) -> Result<Json<SessionBody>, ApiError> {
    Ok(Json(SessionBody::of(&state, find_call(&state, &claims, session).await?).await?))
}

/// A session of one of the token's businesses. Another's is as unknown as one that never was.
///
/// # Errors
/// 404; what the store reports.
pub(super) async fn find(state: &State, claims: &Claims, id: SessionId) -> Result<Session, ApiError> {
    for &business in claims.businesses() {
        match state.store().session(business, id).await {
            Ok(session) => return Ok(session),
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            Err(error) => return Err(error.into()),
        }
    }
    Err(ApiError::not_found("sessionId"))
}

/// The same with what the survey keeps of it.
///
/// # Errors
/// As [`find`].
pub(super) async fn find_call(state: &State, claims: &Claims, id: SessionId) -> Result<SurveyCall, ApiError> {
    let session = find(state, claims, id).await?;
    Ok(state.store().call(session.tenant, session.id).await?)
}
