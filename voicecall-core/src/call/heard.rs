//! The heard ledger: which words of an utterance the caller heard, and which were meant and never heard.

use crate::model::WordTiming;

/// What was heard of a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HeardText {
    /// The words that were heard to their end.
    pub heard: String,
    /// The rest.
    pub unheard: String,
    /// Whether the border is an estimate, because the synthesiser gave no alignment.
    pub estimated: bool,
}

/// Speech of unknown length is taken to run at this many characters a second, a usual pace of synthesisers.
const CHARACTERS_PER_SECOND: u64 = 15;

const SAMPLES_PER_SECOND: u64 = crate::audio::SAMPLE_RATE as u64;

/// Splits `text` by how much of it was heard.
///
/// `words` is the alignment, empty if there is none; `samples` is what was heard and `total` the length of the whole
/// audio, if it is known, both at 8 kHz.
#[must_use]
pub fn split(text: &str, words: &[WordTiming], samples: u64, total: Option<u64>) -> HeardText {
    if total.is_some_and(|total| samples >= total) {
        return HeardText { heard: text.to_owned(), unheard: String::new(), estimated: false };
    }
    let aligned = !words.is_empty();
    let count = if aligned {
        words.iter().take_while(|word| word.end <= samples).count()
    } else {
        estimate(text, samples, total)
    };
    let mut parts = text.split_whitespace();
    let heard = parts.by_ref().take(count).collect::<Vec<_>>().join(" ");
    let unheard = parts.collect::<Vec<_>>().join(" ");
    HeardText { heard, unheard, estimated: !aligned }
}

/// How many words of a text without alignment were heard: every character is taken to last equally long.
fn estimate(text: &str, samples: u64, total: Option<u64>) -> usize {
    let characters = text.chars().count() as u64;
    let total = total.unwrap_or(characters * SAMPLES_PER_SECOND / CHARACTERS_PER_SECOND).max(1);
    let spoken = characters * samples / total;
    let mut end = 0;
    text.split_whitespace()
        .take_while(|word| {
            end += word.chars().count() as u64;
            let heard = end <= spoken;
            end += 1;
            heard
        })
        .count()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn word(text: &str, start: u64, end: u64) -> WordTiming {
        WordTiming { text: text.to_owned(), start, end }
    }

    #[test]
    fn with_alignment_a_word_counts_once_its_last_sample_was_heard() {
        let words = [word("Hur", 0, 1000), word("var", 1100, 2000), word("besöket?", 2100, 5000)];
        let result = split("Hur var besöket?", &words, 4999, Some(5200));
        assert_eq!((result.heard.as_str(), result.unheard.as_str()), ("Hur var", "besöket?"));
        assert!(!result.estimated);
    }

    #[test]
    fn without_alignment_the_border_is_an_estimate() {
        let result = split("Hur var besöket?", &[], 2600, Some(5200));
        assert_eq!((result.heard.as_str(), result.unheard.as_str()), ("Hur var", "besöket?"));
        assert!(result.estimated);
    }

    #[test]
    fn all_of_it_is_never_an_estimate() {
        let result = split("Hej då.", &[], 5200, Some(5200));
        assert_eq!(result, HeardText { heard: "Hej då.".into(), unheard: String::new(), estimated: false });
    }

    proptest! {
        #[test]
        fn no_word_is_lost_or_doubled(text in "[a-zåäö]{1,8}( [a-zåäö]{1,8}){0,10}", samples in 0u64..40_000, total in 1u64..40_000) {
            let result = split(&text, &[], samples, Some(total));
            let joined = [result.heard, result.unheard].iter().filter(|part| !part.is_empty()).cloned().collect::<Vec<_>>().join(" ");
            prop_assert_eq!(joined, text);
        }
    }
}
