//! The few Swedish turns that are understood without a model: a plain yes, a plain no, "what did you say?".
//!
//! Conservative: a turn counts only if *every* word of it belongs to a known phrase. "Nej men absolut", "ja fast
//! jag har bråttom" or a bare "okej" are left to the model.

/// What a caller made of the question whether to take part.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ConsentWords {
    Yes,
    No,
    WhoIsCalling,
}

/// Reads a turn as an answer to the consent question, if it is plainly one.
pub(super) fn consent(text: &str) -> Option<ConsentWords> {
    let words = words(text);
    // "Ja, hej!" is how a phone is picked up, so a greeting makes a yes doubtful.
    let said = (
        consists_of(&words, YES, FILLERS),
        consists_of(&words, NO, GREETINGS_AND_FILLERS),
        consists_of(&words, WHO, GREETINGS_AND_FILLERS),
    );
    match said {
        (true, false, false) => Some(ConsentWords::Yes),
        (false, true, false) => Some(ConsentWords::No),
        (false, false, true) => Some(ConsentWords::WhoIsCalling),
        _ => None,
    }
}

/// Whether a turn only asks to hear the question again.
pub(super) fn asks_to_repeat(text: &str) -> bool {
    consists_of(&words(text), REPEAT, FILLERS)
}

/// Whether a turn only says that somebody is there.
pub(super) fn is_present(text: &str) -> bool {
    consists_of(&words(text), PRESENT, FILLERS)
}

/// Whether a turn only says goodbye.
pub(super) fn is_farewell(text: &str) -> bool {
    consists_of(&words(text), FAREWELL, FILLERS)
}

/// Lower-case words without punctuation.
fn words(text: &str) -> Vec<String> {
    text.to_lowercase()
        .split(|c: char| !c.is_alphanumeric())
        .filter(|word| !word.is_empty())
        .map(str::to_owned)
        .collect()
}

/// Whether `words` is a row of `phrases` and `fillers`, with at least one phrase.
fn consists_of(words: &[String], phrases: &[&str], fillers: &[&str]) -> bool {
    let mut rest = words;
    let mut found = false;
    while !rest.is_empty() {
        if let Some(behind) = longest_first(rest, phrases) {
            found = true;
            rest = behind;
        } else if let Some(behind) = longest_first(rest, fillers) {
            rest = behind;
        } else {
            return false;
        }
    }
    found
}

/// What stands behind the longest phrase that `words` begin with.
fn longest_first<'a>(words: &'a [String], phrases: &[&str]) -> Option<&'a [String]> {
    phrases
        .iter()
        .filter_map(|phrase| {
            let mut rest = words;
            for expected in phrase.split(' ') {
                let (first, behind) = rest.split_first()?;
                if first != expected {
                    return None;
                }
                rest = behind;
            }
            Some(rest)
        })
        .min_by_key(|rest| rest.len())
}

/// Words that decide nothing.
const FILLERS: &[&str] = &["eh", "ehm", "öh", "öhm", "hm", "hmm", "aha", "tack", "då", "alltså"];

const GREETINGS_AND_FILLERS: &[&str] =
    &["eh", "ehm", "öh", "öhm", "hm", "hmm", "aha", "tack", "då", "alltså", "hej", "jaha", "förlåt", "ursäkta"];

const YES: &[&str] = &[
    "ja",
    "jaa",
    "japp",
    "jepp",
    "jadå",
    "jodå",
    "javisst",
    "jajamän",
    "jajamensan",
    "absolut",
    "gärna",
    "självklart",
    "visst",
    "inga problem",
    "kör på",
    "kör",
    "okej kör",
    "ja okej",
    "okej ja",
    "det går bra",
    "det går fint",
    "det är okej",
    "det är lugnt",
    "det kan jag",
    "det kan jag göra",
    "det vill jag",
    "det vill jag gärna",
    "jag vill vara med",
    "jag är med",
    "vill jag",
];

const NO: &[&str] = &[
    "nej",
    "nä",
    "näe",
    "nix",
    "nejdå",
    "inte nu",
    "inte intresserad",
    "jag är inte intresserad",
    "är inte intresserad",
    "det vill jag inte",
    "jag vill inte",
    "jag vill inte vara med",
    "vill inte",
    "det går inte",
    "det går inte nu",
    "jag har inte tid",
    "jag har inte tid nu",
    "har inte tid",
    "ingen tid",
    "ring inte igen",
    "ring inte mer",
];

