//! Names of people: from the lists, by their endings, or because somebody says that it is a name.

use super::Span;
use super::lists::{GIVEN_NAMES, SURNAMES};
use super::tokens::{Kind, Text, Token};
use crate::analysis::proposal::PersonalData;

/// A name and the capitalised words behind it are one name.
pub(super) fn find(text: &Text<'_>, spans: &mut Vec<Span>) {
    let mut index = 0;
    while index < text.len() {
        if begins_name(text, index) {
            let last = name_end(text, index);
            spans.push((text.span(index, last), PersonalData::Name));
            index = last;
        }
        index += 1;
    }
}

/// How surely a word is a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Known {
    /// Also an ordinary word.
    Perhaps,
    Surely,
}

fn known(word: &str) -> Option<Known> {
    let is_patronymic = word.ends_with("sson") || word.ends_with("sdotter");
    if is_patronymic && word.chars().count() >= 6 {
        return Some(Known::Surely);
    }
    let listed = |word: &str| {
        let entries = [GIVEN_NAMES.get(word), SURNAMES.get(word)];
        let entries = entries.into_iter().flatten();
        entries.map(|&is_ordinary| if is_ordinary { Known::Perhaps } else { Known::Surely }).max()
    };
    // "Annas kassa"
    let genitive = || word.strip_suffix('s').filter(|stem| stem.chars().count() >= 3).and_then(listed);
    let patronymic = || word.strip_suffix('s').is_some_and(|stem| stem.ends_with("sson")).then_some(Known::Surely);
    listed(word).or_else(genitive).or_else(patronymic)
}

fn begins_name(text: &Text<'_>, index: usize) -> bool {
    let Some(token) = text.get(index).filter(|token| token.is_word()) else { return false };
    let announced = announced(text, index);
    match known(&token.lower) {
        Some(Known::Surely) => true,
        Some(Known::Perhaps) => {
            let is_proper = is_proper(token);
            announced.is_some()
                || is_proper && !text.begins_sentence(index)
                || is_proper && is_followed_as_a_name(text, index)
                || is_beside_a_name(text, index)
        }
        None => match announced {
            Some(Announced::Loosely) => is_proper(token) && !is_ordinary(&token.lower),
            Some(Announced::Clearly) => {
                !is_ordinary(&token.lower) && (token.text.chars().count() >= 2 || elided(text, index).is_some())
            }
            None => elided(text, index).is_some() || is_meant(text, index),
        },
    }
}

/// Whether a word no list knows is a name all the same: it is written as one inside a sentence, and what stands around it
/// speaks of a person, or a second such word follows.
fn is_meant(text: &Text<'_>, index: usize) -> bool {
    let is_unknown = |at: usize| {
        text.get(at)
            .is_some_and(|token| is_proper(token) && token.text.chars().count() >= 3 && !is_ordinary(&token.lower))
    };
    if !is_unknown(index) || text.begins_sentence(index) {
        return false;
    }
    let before = |back| text.before(index, back).map_or("", |token| token.lower.as_str());
    let is_helped = matches!(before(1), "av" | "med" | "till" | "by" | "with") && PERSONAL.contains(&before(2));
    // "Hilma af Ugglas", "Siobhan O'Brien"
    let has_surname = matches!(text.word(index + 1), "von" | "af" | "van") && particles(text, index + 1) > 0
        || elided(text, index + 1).is_some();
    has_surname
        || PEOPLE.contains(&before(1))
        || is_helped
        || only_people_do(text, index)
        || is_unknown(index + 1)
            && text.is_joined(index + 1) == text.is_joined(index)
            && only_people_do(text, index + 1)
}

/// The last token of `O'Connor` if it begins at `index`.
fn elided(text: &Text<'_>, index: usize) -> Option<usize> {
    let is_letter = text.get(index).is_some_and(|token| token.is_letter() && token.is_capitalised());
    let is_mark =
        text.get(index + 1).is_some_and(|token| matches!(token.kind, Kind::Mark('\'' | '’')) && !token.spaced);
    let is_name = text.get(index + 2).is_some_and(|token| token.is_capitalised() && !token.spaced);
    (is_letter && is_mark && is_name).then_some(index + 2)
}

