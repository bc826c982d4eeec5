//! Whether the process serves, takes calls and reaches its store.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use serde::Serialize;
use voicecall_core::model::{ServiceHealth, Trust};
use voicecall_engine::CallEngine;

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Health {
    status: &'static str,
    store: &'static str,
    accounts: Vec<String>,
    /// AI services that are not asked because they fail, or are just being tried again.
    failing: Vec<&'static str>,
    ringing: usize,
    live: usize,
}

/// 200 while calls are taken, 503 while the process drains or its store does not answer.
pub(super) async fn health(State(engine): State<Arc<CallEngine>>) -> (StatusCode, Json<Health>) {
    let (ringing, live) = engine.count();
    let store = engine.count_waiting().await.is_ok();
    let (code, status) = match (store, engine.is_draining()) {
        (false, _) => (StatusCode::SERVICE_UNAVAILABLE, "store unavailable"),
        (true, true) => (StatusCode::SERVICE_UNAVAILABLE, "draining"),
        (true, false) => (StatusCode::OK, "ok"),
    };
    let accounts = engine.accounts().map(|account| account.name().to_string()).collect();
    let store = if store { "ok" } else { "unavailable" };
    let failing = engine.services().iter().filter(|service| service.trust() != Trust::Trusted);
    let failing = failing.map(ServiceHealth::name).collect();
    (code, Json(Health { status, store, accounts, failing, ringing, live }))
}
