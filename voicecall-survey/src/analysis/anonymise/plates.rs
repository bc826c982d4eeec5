//! Swedish number plates: three letters, two digits, and a digit or letter.

use super::Span;
use super::numbers::digits;
use super::tokens::{Text, Token};
use crate::analysis::proposal::PersonalData;

/// Written together, with a space, or spelled letter by letter.
pub(super) fn find(text: &Text<'_>, spans: &mut Vec<Span>) {
    let mut index = 0;
    while index < text.len() {
        if let Some(last) = plate(text, index) {
            spans.push((text.span(index, last), PersonalData::Plate));
            index = last;
        }
        index += 1;
    }
}

/// The last token of the plate that begins at `index`.
fn plate(text: &Text<'_>, index: usize) -> Option<usize> {
    let first = text.get(index).filter(|token| token.is_word())?;
    if first.text.len() == 6 {
        let (letters, tail) = first.text.split_at_checked(3)?;
        return (are_letters(letters) && is_tail(tail)).then_some(index);
    }
    if first.text.len() == 3 && are_letters(first.text) {
        let gap = usize::from(text.get(index + 1).is_some_and(|token| token.is_mark('-')));
        let tail = text.get(index + 1 + gap)?;
        let is_plate = first.text.bytes().all(|byte| byte.is_ascii_uppercase())
            && is_tail(tail.text)
            && !NO_PLATES.contains(&first.text);
        return is_plate.then_some(index + 1 + gap);
    }
    spelled(text, index)
}

/// `A B C ett två tre`
fn spelled(text: &Text<'_>, index: usize) -> Option<usize> {
    let is_letter = |at| text.get(at).is_some_and(|token: &Token<'_>| token.is_letter() && !token.new_line);
    if !(index..index + 3).all(is_letter) {
        return None;
    }
    let (mut last, mut count) = (index + 2, 0);
    while count < 3
        && let Some(token) = text.get(last + 1)
    {
        if let Some(more) = digits(token) {
            count += more;
        } else if count == 2 && token.is_letter() {
            count += 1;
        } else {
            break;
        }
        last += 1;
    }
    (count == 3).then_some(last)
}

fn are_letters(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_alphabetic())
}

/// Two digits, and a digit or letter.
fn is_tail(text: &str) -> bool {
    matches!(text.as_bytes(), [a, b, c] if a.is_ascii_digit() && b.is_ascii_digit() && c.is_ascii_alphanumeric())
}

/// Capital letters that often stand before a number.
const NO_PLATES: &[&str] =
    &["SEK", "EUR", "USD", "NOK", "DKK", "GBP", "ICA", "SMS", "VIP", "DVD", "PDF", "LED", "USB", "HBO", "ABB", "KRT"];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plates_are_found_in_every_form() {
        let found = |text| {
            let text = Text::read(text);
            plate(&text, 0)
        };
        for plate in ["ABC123", "abc12d", "ABC 123", "ABC-12D", "A B C ett två tre", "a b c 1 2 3", "A B C tolv d"] {
            assert!(found(plate).is_some(), "{plate}");
        }
        for other in ["SEK 500", "och 123", "ABC 1234", "covid19", "ABC", "A B 123", "åäö123", "A B C"] {
            assert!(found(other).is_none(), "{other}");
        }
    }
}
