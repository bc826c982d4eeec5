//! The HTTP interface of the feedback service: JSON in camel case, bearer tokens, one shape of error.

mod error;
mod events;
mod initiate;
mod session;
mod telephony;
mod token;

use std::sync::Arc;

use axum::Router;
use axum::routing::{get, post};
use voicecall::Vault;
use voicecall::engine::CallEngine;

pub(crate) use error::ApiError;
pub(crate) use token::{Claims, Tokens};

/// What every route needs.
#[derive(Debug, Clone)]
pub(crate) struct State {
    engine: Arc<CallEngine>,
    tokens: Tokens,
    vault: Arc<Vault>,
}

impl State {
    pub(crate) fn new(engine: Arc<CallEngine>, tokens: Tokens, vault: Arc<Vault>) -> Self {
        Self { engine, tokens, vault }
    }
}

/// The routes, under `/api` and, the same, under `/v1`.
pub(crate) fn routes(state: State) -> Router {
    let routes = Router::new()
        .route("/calls/initiate", post(initiate::initiate))
        .route("/calls/{session}/status", get(session::status))
        .route("/calls/{session}/events", get(events::events))
        .route("/calls/webhooks/telephony", post(telephony::report).get(telephony::report))
        .with_state(state);
    Router::new().nest("/api", routes.clone()).nest("/v1", routes)
}
