//! Errors as every route answers them: `{error, message, code, details}`.

use axum::Json;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};
use tracing::error;
use voicecall::server::status_of;
use voicecall::{Error, ErrorKind};

/// An error on its way to the client.
#[derive(Debug)]
pub(crate) struct ApiError {
    status: StatusCode,
    code: &'static str,
    message: String,
    details: Value,
    retry_after: Option<u64>,
}

impl ApiError {
    pub(crate) fn new(status: StatusCode, code: &'static str, message: impl Into<String>) -> Self {
        Self { status, code, message: message.into(), details: json!({}), retry_after: None }
    }

    /// Names the field that is wrong.
    pub(crate) fn with_field(mut self, field: &str) -> Self {
        self.details = json!({ "field": field });
        self
    }

    /// Input that cannot be read: which field, and what was expected.
    pub(crate) fn invalid(field: &str, expected: &str) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "invalid", format!("{field}: {expected}")).with_field(field)
    }
}

impl From<Error> for ApiError {
    fn from(error: Error) -> Self {
        let status = status_of(&error);
        if status.is_server_error() {
            error!(%error, "a request failed");
        }
        // What went wrong inside is for the log.
        let message = match (error.kind(), error.field(), error.message()) {
            (ErrorKind::Internal | ErrorKind::Config, _, _) => "something of ours broke".to_owned(),
            (_, Some(field), Some(message)) => format!("{field}: {message}"),
            (_, Some(field), None) => field.to_owned(),
            (_, None, Some(message)) => message.to_owned(),
            (kind, None, None) => kind.as_str().replace('_', " "),
        };
        let retry_after = error.retry_after().map(|wait| wait.as_secs().max(1));
        let api = Self { retry_after, ..Self::new(status, error.kind().as_str(), message) };
        match error.field() {
            Some(field) => api.with_field(field),
            None => api,
        }
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let error = self.status.canonical_reason().unwrap_or("error");
        let body = json!({ "error": error, "message": self.message, "code": self.code, "details": self.details });
        let mut response = (self.status, Json(body)).into_response();
        if let Some(seconds) = self.retry_after {
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        if self.status == StatusCode::UNAUTHORIZED {
            response.headers_mut().insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        response
    }
}
