//! The carrier's questions about a call, and its reports. What cannot be the carrier's is refused before its body is read.

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::{FromRequest, Path, Query, Request, State};
use axum::http::header::{CONNECTION, CONTENT_TYPE};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use tracing::warn;
use voicecall_core::carrier::WebhookReply;
use voicecall_core::{Error, Result};
use voicecall_engine::{CallEngine, CallKey};

use super::request::{IncomingRequest, read_body, status_of};

/// A request whose head may be the carrier's, with its body.
#[derive(Debug)]
pub(super) struct Webhook(IncomingRequest);

impl FromRequest<Arc<CallEngine>> for Webhook {
    type Rejection = Response;

    async fn from_request(request: Request, engine: &Arc<CallEngine>) -> std::result::Result<Self, Response> {
        let (parts, body) = request.into_parts();
        let head = IncomingRequest::from_parts(&parts, Bytes::new());
        if let Err(error) = head.with(|head| engine.carrier().webhook_head(head)) {
            return Err(([(CONNECTION, "close")], refuse(&error)).into_response());
        }
        Ok(Self(head.with_body(read_body(body).await?)))
    }
}

#[derive(Debug, Deserialize)]
pub(super) struct ReportQuery {
    call: Option<String>,
}

pub(super) async fn answer(
    State(engine): State<Arc<CallEngine>>,
    Path(call): Path<String>,
    Webhook(request): Webhook,
) -> Response {
    let headers = request.headers();
    let result = async { engine.answer(call.parse::<CallKey>()?, &request.webhook(&headers)).await }.await;
    respond(result)
}

pub(super) async fn resume(
    State(engine): State<Arc<CallEngine>>,
    Path(call): Path<String>,
    Webhook(request): Webhook,
) -> Response {
    let headers = request.headers();
    let result = async { engine.resume(call.parse::<CallKey>()?, &request.webhook(&headers)).await }.await;
    respond(result)
}

pub(super) async fn report(
    State(engine): State<Arc<CallEngine>>,
    Query(query): Query<ReportQuery>,
    Webhook(request): Webhook,
) -> Response {
    let headers = request.headers();
    let result = async {
        let key = query.call.map(|call| call.parse::<CallKey>()).transpose()?;
        engine.report(key, &request.webhook(&headers)).await
    };
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
