//! The clauses of a turn: what punctuation or "och", "men", "nu" set apart.

use super::pattern::{begins, covers, longest, words};
use super::tables::Tables;

/// A turn's clauses, each as words.
pub(super) struct Clauses(Vec<Vec<String>>);

/// A clause that goes on for longer than this behind a pattern tells of something.
const LONGEST_REST: usize = 3;

impl Clauses {
    pub(super) fn read(text: &str) -> Self {
        let clauses = text.split(['.', ',', '!', '?', ';', ':', '–', '…', '\n']).map(words);
        Self(clauses.filter(|clause| !clause.is_empty()).collect())
    }

    /// Whether a clause is one of `patterns`, but for words that decide nothing before it and a few behind it, beside `more`
    /// that belong to it; and if so, whether something else is said beside it.
    pub(super) fn hold(&self, patterns: &[&str], more: usize, tables: &Tables) -> Option<bool> {
        self.find(tables, |clause| {
            patterns
                .iter()
                .filter_map(|pattern| begins(clause, pattern))
                .max()
                .is_some_and(|taken| clause.len() - taken <= LONGEST_REST + more)
        })
    }

    /// The same for a last clause that is nothing but `phrases`.
    pub(super) fn end_with(&self, phrases: &[&str], tables: &Tables) -> Option<bool> {
        let last = self.0.last()?;
        let is_farewell = |clause: &[String]| covers(clause, phrases, &tables.courtesies);
        if !is_farewell(last) {
            return None;
        }
        Some(self.0.iter().any(|clause| !is_farewell(clause) && tells(clause, tables)))
    }

    fn find(&self, tables: &Tables, is_it: impl Fn(&[String]) -> bool) -> Option<bool> {
        let mut found = false;
        let mut has_answer = false;
        for clause in &self.0 {
            // "Kaffet var gott men nu måste jag lägga på": a conjunction begins a clause as well.
            let from = (0..clause.len()).find(|&from| {
                let front = clause.get(..from).unwrap_or_default();
                let is_conjunction = |word: &String| tables.conjunctions.contains(&word.as_str());
                let begin = front.rsplit(is_conjunction).next().unwrap_or_default();
                (begin.is_empty() || covers(begin, &tables.openers, &[])) && clause.get(from..).is_some_and(&is_it)
            });
            match from {
                Some(from) => {
                    found = true;
                    has_answer |= clause.get(..from).is_some_and(|front| tells(front, tables));
                }
                None => has_answer |= tells(clause, tables),
            }
        }
        found.then_some(has_answer)
    }
}

/// Whether words say anything but yes, no and courtesies.
fn tells(words: &[String], tables: &Tables) -> bool {
    let mut rest = words;
    while !rest.is_empty() {
        let known = [&tables.openers, &tables.conjunctions, &tables.courtesies, &tables.farewell, &tables.no];
        let known = known.into_iter().filter_map(|phrases| longest(rest, phrases)).max();
        let Some(behind) = known.and_then(|count| rest.get(count..)) else { return true };
        rest = behind;
    }
    false
}
