//! Whether the process serves, takes calls, and reaches its store, its carriers and the AI services.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde::Serialize;
use voicecall_core::model::{ServiceHealth, Trust};
use voicecall_engine::{AccountHealth, CallEngine};

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Health {
    status: &'static str,
    /// Why it is not healthy.
    reasons: Vec<String>,
    accounts: Vec<Account>,
    /// AI services that are not asked because they fail, or are just being tried again.
    failing: Vec<&'static str>,
    ringing: usize,
    live: usize,
}

#[derive(Debug, Serialize)]
struct Account {
    name: String,
    carrier: &'static str,
    connection: &'static str,
    status: &'static str,
}

impl From<AccountHealth> for Account {
    fn from(health: AccountHealth) -> Self {
        Self {
            name: health.account.to_string(),
            carrier: health.carrier,
            connection: health.connection.as_str(),
            status: health.status.as_str(),
        }
    }
}

/// 200 while the process serves, 503 while its store does not answer or it shuts down.
pub(super) async fn health(State(engine): State<Arc<CallEngine>>) -> (StatusCode, Json<Health>) {
    let health = engine.health().await;
    let code = if health.is_serving { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    let failing = engine.services().iter().filter(|service| service.trust() != Trust::Trusted);
    let body = Health {
        status: health.status.as_str(),
        reasons: health.reasons,
        accounts: health.accounts.into_iter().map(Account::from).collect(),
        failing: failing.map(ServiceHealth::name).collect(),
        ringing: health.ringing,
        live: health.live,
    };
    (code, Json(body))
}
