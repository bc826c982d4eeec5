//! `/customers`: what is stored of one person, to be read and to be erased.

use axum::Json;
use axum::extract::State as Extract;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;
use voicecall::store::{ProviderLog, ProviderOperation, SessionFile};
use voicecall::survey::store::{CallRecord, SurveyCall, SurveyFile};
use voicecall::{PersonKey, RecordId, TenantId};

use super::bounds::SwedishPhone;
use super::call::{AttemptBody, ResponseBody};
use super::events::EventBody;
use super::input::Input;
use super::session::SessionBody;
use super::verifications::VerificationBody;
use super::{ApiError, Claims, State, schema, words};

/// A customer of a business.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Customer {
    #[schema(value_type = Uuid)]
    business_id: TenantId,

    customer_phone: SwedishPhone,
}

impl Customer {
    /// The key under which everything of the customer is found.
    fn key(&self, state: &State) -> PersonKey {
        state.vault.lookup(self.business_id, &self.customer_phone.0.clone().into()).into()
    }
}

/// Everything stored of a customer.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = CustomerFile)]
#[serde(rename_all = "camelCase")]
pub(super) struct CustomerFileBody {
    /// The whole number, as it was asked for.
    customer_phone: String,
    verifications: Vec<VerificationBody>,
    /// Oldest first.
    sessions: Vec<SessionFileBody>,
    /// Since when the customer is not called any more, at the customer's own wish. It is kept when all else is erased.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Timestamp, required = false)]
    do_not_call_since: Option<Timestamp>,
}

/// Everything stored of one call.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = SessionFile)]
#[serde(rename_all = "camelCase")]
struct SessionFileBody {
    call: SessionBody,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = String, required = false)]
    transcript: Option<String>,
    /// What a model made of the call.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Object, required = false)]
    analysis: Option<Value>,
    responses: Vec<ResponseBody>,
    events: Vec<EventBody>,
    /// Every fact of the call in order, what was said among them.
    #[schema(value_type = Vec<Object>)]
    journal: Vec<Value>,
    attempts: Vec<AttemptBody>,
    provider_logs: Vec<ProviderLogBody>,
}

#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ProviderLog)]
#[serde(rename_all = "camelCase")]
struct ProviderLogBody {
    #[schema(value_type = Uuid)]
    id: RecordId,
    provider: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = String, required = false)]
    provider_call_id: Option<String>,
    #[schema(value_type = schema::ProviderOperation)]
    operation: ProviderOperation,
    success: bool,
    timestamp: Timestamp,
}

/// How much was erased.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Erased)]
pub(super) struct ErasedBody {
    sessions: usize,
    recordings: usize,
    verifications: u64,
}

/// Everything stored of a customer
#[utoipa::path(
    post, path = "/customers/export", operation_id = "exportCustomer", tag = "customers",
    request_body = Customer,
    responses(
        (status = 200, body = CustomerFileBody),
    ),
)]
pub(super) async fn export(
    Extract(state): Extract<State>,
    claims: Claims,
    Input(customer): Input<Customer>,
) -> Result<Json<CustomerFileBody>, ApiError> {
    claims.allow(customer.business_id)?;
    let file = state.store().export_person(customer.business_id, customer.key(&state)).await?;
    let mut survey = SurveyFile::read(&file)?;
    let mut verifications = Vec::with_capacity(survey.verifications.len());
    for verification in survey.verifications {
        verifications.push(VerificationBody::of(&state, verification));
    }
    let mut sessions = Vec::with_capacity(file.sessions.len());
    for file in file.sessions {
        let record = survey.calls.remove(&file.session.id).unwrap_or_default();
        sessions.push(SessionFileBody::of(&state, file, record).await?);
    }
    let customer_phone = customer.customer_phone.0.reveal().to_owned();
    let do_not_call_since = file.calls_forbidden_since;
    Ok(Json(CustomerFileBody { customer_phone, verifications, sessions, do_not_call_since }))
}

