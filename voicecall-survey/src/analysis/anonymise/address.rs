//! Street addresses with house number, postal code and town.

use super::Span;
use super::lists::{NO_STREETS, TOWNS};
use super::numbers::{digits, is_unit, run_end};
use super::tokens::{Kind, Text, Token};
use crate::analysis::proposal::PersonalData;

/// Finds streets by the ending of their names, and postal codes before towns.
pub(super) fn find(text: &Text<'_>, spans: &mut Vec<Span>) {
    let mut index = 0;
    while index < text.len() {
        if let Some((first, street)) = street(text, index) {
            let mut last = house(text, street).unwrap_or(street);
            last = postal(text, last + 1 + comma(text, last + 1)).unwrap_or(last);
            last = town(text, last).unwrap_or(last);
            spans.push((text.span(first, last), PersonalData::Address));
            index = last;
        } else if let Some(code) = written_code(text, index)
            && text.get(code + 1).is_some_and(is_town)
        {
            spans.push((text.span(index, code + 1), PersonalData::Address));
            index = code + 1;
        }
        index += 1;
    }
}

/// Endings of which a capital letter, a number or "bor på" makes a street.
const STREETS: &[&str] = &[
    "gatan",
    "vägen",
    "gränd",
    "gränden",
    "torget",
    "stigen",
    "allén",
    "allen",
    "esplanaden",
    "gata",
    "väg",
    "torg",
    "allé",
    "stig",
];

/// Endings that also end many other words: a street only with a capital letter inside a sentence, or with a number.
const RARER: &[&str] = &[
    "backen",
    "leden",
    "planen",
    "plan",
    "parken",
    "kajen",
    "bron",
    "höjden",
    "liden",
    "slingan",
    "strand",
    "stranden",
    "kullen",
    "hagen",
    "ringen",
    "kroken",
    "svängen",
    "rundeln",
    "promenaden",
    "terrassen",
    "vreten",
    "lunden",
    "dalen",
    "åsen",
    "berget",
    "ängen",
    "gärdet",
    "tåget",
    "vallen",
    "gård",
    "gården",
    "hamnen",
    "udden",
    "brinken",
    "trappan",
    "plats",
    "platsen",
];

/// Words before a street that belong to its name.
const PARTS: &[&str] = &[
    "norr",
    "söder",
    "öster",
    "väster",
    "norra",
    "södra",
    "östra",
    "västra",
    "stora",
    "lilla",
    "gamla",
    "nya",
    "sankt",
    "sankta",
    "övre",
    "nedre",
    "inre",
    "yttre",
    "mellersta",
    "s",
    "st",
];

/// Words that make a street of a name before them: "Olof Palmes gata", "Kungsholms strand".
fn is_bare(word: &str) -> bool {
    const MORE: &[&str] = &[
        "plats", "plan", "backe", "strand", "kaj", "park", "hamn", "terrass", "höjd", "udde", "brygga", "slinga",
        "ring", "stigen", "länk", "led", "äng", "gård", "hage", "promenad",
    ];
    STREETS.contains(&word) || MORE.contains(&word)
}

/// If the word at `index` is a street: the first and the last token of its name.
fn street(text: &Text<'_>, index: usize) -> Option<(usize, usize)> {
    let token = text.get(index).filter(|token| token.is_word())?;
    let word = token.lower.as_str();
    let first = name_start(text, index);
    if is_bare(word) {
        // "Olof Palmes gata", "Södra vägen 3"
        let is_named = first < index && text.get(first).is_some_and(Token::is_capitalised);
        let is_personal =
            is_named && (!text.begins_sentence(first) || house(text, index).is_some() || index - first > 1);
        return is_personal.then_some((first, index));
    }
    let ends_in = |endings: &[&str]| {
        endings.iter().any(|ending| word.strip_suffix(ending).is_some_and(|stem| stem.chars().count() >= 2))
    };
    let lives = || text.is_behind(index, 3, |word| matches!(word, "bor" | "bodde" | "adress" | "adressen" | "hemma"));
    let is_inside = token.is_capitalised() && !text.begins_sentence(index);
    let is_street = if NO_STREETS.contains_key(word) {
        // "Ringvägen" is a street where it is written as one, "skolvägen" is not.
        (is_inside || lives() || house(text, index).is_some()) && (ends_in(STREETS) || ends_in(RARER))
    } else if ends_in(STREETS) {
        token.is_capitalised() || house(text, index).is_some() || lives()
    } else if ends_in(RARER) {
        is_inside || token.is_capitalised() && house(text, index).is_some() || lives()
    } else {
        false
    };
    is_street.then_some((first, index))
}

/// The first token of a street's name of several words.
fn name_start(text: &Text<'_>, index: usize) -> usize {
    let mut first = index;
    while index - first < 4
        && let Some(before) = text.before(first, 1)
        && !text.get(first).is_some_and(|token| token.new_line)
    {
        let is_bare = text.get(index).is_some_and(|token| is_bare(&token.lower));
        let is_genitive = before.lower.ends_with('s') && before.lower.chars().count() > 2;
        let belongs = PARTS.contains(&before.lower.as_str())
            || before.is_mark(':') && text.before(first, 2).is_some_and(|token| token.lower == "s")
            || is_bare && before.is_capitalised() && (is_genitive || first < index);
        if !belongs {
            break;
        }
        first -= 1;
    }
    first
}

