//! Refusals in the shape every OpenAI-compatible client reads.

use std::fmt;
use std::time::Duration;

use serde_json::json;

/// A request that was not answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApiError {
    status: u16,
    kind: &'static str,
    code: Option<&'static str>,
    param: Option<String>,
    message: String,
    retry_after: Option<Duration>,
}

impl ApiError {
    /// 400: a part of the request is missing or wrong. `param` is its name.
    #[must_use]
    pub fn invalid(param: impl Into<String>, message: impl Into<String>) -> Self {
        Self { param: Some(param.into()), ..Self::new(400, "invalid_request_error", message) }
    }

    /// 400: the request is not of the expected form at all.
    #[must_use]
    pub fn malformed(message: impl Into<String>) -> Self {
        Self::new(400, "invalid_request_error", message)
    }

    /// 400: a parameter the endpoint does not have.
    #[must_use]
    pub fn unknown_parameter(param: &str) -> Self {
        Self { code: Some("unknown_parameter"), ..Self::invalid(param, format!("Unknown parameter: '{param}'.")) }
    }

    /// 400: a required parameter is absent.
    #[must_use]
    pub fn missing(param: &str) -> Self {
        Self {
            code: Some("missing_required_parameter"),
            ..Self::invalid(param, format!("Missing required parameter: '{param}'."))
        }
    }

    /// 401: the key is missing or wrong.
    #[must_use]
    pub fn unauthorized(message: impl Into<String>) -> Self {
        Self { code: Some("invalid_api_key"), ..Self::new(401, "invalid_request_error", message) }
    }

    /// 404: there is nothing at this address.
    #[must_use]
    pub fn not_found(message: impl Into<String>) -> Self {
        Self::new(404, "invalid_request_error", message)
    }

    /// 429: too many requests; repeat after `retry_after`.
    #[must_use]
    pub fn rate_limited(retry_after: Option<Duration>) -> Self {
        let message = "Rate limit reached: the scenario's fault plan says so.";
        Self { code: Some("rate_limit_exceeded"), retry_after, ..Self::new(429, "requests", message) }
    }

    /// Any status a fault plan asks for.
    #[must_use]
    pub fn planned(status: u16) -> Self {
        let kind = if status < 500 { "invalid_request_error" } else { "server_error" };
        Self::new(status, kind, "The scenario's fault plan says so.")
    }

    /// 500: the service, or the scenario behind it, has no answer.
    #[must_use]
    pub fn server(message: impl Into<String>) -> Self {
        Self::new(500, "server_error", message)
    }

    fn new(status: u16, kind: &'static str, message: impl Into<String>) -> Self {
        Self { status, kind, code: None, param: None, message: message.into(), retry_after: None }
    }

    /// The HTTP status.
    #[must_use]
    pub fn status(&self) -> u16 {
        self.status
    }

    /// When the request may be repeated, if the answer says so.
    #[must_use]
    pub fn retry_after(&self) -> Option<Duration> {
        self.retry_after
    }

    /// The body of the answer.
    #[must_use]
    pub fn body(&self) -> serde_json::Value {
        json!({ "error": { "message": self.message, "type": self.kind, "param": self.param, "code": self.code } })
    }
}

impl fmt::Display for ApiError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}: {}", self.status, self.kind, self.message)
    }
}

impl std::error::Error for ApiError {}
