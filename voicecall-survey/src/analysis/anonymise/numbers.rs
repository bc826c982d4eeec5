//! Phone, personal, card and other long numbers, in digits, as Swedish words, or mixed.

use super::Span;
use super::tokens::{Kind, Text, Token};
use crate::analysis::proposal::PersonalData;

/// Replaces runs of digits and number words that are too long to be a rating, an amount or a year.
pub(super) fn find(text: &Text<'_>, spans: &mut Vec<Span>) {
    let mut index = 0;
    while index < text.len() {
        let Some(run) = Run::read(text, index) else {
            if text.get(index).is_some_and(is_long_code) {
                spans.push((text.span(index, index), PersonalData::Number));
            }
            index += 1;
            continue;
        };
        if run.is_personal(text) {
            spans.push((text.span(run.first, run.last), PersonalData::Number));
        }
        index = run.last + 1;
    }
}

/// Whether this is nothing but a number of one or two digits.
pub(super) fn is_small(text: &Text<'_>) -> bool {
    Run::read(text, 0).is_some_and(|run| run.last + 1 == text.len() && run.digits < 3)
}

/// The last token of the run of digits and number words that begins at `index`, whatever its length.
pub(super) fn run_end(text: &Text<'_>, index: usize) -> Option<usize> {
    Run::read(text, index).map(|run| run.last)
}

/// How many digits a token stands for; `None` if it is no number.
pub(super) fn digits(token: &Token<'_>) -> Option<usize> {
    match token.kind {
        Kind::Number => Some(token.text.len()),
        Kind::Word => number_word(&token.lower).map(|word| word.digits),
        Kind::Mark(_) | Kind::Placeholder => None,
    }
}

/// Whether the word behind a number makes it an amount.
pub(super) fn is_unit(word: &str) -> bool {
    UNITS.contains(&word)
}

/// Letters and at least five digits in one word.
fn is_long_code(token: &Token<'_>) -> bool {
    token.is_word() && token.text.bytes().filter(u8::is_ascii_digit).count() >= 5
}

/// Numbers that belong together.
#[derive(Debug)]
struct Run {
    first: usize,
    last: usize,
    digits: usize,
    /// It begins as phone numbers do: with zero or plus.
    is_phone: bool,
    /// A word before it says that a number comes.
    is_announced: bool,
    /// Hundreds or thousands are in it.
    has_scale: bool,
    /// The most digits that stand together.
    longest: usize,
}

impl Run {
    fn read(text: &Text<'_>, index: usize) -> Option<Self> {
        let mut at = index;
        let mut is_phone = false;
        while let Some(token) = text.get(at)
            && (token.is_mark('+') || token.is_mark('(') || token.lower == "plus")
            && at < index + 2
        {
            is_phone |= !token.is_mark('(');
            at += 1;
        }
        let first = text.get(at)?;
        digits(first)?;
        is_phone |= first.text.starts_with('0') || first.lower.starts_with("noll") || first.lower == "zero";
        let is_announced = text.is_behind(index, 4, announces);
        let mut run = Self { first: index, last: at, digits: 0, is_phone, is_announced, has_scale: false, longest: 0 };
        let mut next = Some(at);
        while let Some(at) = next {
            run.take(text, at);
            next = run.next(text);
        }
        Some(run)
    }

    fn take(&mut self, text: &Text<'_>, at: usize) {
        let Some(token) = text.get(at) else { return };
        self.last = at;
        self.digits += digits(token).unwrap_or(0);
        match token.kind {
            Kind::Number => self.longest = self.longest.max(token.text.len()),
            _ => self.has_scale |= number_word(&token.lower).is_some_and(|word| word.has_scale),
        }
    }