/// The last token of the house number behind a street: `12`, `12 B`, `tolv b`, `nummer 12`, `12-14, 2 tr`, `lgh 1102`.
fn house(text: &Text<'_>, street: usize) -> Option<usize> {
    let at = street + 1 + usize::from(matches!(text.word(street + 1), "nummer" | "nr"));
    let token = text.get(at).filter(|token| !token.new_line)?;
    let is_mixed = token.is_word()
        && token.text.len() <= 5
        && token.text.starts_with(|c: char| c.is_ascii_digit())
        && token.text.ends_with(|c: char| c.is_ascii_alphabetic());
    let mut last = if is_mixed {
        at
    } else {
        let is_article = matches!(token.lower.as_str(), "en" | "ett") && at == street + 1;
        let is_number = digits(token).is_some_and(|digits| digits <= 4) && !is_article;
        if !is_number {
            return None;
        }
        house_number_end(text, at)
    };
    if text
        .get(last + 1)
        .is_some_and(|token| is_unit(&token.lower) && !matches!(token.lower.as_str(), "tr" | "trappor"))
    {
        return None;
    }
    let is_entrance =
        |token: &Token<'_>| token.is_letter() && token.text.is_ascii() && !matches!(token.lower.as_str(), "i" | "o");
    if text.get(last + 1).is_some_and(is_entrance) {
        last += 1;
    }
    Some(inside(text, last))
}

/// Number words may be several: "hundra tolv". Digits are one, or a range.
fn house_number_end(text: &Text<'_>, at: usize) -> usize {
    let is_digits = |at| text.get(at).is_some_and(|t: &Token<'_>| t.kind == Kind::Number && t.text.len() <= 4);
    if is_digits(at) {
        let is_range = text.get(at + 1).is_some_and(|token| token.is_mark('-')) && is_digits(at + 2);
        return if is_range { at + 2 } else { at };
    }
    let is_number_word = |at: usize| text.get(at).is_some_and(|token| token.is_word() && digits(token).is_some());
    (at..at + 3).take_while(|&at| is_number_word(at)).last().unwrap_or(at)
}

/// Floor and flat behind a house number.
fn inside(text: &Text<'_>, mut last: usize) -> usize {
    for _ in 0..2 {
        let at = last + 1 + comma(text, last + 1);
        let is_number = |at: usize| text.get(at).is_some_and(|token| digits(token).is_some());
        let is_label =
            |at| matches!(text.word(at), "lgh" | "lägenhet" | "vån" | "våning" | "port" | "uppgång" | "trappa");
        let is_stairs = |at| matches!(text.word(at), "tr" | "trappor" | "trappa");
        if is_label(at) && is_number(at + 1) || is_number(at) && is_stairs(at + 1) {
            last = at + 1;
        }
    }
    last
}

/// The last token of a postal code at `index`: written, or five digits in words.
fn postal(text: &Text<'_>, index: usize) -> Option<usize> {
    let first = text.get(index)?;
    if first.new_line {
        return None;
    }
    if let Some(last) = written_code(text, index) {
        return Some(last);
    }
    let last = run_end(text, index)?;
    let count: usize = (index..=last).filter_map(|at| text.get(at).and_then(digits)).sum();
    (4..=6).contains(&count).then_some(last)
}

/// `123 45`, `12345`
fn written_code(text: &Text<'_>, index: usize) -> Option<usize> {
    let is_number =
        |at, length| text.get(at).is_some_and(|t: &Token<'_>| t.kind == Kind::Number && t.text.len() == length);
    if text.get(index).is_none_or(|token| token.text.starts_with('0')) {
        return None;
    }
    let is_alone = |last: usize| !text.get(last + 1).is_some_and(|token| token.kind == Kind::Number);
    let last = if is_number(index, 5) {
        index
    } else if is_number(index, 3) && is_number(index + 1, 2) {
        index + 1
    } else {
        return None;
    };
    is_alone(last).then_some(last)
}

/// The last token of the town behind an address that ends with `last`: `, Uppsala`, `i Uppsala`, `114 55 Uppsala`.
fn town(text: &Text<'_>, last: usize) -> Option<usize> {
    let mut at = last + 1;
    let has_code = text.get(last).is_some_and(|token| digits(token).is_some());
    let comma = comma(text, at);
    at += comma;
    let has_in = matches!(text.word(at), "i" | "in");
    at += usize::from(has_in);
    let token = text.get(at).filter(|token| !token.new_line)?;
    let is_listed = TOWNS.contains_key(token.lower.as_str());
    let is_meant = is_listed || token.is_capitalised() && (has_in || has_code && comma == 0);
    is_meant.then_some(at)
}

fn is_town(token: &Token<'_>) -> bool {
    token.is_capitalised() || TOWNS.contains_key(token.lower.as_str())
}

/// 1 if a comma stands there.
fn comma(text: &Text<'_>, index: usize) -> usize {
    usize::from(text.get(index).is_some_and(|token| token.is_mark(',')))
}
