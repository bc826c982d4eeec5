//! Handshakes that are refused, in Deepgram's shape.

use std::fmt;
use std::time::Duration;

use serde_json::json;

/// A request for a socket that was not granted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    status: u16,
    code: &'static str,
    message: String,
    retry_after: Option<Duration>,
}

impl Refusal {
    /// 400: a parameter is wrong.
    #[must_use]
    pub fn bad_request(message: impl fmt::Display) -> Self {
        Self::new(400, "Bad Request", format!("Bad Request: {message}"))
    }

    /// 401: the key is missing or wrong.
    #[must_use]
    pub fn unauthorized() -> Self {
        Self::new(401, "INVALID_AUTH", "Invalid credentials.")
    }

    /// 404: there is nothing at this address.
    #[must_use]
    pub fn not_found() -> Self {
        Self::new(404, "Not Found", "Resource not found.")
    }

    /// 429: too many sockets at once; again after `retry_after`.
    #[must_use]
    pub fn too_many(retry_after: Option<Duration>) -> Self {
        let message = "Too many requests. Please try again later";
        Self { retry_after, ..Self::new(429, "TOO_MANY_REQUESTS", message) }
    }

    /// Any status a fault plan asks for.
    #[must_use]
    pub fn planned(status: u16) -> Self {
        let code = match status {
            401 => return Self::unauthorized(),
            402 => "ASR_PAYMENT_REQUIRED",
            403 => "INSUFFICIENT_PERMISSIONS",
            429 => return Self::too_many(None),
            500..=599 => "INTERNAL_SERVER_ERROR",
            _ => "Bad Request",
        };
        Self::new(status, code, "The scenario's fault plan says so.")
    }

    fn new(status: u16, code: &'static str, message: impl Into<String>) -> Self {
        Self { status, code, message: message.into(), retry_after: None }
    }

    /// The HTTP status.
    #[must_use]
    pub fn status(&self) -> u16 {
        self.status
    }

    /// Deepgram's code.
    #[must_use]
    pub fn code(&self) -> &'static str {
        self.code
    }

    /// When to ask again, if the answer says so.
    #[must_use]
    pub fn retry_after(&self) -> Option<Duration> {
        self.retry_after
    }

    /// The body of the answer to the request of this name.
    #[must_use]
    pub fn body(&self, request_id: &str) -> serde_json::Value {
        json!({ "err_code": self.code, "err_msg": self.message, "request_id": request_id })
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}: {}", self.status, self.code, self.message)
    }
}

impl std::error::Error for Refusal {}
