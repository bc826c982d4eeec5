//! What Deepgram says when it refuses, without its sentences.

use serde_json::Value;

use super::name;

/// The codes of a refusal, in whichever of its shapes it came.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(crate) struct Refusal {
    /// Deepgram's code.
    pub(crate) code: Option<String>,
    /// The name of the request, by which Deepgram's support finds it.
    pub(crate) request_id: Option<String>,
}

impl Refusal {
    /// Reads a body of HTTP (`err_code`, or `category`), or an `Error` message (`variant`, or `code`).
    pub(crate) fn read(body: &Value) -> Self {
        let text = |key: &str| body.get(key).and_then(Value::as_str);
        let code = ["err_code", "category", "variant", "code"].into_iter().find_map(text);
        // One of the codes is two words: Bad Request.
        Self {
            code: code.and_then(|code| name(&code.replace(' ', "_"))),
            request_id: text("request_id").and_then(name),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    #[test]
    fn every_known_shape_is_read() {
        for (body, code) in [
            (
                json!({"err_code": "INVALID_AUTH", "err_msg": "Invalid credentials.", "request_id": "r-1"}),
                "INVALID_AUTH",
            ),
            (json!({"err_code": "Bad Request", "err_msg": "No such model", "request_id": "r-1"}), "Bad_Request"),
            (json!({"category": "INVALID_JSON", "message": "m", "details": "d", "request_id": "r-1"}), "INVALID_JSON"),
            (
                json!({"type": "Error", "variant": "SchemaError", "description": "d", "request_id": "r-1"}),
                "SchemaError",
            ),
        ] {
            let refusal = Refusal::read(&body);
            assert_eq!((refusal.code.as_deref(), refusal.request_id.as_deref()), (Some(code), Some("r-1")));
        }
    }

    #[test]
    fn what_is_not_a_name_is_not_kept() {
        let body = json!({"err_code": "the caller said: 0701234567", "request_id": "a".repeat(65)});
        assert_eq!(Refusal::read(&body), Refusal::default());
    }

    proptest! {
        #[test]
        fn nothing_in_a_body_panics(text in r#"[\[\]{}":,a-z0-9]{0,60}"#, key in "(err_code|variant|code|request_id)") {
            let value: Value = serde_json::from_str(&text).unwrap_or(Value::String(text));
            Refusal::read(&value);
            Refusal::read(&json!({ key: value }));
        }
    }
}
