//! Error bodies in the shapes that servers give them.

use serde_json::Value;

/// Codes and types that say no amount of waiting helps.
const EXHAUSTED: [&str; 5] = [
    "insufficient_quota",
    "credit_balance_exhausted",
    "organization_spend_limit_exceeded",
    "project_spend_limit_exceeded",
    "organization_usage_limit_exceeded",
];

/// The longest code or field name that is believed to be one.
const MAX_NAME: usize = 64;

/// What an error body says, without its sentences.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(crate) struct Failure {
    /// The server's code, or the type of the failure.
    pub(crate) code: Option<String>,
    /// The parameter that is wrong.
    pub(crate) field: Option<String>,
    /// The status, if the body tells one.
    pub(crate) status: Option<u16>,
    exhausted: bool,
}

impl Failure {
    /// Reads any of: `{"error": {…}}`, `{"error": "…"}`, `{"detail": …}` and the bare error object.
    pub(crate) fn read(body: &Value) -> Self {
        match body.get("error").or_else(|| body.get("detail")) {
            Some(Value::Array(details)) => details.first().map(Self::read_validation).unwrap_or_default(),
            Some(error @ Value::Object(_)) => Self::read_object(error),
            Some(_) => Self::default(),
            None => Self::read_object(body),
        }
    }

    /// Whether waiting does not help, although the status may say so.
    pub(crate) fn means_exhausted(&self) -> bool {
        self.exhausted
    }

    fn read_object(error: &Value) -> Self {
        let (code, of_type) = (error.get("code"), error.get("type"));
        let named = |value: Option<&Value>| value.and_then(Value::as_str).and_then(name);
        let exhausted = [code, of_type].into_iter().flatten().filter_map(Value::as_str);
        Self {
            code: named(code).or_else(|| named(of_type)),
            field: named(error.get("param")),
            // Some servers put the status where others put a code.
            status: code.and_then(Value::as_u64).and_then(|status| u16::try_from(status).ok()),
            exhausted: exhausted.into_iter().any(|code| EXHAUSTED.contains(&code)),
        }
    }

    /// One entry of a list of validation errors; its place ends in the name of the parameter.
    fn read_validation(detail: &Value) -> Self {
        let place = detail.get("loc").and_then(Value::as_array).and_then(|place| place.last());
        Self {
            code: detail.get("type").and_then(Value::as_str).and_then(name),
            field: place.and_then(Value::as_str).and_then(name),
            ..Self::default()
        }
    }
}

/// The text, if it is a name; anything else may quote a request or a key.
pub(crate) fn name(text: &str) -> Option<String> {
    let is_name = |c: char| c.is_ascii_alphanumeric() || "_-.[]".contains(c);
    let fits = !text.is_empty() && text.len() <= MAX_NAME && text.chars().all(is_name);
    fits.then(|| text.to_owned())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn read(body: Value) -> (Option<String>, Option<String>, Option<u16>, bool) {
        let failure = Failure::read(&body);
        (failure.code, failure.field, failure.status, failure.exhausted)
    }

    fn some(text: &str) -> Option<String> {
        Some(text.to_owned())
    }

    #[test]
    fn every_known_shape_is_read() {
        let openai =
            json!({"error": {"message": "m", "type": "invalid_request_error", "param": "model", "code": null}});
        assert_eq!(read(openai), (some("invalid_request_error"), some("model"), None, false));
        let quota = json!({"error": {"message": "m", "type": "insufficient_quota", "param": null, "code": "x"}});
        assert_eq!(read(quota), (some("x"), None, None, true));
        assert_eq!(read(json!({"error": "failed to load model"})), (None, None, None, false));
        assert_eq!(read(json!({"detail": "Not Found"})), (None, None, None, false));
        let kokoro = json!({"detail": {"error": "validation_error", "message": "m", "type": "invalid_request_error"}});
        assert_eq!(read(kokoro), (some("invalid_request_error"), None, None, false));
        let fastapi = json!({"detail": [{"type": "missing", "loc": ["body", "voice"], "msg": "m", "input": "secret"}]});
        assert_eq!(read(fastapi), (some("missing"), some("voice"), None, false));
        let vllm = json!({"object": "error", "message": "m", "type": "BadRequestError", "param": null, "code": 400});
        assert_eq!(read(vllm), (some("BadRequestError"), None, Some(400), false));
    }

    #[test]
    fn what_is_not_a_name_is_not_kept() {
        let body = json!({"error": {"code": "the caller said 0701234567", "type": "a".repeat(65), "param": "é"}});
        assert_eq!(read(body), (None, None, None, false));
    }

    proptest! {
        #[test]
        fn nothing_in_a_body_panics(text in r#"[\[\]{}":,a-z0-9]{0,60}"#, key in "(error|detail|code|loc|type)") {
            let value: Value = serde_json::from_str(&text).unwrap_or(Value::String(text));
            Failure::read(&value);
            Failure::read(&json!({ key.clone(): value.clone() }));
            Failure::read(&json!({ "detail": [{ key: value }] }));
        }
    }
}
