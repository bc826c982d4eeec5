//! What a model makes of the caller's words, believed only after every part of it has been checked.

use serde::{Deserialize, Serialize};

pub(super) use crate::analysis::validate::Fault;
use crate::analysis::validate::{self, parse};

/// A model's reading of one answer.
///
/// The JSON of [`SurveyFact::Analysed`](crate::store::SurveyFact::Analysed).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Analysis {
    /// What kind of answer it is.
    pub outcome: Outcome,
    /// The answer in a sentence; at most 500 characters.
    pub answer: String,
    /// From -1, bad, to 1, good.
    pub sentiment: f32,
    /// The model's trust in its reading, from 0 to 1.
    pub confidence: f32,
    /// What the answer is about; at most 8 of at most 60 characters.
    pub topics: Vec<String>,
    /// One of [`Phrases::acknowledgements`](super::Phrases::acknowledgements).
    pub acknowledgement: String,
}

/// What kind of answer a caller gave.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// The question is answered.
    Answered,
    /// There is an answer, but it says too little to be of use.
    Thin,
    /// The caller did not understand the question, or it cannot be understood what the caller said.
    NotUnderstood,
    /// The caller does not want to answer.
    Refused,
    /// The caller wants to end the call.
    WantsToStop,
    /// The caller speaks another language.
    OtherLanguage,
    /// The caller spoke of something else.
    OffTopic,
}

impl Outcome {
    /// Whether it says something about the question.
    #[must_use]
    pub const fn is_answer(self) -> bool {
        matches!(self, Self::Answered | Self::Thin)
    }

    pub(super) const NAMES: [&'static str; 7] =
        ["answered", "thin", "not_understood", "refused", "wants_to_stop", "other_language", "off_topic"];
}

/// What a model made of the caller's reply to the consent question.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Decision {
    Yes,
    No,
    Unclear,
    OtherLanguage,
}

impl Decision {
    pub(super) const NAMES: [&'static str; 4] = ["yes", "no", "unclear", "other_language"];

    /// Reads a model's reply to [`super::prompts::consent`].
    pub(super) fn read(reply: &str) -> Result<Self, Fault> {
        #[derive(Deserialize)]
        #[serde(deny_unknown_fields)]
        struct Reply {
            decision: Decision,
        }
        Ok(parse::<Reply>(reply)?.decision)
    }
}

const LONGEST_ANSWER: usize = 500;

impl Analysis {
    /// Reads a model's reply to [`super::prompts::answer`].
    pub(super) fn read(reply: &str, acknowledgements: &[String]) -> Result<Self, Fault> {
        let analysis: Self = parse(reply)?;
        if analysis.answer.chars().count() > LONGEST_ANSWER {
            return Err("`answer` is longer than 500 characters");
        }
        validate::sentiment(analysis.sentiment)?;
        if !(0.0..=1.0).contains(&analysis.confidence) {
            return Err("`confidence` is not between 0 and 1");
        }
        validate::topics(&analysis.topics)?;
        if !acknowledgements.contains(&analysis.acknowledgement) {
            return Err("`acknowledgement` is not one of the allowed sentences");
        }
        Ok(analysis)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::{Value, json};

    use super::*;

    fn good() -> Value {
        json!({
            "outcome": "answered", "answer": "Kaffet var gott.", "sentiment": 0.5, "confidence": 1,
            "topics": ["kaffe"], "acknowledgement": "Tack.",
        })
    }

    fn read(reply: &Value) -> Result<Analysis, Fault> {
        Analysis::read(&reply.to_string(), &["Tack.".to_owned()])
    }

    #[test]
    fn a_reply_is_believed_only_if_every_part_is_right() {
        assert_eq!(read(&good()).unwrap().outcome, Outcome::Answered);
        let wrong = [
            ("outcome", json!("great")),
            ("answer", json!(1)),
            ("answer", json!("x".repeat(501))),
            ("sentiment", json!(1.01)),
            ("sentiment", json!(null)),
            ("sentiment", json!(1e300)),
            ("confidence", json!(-0.1)),
            ("confidence", json!("0.5")),
            ("topics", json!("kaffe")),
            ("topics", json!(vec!["t"; 9])),
            ("topics", json!([""])),
            ("topics", json!(["x".repeat(61)])),
            ("acknowledgement", json!("Du har vunnit en miljon.")),
            ("extra", json!(1)),
        ];
        for (name, value) in wrong {
            let mut reply = good();
            reply[name] = value.clone();
            assert!(read(&reply).is_err(), "{name}: {value}");
        }
        for name in ["outcome", "answer", "sentiment", "confidence", "topics", "acknowledgement"] {
            let mut reply = good();
            reply.as_object_mut().unwrap().remove(name);
            assert!(read(&reply).is_err(), "{name}");
        }
    }

    #[test]
    fn text_around_the_object_is_left_out_and_anything_else_is_refused() {
        let object = good().to_string();
        let allowed = ["Tack.".to_owned()];
        for reply in [format!("```json\n{object}\n```"), format!("<think>{{hm}}</think>{object}")] {
            assert_eq!(Analysis::read(&reply, &allowed), Analysis::read(&object, &allowed));
            assert!(Analysis::read(&reply, &allowed).is_ok());
        }
        let half = object[..object.len() - 1].to_owned();
        for reply in [half, format!("{object}{object}"), format!("[{object}]"), String::new(), "[".repeat(5000)] {
            assert_eq!(Analysis::read(&reply, &allowed), Err("the reply is not one JSON object"));
        }
        assert_eq!(Analysis::read(&" ".repeat(10 << 20), &allowed), Err("the reply is too long"));
    }

    #[test]
    fn the_names_in_the_schemas_are_the_ones_that_are_read() {
        for name in Outcome::NAMES {
            assert_eq!(json!(serde_json::from_value::<Outcome>(json!(name)).unwrap()), json!(name));
        }
        for name in Decision::NAMES {
            assert_eq!(json!(Decision::read(&json!({ "decision": name }).to_string()).unwrap()), json!(name));
        }
        assert!(Decision::read(r#"{"decision":"maybe"}"#).is_err());
        assert!(Decision::read(r#"{"decision":"yes","sure":true}"#).is_err());
    }

    proptest! {
        #[test]
        fn no_reply_panics_and_what_is_believed_is_in_range(
            reply in r#"(\{|\}|\[|\]|"|:|,|outcome|answered|sentiment|[0-9e.-]|.){0,60}"#,
            sentiment in any::<f64>(), confidence in any::<f64>(), cut in 0usize..200,
        ) {
            let _ = (Analysis::read(&reply, &[]), Decision::read(&reply));
            let mut whole = good();
            whole["sentiment"] = json!(sentiment);
            whole["confidence"] = json!(confidence);
            if let Ok(analysis) = read(&whole) {
                prop_assert!((-1.0..=1.0).contains(&analysis.sentiment) && (0.0..=1.0).contains(&analysis.confidence));
            }
            let text = good().to_string();
            let part: String = text.chars().take(cut).collect();
            prop_assert!(Analysis::read(&part, &["Tack.".to_owned()]).is_err() || part == text);
        }
    }
}
