//! Personal data out of Swedish transcripts and answers, so that what is left can be kept for long.
//!
//! Rules over words, in one pass each, with lists of names and towns; no model is needed. What a model [proposes](super::propose)
//! can add to them and take nothing away. When in doubt something is replaced; what carries meaning for the
//! business stays: ratings ("en åtta av tio"), amounts ("299 kronor"), times, years.
//!
//! A text is judged by itself: a number that was spoken in pieces over several lines is found if the lines are given as
//! one text.

mod address;
#[cfg(test)]
mod corpus;
mod internet;
mod lists;
mod names;
mod numbers;
mod plates;
#[cfg(test)]
mod tests;
mod tokens;

use std::borrow::Cow;
use std::ops::Range;

use serde_json::Value;

use super::proposal::{PersonalData, Proposal};
use tokens::{Text, is_placeholder_at};

/// Replaces personal data by placeholders such as `[namn]`; borrowed if there is none.
///
/// Idempotent, and linear in the length of the text.
///
/// ```
/// use voicecall_survey::analysis::anonymise;
/// let text = "Jag heter Anna Lindqvist, ring noll sju noll ett två tre. Betyget är en åtta av tio.";
/// assert_eq!(anonymise(text), "Jag heter [namn], ring [nummer]. Betyget är en åtta av tio.");
/// ```
#[must_use]
pub fn anonymise(text: &str) -> Cow<'_, str> {
    anonymise_with(text, &[])
}

/// The same with what a model proposed. A proposal is believed wherever it stands in the text as whole words; ratings and
/// other numbers of one or two digits are never taken for personal data.
#[must_use]
pub fn anonymise_with<'a>(text: &'a str, proposals: &[Proposal]) -> Cow<'a, str> {
    let mut spans = found_by_rules(text);
    for proposal in proposals {
        propose(text, proposal, &mut spans);
    }
    replace(text, spans)
}

/// The same for every string inside a JSON value, such as the analysis of an answer. Names of properties stay.
#[must_use]
pub fn anonymise_json(value: &Value) -> Value {
    anonymise_json_with(value, &[])
}

/// The same with what a model proposed, as [`anonymise_with`].
#[must_use]
pub fn anonymise_json_with(value: &Value, proposals: &[Proposal]) -> Value {
    match value {
        Value::String(text) => Value::String(anonymise_with(text, proposals).into_owned()),
        Value::Array(values) => values.iter().map(|value| anonymise_json_with(value, proposals)).collect(),
        Value::Object(object) => {
            let anonymous = |(name, value): (&String, &Value)| (name.clone(), anonymise_json_with(value, proposals));
            Value::Object(object.iter().map(anonymous).collect())
        }
        other => other.clone(),
    }
}

/// A piece of the text, in bytes, and what it is.
type Span = (Range<usize>, PersonalData);

fn found_by_rules(text: &str) -> Vec<Span> {
    let text = Text::read(text);
    let mut spans = Vec::new();
    internet::find(&text, &mut spans);
    address::find(&text, &mut spans);
    plates::find(&text, &mut spans);
    numbers::find(&text, &mut spans);
    names::find(&text, &mut spans);
    spans
}

/// Adds the places at which a proposal stands as whole words.
fn propose(text: &str, proposal: &Proposal, spans: &mut Vec<Span>) {
    let piece = proposal.text.trim();
    if piece.chars().filter(|c| c.is_alphanumeric()).count() < 2 || numbers::is_small(&Text::read(piece)) {
        return;
    }
    let joins = |edge: Option<char>, beside: Option<char>| {
        edge.is_some_and(char::is_alphanumeric) && beside.is_some_and(char::is_alphanumeric)
    };
    for (start, _) in text.match_indices(piece) {
        let end = start + piece.len();
        // `match_indices` gives borders of characters.
        let (before, after) = (text[..start].chars().next_back(), text[end..].chars().next());
        let is_whole = !joins(piece.chars().next(), before) && !joins(piece.chars().next_back(), after);
        let is_replaced = PersonalData::ALL.iter().any(|kind| is_placeholder_at(text, start, end, kind.placeholder()));
        if is_whole && !is_replaced {
            spans.push((start..end, proposal.kind));
        }
    }
}

/// Puts placeholders in place of the spans; those that overlap become one, of the kind that stands first in
/// [`PersonalData`].
fn replace(text: &str, mut spans: Vec<Span>) -> Cow<'_, str> {
    if spans.is_empty() {
        return Cow::Borrowed(text);
    }
    spans.sort_by_key(|(range, _)| range.start);
    let mut merged: Vec<Span> = Vec::with_capacity(spans.len());
    for (range, kind) in spans {
        match merged.last_mut() {
            Some((last, last_kind)) if range.start < last.end => {
                last.end = last.end.max(range.end);
                *last_kind = kind.min(*last_kind);
            }
            _ => merged.push((range, kind)),
        }
    }
    let mut anonymous = String::with_capacity(text.len());
    let mut from = 0;
    for (range, kind) in merged {
        // Spans begin and end with tokens, or with what was found in the text.
        anonymous.push_str(&text[from..range.start]);
        anonymous.push_str(kind.placeholder());
        from = range.end;
    }
    anonymous.push_str(&text[from..]);
    Cow::Owned(anonymous)
}
