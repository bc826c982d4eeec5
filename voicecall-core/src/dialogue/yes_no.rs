//! Whether the caller said yes, by words: for questions whose answer a model must not decide.

/// Words that mean yes, English and Swedish.
const YES: &[&str] = &[
    "yes",
    "yeah",
    "yep",
    "yup",
    "sure",
    "okay",
    "ok",
    "absolutely",
    "certainly",
    "please",
    "correct",
    "right",
    "ja",
    "japp",
    "jajamän",
    "javisst",
    "visst",
    "gärna",
    "absolut",
    "okej",
    "stämmer",
    "precis",
    "självklart",
];

/// Words that mean no, or that take a yes back.
const NO: &[&str] = &[
    "no", "nope", "nah", "not", "don't", "dont", "never", "stop", "cancel", "wait", "but", "nej", "nä", "näe", "inte",
    "aldrig", "avbryt", "vänta", "men", "sluta",
];

/// A yes is short; what is longer says more than that.
const LONGEST_YES: usize = 8;

/// `Some(true)` for a plain yes, `Some(false)` for a no or a yes with a reservation, `None` for anything else.
pub(super) fn yes_or_no(text: &str) -> Option<bool> {
    let text = text.to_lowercase().replace('’', "'");
    let words: Vec<&str> =
        text.split(|char: char| !char.is_alphanumeric() && char != '\'').filter(|word| !word.is_empty()).collect();
    if words.iter().any(|word| NO.contains(word)) {
        return Some(false);
    }
    (words.len() <= LONGEST_YES && words.iter().any(|word| YES.contains(word))).then_some(true)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_plain_yes_is_one() {
        for text in ["Yes.", "Yes, please!", "Ja, det går bra.", "Ja tack", "OK", "Sure, go ahead"] {
            assert_eq!(yes_or_no(text), Some(true), "{text}");
        }
        for text in ["No.", "Nej tack", "Yes, but not today", "Ja, men vänta", "I don’t know", "Inte nu"] {
            assert_eq!(yes_or_no(text), Some(false), "{text}");
        }
        for text in ["", "Who is this?", "Vad sa du?", "Yes I was there last week and we talked about something"] {
            assert_eq!(yes_or_no(text), None, "{text}");
        }
    }
}
