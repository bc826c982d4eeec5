//! A text as words, numbers and marks, each knowing where it stands and what is beside it.

use crate::analysis::proposal::PersonalData;

/// What a token is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// Letters, or letters and digits.
    Word,
    /// Digits only.
    Number,
    /// One character that is neither.
    Mark(char),
    /// What stands for something that was replaced before. No rule sees beyond it.
    Placeholder,
}

/// A piece of a text.
#[derive(Debug)]
pub(super) struct Token<'a> {
    pub(super) kind: Kind,
    pub(super) text: &'a str,
    pub(super) lower: String,
    pub(super) start: usize,
    /// White space stands before it.
    pub(super) spaced: bool,
    /// A line ends before it.
    pub(super) new_line: bool,
}

impl Token<'_> {
    pub(super) fn end(&self) -> usize {
        self.start + self.text.len()
    }

    pub(super) fn is_mark(&self, mark: char) -> bool {
        self.kind == Kind::Mark(mark)
    }

    pub(super) fn is_word(&self) -> bool {
        self.kind == Kind::Word
    }

    /// A word that begins with a capital letter.
    pub(super) fn is_capitalised(&self) -> bool {
        self.is_word() && self.text.chars().next().is_some_and(char::is_uppercase)
    }

    /// A word of one letter.
    pub(super) fn is_letter(&self) -> bool {
        self.is_word() && self.text.chars().count() == 1
    }
}

/// The tokens of a text.
#[derive(Debug)]
pub(super) struct Text<'a>(pub(super) Vec<Token<'a>>);

impl<'a> Text<'a> {
    pub(super) fn read(text: &'a str) -> Self {
        let mut tokens = Vec::new();
        let (mut at, mut spaced, mut new_line) = (0, false, false);
        while let Some(rest) = text.get(at..)
            && let Some(first) = rest.chars().next()
        {
            if first.is_whitespace() {
                spaced = true;
                new_line |= first == '\n';
                at += first.len_utf8();
                continue;
            }
            let (kind, length) = next(rest, first);
            // `next` gives the length of whole characters of `rest`.
            let piece = &rest[..length];
            let lower = if kind == Kind::Word { piece.to_lowercase() } else { String::new() };
            tokens.push(Token { kind, text: piece, lower, start: at, spaced, new_line });
            (spaced, new_line) = (false, false);
            at += length;
        }
        Self(tokens)
    }

    pub(super) fn len(&self) -> usize {
        self.0.len()
    }

    pub(super) fn get(&self, index: usize) -> Option<&Token<'a>> {
        self.0.get(index)
    }

    /// The token `back` before `index`.
    pub(super) fn before(&self, index: usize, back: usize) -> Option<&Token<'a>> {
        self.0.get(index.checked_sub(back)?)
    }

    /// The lower-case word at `index`; empty if there is none.
    pub(super) fn word(&self, index: usize) -> &str {
        self.get(index).map_or("", |token| &token.lower)
    }

    /// Whether `index` stands directly behind the token before it.
    pub(super) fn is_joined(&self, index: usize) -> bool {
        index > 0 && self.get(index).is_some_and(|token| !token.spaced)
    }

    /// Whether a capital letter at `index` may come from the beginning of a sentence.
    pub(super) fn begins_sentence(&self, index: usize) -> bool {
        let Some(before) = self.before(index, 1) else { return true };
        self.get(index).is_some_and(|token| token.new_line)
            || matches!(before.kind, Kind::Mark(mark) if !matches!(mark, ',' | ';' | '&' | '/' | '\'' | '-') )
    }

    /// Whether one of `words`, or a word for which `also` holds, is among the `reach` tokens before `index`, in the same
    /// sentence.
    pub(super) fn is_behind(&self, index: usize, reach: usize, also: impl Fn(&str) -> bool) -> bool {
        (1..=reach)
            .map_while(|back| self.before(index, back))
            .take_while(|token| !matches!(token.kind, Kind::Mark('.' | '!' | '?') | Kind::Placeholder))
            .any(|token| token.is_word() && also(&token.lower))
    }

    /// The bytes from the first to the last of these tokens.
    pub(super) fn span(&self, first: usize, last: usize) -> std::ops::Range<usize> {
        let start = self.get(first).map_or(0, |token| token.start);
        start..self.get(last).map_or(start, Token::end)
    }
}

fn next(rest: &str, first: char) -> (Kind, usize) {
    if first == '['
        && let Some(kind) = PersonalData::ALL.iter().find(|kind| rest.starts_with(kind.placeholder()))
    {
        return (Kind::Placeholder, kind.placeholder().len());
    }
    if !first.is_alphanumeric() {
        return (Kind::Mark(first), first.len_utf8());
    }
    let length = rest.find(|c: char| !c.is_alphanumeric()).unwrap_or(rest.len());
    let is_number = rest.bytes().take(length).all(|byte| byte.is_ascii_digit());
    (if is_number { Kind::Number } else { Kind::Word }, length)
}

/// Whether the bytes from `start` to `end` are part of this placeholder.
pub(super) fn is_placeholder_at(text: &str, start: usize, end: usize, placeholder: &str) -> bool {
    let Some(piece) = text.get(start..end) else { return false };
    placeholder.match_indices(piece).any(|(offset, _)| {
        start.checked_sub(offset).and_then(|from| text.get(from..)).is_some_and(|from| from.starts_with(placeholder))
    })
}
