//! From the places of characters to the places of words.
//!
//! The ledger of heard words counts: the first so many words of the text. So the words told here are those of the text,
//! in its order, none left out.

use std::collections::VecDeque;

use voicecall_core::audio::SAMPLE_RATE;
use voicecall_core::model::WordTiming;

use crate::wire::speech::Alignment;

/// How many words a line without alignment may have swallowed.
const MOST_MISSING: usize = 64;

/// An alignment that goes back further than this counts its seconds from its own line. ElevenLabs documents neither
/// way; its streams have been seen to count from the beginning of the utterance.
const BACKWARDS: u64 = 400;

/// Collects alignments and tells every word they complete.
#[derive(Debug)]
pub(super) struct Words {
    /// The words of the text that were not told yet.
    expected: VecDeque<String>,
    /// The word whose end is not known yet.
    unfinished: Option<WordTiming>,
    /// The sample behind the last character.
    end: u64,
    /// Whether audio came without an alignment since the last word: its words may be missing.
    may_miss: bool,
}

impl Words {
    /// The words of `text`.
    pub(super) fn new(text: &str) -> Self {
        let expected = text.split_whitespace().map(str::to_owned).collect();
        Self { expected, unfinished: None, end: 0, may_miss: false }
    }

    /// A line had audio and no alignment.
    pub(super) fn miss(&mut self) {
        self.may_miss = true;
    }

    /// The words that the alignment of a line completes; `samples` is how much audio there was before that line.
    pub(super) fn push(&mut self, alignment: &Alignment, samples: u64) -> Vec<WordTiming> {
        let begin = alignment.characters().next().map_or(0, |(_, start, _)| sample(start));
        let base = if begin.saturating_add(BACKWARDS) < self.end { samples } else { 0 };
        let mut words = Vec::new();
        for (text, start, end) in alignment.characters() {
            let start = base.saturating_add(sample(start)).max(self.end);
            let end = base.saturating_add(sample(end)).max(start);
            for character in text.chars() {
                if character.is_whitespace() {
                    self.end_word(&mut words);
                } else {
                    self.extend_word(character, start, end);
                }
            }
            self.end = end;
        }
        words
    }

    /// Ends the utterance, and with it the last word.
    pub(super) fn finish(&mut self) -> Vec<WordTiming> {
        let mut words = Vec::new();
        self.end_word(&mut words);
        words
    }

    fn extend_word(&mut self, character: char, start: u64, end: u64) {
        let word = self.unfinished.get_or_insert_with(|| WordTiming { text: String::new(), start, end });
        word.text.push(character);
        word.end = end;
    }

    fn end_word(&mut self, words: &mut Vec<WordTiming>) {
        let Some(word) = self.unfinished.take() else { return };
        if std::mem::take(&mut self.may_miss) {
            // What was swallowed lies somewhere before this word: it counts as heard when this word begins.
            let missing = self.expected.iter().take(MOST_MISSING).position(|expected| *expected == word.text);
            for text in self.expected.drain(..missing.unwrap_or(0)) {
                words.push(WordTiming { text, start: word.start, end: word.start });
            }
        }
        // A word that reads otherwise still takes the place of one; beyond the text there are none.
        if let Some(text) = self.expected.pop_front() {
            words.push(WordTiming { text, ..word });
        }
    }
}

