//! Mail and web addresses, written or spoken ("anna snabel-a exempel punkt se").

use super::Span;
use super::numbers::digits;
use super::tokens::{Kind, Text, Token};
use crate::analysis::proposal::PersonalData;

/// Finds written addresses by what stands together without a space, spoken ones by the words for their marks.
pub(super) fn find(text: &Text<'_>, spans: &mut Vec<Span>) {
    let mut index = 0;
    while index < text.len() {
        let last = chain_end(text, index);
        if let Some(kind) = written(text, index, last) {
            let last = trimmed(text, index, last);
            spans.push((text.span(index, last), kind));
        }
        index = last + 1;
    }
    for index in 0..text.len() {
        if let Some(behind) = spoken_at(text, index) {
            let first = spoken_start(text, index);
            spans.push((text.span(first, spoken_end(text, behind)), PersonalData::Email));
        } else if is_spoken_domain(text, index) {
            let first = spoken_start(text, index);
            spans.push((text.span(first, index + 1), PersonalData::Link));
        }
    }
}

/// The last token that stands together with `index` and can belong to an address.
fn chain_end(text: &Text<'_>, index: usize) -> usize {
    let belongs = |at: usize| {
        text.get(at).is_some_and(|token| match token.kind {
            Kind::Word | Kind::Number => true,
            Kind::Mark(':') => text.get(at + 1).is_some_and(|next| next.is_mark('/')),
            Kind::Mark(mark) => "._-+@/%?=&#~".contains(mark),
            Kind::Placeholder => false,
        })
    };
    let mut last = index;
    while belongs(last) && text.is_joined(last + 1) && belongs(last + 1) {
        last += 1;
    }
    last
}

fn written(text: &Text<'_>, first: usize, last: usize) -> Option<PersonalData> {
    let mut kind = None;
    for at in first..=last {
        let token = text.get(at)?;
        let has_next = at < last;
        if token.is_mark('@') && has_next {
            return Some(PersonalData::Email);
        }
        let is_scheme = matches!(token.lower.as_str(), "http" | "https" | "www") && has_next;
        let is_domain = at >= first + 2
            && text.before(at, 1).is_some_and(|dot| dot.is_mark('.'))
            && DOMAINS.contains(&token.text)
            && text.before(at, 2).is_some_and(|name| name.is_word() || name.kind == Kind::Number);
        if is_scheme || is_domain {
            kind = Some(PersonalData::Link);
        }
    }
    kind
}

/// The last token of a chain that is not punctuation.
fn trimmed(text: &Text<'_>, first: usize, last: usize) -> usize {
    (first..=last).rev().find(|&at| text.get(at).is_some_and(|t| !matches!(t.kind, Kind::Mark(_)))).unwrap_or(last)
}

/// If "snabel-a" is said at `index`, or "@" stands alone, the token behind it.
fn spoken_at(text: &Text<'_>, index: usize) -> Option<usize> {
    let token = text.get(index)?;
    if token.is_mark('@') {
        return Some(index + 1);
    }
    match token.lower.as_str() {
        "snabela" => Some(index + 1),
        "snabel" => {
            let behind = index + 1 + usize::from(text.get(index + 1).is_some_and(|token| token.is_mark('-')));
            (text.word(behind) == "a").then_some(behind + 1)
        }
        "at" | "ätt" | "alfakrull" => {
            let has_domain = (index + 2..index + 6).any(|at| is_spoken_domain(text, at));
            has_domain.then_some(index + 1)
        }
        _ => None,
    }
}

/// Whether "punkt se" or the like is said here, behind a word.
fn is_spoken_domain(text: &Text<'_>, index: usize) -> bool {
    text.word(index) == "punkt"
        && index > 0
        && SPOKEN_DOMAINS.contains(&text.word(index + 1))
        && text.before(index, 1).is_some_and(|token| !matches!(token.kind, Kind::Mark(_)))
}

/// How far back an address can reach, in words.
const LONGEST: usize = 24;

/// The first token of the spoken address that reaches up to `index`.
fn spoken_start(text: &Text<'_>, index: usize) -> usize {
    let is_name = |token: &Token<'_>| matches!(token.kind, Kind::Word | Kind::Number);
    let Some(mut first) = index.checked_sub(1).filter(|&at| text.get(at).is_some_and(is_name)) else { return index };
    while index - first < LONGEST {
        let Some(token) = text.get(first) else { break };
        let Some(before) = text.before(first, 1).filter(|before| is_name(before) || is_connector(before)) else {
            break;
        };
        // Spelled letters and numbers belong to the word before them.
        let continues = is_connector(before)
            || is_connector(token)
            || token.is_letter() && before.is_letter()
            || digits(token).is_some() && token.lower != "en";
        if !continues {
            break;
        }
        first -= 1;
    }
    first
}

/// The last token of the spoken address whose domain begins at `index`.
fn spoken_end(text: &Text<'_>, index: usize) -> usize {
    let is_name = |at| text.get(at).is_some_and(|t: &Token<'_>| matches!(t.kind, Kind::Word | Kind::Number));
    let mut last = if is_name(index) { index } else { index.saturating_sub(1) };
    // "hot mail punkt com"
    if let Some(dot) = (index..index + 4).take_while(|&at| is_name(at)).find(|&at| text.word(at) == "punkt") {
        last = dot;
    }
    let limit = index + LONGEST;
    while last < limit {
        let next = text.get(last + 1);
        let is_connected = text.get(last).is_some_and(is_connector) && is_name(last + 1);
        let connects = next.is_some_and(is_connector) && is_name(last + 2);
        if !is_connected && !connects {
            break;
        }
        last += 1;
    }
    last
}

fn is_connector(token: &Token<'_>) -> bool {
    matches!(token.lower.as_str(), "punkt" | "streck" | "bindestreck" | "understreck" | "minus")
        || matches!(token.kind, Kind::Mark('.' | '-' | '_') if !token.spaced)
}

const DOMAINS: &[&str] = &[
    "se", "com", "nu", "net", "org", "eu", "io", "info", "biz", "dev", "app", "me", "co", "no", "dk", "fi", "de", "uk",
    "fr", "nl", "tv", "store", "shop", "online",
];

const SPOKEN_DOMAINS: &[&str] = &["se", "com", "net", "org", "eu", "io", "info"];
