//! Anonymising as a whole: nothing planted is left, nothing harmless is touched, doing it twice changes nothing.

use std::borrow::Cow;

use proptest::prelude::*;
use serde_json::json;

use super::*;

const NAMES: &[&str] = &[
    "Anna Andersson",
    "Erik Lindqvist",
    "Maria",
    "Per Svensson",
    "Karl-Johan Berg",
    "Åsa Öberg",
    "Hans Ström",
    "Fatima Ali",
    "Lars-Göran Bengtsson",
    "Björn Falk",
    "Eva-Lena Holm",
    "anders johansson",
    "Liv Strand",
    "Mohammed Hassan",
    "Linnéa Ek",
    "Carl von Linden",
    "Gunilla",
    "Sten Sture Modig",
    "Britta Ohlsdotter",
    "Oskar Nilssons",
];

const ADDRESSES: &[&str] = &[
    "Storgatan 12 B",
    "Kungsgatan 5",
    "Björkvägen 7",
    "Sankt Eriksgatan 44",
    "Olof Palmes gata 31",
    "Norra Allén 3",
    "Skolgränd 2 A, 753 10 Uppsala",
    "Solstigen tolv",
    "Rosentorget 1",
    "storgatan 12",
    "Södra vägen 18, 2 tr",
    "Birger Jarls torg 4",
    "Ringparken 9, 123 45 Lillby",
    "Drottninggatan 88 i Malmö",
    "S:t Pauligatan 6, lgh 1102",
];

const NUMBERS: &[&str] = &[
    "0701234567",
    "070-123 45 67",
    "+46 70 123 45 67",
    "08-123 456",
    "noll sju noll ett två tre fyra fem sex sju",
    "noll sjuttio, tolv trettiofyra femtiosex",
    "850312-1234",
    "19850312-1234",
    "4571 1234 5678 9012",
    "(08) 55 12 34 56",
    "nittonhundraåttiofem noll tre tolv tolv trettiofyra",
    "plus fyrtiosex sju noll ett två tre fyra",
    "5566778",
    "0 7 0 1 2 3 4 5 6 7",
    "noll åtta eh ett två tre streck fyra fem sex",
];

const OTHERS: &[&str] = &[
    "anna.andersson@exempel.se",
    "anna punkt andersson snabel-a exempel punkt se",
    "kalle_88@mail.example.com",
    "https://www.exempel.se/profil?id=8",
    "www.exempel.se",
    "exempel.com",
    "ABC 123",
    "XYZ12A",
    "def456",
    "A B C ett två tre",
    "info snabel a hot mail punkt com",
];

/// Each takes one planted item.
const NAME_FRAMES: &[&str] = &[
    "Jag heter {} och jag var nöjd.",
    "Det var {} som hjälpte mig i kassan.",
    "Ja, {} var så trevlig!",
    "Mitt namn är {}.",
    "Jag pratade med {} om kaffet.",
    "Min granne {}, hon rekommenderade er.",
];
const ADDRESS_FRAMES: &[&str] = &[
    "Jag bor på {} och går hit ofta.",
    "Leverera till {}, tack.",
    "Adressen är {}.",
    "Hemma på {} har vi ingen sådan.",
];
const NUMBER_FRAMES: &[&str] = &[
    "Ring mig på {}.",
    "Mitt nummer är {} om ni undrar.",
    "Personnumret är {}, tror jag.",
    "Alltså {} är det.",
    "Kortet var {} och det fungerade inte.",
];
const OTHER_FRAMES: &[&str] = &["Skriv till {} så svarar jag.", "Det är {} som gäller.", "Jag har {}, tack."];

/// Sentences with what is planted in them.
fn corpus() -> Vec<(String, &'static str)> {
    let filled = |frames: &'static [&'static str], items: &'static [&'static str]| {
        frames.iter().flat_map(move |frame| items.iter().map(move |item| (frame.replace("{}", item), *item)))
    };
    let mut sentences: Vec<_> = filled(NAME_FRAMES, NAMES)
        .chain(filled(ADDRESS_FRAMES, ADDRESSES))
        .chain(filled(NUMBER_FRAMES, NUMBERS))
        .chain(filled(OTHER_FRAMES, OTHERS))
        .collect();
    let all: Vec<_> = sentences.clone();
    for (step, (first, item)) in all.iter().enumerate() {
        let (second, _) = &all[(step * 37 + 11) % all.len()];
        sentences.push((format!("{first} {second}"), item));
        sentences.push((format!("{second} Det är en åtta av tio. {first}"), item));
    }
    sentences
}

