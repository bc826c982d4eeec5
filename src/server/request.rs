//! An HTTP request as carriers' backends check it: raw, with nothing decoded, and errors as statuses.

use std::error::Error as _;
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::extract::{FromRequest, FromRequestParts, Request};
use axum::http::header::CONNECTION;
use axum::http::request::Parts;
use axum::http::{HeaderMap, Method, StatusCode};
use axum::response::{IntoResponse, Response};
use http_body_util::LengthLimitError;
use tokio::time::timeout;
use voicecall_core::carrier::WebhookRequest;
use voicecall_core::{Error, ErrorKind};

/// A request with its path, query, headers and body exactly as they came. Bodies are at most 64 KiB, and complete within 5 s.
#[derive(Debug)]
pub struct IncomingRequest {
    method: Method,
    path_and_query: String,
    headers: HeaderMap,
    body: Bytes,
}

/// Carriers' webhooks are a few kilobytes.
const LARGEST_BODY: usize = 64 * 1024;

/// Whatever the server around it allows.
const BODY_WITHIN: Duration = Duration::from_secs(5);

impl IncomingRequest {
    /// Calls `use_it` with the request in the form backends take.
    pub fn with<T>(&self, use_it: impl FnOnce(&WebhookRequest<'_>) -> T) -> T {
        let headers = self.headers();
        use_it(&self.webhook(&headers))
    }

    /// The headers that are text; others cannot be of interest.
    #[must_use]
    pub fn headers(&self) -> Vec<(&str, &str)> {
        let text = self.headers.iter().filter_map(|(name, value)| Some((name.as_str(), value.to_str().ok()?)));
        text.collect()
    }

    /// The request in the form backends take, over `headers` from [`headers`](Self::headers).
    #[must_use]
    pub fn webhook<'a>(&'a self, headers: &'a [(&'a str, &'a str)]) -> WebhookRequest<'a> {
        WebhookRequest { method: self.method.as_str(), path_and_query: &self.path_and_query, headers, body: &self.body }
    }

    /// The raw body.
    #[must_use]
    pub const fn body(&self) -> &Bytes {
        &self.body
    }

    pub(super) fn with_body(self, body: Bytes) -> Self {
        Self { body, ..self }
    }

    pub(super) fn from_parts(parts: &Parts, body: Bytes) -> Self {
        // Behind a nested router the path is cut; the carrier signed the whole one.
        let uri = parts.extensions.get::<axum::extract::OriginalUri>().map_or(&parts.uri, |original| &original.0);
        Self {
            method: parts.method.clone(),
            path_and_query: uri.path_and_query().map_or("/", |path| path.as_str()).to_owned(),
            headers: parts.headers.clone(),
            body,
        }
    }
}

impl<S: Sync> FromRequest<S> for IncomingRequest {
    type Rejection = Response;

    async fn from_request(request: Request, _: &S) -> Result<Self, Response> {
        let (parts, body) = request.into_parts();
        Ok(Self::from_parts(&parts, read_body(body).await?))
    }
}

/// The whole body, or the answer to one that is too large, too slow or broken. Nothing more is read from its connection.
pub(super) async fn read_body(body: Body) -> Result<Bytes, Response> {
    let status = match timeout(BODY_WITHIN, axum::body::to_bytes(body, LARGEST_BODY)).await {
        Ok(Ok(body)) => return Ok(body),
        Ok(Err(error)) if error.source().is_some_and(|source| source.is::<LengthLimitError>()) => {
            StatusCode::PAYLOAD_TOO_LARGE
        }
        Ok(Err(_)) => StatusCode::BAD_REQUEST,
        Err(_) => StatusCode::REQUEST_TIMEOUT,
    };
    Err((status, [(CONNECTION, "close")]).into_response())
}

/// The request that asks for a socket. It has no body, and reading it leaves the connection upgradable.
#[derive(Debug)]
pub struct Handshake(pub IncomingRequest);

impl<S: Sync> FromRequestParts<S> for Handshake {
    type Rejection = std::convert::Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Self::Rejection> {
        Ok(Self(IncomingRequest::from_parts(parts, Bytes::new())))
    }
}

/// The HTTP status that says what kind of error it was.
#[must_use]
pub fn status_of(error: &Error) -> StatusCode {
    match error.kind() {
        ErrorKind::Invalid => StatusCode::BAD_REQUEST,
        ErrorKind::Unauthenticated => StatusCode::UNAUTHORIZED,
        ErrorKind::Forbidden => StatusCode::FORBIDDEN,
        ErrorKind::NotFound => StatusCode::NOT_FOUND,
        ErrorKind::Conflict => StatusCode::CONFLICT,
        ErrorKind::RateLimited => StatusCode::TOO_MANY_REQUESTS,
        ErrorKind::Rejected | ErrorKind::Unsupported => StatusCode::UNPROCESSABLE_ENTITY,
        ErrorKind::Timeout | ErrorKind::Unavailable | ErrorKind::UnknownOutcome | ErrorKind::Closed => {
            StatusCode::SERVICE_UNAVAILABLE
        }
        ErrorKind::Protocol => StatusCode::BAD_GATEWAY,
        _ => StatusCode::INTERNAL_SERVER_ERROR,
    }
}
