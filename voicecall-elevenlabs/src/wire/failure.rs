//! Error bodies in the three shapes that ElevenLabs gives them.

use serde_json::Value;

/// Codes that say no amount of waiting helps: the current one, and that of an older answer with status 401.
const EXHAUSTED: [&str; 2] = ["insufficient_credits", "quota_exceeded"];

/// The longest code or field name that is believed to be one.
const MAX_NAME: usize = 64;

/// What an error body says, without its sentences: they may quote the request.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(crate) struct Failure {
    /// ElevenLabs's code; its older status or the type of the failure where there is none.
    pub(crate) code: Option<String>,
    /// The parameter that is wrong.
    pub(crate) field: Option<String>,
}

impl Failure {
    /// Reads `{"detail": {"type", "code", "param", …}}`, the older `{"detail": {"status", …}}` and the
    /// `{"detail": [{"loc", "type", …}]}` of its framework.
    pub(crate) fn read(body: &Value) -> Self {
        match body.get("detail") {
            Some(Value::Array(details)) => details.first().map(Self::read_validation).unwrap_or_default(),
            Some(detail) => Self::read_object(detail),
            None => Self::default(),
        }
    }

    /// Whether the account's credits are used up, whatever the status says.
    pub(crate) fn means_exhausted(&self) -> bool {
        self.is_any_of(&EXHAUSTED)
    }

    /// Whether the code is one of these.
    pub(crate) fn is_any_of(&self, codes: &[&str]) -> bool {
        self.code.as_deref().is_some_and(|code| codes.contains(&code))
    }

    fn read_object(detail: &Value) -> Self {
        let named = |key: &str| detail.get(key).and_then(Value::as_str).and_then(name);
        Self { code: named("code").or_else(|| named("status")).or_else(|| named("type")), field: named("param") }
    }

    /// One entry of a list of validation errors; its place ends in the name of the parameter.
    fn read_validation(detail: &Value) -> Self {
        let place = detail.get("loc").and_then(Value::as_array).and_then(|place| place.last());
        Self {
            code: detail.get("type").and_then(Value::as_str).and_then(name),
            field: place.and_then(Value::as_str).and_then(name),
        }
    }
}

/// The text, if it is a name; anything else may quote a request or a key.
fn name(text: &str) -> Option<String> {
    let is_name = |c: char| c.is_ascii_alphanumeric() || "_-.[]".contains(c);
    let fits = !text.is_empty() && text.len() <= MAX_NAME && text.chars().all(is_name);
    fits.then(|| text.to_owned())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn read(body: Value) -> (Option<String>, Option<String>) {
        let failure = Failure::read(&body);
        (failure.code, failure.field)
    }

    fn some(text: &str) -> Option<String> {
        Some(text.to_owned())
    }

    #[test]
    fn every_known_shape_is_read() {
        let current = json!({"detail": {"type": "validation_error", "code": "text_too_long", "message": "m",
            "status": "max_character_limit_exceeded", "request_id": "r", "param": "text"}});
        assert_eq!(read(current), (some("text_too_long"), some("text")));
        let older = json!({"detail": {"status": "quota_exceeded", "message": "m"}});
        assert_eq!(read(older), (some("quota_exceeded"), None));
        let place = json!(["body", "voice_settings", "speed"]);
        let validation = json!({"detail": [{"loc": place, "msg": "m", "type": "less_than_equal"}]});
        assert_eq!(read(validation), (some("less_than_equal"), some("speed")));
        assert_eq!(read(json!({"detail": "Not Found"})), (None, None));
    }

    #[test]
    fn what_is_not_a_name_is_not_kept() {
        let body = json!({"detail": {"code": "the caller said 0701234567", "type": "a".repeat(65), "param": "é"}});
        assert_eq!(read(body), (None, None));
    }

    proptest! {
        #[test]
        fn nothing_in_a_body_panics(text in r#"[\[\]{}":,a-z0-9]{0,60}"#, key in "(code|status|loc|type|param)") {
            let value: Value = serde_json::from_str(&text).unwrap_or(Value::String(text));
            Failure::read(&value);
            Failure::read(&json!({ "detail": value.clone() }));
            Failure::read(&json!({ "detail": { key.clone(): value.clone() } }));
            Failure::read(&json!({ "detail": [{ key: value }] }));
        }
    }
}
