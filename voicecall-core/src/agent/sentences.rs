//! Cuts a text that is still being written into parts that can be spoken on their own.

/// A clause is spoken on its own from this many characters on.
const CLAUSE: usize = 40;

/// Text without any punctuation is cut between two words after this many characters.
const LONGEST: usize = 240;

/// Words that end in a full stop and end no sentence, in lower case, without it.
const ABBREVIATIONS: &[&str] = &["mr", "mrs", "ms", "dr", "st", "no", "vs", "approx", "ca", "kl", "nr", "tel", "osv"];

/// Text as it comes, and the sentences of it that are complete.
///
/// A sentence is complete once the white space behind its end is there, because `3.` may go on as `3.50`; the last one
/// when there is no more. A clause counts as a sentence if it has 40 characters or more.
///
/// ```
/// use voicecall_core::agent::Sentences;
///
/// let mut sentences = Sentences::new();
/// sentences.push("We open at 8.30. And");
/// assert_eq!(sentences.next_complete().as_deref(), Some("We open at 8.30."));
/// sentences.push(" you?");
/// assert_eq!(sentences.next_complete(), None);
/// assert_eq!(sentences.finish().as_deref(), Some("And you?"));
/// ```
#[derive(Debug, Clone, Default)]
pub struct Sentences {
    text: String,
    /// Up to this byte no end was found.
    looked: usize,
    /// The character before it, closing quotation marks and brackets passed over.
    before: Option<char>,
}

impl Sentences {
    /// No text yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds text.
    pub fn push(&mut self, text: &str) {
        self.text.push_str(text);
    }

    /// Takes the next complete sentence, without the white space around it.
    pub fn next_complete(&mut self) -> Option<String> {
        let end = self.end()?;
        (self.looked, self.before) = (0, None);
        let rest = self.text.split_off(end);
        let sentence = std::mem::replace(&mut self.text, rest);
        Some(sentence.trim().to_owned())
    }

    /// Takes what is left, once nothing comes any more.
    #[must_use]
    pub fn finish(self) -> Option<String> {
        Some(self.text.trim().to_owned()).filter(|rest| !rest.is_empty())
    }

    /// Where the first complete sentence ends.
    fn end(&mut self) -> Option<usize> {
        let start = self.text.len() - self.text.trim_start().len();
        for (offset, char) in self.text[self.looked..].char_indices() {
            let at = self.looked + offset;
            if char.is_whitespace() && at > start {
                let sentence = &self.text[start..at];
                let is_end = match self.before {
                    Some('!' | '?' | '…') => true,
                    Some('.') => ends_sentence(sentence),
                    // A new line ends what stands on the old one: an item of a list, a heading.
                    _ if char == '\n' => true,
                    Some(',' | ';' | ':' | '–' | '—') => sentence.chars().count() >= CLAUSE,
                    _ => sentence.chars().count() >= LONGEST,
                };
                if is_end && sentence.chars().any(char::is_alphanumeric) {
                    return Some(at);
                }
            }
            // A closing quotation mark or bracket does not hide the end before it.
            if !matches!(char, '"' | '\'' | '”' | '’' | '»' | ')' | ']') {
                self.before = Some(char);
            }
        }
        self.looked = self.text.len();
        None
    }
}

/// Whether a text that ends in a full stop ends with a sentence.
fn ends_sentence(text: &str) -> bool {
    let mut words = text.trim_end_matches(|char: char| !char.is_alphanumeric()).split_whitespace();
    let Some(word) = words.next_back() else { return false };
    let word = word.trim_start_matches(|char: char| !char.is_alphanumeric());
    // The number of an item of a list, an initial, or an abbreviation of several letters such as `e.g`.
    let is_number = words.next_back().is_none() && word.chars().all(|char| char.is_ascii_digit());
    let is_initial = word.chars().count() == 1 && word.chars().all(char::is_alphabetic) && word != "I";
    let is_short =
        word.contains('.') && word.split('.').all(|part| part.chars().count() <= 2 && !part.contains(char::is_numeric));
    !(is_number || is_initial || is_short || ABBREVIATIONS.contains(&word.to_lowercase().as_str()))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn cut(pieces: &[&str]) -> Vec<String> {
        let mut sentences = Sentences::new();
        let mut found = Vec::new();
        for piece in pieces {
            sentences.push(piece);
            found.extend(std::iter::from_fn(|| sentences.next_complete()));
        }
        found.extend(sentences.finish());
        found
    }

    #[test]
    fn a_sentence_is_complete_when_its_end_is_sure() {
        let mut sentences = Sentences::new();
        for piece in ["Hel", "lo", "."] {
            sentences.push(piece);
            assert_eq!(sentences.next_complete(), None);
        }
        sentences.push(" ");
        assert_eq!(sentences.next_complete().as_deref(), Some("Hello."));
        assert_eq!(sentences.finish(), None);
    }

    #[test]
    fn full_stops_within_a_sentence_end_nothing() {
        for text in [
            "It is 8.30 now.",
            "Ask Dr. Ek, e.g. today.",
            "1. Milk",
            "J. Ek lives at St. Eriksgatan.",
            "Kom kl. 10, t.ex. i dag.",
        ] {
            assert_eq!(cut(&[text, "\n"]), [text]);
        }
        assert_eq!(cut(&["I am 30. So am I. And (you?) too."]), ["I am 30.", "So am I.", "And (you?)", "too."]);
    }

    #[test]
    fn a_long_clause_is_spoken_on_its_own_and_a_short_one_is_not() {
        let long = "On Sundays the shop opens at eight o'clock,";
        assert_eq!(cut(&[long, " and closes at noon."]), [long, "and closes at noon."]);
        assert_eq!(cut(&["Well, yes."]), ["Well, yes."]);
    }

    #[test]
    fn text_without_punctuation_is_cut_between_words() {
        let found = cut(&["word ".repeat(100).as_str()]);
        assert!(found.len() > 1 && found.iter().all(|part| part.chars().count() <= LONGEST + 5), "{found:?}");
    }

    proptest! {
        #[test]
        fn nothing_is_lost_whatever_the_pieces(text in "[a-zå.,!? \n\"0-9]{0,120}", size in 1usize..9) {
            let chars: Vec<char> = text.chars().collect();
            let pieces: Vec<String> = chars.chunks(size).map(|piece| piece.iter().collect()).collect();
            let found = cut(&pieces.iter().map(String::as_str).collect::<Vec<_>>());
            let bare = |text: &str| text.split_whitespace().collect::<String>();
            prop_assert_eq!(bare(&found.concat()), bare(&text));
            prop_assert_eq!(&found, &cut(&[&text]));
        }
    }
}
