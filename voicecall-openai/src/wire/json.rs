//! JSON as servers write it: also with half a character, or with a number that is none.

use std::borrow::Cow;

use serde_json::Value;

/// What some servers write where JSON has no number.
const NOT_A_NUMBER: [&str; 3] = ["NaN", "Infinity", "-Infinity"];

/// Reads a text as JSON. Half of an escaped surrogate pair, as it comes when an emoji is cut in two, is left out; what is
/// not a number is `null`.
pub(crate) fn read(text: &str) -> serde_json::Result<Value> {
    serde_json::from_str(text).or_else(|error| serde_json::from_str(&repaired(text)).map_err(|_| error))
}

fn repaired(text: &str) -> String {
    let mut good = String::with_capacity(text.len());
    let (mut rest, mut in_string) = (text, false);
    while !rest.is_empty() {
        let (taken, written) = token(rest, in_string);
        in_string ^= taken == "\"";
        good.push_str(&written);
        rest = rest.get(taken.len()..).unwrap_or_default();
    }
    good
}

/// The next token that must be kept whole, and what is written for it.
fn token(rest: &str, in_string: bool) -> (&str, Cow<'_, str>) {
    let first = |bytes: usize| rest.get(..bytes).unwrap_or(rest);
    if !in_string && let Some(word) = NOT_A_NUMBER.into_iter().find(|word| rest.starts_with(word)) {
        return (first(word.len()), "null".into());
    }
    if !in_string || !rest.starts_with('\\') {
        let char = first(rest.chars().next().map_or(1, char::len_utf8));
        return (char, char.into());
    }
    match (escaped_unit(rest), rest.get(6..).and_then(escaped_unit)) {
        (Some(0xD800..=0xDBFF), Some(0xDC00..=0xDFFF)) => (first(12), first(12).into()),
        (Some(0xD800..=0xDFFF), _) => (first(6), "".into()),
        _ => {
            let escape = first(1 + rest.chars().nth(1).map_or(0, char::len_utf8));
            (escape, escape.into())
        }
    }
}

/// The UTF-16 unit that a text begins with, written as a JSON escape: `\u` and four hexadecimal digits.
fn escaped_unit(text: &str) -> Option<u16> {
    let digits = text.strip_prefix("\\u")?.get(..4)?;
    let is_hex = digits.bytes().all(|digit| digit.is_ascii_hexdigit());
    if is_hex { u16::from_str_radix(digits, 16).ok() } else { None }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    #[test]
    fn half_a_pair_is_left_out_and_a_whole_one_stays() {
        for (text, expected) in [
            (r#"["Hej \ud83d"]"#, "Hej "),
            (r#"["\ude00 du"]"#, " du"),
            (r#"["a\ud83d\ud83d\ude00b"]"#, "a😀b"),
            (r#"["\\ud83d \ud83d\n"]"#, "\\ud83d \n"),
            (r#"["\"\ud83dNaN"]"#, "\"NaN"),
        ] {
            assert_eq!(read(text).unwrap(), json!([expected]), "{text}");
        }
    }

    #[test]
    fn what_is_not_a_number_is_null() {
        assert_eq!(
            read(r#"{"a":NaN,"b":[-Infinity,Infinity],"NaN":1}"#).unwrap(),
            json!({"a": null, "b": [null, null], "NaN": 1})
        );
    }

    #[test]
    fn what_is_no_json_stays_an_error() {
        for text in ["", "<html>", "{\"a\":", "\"\\", "\"\\u12", "NaNa", "\"\\ud83d"] {
            assert!(read(text).is_err(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn good_json_is_never_changed(text in r#"(\\u[dD][89cd][0-9a-f]{2}|\\"|\\\\|NaN|[a-zå😀]){0,12}"#) {
            let written = json!([text]).to_string();
            prop_assert_eq!(read(&written).unwrap(), json!([text.clone()]));
            let _ = read(&format!("[\"{text}\"]"));
            let _ = read(&text);
        }
    }
}
