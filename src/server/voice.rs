//! The carrier's questions about a call, and its reports.

use std::sync::Arc;

use axum::extract::{Path, Query, State};
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use tracing::warn;
use voicecall_core::carrier::WebhookReply;
use voicecall_core::{Error, Result};
use voicecall_engine::{CallEngine, CallKey, ReportOf};

use super::request::{IncomingRequest, status_of};

#[derive(Debug, Deserialize)]
pub(super) struct ReportQuery {
    call: Option<String>,
    account: Option<String>,
}

impl ReportQuery {
    fn about(&self) -> Result<ReportOf> {
        match (&self.call, &self.account) {
            (Some(call), _) => Ok(ReportOf::Call(call.parse()?)),
            (None, Some(account)) => Ok(ReportOf::Account(account.parse()?)),
            (None, None) => Err(Error::invalid("call", "which call or account the report is about")),
        }
    }
}

pub(super) async fn answer(
    State(engine): State<Arc<CallEngine>>,
    Path(call): Path<String>,
    request: IncomingRequest,
) -> Response {
    let headers = request.headers();
    let result = async { engine.answer(call.parse::<CallKey>()?, &request.webhook(&headers)).await }.await;
    respond(result)
}

pub(super) async fn resume(
    State(engine): State<Arc<CallEngine>>,
    Path(call): Path<String>,
    request: IncomingRequest,
) -> Response {
    let headers = request.headers();
    let result = async { engine.resume(call.parse::<CallKey>()?, &request.webhook(&headers)).await }.await;
    respond(result)
}

pub(super) async fn report(
    State(engine): State<Arc<CallEngine>>,
    Query(query): Query<ReportQuery>,
    request: IncomingRequest,
) -> Response {
    let headers = request.headers();
    let result = async { engine.report(query.about()?, &request.webhook(&headers)).await };
    match result.await {
        Ok(()) => axum::http::StatusCode::NO_CONTENT.into_response(),
        Err(error) => refuse(&error),
    }
}

fn respond(result: Result<WebhookReply>) -> Response {
    match result {
        Ok(reply) => ([(CONTENT_TYPE, reply.content_type)], reply.body).into_response(),
        Err(error) => refuse(&error),
    }
}

fn refuse(error: &Error) -> Response {
    warn!(%error, "a carrier's request was refused");
    status_of(error).into_response()
}