/// The sample at a time in seconds. Times that are none are the beginning.
fn sample(seconds: f64) -> u64 {
    // A float that is negative, too large or not a number becomes the nearest number there is.
    (seconds * f64::from(SAMPLE_RATE)).round() as u64
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// An alignment in which each character lasts a tenth of a second, from `at` tenths on.
    fn aligned(text: &str, at: u32) -> Alignment {
        let characters: Vec<String> = text.chars().map(String::from).collect();
        let times = |from: u32| (from..).take(characters.len()).map(|tenth| f64::from(tenth) / 10.0).collect();
        Alignment { character_start_times_seconds: times(at), character_end_times_seconds: times(at + 1), characters }
    }

    fn word(text: &str, from: u64, to: u64) -> WordTiming {
        WordTiming { text: text.to_owned(), start: from * 800, end: to * 800 }
    }

    #[test]
    fn words_end_where_their_last_character_does_wherever_lines_are_cut() {
        let text = "Hur  var besöket? 😀";
        let expected = [word("Hur", 0, 3), word("var", 5, 8), word("besöket?", 9, 17), word("😀", 18, 19)];
        for cut in 0..=text.chars().count() {
            let (head, tail): (String, String) = (text.chars().take(cut).collect(), text.chars().skip(cut).collect());
            let mut words = Words::new(text);
            let mut told = words.push(&aligned(&head, 0), 0);
            told.extend(words.push(&aligned(&tail, cut as u32), 0));
            told.extend(words.finish());
            assert_eq!(told, expected, "cut {cut}");
        }
    }

    #[test]
    fn a_word_is_told_when_it_is_over_and_not_before() {
        let mut words = Words::new("Ja tack");
        assert_eq!(words.push(&aligned("Ja", 0), 0), []);
        assert_eq!(words.push(&aligned(" ta", 2), 0), [word("Ja", 0, 2)]);
        assert_eq!(words.push(&aligned("ck", 5), 0), []);
        assert_eq!(words.finish(), [word("tack", 3, 7)]);
    }

    #[test]
    fn seconds_may_be_counted_from_each_line() {
        let mut words = Words::new("Ja tack");
        words.push(&aligned("Ja ", 0), 0);
        words.push(&aligned("tack", 0), 2400);
        assert_eq!(words.finish(), [word("tack", 3, 7)]);
    }

    #[test]
    fn words_of_a_line_without_alignment_are_heard_with_the_next_word() {
        let mut words = Words::new("Ja tack det blir bra");
        assert_eq!(words.push(&aligned("Ja ", 0), 0), [word("Ja", 0, 2)]);
        words.miss();
        let told = words.push(&aligned("blir bra", 11), 0);
        assert_eq!(told, [word("tack", 11, 11), word("det", 11, 11), word("blir", 11, 15)]);
        assert_eq!(words.finish(), [word("bra", 16, 19)]);
    }

    #[test]
    fn a_text_that_is_read_otherwise_keeps_its_words_in_order() {
        let mut words = Words::new("Det blir 100 kr");
        let mut told = words.push(&aligned("Det blir ett hundra kronor och", 0), 0);
        told.extend(words.finish());
        let texts: Vec<_> = told.iter().map(|word| word.text.as_str()).collect();
        assert_eq!(texts, ["Det", "blir", "100", "kr"]);
    }

    proptest! {
        #[test]
        fn whatever_the_times_words_are_in_order_and_none_beyond_the_text(
            text in "[a-zåö ]{0,30}",
            lines in prop::collection::vec(
                (prop::collection::vec(("[a-zåö? ]{0,3}", any::<f64>(), any::<f64>()), 0..20), any::<bool>(), any::<u64>()),
                0..6,
            ),
        ) {
            let (mut words, mut told) = (Words::new(&text), Vec::new());
            for (characters, is_missing, samples) in lines {
                if is_missing {
                    words.miss();
                }
                let mut alignment = Alignment::default();
                for (character, start, end) in characters {
                    alignment.characters.push(character);
                    alignment.character_start_times_seconds.push(start);
                    alignment.character_end_times_seconds.push(end);
                }
                told.extend(words.push(&alignment, samples));
            }
            told.extend(words.finish());
            prop_assert!(told.iter().all(|word| word.start <= word.end));
            prop_assert!(told.windows(2).all(|pair| pair[0].end <= pair[1].end));
            let expected: Vec<_> = text.split_whitespace().take(told.len()).collect();
            let texts: Vec<_> = told.iter().map(|word| word.text.as_str()).collect();
            prop_assert_eq!(texts, expected);
        }
    }
}