    /// The next number of the run: behind a space or hyphen; inside phone numbers behind what else people put there.
    fn next(&self, text: &Text<'_>) -> Option<usize> {
        for at in self.last + 1..=self.last + 3 {
            let token = text.get(at)?;
            if token.new_line {
                return None;
            }
            if digits(token).is_some() {
                return Some(at);
            }
            let is_lenient = self.is_phone || self.is_announced;
            // "850312+1234", "åtta fem noll tre tolv streck ett två tre fyra"
            let is_long = self.digits >= 4;
            let joins = match token.kind {
                Kind::Mark('-' | '–' | '\u{2011}') => true,
                Kind::Mark('+') => is_long,
                Kind::Word if is_long && DASHES.contains(&token.lower.as_str()) => true,
                Kind::Mark(',' | '.' | '/' | '(' | ')') => is_lenient,
                Kind::Word => is_lenient && BETWEEN.contains(&token.lower.as_str()),
                _ => false,
            };
            if !joins {
                return None;
            }
        }
        None
    }

    fn is_personal(&self, text: &Text<'_>) -> bool {
        if self.is_announced && self.digits >= 3 {
            return true;
        }
        if self.is_phone {
            return self.digits >= 5;
        }
        if self.digits <= 8 && (self.has_unit(text) || self.is_round(text) || self.is_span_of_years(text)) {
            return false;
        }
        if self.has_scale { self.digits >= 10 } else { self.digits >= 6 || self.longest >= 5 }
    }

    fn has_unit(&self, text: &Text<'_>) -> bool {
        let next = self.last + 1;
        let is_price = |token: &Token<'_>| token.is_mark(':') && text.get(next + 1).is_some_and(|t| t.is_mark('-'));
        text.get(next).is_some_and(|token| token.is_mark('%') || is_unit(&token.lower) || is_price(token))
    }

    /// `10 000`
    fn is_round(&self, text: &Text<'_>) -> bool {
        self.last > self.first && (self.first + 1..=self.last).all(|at| text.get(at).is_some_and(|t| t.text == "000"))
    }

    /// `2019-2020`
    fn is_span_of_years(&self, text: &Text<'_>) -> bool {
        let is_year = |at| {
            text.get(at).is_some_and(|t: &Token<'_>| {
                t.kind == Kind::Number && t.text.len() == 4 && (t.text.starts_with("19") || t.text.starts_with("20"))
            })
        };
        self.last == self.first + 2 && is_year(self.first) && is_year(self.last)
    }
}

/// The mark inside a personal number, spoken.
const DASHES: &[&str] = &["streck", "bindestreck", "tankstreck", "minus", "plus", "dash", "hyphen"];

/// What people put between the parts of a number.
const BETWEEN: &[&str] = &[
    "eh",
    "öh",
    "ehm",
    "hm",
    "mm",
    "sen",
    "sedan",
    "så",
    "streck",
    "bindestreck",
    "tankstreck",
    "minus",
    "plus",
    "dash",
    "hyphen",
    "uh",
    "um",
    "oh",
    "then",
    "and",
    "double",
    "triple",
    "och",
    "dubbel",
    "dubbla",
    "gånger",
];

/// Behind a word like these even a short number is personal.
fn announces(word: &str) -> bool {
    const WORDS: &[&str] = &[
        "nummer",
        "numret",
        "nummret",
        "nr",
        "kod",
        "koden",
        "portkod",
        "portkoden",
        "mobil",
        "mobilen",
        "telefon",
        "telefonen",
        "tfn",
        "tel",
        "pin",
        "personnr",
        "postnr",
        "ordernr",
        "kundnr",
        "ocr",
        "kontot",
        "iban",
        "bankgiro",
        "bankgirot",
        "plusgiro",
        "plusgirot",
        "swish",
        "swisha",
        "slutsiffror",
        "siffrorna",
        "siffror",
        "number",
        "phone",
        "code",
        "account",
    ];
    WORDS.contains(&word) || word.ends_with("nummer") || word.ends_with("numret") || word.ends_with("nummret")
}

const UNITS: &[&str] = &[
    "kronor",
    "krona",
    "kr",
    "spänn",
    "sek",
    "öre",
    "euro",
    "dollar",
    "procent",
    "gram",
    "hekto",
    "kilo",
    "kg",
    "liter",
    "dl",
    "cl",
    "ml",
    "meter",
    "mm",
    "cm",
    "m",
    "km",
    "kilometer",
    "mil",
    "kvadratmeter",
    "kvadrat",
    "watt",
    "volt",
    "sekunder",
    "minuter",
    "minut",
    "min",
    "timmar",
    "timme",
    "dagar",
    "dag",
    "dygn",
    "veckor",
    "vecka",
    "månader",
    "månad",
    "år",
    "års",
    "stycken",
    "st",
    "styck",
    "gånger",
    "gång",
    "personer",
    "kunder",
    "människor",
    "poäng",
    "stjärnor",
    "grader",
    "kalorier",
    "steg",
    "bonuspoäng",
    "tusen",
    "miljoner",
    "tr",
    "trappor",
    "dollars",
    "pounds",
    "percent",
    "minutes",
    "hours",
    "days",
    "weeks",
    "months",
    "years",
    "people",
    "times",
    "stars",
    "points",
];

