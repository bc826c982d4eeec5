//! The body of a refusal, in both forms Twilio uses.

use serde::Deserialize;
use serde_json::Value;

/// The older form is `{code, message, more_info, status}`, the newer one RFC 9457's `{type, title, status, code, detail}`.
///
/// Both carry Twilio's own number in `code`, the older one not always. The sentences in `message` and `detail` are not
/// read: they quote phone numbers.
#[derive(Debug, Deserialize)]
pub(crate) struct Problem {
    #[serde(default)]
    code: Value,
}

impl Problem {
    /// The code in a body, if the body is a problem and has one.
    pub(crate) fn code_in(body: &[u8]) -> Option<u32> {
        match serde_json::from_slice::<Self>(body).ok()?.code {
            Value::Number(code) => u32::try_from(code.as_u64()?).ok(),
            Value::String(code) => code.parse().ok(),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_the_code_from_both_forms() {
        let older = r#"{"code":20003,"message":"Authenticate","more_info":"https://www.twilio.com/docs/errors/20003","status":401}"#;
        let newer = r#"{"type":"https://www.twilio.com/docs/errors/20404","title":"Not found","status":404,"code":20404,"errors":[]}"#;
        assert_eq!(Problem::code_in(older.as_bytes()), Some(20003));
        assert_eq!(Problem::code_in(newer.as_bytes()), Some(20404));
    }

    #[test]
    fn a_body_without_a_code_has_none() {
        for body in
            ["", "<html>", "[]", "{}", r#"{"status":500}"#, r#"{"code":null}"#, r#"{"code":-1}"#, r#"{"code":{}}"#]
        {
            assert_eq!(Problem::code_in(body.as_bytes()), None, "{body}");
        }
    }
}
