//! What the simulated model makes of a call that is over when no rule says it: of the words it is given, and of nothing else.

use serde_json::{Value, json};

use crate::scenario::Question;

/// The longest summary that is believed, in characters.
const LONGEST: usize = 600;

/// Beginnings of Swedish words that praise, that complain, and that tell what somebody speaks about.
const PRAISE: [&str; 9] = ["nöjd", "bra", "trevlig", "hjälpsam", "snabb", "gott", "god", "toppen", "perfekt"];
const COMPLAINT: [&str; 9] = ["missnöjd", "dålig", "dyr", "lång", "otrevlig", "kallt", "smutsig", "trasig", "besviken"];
const TOPICS: [(&str, &str); 8] = [
    ("personal", "personal"),
    ("bemötande", "personal"),
    ("kaffe", "kaffe"),
    ("pris", "pris"),
    ("dyr", "pris"),
    ("kö", "väntetid"),
    ("snabb", "väntetid"),
    ("vänta", "väntetid"),
];
const WISHES: [&str; 4] = ["ring mig", "kontakta mig", "hör av er", "ringa mig"];

/// The answer to a question about a call that is over; `None` to any other.
pub(super) fn answer(question: &Question<'_>) -> Option<String> {
    let data: Value = serde_json::from_str(question.caller?).ok()?;
    let reply = match question.schema? {
        "call_summary" => summary(&words(&data)),
        "personal_data" => json!({ "spans": personal_data(data.get("text")?.as_str()?) }),
        _ => return None,
    };
    Some(reply.to_string())
}

/// The customer's answers; what else the customer said if there are none.
fn words(data: &Value) -> Vec<&str> {
    let texts = |list: &str, of: &str| -> Vec<&str> {
        let items = data.get(list).and_then(Value::as_array).into_iter().flatten();
        let own = items.filter(|item| item.get("speaker").is_none_or(|speaker| speaker == "customer"));
        own.filter_map(|item| item.get(of)?.as_str()).filter(|text| !text.trim().is_empty()).collect()
    };
    let answers = texts("answers", "answer");
    if answers.is_empty() { texts("transcript", "text") } else { answers }
}

fn summary(said: &[&str]) -> Value {
    let all = said.join(" ");
    let quoted: Vec<_> = said.iter().map(|text| format!("”{}”", without_personal_data(text))).collect();
    let text = match &quoted[..] {
        [] => "Kunden sade ingenting.".to_owned(),
        quoted => format!("Kunden sade: {}", quoted.join(" ")),
    };
    let mut topics: Vec<&str> = Vec::new();
    for word in lower_words(&all) {
        let about = TOPICS.iter().find(|(beginning, _)| begins(&word, beginning)).map(|(_, topic)| *topic);
        topics.extend(about.filter(|topic| !topics.contains(topic)));
    }
    json!({
        "summary": text.chars().take(LONGEST).collect::<String>(),
        "sentiment": sentiment(&all),
        "topics": topics,
        "follow_up_wanted": WISHES.iter().any(|wish| all.to_lowercase().contains(wish)),
    })
}

/// From -1 to 1: praise against complaint, each turned round by a "not" before it.
fn sentiment(text: &str) -> f64 {
    let (mut praise, mut complaint) = (0_u32, 0_u32);
    let mut before = String::new();
    for word in lower_words(text) {
        let (good, bad) = match before.as_str() {
            "inte" => (&COMPLAINT, &PRAISE),
            _ => (&PRAISE, &COMPLAINT),
        };
        praise += u32::from(good.iter().any(|beginning| begins(&word, beginning)));
        complaint += u32::from(bad.iter().any(|beginning| begins(&word, beginning)));
        before = word;
    }
    let all = praise + complaint;
    if all == 0 { 0.0 } else { (f64::from(praise) - f64::from(complaint)) / f64::from(all) }
}

/// A short beginning is a whole word: many words begin with it.
fn begins(word: &str, beginning: &str) -> bool {
    if beginning.chars().count() < 4 { word == beginning } else { word.starts_with(beginning) }
}