/// The words of an item that must not be left.
fn secrets(item: &str) -> impl Iterator<Item = &str> {
    const COMMON: &[&str] =
        &["ett", "eh", "von", "fem", "två", "tre", "fyra", "sex", "åtta", "tolv", "sju", "punkt", "lgh", "snabel"];
    item.split([' ', ',']).filter(|word| word.chars().count() > 2 && !COMMON.contains(word))
}

#[test]
fn nothing_planted_is_left() {
    let corpus = corpus();
    assert!(corpus.len() >= 500, "{}", corpus.len());
    let mut failures = Vec::new();
    for (sentence, item) in &corpus {
        let anonymous = anonymise(sentence);
        let words: Vec<_> = anonymous.split(|c: char| !(c.is_alphanumeric() || "@.-+_".contains(c))).collect();
        let left = secrets(item).find(|secret| words.contains(secret));
        if anonymous.contains(item) || left.is_some() {
            failures.push(format!("{sentence}\n  -> {anonymous}"));
        }
        assert_eq!(anonymise(&anonymous), anonymous, "twice is as once");
    }
    assert!(failures.is_empty(), "{} of {}:\n{}", failures.len(), corpus.len(), failures.join("\n"));
}

#[test]
fn the_text_around_stays_readable() {
    let expected = [
        (
            "Jag heter Anna Lindqvist och bor på Storgatan 12 B, 753 10 Uppsala.",
            "Jag heter [namn] och bor på [adress].",
        ),
        ("Ring noll sju noll ett två tre fyra fem, tack.", "Ring [nummer], tack."),
        ("Mejla anna punkt berg snabel-a exempel punkt se så svarar jag.", "Mejla [e-post] så svarar jag."),
        ("Se https://exempel.se/a?b=1.", "Se [länk]."),
        ("Bilen ABC 123 stod fel.", "Bilen [regnummer] stod fel."),
        ("Annas kassa var snabb, Per hjälpte till.", "[namn] kassa var snabb, [namn] hjälpte till."),
        ("jag heter dragomir", "jag heter [namn]"),
        ("Portkoden är 1234.", "Portkoden är [nummer]."),
        ("Jag bor på björkgatan i Uppsala", "Jag bor på [adress]"),
        ("Hon som hjälpte mig heter Xenobia Qvarnsten.", "Hon som hjälpte mig heter [namn]."),
        ("Anna-Karin och Carl-Gustaf von Essen.", "[namn] och [namn]."),
    ];
    for (text, anonymous) in expected {
        assert_eq!(anonymise(text), anonymous, "{text}");
    }
}

#[test]
fn harmless_sentences_stay_as_they_are() {
    let sentences = include_str!("harmless_sentences.txt").lines().filter(|line| !line.is_empty());
    let mut count = 0;
    let mut failures = Vec::new();
    for sentence in sentences {
        count += 1;
        let anonymous = anonymise(sentence);
        if anonymous != sentence {
            failures.push(format!("{sentence}\n  -> {anonymous}"));
        }
        assert!(anonymous != sentence || matches!(anonymous, Cow::Borrowed(_)));
    }
    assert!(count >= 60, "{count}");
    assert!(failures.is_empty(), "{}", failures.join("\n"));
}

fn proposal(text: &str, kind: PersonalData) -> Proposal {
    Proposal { text: text.to_owned(), kind }
}

#[test]
fn a_proposal_is_believed_only_where_it_stands_in_the_text() {
    let text = "Tjejen med rött hår, Zorana, gav mig en åtta av tio. Zoranas kassa.";
    let with = |proposed: &str| anonymise_with(text, &[proposal(proposed, PersonalData::Name)]).into_owned();
    assert_eq!(with("Zorana"), "Tjejen med rött hår, [namn], gav mig en åtta av tio. Zoranas kassa.");
    for unbelievable in ["Zoran", "zorana", "Bertil", "", " ", "Z", ",", "åtta", "tio", "namn"] {
        assert_eq!(with(unbelievable), text, "{unbelievable}");
    }
}

