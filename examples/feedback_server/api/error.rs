//! Errors as every route answers them: `{error, message, code, details}`.

use std::time::Duration;

use axum::Json;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use tracing::error;
use utoipa::ToSchema;
use voicecall::server::status_of;
use voicecall::{Error, ErrorKind};

/// An error on its way to the client.
#[derive(Debug)]
pub(crate) struct ApiError {
    status: StatusCode,
    code: &'static str,
    message: String,
    field: Option<String>,
    retry_after: Option<Duration>,
}

/// An error as clients see it.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = Error)]
pub(super) struct ErrorBody {
    /// The name of the HTTP status.
    #[schema(examples("Bad Request"))]
    pub(super) error: String,
    /// What is wrong, for people. Starts with the field, if it is one.
    #[schema(examples("customerPhone: a Swedish number, +46 and 7 to 9 digits"))]
    pub(super) message: String,
    /// What is wrong, for programs.
    #[schema(examples("invalid"))]
    code: String,
    details: ErrorDetails,
}

/// Where it is wrong.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(super) struct ErrorDetails {
    /// The field, parameter or header, as a path from the outside: `responses[0].askedAt`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = String, required = false)]
    field: Option<String>,
}

impl ApiError {
    pub(crate) fn new(status: StatusCode, code: &'static str, message: impl Into<String>) -> Self {
        Self { status, code, message: message.into(), field: None, retry_after: None }
    }

    /// Names the field that is wrong.
    pub(crate) fn with_field(mut self, field: &str) -> Self {
        self.field = Some(field.to_owned());
        self
    }

    /// Says when to try again.
    pub(crate) const fn with_retry_after(mut self, wait: Duration) -> Self {
        self.retry_after = Some(wait);
        self
    }

    /// Input that cannot be read: which field, and what was expected. 400.
    pub(crate) fn invalid(field: &str, expected: &str) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "invalid", format!("{field}: {expected}")).with_field(field)
    }

    /// Something that can be read and not be done. 422.
    pub(crate) fn unprocessable(code: &'static str, field: &str, why: &str) -> Self {
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, code, format!("{field}: {why}")).with_field(field)
    }

    /// What is not there, or not for this token, by the name of its id. 404.
    pub(crate) fn not_found(field: &str) -> Self {
        Self::new(StatusCode::NOT_FOUND, "not_found", format!("{field}: not found")).with_field(field)
    }

    /// What its state does not allow. 409.
    pub(crate) fn conflict(field: &str, why: &str) -> Self {
        Self::new(StatusCode::CONFLICT, "conflict", format!("{field}: {why}")).with_field(field)
    }
}

#[cfg(test)]
impl ApiError {
    pub(super) const fn status(&self) -> StatusCode {
        self.status
    }

    pub(super) fn field(&self) -> Option<&str> {
        self.field.as_deref()
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
        Self {
            field: error.field().map(ToOwned::to_owned),
            retry_after: error.retry_after(),
            ..Self::new(status, error.kind().as_str(), message)
        }
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let body = ErrorBody {
            error: self.status.canonical_reason().unwrap_or("error").to_owned(),
            message: self.message,
            code: self.code.to_owned(),
            details: ErrorDetails { field: self.field },
        };
        let mut response = (self.status, Json(&body)).into_response();
        // For those who want it in another form.
        response.extensions_mut().insert(body);
        if let Some(wait) = self.retry_after {
            // Whole seconds, and never sooner than it helps.
            let seconds = wait.as_millis().div_ceil(1000).max(1);
            let seconds = HeaderValue::from(u64::try_from(seconds).unwrap_or(u64::MAX));
            response.headers_mut().insert(header::RETRY_AFTER, seconds);
        }
        if self.status == StatusCode::UNAUTHORIZED {
            response.headers_mut().insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        response
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waiting_is_rounded_up() {
        for (wait, seconds) in [(0, "1"), (999, "1"), (1000, "1"), (1001, "2")] {
            let error = ApiError::new(StatusCode::TOO_MANY_REQUESTS, "rate_limited", "slower");
            let response = error.with_retry_after(Duration::from_millis(wait)).into_response();
            assert_eq!(response.headers()[header::RETRY_AFTER], seconds);
        }
    }
}
