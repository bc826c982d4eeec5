//! Refusals in ElevenLabs's three shapes.

use axum::Json;
use axum::http::{HeaderName, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

/// A request that was not answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApiError {
    status: u16,
    detail: Value,
    headers: Vec<(&'static str, &'static str)>,
}

impl ApiError {
    /// The current shape: `{"detail": {"type", "code", "message", "status", "request_id", "param"}}`.
    pub(super) fn current(status: u16, kind: &str, code: &str, message: &str) -> Self {
        let id = uuid::Uuid::new_v4().simple().to_string();
        let detail = json!({ "type": kind, "code": code, "message": message, "status": code, "request_id": id,
            "param": null });
        Self { status, detail, headers: Vec::new() }
    }

    /// The older shape: `{"detail": {"status", "message"}}`.
    pub(super) fn older(status: u16, code: &str, message: &str) -> Self {
        Self { status, detail: json!({ "status": code, "message": message }), headers: Vec::new() }
    }

    /// 422 in the shape of the framework: `{"detail": [{"loc", "msg", "type"}]}`.
    pub(super) fn unprocessable(place: &[&str], kind: &str, message: &str) -> Self {
        Self { status: 422, detail: json!([{ "loc": place, "msg": message, "type": kind }]), headers: Vec::new() }
    }

    /// 400 about one parameter.
    pub(super) fn invalid(code: &str, param: &str, message: &str) -> Self {
        let mut error = Self::current(400, "validation_error", code, message);
        if let Some(told) = error.detail.get_mut("param") {
            *told = json!(param);
        }
        error
    }

    pub(super) fn voice_not_found() -> Self {
        Self::current(404, "not_found", "voice_not_found", "There is no voice of this id.")
    }

    pub(super) fn with_header(mut self, name: &'static str, value: &'static str) -> Self {
        self.headers.push((name, value));
        self
    }

    /// The HTTP status.
    #[must_use]
    pub fn status(&self) -> u16 {
        self.status
    }

    /// The body of the answer.
    #[must_use]
    pub fn body(&self) -> Value {
        json!({ "detail": self.detail })
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        // Statuses are constants of this module's siblings.
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let mut response = (status, Json(self.body())).into_response();
        for (name, value) in self.headers {
            response.headers_mut().insert(HeaderName::from_static(name), HeaderValue::from_static(value));
        }
        response
    }
}