#[test]
fn proposals_add_to_the_rules_and_take_nothing_away() {
    let text = "Anna bor på Storgatan 12 B och heter Zorana.";
    let proposals = [
        proposal("bor på Storgatan", PersonalData::Number),
        proposal("Zorana", PersonalData::Name),
        proposal("12 B och", PersonalData::Name),
    ];
    let anonymous = anonymise_with(text, &proposals);
    assert_eq!(anonymous, "[namn] [adress] heter [namn].");
    assert_eq!(anonymise_with(&anonymous, &proposals), anonymous);
    assert_eq!(anonymise_with(&anonymous, &[proposal("adress", PersonalData::Name)]), anonymous);
}

#[test]
fn strings_inside_json_are_anonymised() {
    let analysis = json!({ "answer": "Anna var snäll.", "topics": ["Anna", "kaffe"], "sentiment": 0.5, "deep": [{ "a": "070-123 45 67" }] });
    let expected = json!({ "answer": "[namn] var snäll.", "topics": ["[namn]", "kaffe"], "sentiment": 0.5, "deep": [{ "a": "[nummer]" }] });
    assert_eq!(anonymise_json(&analysis), expected);
}

#[test]
fn long_texts_take_no_more_than_their_length() {
    // Repetitions that would be slow if any rule looked at the rest of the text again and again.
    for piece in [
        "a.se.",
        "a@",
        "noll ",
        "Anna-",
        "storgatan ",
        "1-",
        "punkt se ",
        "[",
        "A B C ",
        "Södra ",
        "+",
        "1,2 ",
        "a punkt ",
    ] {
        let text = piece.repeat(200_000 / piece.len());
        let _ = anonymise(&text);
    }
}

proptest! {
    #[test]
    fn any_text_is_anonymised_once_and_for_all(
        text in r#"([a-zåäö]{1,8}|[A-ZÅÄÖ][a-zåäö]{1,7}|[0-9]{1,6}|[ ,.!?@:/\n\[\]-]|\PC){0,40}"#,
    ) {
        let once = anonymise(&text).into_owned();
        prop_assert_eq!(anonymise(&once).into_owned(), once.clone());
    }

    #[test]
    fn any_row_of_telling_words_is_anonymised_once_and_for_all(
        words in prop::collection::vec(prop::sample::select(vec![
            "Anna", "anna", "Per", "per", "Berg", "von", "-", ",", ".", "@", "/", ":", "\n", "12", "123", "45", "0", "0701234567", "noll",
            "en", "ett", "åtta", "av", "tio", "Storgatan", "storgatan", "gata", "Palmes", "Södra", "B", "b", "i", "Uppsala", "Lillby",
            "snabel", "a", "snabela", "punkt", "se", "com", "www", "ABC", "123", "heter", "jag", "nummer", "koden", "kronor",
            "[namn]", "[nummer]", "[adress]", "[e-post]", "och", "eh", "Olof", "bor", "på", "(", ")", "+", "plus", "tr", "lgh", "är", "namn",
        ]), 0..24),
        glue in prop::collection::vec(prop::bool::weighted(0.8), 24),
    ) {
        let text: String =
            words.iter().zip(glue).map(|(word, space)| format!("{word}{}", if space { " " } else { "" })).collect();
        let once = anonymise(&text).into_owned();
        prop_assert_eq!(anonymise(&once).into_owned(), once.clone(), "{}", text);
    }

    #[test]
    fn with_any_proposals_nothing_planted_is_left(
        picks in prop::collection::vec((0usize..300, 0usize..40, 1usize..20), 1..6), which in 0usize..300,
    ) {
        let corpus = corpus();
        let (sentence, item) = &corpus[which];
        let proposals: Vec<_> = picks
            .iter()
            .map(|&(_, from, length)| {
                let piece: String = sentence.chars().skip(from).take(length).collect();
                proposal(&piece, PersonalData::ALL[length % PersonalData::ALL.len()])
            })
            .collect();
        prop_assert!(!anonymise_with(sentence, &proposals).contains(item));
    }
}
