//! What the words of a time say of a wait, a day, a part of it and a clock.

use super::vocabulary::{Day, Minute, Part, Unit, Vocabulary, Word};

/// What was said of a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Spoken {
    /// "In two hours": how many, of what.
    pub(super) wait: Option<(i16, Unit)>,
    pub(super) day: Option<Day>,
    pub(super) part: Option<Part>,
    pub(super) clock: Option<Clock>,
    /// The second time of "between five and seven".
    pub(super) until: Option<Clock>,
    pub(super) relation: Relation,
}

/// A time of day as it was said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Clock {
    pub(super) minute: Minute,
    pub(super) half: Option<HalfOfDay>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum HalfOfDay {
    Am,
    Pm,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Relation {
    #[default]
    At,
    After,
    Before,
    Between,
}

/// Reads the words; those it does not know are passed over.
pub(super) fn read(said: &[String], vocabulary: Vocabulary) -> Spoken {
    let words = known(said, vocabulary);
    let mut spoken = Spoken::default();
    let mut rest = &words[..];
    while let Some((&word, behind)) = rest.split_first() {
        rest = behind;
        match word {
            Word::In => rest = wait(rest, &mut spoken),
            Word::Next => rest = next(rest, &mut spoken),
            Word::Day(day) => spoken.day = Some(day),
            Word::Part(part) => spoken.part = Some(part),
            Word::After => spoken.relation = Relation::After,
            Word::Before => spoken.relation = Relation::Before,
            Word::Between => spoken.relation = Relation::Between,
            Word::Am | Word::Pm => {
                let half = if word == Word::Am { HalfOfDay::Am } else { HalfOfDay::Pm };
                for clock in [&mut spoken.clock, &mut spoken.until].into_iter().flatten() {
                    clock.half.get_or_insert(half);
                }
            }
            word => rest = clock(word, rest, &mut spoken),
        }
    }
    spoken
}

/// What the words say, the longest expression first.
fn known(said: &[String], vocabulary: Vocabulary) -> Vec<Word> {
    let mut words = Vec::new();
    let mut rest = said;
    while !rest.is_empty() {
        let begins = |expression: &str| {
            let parts: Vec<_> = expression.split(' ').collect();
            let same = rest.len() >= parts.len() && rest.iter().zip(&parts).all(|(word, part)| word == part);
            same.then_some(parts.len())
        };
        let longest = vocabulary.iter().filter_map(|(expression, word)| Some((begins(expression)?, *word)));
        let found = longest.max_by_key(|(length, _)| *length);
        let number = rest.first().and_then(|word| word.parse().ok()).map(Word::Number);
        words.extend(found.map(|(_, word)| word).or(number));
        rest = rest.get(found.map_or(1, |(length, _)| length)..).unwrap_or_default();
    }
    words
}

/// "In" and "om": of a wait; before anything else, as in "in the morning", it says nothing.
fn wait<'a>(rest: &'a [Word], spoken: &mut Spoken) -> &'a [Word] {
    let mut many = 1;
    let mut at = rest;
    // "A couple of hours", "en halvtimme": the last number counts.
    while let Some((word @ (Word::Number(_) | Word::Article), behind)) = at.split_first() {
        many = if let Word::Number(number) = word { i16::from(*number) } else { 1 };
        at = behind;
    }
    let unit = match at.first() {
        Some(Word::Unit(unit)) => *unit,
        Some(Word::Quarter) => Unit::Minutes(15),
        _ => return rest,
    };
    spoken.wait = Some((many, unit));
    at.get(1..).unwrap_or_default()
}

/// "Next week", "next Monday".
fn next<'a>(rest: &'a [Word], spoken: &mut Spoken) -> &'a [Word] {
    spoken.day = match rest.first() {
        Some(Word::Unit(Unit::Days(7))) => Some(Day::NextWeek),
        Some(Word::Unit(Unit::Months)) => Some(Day::NextMonth),
        _ => return rest,
    };
    rest.get(1..).unwrap_or_default()
}

/// A time on the clock that begins with `word`.
fn clock<'a>(word: Word, rest: &'a [Word], spoken: &mut Spoken) -> &'a [Word] {
    let number = |at: usize| match rest.get(at) {
        Some(Word::Number(number)) => Some(*number),
        _ => None,
    };
    let (hour, minutes, taken) = match (word, rest.first()) {
        (Word::HalfTo, _) => (number(0), -30, 1),
        (Word::HalfPast, _) => (number(0), 30, 1),
        (Word::Quarter, Some(Word::Past)) => (number(1), 15, 2),
        (Word::Quarter, Some(Word::To)) => (number(1), -15, 2),
        // "17.30", "five thirty".
        (Word::Number(hour), Some(&Word::Number(minutes @ (0 | 10..60)))) => (Some(hour), i16::from(minutes), 1),
        (Word::Number(hour), _) => (Some(hour), 0, 0),
        _ => (None, 0, 0),
    };
    let Some(hour @ 0..=24) = hour else { return rest };
    let minute = (i16::from(hour) * 60 + minutes).max(0);
    let clock = Clock { minute, half: None };
    if spoken.clock.is_none() {
        spoken.clock = Some(clock);
    } else if spoken.relation == Relation::Between {
        spoken.until = Some(clock);
    }
    rest.get(taken..).unwrap_or_default()
}
