//! The carrier's questions about a call, and its reports.

use std::sync::Arc;

use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use voicecall_core::{AccountName, Error, Result};
use voicecall_engine::{CallEngine, CallKey, ReportOf};

use super::request::IncomingRequest;
use super::webhook::{Webhook, refuse, respond, unread};

/// Reads a webhook of this account.
async fn read(
    webhook: Webhook,
    engine: &CallEngine,
    account: AccountName,
) -> std::result::Result<IncomingRequest, Response> {
    webhook.read(|head| engine.account(account)?.backend().webhook_head(head)).await
}

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

pub(super) async fn incoming(
    State(engine): State<Arc<CallEngine>>,
    Path(account): Path<String>,
    webhook: Webhook,
) -> std::result::Result<Response, Response> {
    let account: AccountName = account.parse().map_err(|error| unread(&error))?;
    let request = read(webhook, &engine, account).await?;
    let headers = request.headers();
    Ok(respond(engine.incoming(account, &request.webhook(&headers)).await))
}

pub(super) async fn answer(
    State(engine): State<Arc<CallEngine>>,
    Path(call): Path<String>,
    webhook: Webhook,
) -> std::result::Result<Response, Response> {
    let key: CallKey = call.parse().map_err(|error| unread(&error))?;
    let request = read(webhook, &engine, key.account).await?;
    let headers = request.headers();
    Ok(respond(engine.answer(key, &request.webhook(&headers)).await))
}

pub(super) async fn resume(
    State(engine): State<Arc<CallEngine>>,
    Path(call): Path<String>,
    webhook: Webhook,
) -> std::result::Result<Response, Response> {
    let key: CallKey = call.parse().map_err(|error| unread(&error))?;
    let request = read(webhook, &engine, key.account).await?;
    let headers = request.headers();
    Ok(respond(engine.resume(key, &request.webhook(&headers)).await))
}

pub(super) async fn screen(
    State(engine): State<Arc<CallEngine>>,
    Path((call, announcement)): Path<(String, String)>,
    webhook: Webhook,
) -> std::result::Result<Response, Response> {
    let key: CallKey = call.parse().map_err(|error| unread(&error))?;
    let request = read(webhook, &engine, key.account).await?;
    let headers = request.headers();
    Ok(respond(engine.screen_transfer(key, &announcement, &request.webhook(&headers)).await))
}

pub(super) async fn accept(
    State(engine): State<Arc<CallEngine>>,
    Path(call): Path<String>,
    webhook: Webhook,
) -> std::result::Result<Response, Response> {
    let key: CallKey = call.parse().map_err(|error| unread(&error))?;
    let request = read(webhook, &engine, key.account).await?;
    let headers = request.headers();
    Ok(respond(engine.take_transfer(key, &request.webhook(&headers)).await))
}

pub(super) async fn report(
    State(engine): State<Arc<CallEngine>>,
    Query(query): Query<ReportQuery>,
    webhook: Webhook,
) -> std::result::Result<Response, Response> {
    let about = query.about().map_err(|error| unread(&error))?;
    let request = read(webhook, &engine, about.account()).await?;
    let headers = request.headers();
    match engine.report(about, &request.webhook(&headers)).await {
        Ok(_) => Ok(StatusCode::NO_CONTENT.into_response()),
        Err(error) => Err(refuse(&error)),
    }
}
