//! What all signed webhooks share: who may send them, whose session they are about, and that they are kept.

use axum::extract::{FromRequest, Request};
use axum::http::StatusCode;
use jiff::Timestamp;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use sha2::{Digest, Sha256};
use std::time::Duration;
use tracing::warn;
use utoipa::ToSchema;
use voicecall::store::{ProviderLog, ProviderOperation, Session, SessionChange};
use voicecall::{CarrierCallId, ErrorKind, RecordId, SessionId, TenantId};

use super::input::{body, is_json, read, wrong_type};
use super::signature::SIGNATURE;
use super::{ApiError, State};

/// A JSON body with our signature.
#[derive(Debug)]
pub(super) struct Signed<T> {
    pub(super) event: T,
    /// The same for the same body: whoever sends it again tells nothing new.
    pub(super) delivery: Delivery,
}

/// What tells one webhook from another.
#[derive(Debug, Clone, Copy)]
pub(super) struct Delivery([u8; 32]);

impl Delivery {
    /// The id of the row that a webhook leaves in `table`, about this session.
    pub(super) fn row(&self, table: &str, session: SessionId) -> RecordId {
        RecordId::derived(&[table.as_bytes(), session.as_uuid().as_bytes(), &self.0])
    }

    /// Whether the webhook was taken in before.
    ///
    /// # Errors
    /// What the store reports.
    pub(super) async fn is_known(&self, state: &State, session: &Session) -> Result<bool, ApiError> {
        let id = self.row(LOG, session.id);
        let kept = state.store().provider_logs(session.tenant, session.id).await?;
        Ok(kept.iter().any(|log| log.id == id))
    }
}

const LOG: &str = "webhook";

impl<T: DeserializeOwned> FromRequest<State> for Signed<T> {
    type Rejection = ApiError;

    async fn from_request(request: Request, state: &State) -> Result<Self, ApiError> {
        let json = is_json(request.headers());
        let signature = request.headers().get(SIGNATURE).and_then(|value| value.to_str().ok()).unwrap_or("").to_owned();
        let body = body(request, state).await?;
        // Nothing of it is looked at before it is known who sent it.
        if !state.webhook_secret.is_signed(&signature, &body, Timestamp::now()) {
            let message = format!("{SIGNATURE}: missing, wrong or too old");
            return Err(ApiError::new(StatusCode::UNAUTHORIZED, "unauthenticated", message).with_field(SIGNATURE));
        }
        if !json {
            return Err(wrong_type("application/json"));
        }
        Ok(Self { event: read(&body)?, delivery: Delivery(Sha256::digest(&body).into()) })
    }
}

/// That a webhook arrived.
#[derive(Debug, Serialize, ToSchema)]
pub(super) struct Receipt {
    /// Whether it was news. What comes twice, or too late to matter, is not.
    changed: bool,
}

impl Receipt {
    pub(super) const fn new(changed: bool) -> Self {
        Self { changed }
    }
}

/// The session a webhook is about. Senders know no tenants: it is found by the business if they name it, else among
/// the sessions that are not over, else by the carrier's call.
///
/// # Errors
/// 404; what the store reports.
pub(super) async fn find(
    state: &State,
    session: SessionId,
    business: Option<TenantId>,
    call: Option<&CarrierCallId>,
) -> Result<Session, ApiError> {
    let across = &state.across;
    let mut tenant = business;
    if tenant.is_none() {
        tenant = across.open_sessions().await?.into_iter().find(|open| open.id == session).map(|open| open.tenant);
    }
    if let (None, Some(call)) = (tenant, call) {
        for account in state.engine.accounts() {
            // Without a name: from before accounts had names.
            for name in [Some(account.name()), None] {
                let route = across.route_call(account.backend().name(), name, call).await?;
                tenant = tenant.or(route.map(|route| route.tenant));
            }
        }
    }
    let Some(tenant) = tenant else { return Err(ApiError::not_found("sessionId")) };
    match state.store().session(tenant, session).await {
        Ok(session) => Ok(session),
        Err(error) if error.kind() == ErrorKind::NotFound => Err(ApiError::not_found("sessionId")),
        Err(error) => Err(error.into()),
    }
}

/// Changes the session, unless it is past that. Returns whether it did.
///
/// # Errors
/// What the store reports.
pub(super) async fn change(state: &State, session: &Session, change: &SessionChange) -> Result<bool, ApiError> {
    let (tenant, id) = (session.tenant, session.id);
    match state.store().change_session(tenant, id, change).await {
        Ok(changed) => {
            match change {
                // How far the call has come is as it was.
                SessionChange::Attach { .. } => state.tell(&changed),
                _ => state.engine.announce(&changed),
            }
            Ok(true)
        }
        Err(error) if error.kind() == ErrorKind::Conflict => Ok(false),
        Err(error) => Err(error.into()),
    }
}

/// Keeps that a provider told us something. `what` holds no personal data. Returns whether it is news: of two deliveries at the
/// same moment the store takes one.
pub(super) async fn keep(
    state: &State,
    session: &Session,
    delivery: Delivery,
    provider: &str,
    call: Option<&CarrierCallId>,
    what: Value,
    failure: Option<String>,
) -> bool {
    let log = ProviderLog {
        id: delivery.row(LOG, session.id),
        session: session.id,
        provider: provider.to_owned(),
        provider_call: call.map(|call| call.as_str().to_owned()),
        operation: ProviderOperation::Webhook,
        request: what,
        response: Value::Object(serde_json::Map::new()),
        status_code: Some(200),
        latency: Duration::ZERO,
        success: failure.is_none(),
        error_message: failure,
        quality_metrics: None,
        timestamp: Timestamp::now(),
    };
    match state.store().log_provider(session.tenant, &log).await {
        Ok(()) => true,
        Err(error) if error.kind() == ErrorKind::Conflict => false,
        Err(error) => {
            // The news counts more than the record of it.
            warn!(session = %session.id, %error, "a webhook could not be logged");
            true
        }
    }
}