const WHO: &[&str] = &[
    "vem är det",
    "vem är du",
    "vem är det här",
    "vem är det som ringer",
    "vem ringer",
    "vem talar jag med",
    "vem pratar jag med",
    "vad gäller det",
    "vad gäller saken",
    "vad är det här",
    "vad handlar det om",
    "vad är det frågan om",
    "var ringer du ifrån",
    "varifrån ringer du",
];

const REPEAT: &[&str] = &[
    "va",
    "vad",
    "vad sa du",
    "vad sade du",
    "hur sa du",
    "vad sa",
    "vad menar du",
    "vad var frågan",
    "förlåt",
    "ursäkta",
    "jag förstår inte",
    "jag förstår inte frågan",
    "jag förstod inte",
    "jag förstod inte frågan",
    "förstår inte",
    "förstår inte frågan",
    "jag hörde inte",
    "jag hörde inte vad du sa",
    "jag hörde inte frågan",
    "hörde inte",
    "jag uppfattade inte",
    "jag uppfattade inte frågan",
    "en gång till",
    "ta det igen",
    "ta frågan igen",
    "kan du upprepa",
    "kan du upprepa det",
    "kan du upprepa frågan",
    "kan du säga det igen",
    "kan du ta det igen",
    "kan du ta frågan igen",
    "upprepa",
    "upprepa frågan",
];

const PRESENT: &[&str] = &[
    "ja",
    "jo",
    "jadå",
    "jodå",
    "japp",
    "mm",
    "hallå",
    "jag är här",
    "jag är kvar",
    "är kvar",
    "är här",
    "här är jag",
    "det är jag",
    "jag hör dig",
    "jag hör",
];

const FAREWELL: &[&str] = &[
    "hej",
    "hej då",
    "hejdå",
    "adjö",
    "tack",
    "tack så mycket",
    "tack själv",
    "tack detsamma",
    "detsamma",
    "ha det",
    "ha det bra",
    "ha det så bra",
    "ha en bra dag",
    "ha en fin dag",
    "okej",
    "ja",
    "bra",
];

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_plain_yes_or_no_is_understood() {
        for yes in ["Ja.", "Ja, gärna!", "Jadå, det går bra.", "Eh, ja tack.", "Absolut", "JA OKEJ"] {
            assert_eq!(consent(yes), Some(ConsentWords::Yes), "{yes}");
        }
        for no in ["Nej.", "Nej tack.", "Nä, jag har inte tid nu.", "Jag är inte intresserad, tack."] {
            assert_eq!(consent(no), Some(ConsentWords::No), "{no}");
        }
        for who in ["Vem är det?", "Hej, vem är det som ringer?", "Förlåt, vad gäller det?"] {
            assert_eq!(consent(who), Some(ConsentWords::WhoIsCalling), "{who}");
        }
    }

    #[test]
    fn whatever_could_mean_something_else_is_left_to_the_model() {
        let unclear = [
            "",
            "tack",
            "Okej.",
            "Mm.",
            "Ja hallå?",
            "Ja, hej!",
            "Nej men absolut",
            "Ja, fast jag har bråttom",
            "Ja eller nej",
            "Jag vill inte svara på frågor om ja",
            "Yes please",
            "Jag vet inte",
        ];
        for text in unclear {
            assert_eq!(consent(text), None, "{text}");
        }
    }

    #[test]
    fn a_request_to_repeat_is_not_an_answer() {
        for text in ["Va?", "Förlåt, vad sa du?", "Ursäkta?", "Jag förstår inte frågan.", "Kan du upprepa, tack?"]
        {
            assert!(asks_to_repeat(text), "{text}");
        }
        for text in ["Vad jag saknade var bullar", "Jag förstår inte varför kaffet var kallt", "Tack", ""] {
            assert!(!asks_to_repeat(text), "{text}");
        }
    }

    #[test]
    fn presence_and_farewell_are_told_from_answers() {
        assert!(is_present("Ja, jag är här.") && is_present("Hallå?"));
        assert!(!is_present("Ja, det var gott"));
        assert!(is_farewell("Tack, hej då!") && is_farewell("Hej hej"));
        assert!(!is_farewell("Tack, men kaffet var kallt") && !is_farewell("…"));
    }

    proptest! {
        #[test]
        fn no_text_panics_or_is_both_yes_and_no(text in "(ja|nej|inte|tack|vad|sa|du|[a-zåäö]{1,4}|[^a-z]| ){0,12}") {
            let refusal = words(&text).iter().any(|word| word == "nej" || word == "inte");
            if refusal {
                prop_assert_ne!(consent(&text), Some(ConsentWords::Yes));
            }
            let _ = (asks_to_repeat(&text), is_present(&text), is_farewell(&text));
        }
    }
}
