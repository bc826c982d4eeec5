//! The tables against phrases of people: set A, on which they were written, and set B, worded otherwise, on which they are
//! measured.

use super::*;

const SET_A: &str = include_str!("phrases_a.txt");
const SET_B: &str = include_str!("phrases_b.txt");

/// Of set B this share has to be understood as meant. The rest must be harmless; see the tests.
const LEAST_OF_SET_B: usize = 80;

struct Phrase {
    text: &'static str,
    language: Language,
    context: Context,
    meant: &'static str,
    has_answer: bool,
}

/// `@ language context intent`, then phrases, one a line.
fn phrases(set: &'static str) -> Vec<Phrase> {
    let mut group = (Language::Swedish, Context::Consent, "");
    let mut phrases = Vec::new();
    for line in set.lines().filter(|line| !line.is_empty() && !line.starts_with('#')) {
        if let Some(header) = line.strip_prefix("@ ") {
            let mut words = header.split(' ');
            let language = if words.next() == Some("sv") { Language::Swedish } else { Language::English };
            let context = if words.next() == Some("consent") { Context::Consent } else { Context::Question };
            group = (language, context, words.next().unwrap());
            continue;
        }
        let (language, context, meant) = group;
        let has_answer = line.starts_with('+');
        phrases.push(Phrase { text: line.trim_start_matches('+'), language, context, meant, has_answer });
    }
    phrases
}

/// `who_is_calling`
fn name(intent: Intent) -> String {
    let mut name = String::new();
    for c in format!("{intent:?}").chars() {
        if c.is_uppercase() && !name.is_empty() {
            name.push('_');
        }
        name.extend(c.to_lowercase());
    }
    name
}

/// The phrases that were read otherwise than meant.
fn misread(phrases: &[Phrase]) -> Vec<String> {
    let misread = phrases.iter().filter_map(|phrase| {
        let reading = read(phrase.text, phrase.language, phrase.context);
        let (intent, meant) = (name(reading.intent), phrase.meant);
        let is_right = intent == meant && (reading.has_answer == phrase.has_answer || !reading.intent.is_leaving());
        (!is_right).then(|| {
            format!(
                "{:?} {:?} {:?}: {meant} read as {intent}, answer {}",
                phrase.language, phrase.context, phrase.text, reading.has_answer
            )
        })
    });
    misread.collect()
}

#[test]
fn every_phrase_of_set_a_is_understood() {
    let misread = misread(&phrases(SET_A));
    assert!(misread.is_empty(), "{}", misread.join("\n"));
}

#[test]
fn phrases_worded_otherwise_are_understood_as_well() {
    let phrases = phrases(SET_B);
    assert!(phrases.len() >= 100 && phrases.len() + super::tests::phrases(SET_A).len() >= 300, "{}", phrases.len());
    let misread = misread(&phrases);
    let percent = (phrases.len() - misread.len()) * 100 / phrases.len();
    assert!(percent >= LEAST_OF_SET_B, "{percent} %\n{}", misread.join("\n"));
}

#[test]
fn nothing_but_a_yes_is_taken_for_consent() {
    for phrase in phrases(SET_A).into_iter().chain(phrases(SET_B)) {
        let intent = read(phrase.text, phrase.language, Context::Consent).intent;
        let is_yes = phrase.context == Context::Question || matches!(phrase.meant, "yes" | "no_recording");
        assert!(is_yes || !matches!(intent, Intent::Yes | Intent::NoRecording), "{}", phrase.text);
    }
}

#[test]
fn no_answer_is_taken_for_a_wish_to_go() {
    let answers = phrases(SET_A).into_iter().chain(phrases(SET_B));
    for phrase in answers.filter(|phrase| phrase.context == Context::Question && phrase.meant == "other") {
        assert!(!read(phrase.text, phrase.language, phrase.context).intent.is_leaving(), "{}", phrase.text);
    }
}

mod any_text {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn no_text_with_a_refusal_grants_consent(
            text in "(ja|nej|inte|tack|vad|sa|du|no|yes|not|dont|[a-zåäö]{1,4}|[^a-z]| ){0,12}",
        ) {
            for (language, refusals) in [(Language::Swedish, ["nej", "inte"]), (Language::English, ["no", "not"])] {
                let intent = read(&text, language, Context::Consent).intent;
                if words(&text).iter().any(|word| refusals.contains(&word.as_str())) {
                    let _ = read(&text, language, Context::Question);
                    prop_assert_ne!(intent, Intent::Yes);
                }
            }
        }
    }
}
