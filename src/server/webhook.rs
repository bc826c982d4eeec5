//! Carriers' requests: what cannot be the carrier's is refused before its body is read.

use axum::body::{Body, Bytes};
use axum::extract::{FromRequest, Request};
use axum::http::header::{CONNECTION, CONTENT_TYPE};
use axum::response::{IntoResponse, Response};
use tracing::warn;
use voicecall_core::carrier::{WebhookReply, WebhookRequest};
use voicecall_core::{Error, Result};

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
    /// Reads the body, if the head may be the carrier's.
    pub(super) async fn read(
        self,
        may_be: impl FnOnce(&WebhookRequest<'_>) -> Result<()>,
    ) -> std::result::Result<IncomingRequest, Response> {
        match self.head.with(may_be) {
            Ok(()) => Ok(self.head.with_body(read_body(self.body).await?)),
            Err(error) => Err(unread(&error)),
        }
    }
}

/// A refusal of a request whose body is not read: its connection cannot be used again.
pub(super) fn unread(error: &Error) -> Response {
    ([(CONNECTION, "close")], refuse(error)).into_response()
}

pub(super) fn respond(result: Result<WebhookReply>) -> Response {
    match result {
        Ok(reply) => ([(CONTENT_TYPE, reply.content_type)], reply.body).into_response(),
        Err(error) => refuse(&error),
    }
}

pub(super) fn refuse(error: &Error) -> Response {
    warn!(%error, "a carrier's request was refused");
    status_of(error).into_response()
}
