//! Patterns of words, and where they stand in a turn.
//!
//! A pattern is a row of words. `a|b` is either, `?a` may be missing, `a*` is any word that begins so, `..` is up to four
//! words of any kind; `$` at its end is the end of the clause.

/// Lower-case words without punctuation; letters that are drawn out are written twice ("jaaaa" is "jaa").
pub(super) fn words(text: &str) -> Vec<String> {
    let pieces = text.split(|c: char| !(c.is_alphanumeric() || matches!(c, '\'' | '’')));
    pieces.map(plain).filter(|word| !word.is_empty()).collect()
}

fn plain(piece: &str) -> String {
    let mut word = String::with_capacity(piece.len());
    let mut same = 0;
    for c in piece.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase) {
        same = if word.ends_with(c) { same + 1 } else { 1 };
        if same <= 2 || c.is_numeric() {
            word.push(c);
        }
    }
    word
}

/// Where the first of `patterns` stands: the first word and the one behind the last.
pub(super) fn find(words: &[String], patterns: &[&str]) -> Option<(usize, usize)> {
    (0..words.len()).find_map(|from| {
        let rest = words.get(from..)?;
        let longest = patterns.iter().filter_map(|pattern| begins(rest, pattern)).max()?;
        Some((from, from + longest))
    })
}

/// How many words the pattern takes at the beginning of `words`.
pub(super) fn begins(words: &[String], pattern: &str) -> Option<usize> {
    let pattern: Vec<_> = pattern.split(' ').collect();
    taken(words, &pattern)
}

/// The most words any of `patterns` takes at the beginning of `words`.
pub(super) fn longest(words: &[String], patterns: &[&str]) -> Option<usize> {
    patterns.iter().filter_map(|pattern| begins(words, pattern)).filter(|&count| count > 0).max()
}

const WIDEST_GAP: usize = 4;

fn taken(words: &[String], pattern: &[&str]) -> Option<usize> {
    let Some((&first, behind)) = pattern.split_first() else { return Some(0) };
    if first == "$" {
        return words.is_empty().then_some(0);
    }
    if first == ".." {
        return (0..=WIDEST_GAP.min(words.len())).find_map(|gap| Some(gap + taken(words.get(gap..)?, behind)?));
    }
    let (optional, first) = first.strip_prefix('?').map_or((false, first), |word| (true, word));
    let with = words.split_first().filter(|(word, _)| first.split('|').any(|choice| is(word, choice)));
    let with = with.and_then(|(_, rest)| Some(1 + taken(rest, behind)?));
    with.or_else(|| if optional { taken(words, behind) } else { None })
}

fn is(word: &str, choice: &str) -> bool {
    choice.strip_suffix('*').map_or(word == choice, |stem| word.starts_with(stem))
}

/// Whether `words` is a row of `phrases` and `fillers`, with at least one phrase.
pub(super) fn covers(words: &[String], phrases: &[&str], fillers: &[&str]) -> bool {
    let mut rest = words;
    let mut found = false;
    while !rest.is_empty() {
        let phrase = longest(rest, phrases);
        found |= phrase.is_some();
        let Some(behind) = phrase.or_else(|| longest(rest, fillers)).and_then(|count| rest.get(count..)) else {
            return false;
        };
        rest = behind;
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_choose_skip_and_leave_gaps() {
        let at = |text: &str, pattern: &str| find(&words(text), &[pattern]);
        assert_eq!(at("Nej, jag vill verkligen inte vara med!", "vill .. inte ?vara med"), Some((2, 7)));
        assert_eq!(at("vill inte med", "vill .. inte ?vara med"), Some((0, 3)));
        assert_eq!(at("sluta ringa", "sluta ring*"), Some((0, 2)));
        assert_eq!(at("bye bye", "goodbye|bye"), Some((0, 1)));
        assert_eq!(at("vill a b c d e med", "vill .. med"), None);
        assert_eq!((at("gå nu", "gå ?nu $"), at("gå hem", "gå ?nu $")), (Some((0, 2)), None));
        assert_eq!(words("Jaaaaa, I'm  100!"), ["jaa", "im", "100"]);
    }

    #[test]
    fn a_turn_is_covered_if_every_word_belongs_to_a_phrase() {
        assert!(covers(&words("Ja, tack!"), &["ja"], &["tack"]));
        assert!(!covers(&words("tack"), &["ja"], &["tack"]));
        assert!(!covers(&words("ja men"), &["ja"], &["tack"]));
        assert!(!covers(&[], &["ja"], &[]));
    }
}
