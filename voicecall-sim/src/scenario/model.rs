//! What the simulated model answers: rules, tried in order; what no rule covers is an error, never an invented answer.

use std::time::Duration;

use serde::Deserialize;

use super::time;

/// The rules of a scenario's `[model]`.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
#[non_exhaustive]
pub struct Model {
    /// The rules; the first that matches answers, as often as it is asked.
    #[serde(rename = "rule")]
    pub rules: Vec<Rule>,
}

/// One rule: every condition given must hold.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Rule {
    /// The name of the JSON schema asked for.
    pub schema: Option<String>,
    /// Occurs in any of the messages.
    pub question: Option<String>,
    /// Occurs in the last message of the user.
    pub caller: Option<String>,
    /// The answer.
    #[serde(deserialize_with = "reply")]
    pub reply: String,
    /// The tools the model calls beside the answer, which may then be empty. Only where the agent answers aloud.
    #[serde(default, rename = "call")]
    pub calls: Vec<RuleCall>,
    /// Slower or faster than the scenario's `[latency]`.
    #[serde(default)]
    pub latency: RuleLatency,
}

/// A tool a simulated model calls.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct RuleCall {
    /// The tool.
    pub name: String,
    /// What it is called with.
    #[serde(default)]
    pub arguments: serde_json::Map<String, serde_json::Value>,
}

/// Waiting times of one answer, where they differ from the scenario's.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
#[non_exhaustive]
pub struct RuleLatency {
    /// Until the first token.
    #[serde(deserialize_with = "time::option::deserialize")]
    pub first_token: Option<Duration>,
    /// Between two tokens.
    #[serde(deserialize_with = "time::option::deserialize")]
    pub per_token: Option<Duration>,
}

/// What a model is asked, as far as rules look at it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Question<'a> {
    /// The name of the JSON schema asked for, if one is.
    pub schema: Option<&'a str>,
    /// All messages, oldest first.
    pub messages: Vec<&'a str>,
    /// The last message of the user.
    pub caller: Option<&'a str>,
}

impl Model {
    /// The rule that answers `question`.
    #[must_use]
    pub fn answer(&self, question: &Question<'_>) -> Option<&Rule> {
        self.rules.iter().find(|rule| rule.matches(question))
    }
}

impl Rule {
    fn matches(&self, question: &Question<'_>) -> bool {
        let holds = |wanted: &Option<String>, test: &dyn Fn(&str) -> bool| wanted.as_deref().is_none_or(test);
        holds(&self.schema, &|wanted| question.schema == Some(wanted))
            && holds(&self.question, &|wanted| question.messages.iter().any(|message| message.contains(wanted)))
            && holds(&self.caller, &|wanted| question.caller.is_some_and(|caller| caller.contains(wanted)))
    }
}

/// A reply is text, or a table that is rendered as JSON.
fn reply<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    match serde_json::Value::deserialize(deserializer)? {
        serde_json::Value::String(text) => Ok(text),
        table @ serde_json::Value::Object(_) => Ok(table.to_string()),
        _ => Err(serde::de::Error::custom("`reply` is text, or a table that is rendered as JSON")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule(text: &str) -> Rule {
        toml::from_str(text).unwrap()
    }

    #[test]
    fn the_first_rule_whose_conditions_all_hold_answers() {
        let model = Model {
            rules: vec![
                rule("schema = 'answer'\nquestion = 'nöjd'\ncaller = 'Nej'\nreply = 'first'"),
                rule("schema = 'answer'\nquestion = 'nöjd'\nreply = 'second'"),
                rule("reply = 'third'"),
            ],
        };
        let ask = |schema, caller| {
            let question = Question { schema, messages: vec!["Hur nöjd är du?", caller], caller: Some(caller) };
            model.answer(&question).unwrap().reply.clone()
        };
        assert_eq!(ask(Some("answer"), "Nej."), "first");
        assert_eq!(ask(Some("answer"), "Ja."), "second");
        assert_eq!(ask(Some("consent"), "Nej."), "third");
        assert_eq!(ask(None, "Nej."), "third");
    }

    #[test]
    fn a_question_no_rule_covers_has_no_answer() {
        let model = Model { rules: vec![rule("schema = 'consent'\nreply = 'x'")] };
        assert_eq!(model.answer(&Question { schema: None, messages: vec!["consent"], caller: None }), None);
    }

    #[test]
    fn a_table_is_rendered_as_json() {
        let rule = rule("reply = { decision = 'yes', confidence = 0.9, topics = [] }");
        let json: serde_json::Value = serde_json::from_str(&rule.reply).unwrap();
        assert_eq!(json, serde_json::json!({ "decision": "yes", "confidence": 0.9, "topics": [] }));
        assert!(toml::from_str::<Rule>("reply = 3").is_err());
    }
}