impl SessionFileBody {
    async fn of(state: &State, file: SessionFile, record: CallRecord) -> Result<Self, ApiError> {
        let call = SurveyCall::new(file.session, record, &file.journal);
        Ok(Self {
            transcript: call.transcript.clone(),
            analysis: call.record.analysis.clone(),
            responses: call.record.responses.iter().cloned().map(ResponseBody::from).collect(),
            events: file.events.into_iter().map(EventBody::from).collect(),
            journal: file.journal.iter().map(words::journal_entry).collect::<Result<_, _>>()?,
            attempts: file.attempts.into_iter().map(AttemptBody::from).collect(),
            provider_logs: file.provider_logs.into_iter().map(ProviderLogBody::from).collect(),
            call: SessionBody::of(state, call).await?,
        })
    }
}

impl From<ProviderLog> for ProviderLogBody {
    fn from(log: ProviderLog) -> Self {
        Self {
            id: log.id,
            provider: log.provider,
            provider_call_id: log.provider_call,
            operation: log.operation,
            success: log.success,
            timestamp: log.timestamp,
        }
    }
}

/// Erase a customer
///
/// Sessions, answers, recordings and purchases, for good. A call that is under way is ended first. If the customer asked
/// never to be called again, that is still kept, without the number: a keyed hash of it and the time.
#[utoipa::path(
    post, path = "/customers/erase", operation_id = "eraseCustomer", tag = "customers",
    request_body = Customer,
    responses(
        (status = 200, body = ErasedBody),
    ),
)]
pub(super) async fn erase(
    Extract(state): Extract<State>,
    claims: Claims,
    Input(customer): Input<Customer>,
) -> Result<Json<ErasedBody>, ApiError> {
    claims.allow(customer.business_id)?;
    let erased = state.engine.erase_person(customer.business_id, customer.key(&state)).await?;
    let verifications = erased.stored.extensions.get(SurveyFile::NAME).copied().unwrap_or(0);
    Ok(Json(ErasedBody { sessions: erased.stored.sessions.len(), recordings: erased.recordings, verifications }))
}

/// Whether a customer may be called.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = DoNotCall)]
#[serde(rename_all = "camelCase")]
pub(super) struct DoNotCallBody {
    /// Since when the customer must not be called; absent for one who may be.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Timestamp, required = false)]
    do_not_call_since: Option<Timestamp>,
}

impl DoNotCallBody {
    async fn of(state: &State, customer: &Customer) -> Result<Json<Self>, ApiError> {
        let key = customer.key(state);
        let do_not_call_since = state.store().calls_forbidden_since(customer.business_id, key).await?;
        Ok(Json(Self { do_not_call_since }))
    }
}

/// Call a customer never again
///
/// At the customer's wish, however it was told. Calls that wait end as `do_not_call`; an earlier wish stays as it is.
#[utoipa::path(
    post, path = "/customers/forbid-calls", operation_id = "forbidCalls", tag = "customers",
    request_body = Customer,
    responses(
        (status = 200, body = DoNotCallBody),
    ),
)]
pub(super) async fn forbid_calls(
    Extract(state): Extract<State>,
    claims: Claims,
    Input(customer): Input<Customer>,
) -> Result<Json<DoNotCallBody>, ApiError> {
    claims.allow(customer.business_id)?;
    state.engine.forbid_calls(customer.business_id, customer.key(&state)).await?;
    DoNotCallBody::of(&state, &customer).await
}

/// Take a customer off the list of those never to be called
///
/// At the customer's wish. Calls that ended because of the list are not begun again.
#[utoipa::path(
    post, path = "/customers/allow-calls", operation_id = "allowCalls", tag = "customers",
    request_body = Customer,
    responses(
        (status = 200, body = DoNotCallBody),
    ),
)]
pub(super) async fn allow_calls(
    Extract(state): Extract<State>,
    claims: Claims,
    Input(customer): Input<Customer>,
) -> Result<Json<DoNotCallBody>, ApiError> {
    claims.allow(customer.business_id)?;
    state.store().allow_calls(customer.business_id, customer.key(&state)).await?;
    DoNotCallBody::of(&state, &customer).await
}