fn lower_words(text: &str) -> impl Iterator<Item = String> {
    text.split(|char: char| !char.is_alphanumeric()).filter(|word| !word.is_empty()).map(str::to_lowercase)
}

/// What a customer's words tell of people: names, which are written large inside a sentence, and long numbers. What the
/// agent said is the shop's own.
fn personal_data(text: &str) -> Vec<Value> {
    let mut spans: Vec<Value> = Vec::new();
    for line in text.lines().filter(|line| !line.starts_with("agent:")) {
        let mut begins_sentence = true;
        for written in line.strip_prefix("caller:").unwrap_or(line).split_whitespace() {
            let word = written.trim_matches(|char: char| !char.is_alphanumeric());
            let is_name = !begins_sentence && word.chars().count() > 1 && word.starts_with(char::is_uppercase);
            let is_number = word.chars().filter(char::is_ascii_digit).count() >= 5;
            let kind = if is_number { Some("number") } else { is_name.then_some("name") };
            let span = kind.map(|kind| json!({ "text": word, "kind": kind }));
            spans.extend(span.filter(|span| !spans.contains(span)));
            begins_sentence = written.ends_with(['.', '!', '?']);
        }
    }
    spans.truncate(100);
    spans
}

fn without_personal_data(text: &str) -> String {
    let spans = personal_data(text);
    let pieces = spans.iter().filter_map(|span| span.get("text")?.as_str());
    pieces.fold(text.to_owned(), |text, piece| text.replace(piece, "…"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(schema: &str, data: &Value) -> Option<Value> {
        let text = data.to_string();
        let question = Question { schema: Some(schema), messages: vec![&text], caller: Some(&text), result: None };
        Some(serde_json::from_str(&answer(&question)?).unwrap())
    }

    #[test]
    fn a_summary_says_what_the_customer_said_and_how() {
        let data = json!({
            "transcript": [{ "speaker": "agent", "text": "Hur var det?" }, { "speaker": "customer", "text": "Ja." }],
            "answers": [
                { "question": "Hur?", "answer": "Kaffet var gott men Zorbax var inte trevlig." },
                { "question": "Mer?", "answer": "Ring mig på 0701234567." },
            ],
        });
        let summary = asked("call_summary", &data).unwrap();
        assert_eq!(
            summary,
            json!({
                "summary": "Kunden sade: ”Kaffet var gott men … var inte trevlig.” ”Ring mig på ….”",
                "sentiment": 0.0,
                "topics": ["kaffe"],
                "follow_up_wanted": true,
            })
        );
        let mut without = data;
        without["answers"] = json!([]);
        assert_eq!(asked("call_summary", &without).unwrap()["summary"], "Kunden sade: ”Ja.”");
        let nothing = asked("call_summary", &json!({ "transcript": [], "answers": [] })).unwrap();
        assert_eq!(nothing["summary"], "Kunden sade ingenting.");
    }

    #[test]
    fn praise_and_complaint_are_told_apart() {
        for (text, expected) in [
            ("Jag är mycket nöjd, allt gick snabbt.", 1.0),
            ("Jag är missnöjd. Det var dyrt!", -1.0),
            ("Inte dålig.", 1.0),
            ("Det var en dag.", 0.0),
        ] {
            assert_eq!(sentiment(text), expected, "{text}");
        }
    }

    #[test]
    fn names_and_long_numbers_of_the_customer_are_pointed_out() {
        let text = "agent: Hej från Kaffebutiken.\ncaller: Hej. Det var Zorbax som hjälpte mig, nummer 12345. Zorbax!";
        let spans = asked("personal_data", &json!({ "text": text })).unwrap();
        let expected = [json!({ "text": "Zorbax", "kind": "name" }), json!({ "text": "12345", "kind": "number" })];
        assert_eq!(spans["spans"], json!(expected));
        assert_eq!(asked("answer", &json!({ "text": text })), None, "another schema is a rule's affair");
    }
}