/// How many particles stand from `index` on before a capitalised word: "van der" in "van der Berg".
fn particles(text: &Text<'_>, index: usize) -> usize {
    let count = (index..index + 3).take_while(|&at| PARTICLES.contains(&text.word(at))).count();
    let has_name = text.get(index + count).is_some_and(|token| token.is_capitalised() && !token.new_line);
    if has_name { count } else { 0 }
}

/// The last token of the name that begins at `index`.
fn name_end(text: &Text<'_>, index: usize) -> usize {
    let mut last = elided(text, index).unwrap_or(index);
    while let Some(next) = text.get(last + 1)
        && !next.new_line
    {
        let belongs = |token: &Token<'_>| {
            token.is_capitalised() && !is_ordinary(&token.lower) || known(&token.lower) == Some(Known::Surely)
        };
        let is_lower_surname =
            SURNAMES.contains_key(next.lower.as_str()) && !text.get(index).is_some_and(Token::is_capitalised);
        let behind = text.get(last + 2);
        let particles = particles(text, last + 1);
        if let Some(end) = elided(text, last + 1 + particles) {
            last = end;
        } else if particles > 0 {
            last += particles + 1;
        } else if next.is_word() && (belongs(next) || is_lower_surname) {
            last += 1;
        } else if next.is_mark('-') && !next.spaced && behind.is_some_and(|token| !token.spaced && belongs(token)) {
            last += 2;
        } else {
            break;
        }
    }
    last
}

/// What is said before a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Announced {
    /// What follows is a name if it is written like one.
    Loosely,
    /// What follows is a name.
    Clearly,
}

fn announced(text: &Text<'_>, index: usize) -> Option<Announced> {
    let before = |back| text.before(index, back).map_or("", |token| token.lower.as_str());
    match before(1) {
        "heter" | "hette" | "kallas" => match before(2) {
            "jag" | "hon" | "han" | "hen" | "mamma" | "pappa" | "dotter" | "son" | "fru" | "man" => {
                Some(Announced::Clearly)
            }
            "den" | "det" | "de" | "vad" | "butiken" | "affären" | "kedjan" | "produkten" | "varan" | "appen" => None,
            _ => Some(Announced::Loosely),
        },
        "är" | "is" if matches!(before(2), "namn" | "namnet" | "förnamn" | "efternamn" | "name") => {
            Some(Announced::Clearly)
        }
        "namn" if before(2) == "vid" => Some(Announced::Clearly),
        "called" | "named" | "herr" | "fru" | "fröken" | "doktor" | "farbror" | "tant" | "kollegan" | "expediten"
        | "kassören" | "kassörskan" | "säljaren" | "chefen" | "hälsar" | "hälsningar" | "mvh" | "dotter" | "son" => {
            Some(Announced::Loosely)
        }
        _ => None,
    }
}

/// Whether an ordinary word with a capital letter at the beginning of a sentence is followed as only a name is.
fn is_followed_as_a_name(text: &Text<'_>, index: usize) -> bool {
    acts_as_a_person(text, index) || is_beside_a_name(text, index)
}

/// Whether what stands behind the word at `index` is what people do.
fn acts_as_a_person(text: &Text<'_>, index: usize) -> bool {
    ACTS.contains(&text.word(index + 1)) || text.word(index + 1) == "i" && text.word(index + 2) == "kassan"
}

/// The same without what things are and were as well: "Gevalia var slut".
fn only_people_do(text: &Text<'_>, index: usize) -> bool {
    match text.word(index + 1) {
        "är" | "var" | "was" | "kom" | "tog" | "stod" | "gav" => false,
        "som" => ACTS.contains(&text.word(index + 2)),
        _ => acts_as_a_person(text, index),
    }
}

