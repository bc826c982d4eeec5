//! What a caller listens for: words, whatever their case and punctuation.

use std::fmt;

use serde::Deserialize;

/// Words that must be heard one after the other; anything may stand before and behind them.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct Phrase(Vec<String>);

impl Phrase {
    /// The phrase any speech at all matches, written `"*"`.
    #[must_use]
    pub fn any() -> Self {
        Self(Vec::new())
    }

    /// Whether it is [`any`](Self::any).
    #[must_use]
    pub const fn is_any(&self) -> bool {
        self.0.is_empty()
    }

    /// Reads a phrase; `None` if `text` has no word in it and is not `"*"`.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        if text.trim() == "*" {
            return Some(Self::any());
        }
        let words: Vec<String> = words(text).collect();
        (!words.is_empty()).then_some(Self(words))
    }

    /// How many of the words `heard` there are up to the end of the phrase's first occurrence; `None` if it does not occur.
    ///
    /// `heard` are [`words`] of what was heard so far.
    pub(crate) fn end_in<'a>(&self, heard: impl IntoIterator<Item = &'a str>) -> Option<usize> {
        let heard: Vec<&str> = heard.into_iter().collect();
        if heard.is_empty() {
            return None;
        }
        if self.0.is_empty() {
            return Some(1);
        }
        let start = heard.windows(self.0.len()).position(|window| window.iter().zip(&self.0).all(|(a, b)| a == b))?;
        Some(start + self.0.len())
    }

    /// Whether the phrase occurs in `text`.
    #[must_use]
    pub fn is_in(&self, text: &str) -> bool {
        let heard: Vec<String> = words(text).collect();
        self.end_in(heard.iter().map(String::as_str)).is_some()
    }
}

impl fmt::Display for Phrase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.is_any() { "*" } else { "" })?;
        f.write_str(&self.0.join(" "))
    }
}

impl TryFrom<String> for Phrase {
    type Error = String;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        Self::parse(&text)
            .ok_or_else(|| format!("`{text}` has no word to listen for: expected a phrase, or \"*\" for any speech"))
    }
}

/// The words of a text in lower case, without punctuation.
pub(crate) fn words(text: &str) -> impl Iterator<Item = String> {
    text.split_whitespace()
        .map(|word| word.chars().filter(|char| char.is_alphanumeric()).flat_map(char::to_lowercase).collect::<String>())
        .filter(|word| !word.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn case_and_punctuation_do_not_matter() {
        let phrase = Phrase::parse("Vill du vara med?").unwrap();
        assert!(phrase.is_in("Samtalet spelas in. VILL DU vara med"));
        assert!(!phrase.is_in("Vill du vara?"));
        assert!(!phrase.is_in("Vill du inte vara med?"));
    }

    #[test]
    fn the_end_is_counted_in_words() {
        let phrase = Phrase::parse("b c").unwrap();
        assert_eq!(phrase.end_in(["a", "b", "c", "d"]), Some(3));
        assert_eq!(phrase.end_in(["a", "b"]), None);
        assert_eq!(phrase.end_in([]), None);
    }

    #[test]
    fn a_star_matches_the_first_word_of_anything() {
        assert_eq!(Phrase::any().end_in(["a", "b"]), Some(1));
        assert_eq!(Phrase::any().end_in([]), None);
        assert_eq!(Phrase::parse(" * "), Some(Phrase::any()));
        assert_eq!(Phrase::parse(" ?! "), None);
    }
}
