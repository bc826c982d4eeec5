//! How much of what was sent a carrier says that the caller heard, found word by word.

/// How many words of each text were heard, and whether all of `heard` was found in them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct HeardWords {
    /// One number a text, in their order. Texts before the one that was being said count whole.
    pub(super) counts: Vec<usize>,
    /// Whether something is said to have been heard that was not sent.
    pub(super) differs: bool,
}

/// Compares `heard` with `texts`, which were sent in this order. It may begin with any of them: carriers tell the words of an
/// utterance or of all since the caller last spoke. Case and punctuation do not count.
pub(super) fn compare(texts: &[&str], heard: &str) -> HeardWords {
    let heard: Vec<String> = heard.split_whitespace().map(bare).filter(|word| !word.is_empty()).collect();
    let mut best = HeardWords { counts: vec![0; texts.len()], differs: !heard.is_empty() };
    let mut most = 0;
    for first in 0..texts.len() {
        let (counts, found) = from(first, texts, &heard);
        if found > most {
            (best, most) = (HeardWords { counts, differs: found < heard.len() }, found);
        }
    }
    best
}

/// The words of `heard` that `texts` have from the text at `first` on.
fn from(first: usize, texts: &[&str], heard: &[String]) -> (Vec<usize>, usize) {
    let mut counts: Vec<usize> = texts.iter().map(|text| text.split_whitespace().count()).collect();
    counts[first..].fill(0);
    let mut found = 0;
    for (at, text) in texts.iter().enumerate().skip(first) {
        for (place, word) in text.split_whitespace().map(bare).enumerate() {
            if word.is_empty() {
                continue;
            }
            if heard.get(found) != Some(&word) {
                return (counts, found);
            }
            found += 1;
            counts[at] = place + 1;
        }
    }
    (counts, found)
}

fn bare(word: &str) -> String {
    word.chars().filter(|char| char.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn counts(texts: &[&str], heard: &str) -> (Vec<usize>, bool) {
        let HeardWords { counts, differs } = compare(texts, heard);
        (counts, differs)
    }

    #[test]
    fn words_are_found_whatever_their_case_and_punctuation() {
        assert_eq!(counts(&["We open at 8, on Sundays."], "we open AT 8"), (vec![4], false));
        assert_eq!(counts(&["It's – I think – open."], "Its I"), (vec![3], false));
        assert_eq!(counts(&["We open."], ""), (vec![0], false));
        assert_eq!(counts(&["We open."], "nothing like it"), (vec![0], true));
        assert_eq!(counts(&["We open."], "We close"), (vec![1], true));
        assert_eq!(counts(&[], "We"), (vec![], true));
    }

    #[test]
    fn what_was_heard_may_begin_with_any_text_and_go_on_with_the_next() {
        let texts = ["One moment.", "We open at eight.", "Anything else?"];
        assert_eq!(counts(&texts, "We open"), (vec![2, 2, 0], false));
        assert_eq!(counts(&texts, "One moment. We"), (vec![2, 1, 0], false));
        assert_eq!(counts(&texts, "We open at eight. Anything"), (vec![2, 4, 1], false));
    }

    proptest! {
        #[test]
        fn nothing_panics_and_no_text_has_more_words_than_it_has(texts in prop::collection::vec(".{0,20}", 0..4), heard in ".{0,30}") {
            let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
            let found = compare(&texts, &heard);
            prop_assert_eq!(found.counts.len(), texts.len());
            for (count, text) in found.counts.iter().zip(&texts) {
                prop_assert!(*count <= text.split_whitespace().count());
            }
        }

        #[test]
        fn the_beginning_of_a_text_is_found_to_the_word(words in prop::collection::vec("[a-z]{1,6}", 1..12), cut in 0usize..12) {
            let cut = cut.min(words.len());
            let found = compare(&[&words.join(" ")], &words[..cut].join(" "));
            prop_assert_eq!(found, HeardWords { counts: vec![cut], differs: false });
        }
    }
}
