//! The carrier's questions about a call, and its reports. What cannot be the carrier's is refused before its body is read.

use std::sync::Arc;

use axum::body::{Body, Bytes};
use axum::extract::{FromRequest, Path, Query, Request, State};
use axum::http::StatusCode;
use axum::http::header::{CONNECTION, CONTENT_TYPE};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use tracing::warn;
use voicecall_core::carrier::WebhookReply;
use voicecall_core::{AccountName, Error, Result};
use voicecall_engine::{CallEngine, CallKey, ReportOf};

use super::request::{IncomingRequest, read_body, status_of};

/// A request whose body was not read yet.
#[derive(Debug)]
pub(super) struct Webhook {
    head: IncomingRequest,
    body: Body,
}

impl<S: Sync> FromRequest<S> for Webhook {
    type Rejection = std::convert::Infallible;

    async fn from_request(request: Request, _: &S) -> std::result::Result<Self, Self::Rejection> {
        let (parts, body) = request.into_parts();
        Ok(Self { head: IncomingRequest::from_parts(&parts, Bytes::new()), body })
    }
}

impl Webhook {
    /// Reads the body, if the head may be of this account's carrier.
    async fn read(self, engine: &CallEngine, account: AccountName) -> std::result::Result<IncomingRequest, Response> {
        let may_be =
            engine.account(account).and_then(|account| self.head.with(|head| account.backend().webhook_head(head)));
        match may_be {
            Ok(()) => Ok(self.head.with_body(read_body(self.body).await?)),
            Err(error) => Err(unread(&error)),
        }
    }
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
    let request = webhook.read(&engine, account).await?;
    let headers = request.headers();
    Ok(respond(engine.incoming(account, &request.webhook(&headers)).await))
}

pub(super) async fn answer(
    State(engine): State<Arc<CallEngine>>,
    Path(call): Path<String>,
    webhook: Webhook,
) -> std::result::Result<Response, Response> {
    let key: CallKey = call.parse().map_err(|error| unread(&error))?;
    let request = webhook.read(&engine, key.account).await?;
    let headers = request.headers();
    Ok(respond(engine.answer(key, &request.webhook(&headers)).await))
}

pub(super) async fn resume(
    State(engine): State<Arc<CallEngine>>,
    Path(call): Path<String>,
    webhook: Webhook,
) -> std::result::Result<Response, Response> {
    let key: CallKey = call.parse().map_err(|error| unread(&error))?;
    let request = webhook.read(&engine, key.account).await?;
    let headers = request.headers();
    Ok(respond(engine.resume(key, &request.webhook(&headers)).await))
}

pub(super) async fn report(
    State(engine): State<Arc<CallEngine>>,
    Query(query): Query<ReportQuery>,
    webhook: Webhook,
) -> std::result::Result<Response, Response> {
    let about = query.about().map_err(|error| unread(&error))?;
    let request = webhook.read(&engine, about.account()).await?;
    let headers = request.headers();
    match engine.report(about, &request.webhook(&headers)).await {
        Ok(_) => Ok(StatusCode::NO_CONTENT.into_response()),
        Err(error) => Err(refuse(&error)),
    }
}

/// A refusal of a request whose body is not read: its connection cannot be used again.
fn unread(error: &Error) -> Response {
    ([(CONNECTION, "close")], refuse(error)).into_response()
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