/// Whether a name stands directly beside the word at `index`.
fn is_beside_a_name(text: &Text<'_>, index: usize) -> bool {
    let is_name = |token: &Token<'_>| token.is_word() && known(&token.lower) == Some(Known::Surely);
    let next = text.get(index + 1).filter(|token| !token.new_line);
    let next_but_hyphen = next.filter(|token| token.is_mark('-')).and_then(|_| text.get(index + 2));
    let capitalised = |token: &Token<'_>| {
        token.is_capitalised() && !is_ordinary(&token.lower) && text.get(index).is_some_and(Token::is_capitalised)
    };
    next.is_some_and(|token| is_name(token) || capitalised(token)) || next_but_hyphen.is_some_and(is_name)
}

/// `Per`, but not `PER` or `per`.
fn is_proper(token: &Token<'_>) -> bool {
    token.is_capitalised() && !token.text.chars().skip(1).any(char::is_uppercase) && token.kind == Kind::Word
}

/// What stands before the last part of a name.
const PARTICLES: &[&str] = &[
    "von", "af", "de", "van", "al", "el", "der", "den", "ter", "ten", "da", "di", "del", "della", "la", "le", "bin",
    "ibn", "abu", "dos", "du", "zu",
];

/// What people do.
const ACTS: &[&str] = &[
    "är",
    "var",
    "heter",
    "hjälpte",
    "hjälper",
    "sa",
    "sade",
    "som",
    "jobbar",
    "jobbade",
    "tog",
    "gav",
    "visade",
    "stod",
    "satt",
    "kom",
    "ringde",
    "svarade",
    "bor",
    "förklarade",
    "brukar",
    "log",
    "helped",
    "said",
    "was",
    "works",
    "showed",
];

/// People, before their names.
const PEOPLE: &[&str] = &[
    "tjejen",
    "killen",
    "kvinnan",
    "mannen",
    "damen",
    "herren",
    "kollega",
    "medarbetare",
    "medarbetaren",
    "kompis",
    "kompisen",
    "granne",
    "grannen",
    "vän",
    "vännen",
    "väninna",
    "sambo",
    "bror",
    "syster",
    "mamma",
    "pappa",
    "farmor",
    "mormor",
    "farfar",
    "morfar",
    "faster",
    "moster",
    "morbror",
    "expedit",
    "biträdet",
    "butikschefen",
    "servitrisen",
    "servitören",
    "baristan",
    "tacka",
    "hälsa",
    "make",
    "maka",
    "svåger",
    "svägerska",
    "barnbarn",
    "kusin",
    "sonen",
    "dottern",
    "mr",
    "mrs",
    "ms",
    "colleague",
    "neighbour",
];

/// What is done with, by and to people.
const PERSONAL: &[&str] = &[
    "pratade",
    "talade",
    "snackade",
    "pratat",
    "talat",
    "hjälp",
    "hjälpt",
    "hjälpta",
    "bemött",
    "betjänad",
    "expedierad",
    "hälsa",
    "tack",
    "tacka",
    "handlade",
    "gift",
    "gick",
    "spoke",
    "talked",
    "helped",
    "served",
];

/// Words that may begin a sentence behind a name, or follow "jag heter" without being a name.
fn is_ordinary(word: &str) -> bool {
    const WORDS: &[&str] = &[
        "jag",
        "du",
        "han",
        "hon",
        "hen",
        "den",
        "det",
        "de",
        "vi",
        "ni",
        "dom",
        "man",
        "en",
        "ett",
        "och",
        "men",
        "så",
        "då",
        "nu",
        "här",
        "där",
        "när",
        "hur",
        "vad",
        "vem",
        "var",
        "varför",
        "som",
        "att",
        "om",
        "i",
        "på",
        "av",
        "till",
        "från",
        "med",
        "för",
        "utan",
        "inte",
        "ju",
        "väl",
        "nog",
        "också",
        "bara",
        "är",
        "har",
        "hade",
        "kan",
        "ska",
        "vill",
        "ja",
        "jo",
        "nej",
        "tack",
        "hej",
        "okej",
        "absolut",
        "precis",
        "samma",
        "faktiskt",
        "egentligen",
        "alltså",
        "liksom",
        "något",
        "någonting",
        "inget",
        "ingenting",
        "detta",
        "denna",
        "min",
        "mitt",
        "mina",
        "din",
        "ditt",
        "sin",
        "sitt",
    ];
    WORDS.contains(&word)
}