/// A Swedish or English number word.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct NumberWord {
    digits: usize,
    has_scale: bool,
}

fn number_word(word: &str) -> Option<NumberWord> {
    if let Some(digits) = below_hundred(word) {
        return Some(NumberWord { digits, has_scale: false });
    }
    let scale = |digits| Some(NumberWord { digits, has_scale: true });
    for (name, digits) in [("tusen", 4), ("hundra", 3)] {
        let Some((front, behind)) = word.split_once(name) else { continue };
        let front_digits = if front.is_empty() { 0 } else { below_hundred(front).or_else(|| whole_hundreds(front))? };
        let is_whole = behind.is_empty() || number_word(behind).is_some_and(|word| digits > word.digits);
        // "nittonhundraåttiofem" has four digits.
        return if is_whole { scale(digits + front_digits.saturating_sub(1)) } else { None };
    }
    None
}

fn whole_hundreds(word: &str) -> Option<usize> {
    let front = word.strip_suffix("hundra")?;
    (front.is_empty() || below_hundred(front).is_some()).then_some(3)
}

fn below_hundred(word: &str) -> Option<usize> {
    const UNITS: &[&str] =
        &["noll", "nolla", "ett", "en", "två", "tre", "fyra", "fem", "sex", "sju", "åtta", "nio", "nie"];
    const ENGLISH_UNITS: &[&str] = &["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"];
    const ENGLISH_TENS: &[&str] = &[
        "ten",
        "eleven",
        "twelve",
        "thirteen",
        "fourteen",
        "fifteen",
        "sixteen",
        "seventeen",
        "eighteen",
        "nineteen",
        "twenty",
        "thirty",
        "forty",
        "fifty",
        "sixty",
        "seventy",
        "eighty",
        "ninety",
    ];
    const TEENS: &[&str] = &[
        "tio", "tie", "elva", "tolv", "tretton", "fjorton", "femton", "sexton", "sjutton", "arton", "aderton", "nitton",
    ];
    const TENS: &[&str] = &[
        "tjugo", "tjuge", "tju", "trettio", "fyrtio", "femtio", "sextio", "sjuttio", "åttio", "nittio", "tretti",
        "fyrti", "femti", "sexti", "sjutti", "åtti", "nitti",
    ];
    if UNITS.contains(&word) || ENGLISH_UNITS.contains(&word) {
        return Some(1);
    }
    if ENGLISH_TENS.contains(&word) {
        return Some(2);
    }
    if TEENS.contains(&word) || (TENS.contains(&word) && word != "tju") {
        return Some(2);
    }
    TENS.iter().any(|tens| word.strip_prefix(tens).is_some_and(|unit| UNITS.contains(&unit))).then_some(2)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn number_words_are_counted_in_digits() {
        let digits = |word| number_word(word).map(|word| word.digits);
        for (word, expected) in [
            ("noll", 1),
            ("tolv", 2),
            ("sjuttiotre", 2),
            ("femtisex", 2),
            ("tjugoen", 2),
            ("hundra", 3),
            ("tvåhundra", 3),
            ("tvåhundrafemtio", 3),
            ("nittonhundraåttiofem", 4),
            ("tusen", 4),
            ("trettiotusen", 5),
            ("tvåtusenfemhundra", 4),
        ] {
            assert_eq!(digits(word), Some(expected), "{word}");
        }
        for word in ["", "kaffe", "nollad", "sexig", "hundratals", "tusenlapp", "ettan", "tju", "femma", "hundrahundra"]
        {
            assert_eq!(digits(word), None, "{word}");
        }
    }
}
