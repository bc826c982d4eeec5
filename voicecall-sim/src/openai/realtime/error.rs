//! Events of the client that were not carried out, in the shape of OpenAI's `error` event.

use std::fmt;

use serde_json::{Value, json};

use super::super::ApiError;

/// Why an event was not carried out. The socket stays open.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct EventError {
    kind: &'static str,
    code: Option<&'static str>,
    param: Option<String>,
    message: String,
}

impl EventError {
    /// The event goes against what has happened before.
    pub(super) fn conflict(code: &'static str, message: impl Into<String>) -> Self {
        Self { kind: "invalid_request_error", code: Some(code), param: None, message: message.into() }
    }

    /// A member has a value it may not have.
    pub(super) fn invalid(param: impl Into<String>, message: impl Into<String>) -> Self {
        Self::conflict("invalid_value", message).about(param)
    }

    /// A member is of a wrong type.
    pub(super) fn wrong_type(param: &str, expected: &str) -> Self {
        Self::conflict("invalid_type", format!("Invalid type for '{param}': expected {expected}.")).about(param)
    }

    /// A member the event does not have.
    pub(super) fn unknown(param: &str) -> Self {
        Self::conflict("unknown_parameter", format!("Unknown parameter: '{param}'.")).about(param)
    }

    /// A member is absent.
    pub(super) fn missing(param: &str) -> Self {
        Self::conflict("missing_required_parameter", format!("Missing required parameter: '{param}'.")).about(param)
    }

    /// OpenAI has it, the simulator has not.
    pub(super) fn not_simulated(param: impl Into<String>, what: &str) -> Self {
        Self::conflict("not_simulated", format!("the simulated service does not {what}")).about(param)
    }

    /// The message is no event at all.
    pub(super) fn malformed(message: impl Into<String>) -> Self {
        Self { kind: "invalid_request_error", code: None, param: None, message: message.into() }
    }

    /// A fault plan asks for it.
    pub(super) fn planned() -> Self {
        let message = "The scenario's fault plan says so.".to_owned();
        Self { kind: "server_error", code: None, param: None, message }
    }

    fn about(self, param: impl Into<String>) -> Self {
        Self { param: Some(param.into()), ..self }
    }

    /// The `error` of the event that answers the client's event of this id.
    pub(super) fn json(&self, event_id: Option<&str>) -> Value {
        json!({
            "type": self.kind,
            "code": self.code,
            "message": self.message,
            "param": self.param,
            "event_id": event_id,
        })
    }
}

impl fmt::Display for EventError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}: {}", self.kind, self.code.unwrap_or("-"), self.message)
    }
}

/// What a refusal over HTTP comes to where something has failed in a session.
pub(super) fn failure(error: &ApiError) -> Value {
    let body = error.body();
    let member = |name: &str| body["error"][name].clone();
    json!({ "type": member("type"), "code": member("code"), "message": member("message"), "param": member("param") })
}
