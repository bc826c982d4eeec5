//! The lists of names, towns and words that only look like streets. One entry a line; `#` begins a comment.

use std::collections::HashMap;
use std::sync::LazyLock;

/// Whether an entry is an ordinary word, too.
pub(super) type List = LazyLock<HashMap<&'static str, bool>>;

/// The most common given names in Sweden.
pub(super) static GIVEN_NAMES: List = LazyLock::new(|| read(include_str!("../given_names.txt")));

/// The most common surnames in Sweden, beside those that end in -sson.
pub(super) static SURNAMES: List = LazyLock::new(|| read(include_str!("../surnames.txt")));

/// Postal towns.
pub(super) static TOWNS: List = LazyLock::new(|| read(include_str!("../towns.txt")));

/// Words that end like a street and are none.
pub(super) static NO_STREETS: List = LazyLock::new(|| read(include_str!("../no_streets.txt")));

/// Lower-case words, separated by white space; those marked with `*` are ordinary words, too.
fn read(list: &'static str) -> HashMap<&'static str, bool> {
    let lines = list.lines().map(|line| line.split_once('#').map_or(line, |(entries, _)| entries));
    let entries = lines.flat_map(str::split_whitespace);
    entries.map(|entry| entry.strip_suffix('*').map_or((entry, false), |word| (word, true))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lists_are_long_and_lower_case() {
        for (list, least) in [(&GIVEN_NAMES, 380), (&SURNAMES, 190), (&TOWNS, 90), (&NO_STREETS, 30)] {
            assert!(list.len() >= least, "{}", list.len());
            for word in list.keys() {
                assert!(*word == word.to_lowercase() && word.chars().all(|c| c.is_alphabetic()), "{word}");
            }
        }
    }
}
