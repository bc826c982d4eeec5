//! Finding the JSON object in what a model wrote when it was asked for nothing else.

use serde::de::IgnoredAny;

/// How models that think aloud end their thoughts.
const THOUGHT_OVER: &str = "</think>";

/// The one JSON object in a model's text, as it stands there; `None` if there is none, more than one, or half of one.
///
/// What models put around an object is left out: a byte order mark, thoughts up to `</think>`, a code fence, a sentence
/// before or behind it. The object itself is not looked into: whoever reads it checks it as strictly as ever.
///
/// ```
/// use voicecall_core::model::json_object;
///
/// assert_eq!(json_object("Here you are:\n```json\n{\"score\": 4}\n```"), Some("{\"score\": 4}"));
/// assert_eq!(json_object("{\"score\": {\"stars\": 4}, \"wor"), None);
/// ```
#[must_use]
pub fn json_object(text: &str) -> Option<&str> {
    let whole = only_object(text);
    match text.split_once(THOUGHT_OVER) {
        // An object may quote the mark.
        Some((_, answer)) if !whole.is_some_and(|object| object.contains(THOUGHT_OVER)) => only_object(answer),
        _ => whole,
    }
}

fn only_object(text: &str) -> Option<&str> {
    let (before, _) = text.split_once('{')?;
    if before.trim_end().ends_with('[') {
        return None;
    }
    let from_object = text.get(before.len()..)?;
    let mut reader = serde_json::Deserializer::from_str(from_object).into_iter::<IgnoredAny>();
    reader.next()?.ok()?;
    let (object, behind) = from_object.split_at_checked(reader.byte_offset())?;
    (!behind.contains('{')).then_some(object)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const OBJECT: &str = r#"{"decision":"yes","why":"{ } </think>"}"#;

    #[test]
    fn what_stands_around_the_object_is_left_out() {
        for (before, behind) in [
            ("", ""),
            ("\u{FEFF}", ""),
            ("\n  ", "\n\n\n  "),
            ("```json\n", "\n```"),
            ("```\n", "\n```\n"),
            ("<think>The caller said {yes}.</think>\n", ""),
            ("The caller said {yes}.\n</think>\n\n```json\n", "\n```"),
            ("<think>\n\n</think>\n\n", ""),
            ("Here is the object:\n", "\nHope this helps."),
        ] {
            let text = [before, OBJECT, behind].concat();
            assert_eq!(json_object(&text), Some(OBJECT), "{text}");
        }
    }

    #[test]
    fn none_many_or_half_an_object_are_none() {
        for text in [
            "",
            "Yes.",
            "[1]",
            "{",
            "{\"a\":",
            "{\"a\":{\"b\":1},\"c",
            "{\"a\":{\"b\":1},oops}",
            "{\"a\":1}{\"a\":1}",
            "{\"a\":1}\n{\"a\"",
            "[{\"a\":1}]",
            "\"{\\\"a\\\":1}\"",
            "{'a':1}",
            "<think>I say {\"a\":1}</think>",
        ] {
            assert_eq!(json_object(text), None, "{text}");
        }
    }

    #[test]
    fn a_deep_or_long_text_takes_no_stack_and_little_time() {
        for piece in ["{", "[", "{\"a\":", "{\"a\":[{},", "</think>"] {
            assert_eq!(json_object(&piece.repeat(200_000)), None, "{piece}");
        }
    }

    proptest! {
        #[test]
        fn what_is_found_is_an_object_of_the_text(text in r#"(\{|\}|\[|"a"|:|,|1|</think>|```|å| |\n){0,40}"#) {
            if let Some(object) = json_object(&text) {
                prop_assert!(text.contains(object));
                prop_assert!(serde_json::from_str::<serde_json::Value>(object).unwrap().is_object());
            }
        }
    }
}
