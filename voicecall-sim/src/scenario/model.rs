//! What the simulated model answers: rules, tried in order; what no rule covers is an error, never an invented answer.

use std::time::Duration;

use serde::Deserialize;
use voicecall_core::model::{ChatMessage, ChatRole};

use super::time;

/// The rules of a scenario's `[model]`.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
#[non_exhaustive]
pub struct Model {
    /// The rules; the first that matches answers, as often as it is asked or [once](Rule::once).
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
    /// Occurs in the result of a tool, which is the last message.
    pub result: Option<String>,
    /// Whether it answers only once; then the next rule that matches does.
    #[serde(default)]
    pub once: bool,
    /// The answer; empty if the rule only calls tools.
    #[serde(default, deserialize_with = "reply")]
    pub reply: String,
    /// The tools that are called behind the answer.
    #[serde(default)]
    pub calls: Vec<ScriptedCall>,
    /// How the calls are written in a stream.
    #[serde(default)]
    pub call_shape: CallShape,
    /// Slower or faster than the scenario's `[latency]`.
    #[serde(default)]
    pub latency: RuleLatency,
}

/// A tool call of the simulated model.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct ScriptedCall {
    /// The name of the tool.
    pub tool: String,
    /// The arguments: a table that is rendered as JSON, or text that is sent as it is, well-formed or not.
    #[serde(deserialize_with = "reply")]
    pub arguments: String,
}

/// How servers write tool calls in a stream.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum CallShape {
    /// As OpenAI: id and name first, then the arguments in pieces.
    #[default]
    Pieces,
    /// Each call in one chunk, all with the index 0.
    Whole,
    /// Each call in one chunk, without id and index.
    WithoutIds,
    /// Each call in one chunk, with an empty id and an object as arguments.
    Objects,
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
    /// The last message, if it is a tool's result.
    pub result: Option<&'a str>,
}

impl Model {
    /// Checks that every rule answers something.
    ///
    /// # Errors
    /// The number of the first rule that does not, from 1.
    pub(super) fn check(&self) -> Result<(), usize> {
        let is_empty = |rule: &Rule| rule.reply.is_empty() && rule.calls.is_empty();
        self.rules.iter().position(is_empty).map_or(Ok(()), |at| Err(at + 1))
    }

    /// The rules that match `question`, with their places.
    pub fn matching(&self, question: &Question<'_>) -> impl Iterator<Item = (usize, &Rule)> {
        self.rules.iter().enumerate().filter(|(_, rule)| rule.matches(question))
    }
}

impl<'a> Question<'a> {
    /// What these messages ask.
    #[must_use]
    pub fn of(schema: Option<&'a str>, messages: &'a [ChatMessage]) -> Self {
        let of_user = messages.iter().rev().find(|message| message.role == ChatRole::User);
        Self {
            schema,
            messages: messages.iter().map(|message| message.content.as_str()).collect(),
            caller: of_user.map(|message| message.content.as_str()),
            result: messages.last().filter(|last| last.role == ChatRole::Tool).map(|last| last.content.as_str()),
        }
    }
}

/// A text is answered once, whatever is asked.
impl From<&str> for Rule {
    fn from(text: &str) -> Self {
        Self::says(text)
    }
}

impl Rule {
    /// Answers with `text`, once, whatever is asked.
    #[must_use]
    pub fn says(text: impl Into<String>) -> Self {
        Self {
            schema: None,
            question: None,
            caller: None,
            result: None,
            once: true,
            reply: text.into(),
            calls: Vec::new(),
            call_shape: CallShape::default(),
            latency: RuleLatency::default(),
        }
    }

    /// Calls a tool with these arguments, once, whatever is asked.
    #[must_use]
    pub fn calls(tool: impl Into<String>, arguments: &serde_json::Value) -> Self {
        Self::says("").and_calls(tool, arguments)
    }

    /// Calls a tool behind the answer as well.
    #[must_use]
    pub fn and_calls(mut self, tool: impl Into<String>, arguments: &serde_json::Value) -> Self {
        self.calls.push(ScriptedCall { tool: tool.into(), arguments: arguments.to_string() });
        self
    }

    /// Answers only what follows these words of the caller, as often as it is asked.
    #[must_use]
    pub fn when_caller_says(mut self, words: impl Into<String>) -> Self {
        (self.caller, self.once) = (Some(words.into()), false);
        self
    }

    /// Answers only a tool's result that holds this text, as often as it is asked.
    #[must_use]
    pub fn when_result_has(mut self, text: impl Into<String>) -> Self {
        (self.result, self.once) = (Some(text.into()), false);
        self
    }

    fn matches(&self, question: &Question<'_>) -> bool {
        let holds = |wanted: &Option<String>, test: &dyn Fn(&str) -> bool| wanted.as_deref().is_none_or(test);
        holds(&self.schema, &|wanted| question.schema == Some(wanted))
            && holds(&self.question, &|wanted| question.messages.iter().any(|message| message.contains(wanted)))
            && holds(&self.caller, &|wanted| question.caller.is_some_and(|caller| caller.contains(wanted)))
            && holds(&self.result, &|wanted| question.result.is_some_and(|result| result.contains(wanted)))
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
            let question =
                Question { schema, messages: vec!["Hur nöjd är du?", caller], caller: Some(caller), result: None };
            model.matching(&question).next().unwrap().1.reply.clone()
        };
        assert_eq!(ask(Some("answer"), "Nej."), "first");
        assert_eq!(ask(Some("answer"), "Ja."), "second");
        assert_eq!(ask(Some("consent"), "Nej."), "third");
        assert_eq!(ask(None, "Nej."), "third");
    }

    #[test]
    fn a_question_no_rule_covers_has_no_answer() {
        let model = Model { rules: vec![rule("schema = 'consent'\nreply = 'x'")] };
        let question = Question { schema: None, messages: vec!["consent"], caller: None, result: None };
        assert_eq!(model.matching(&question).count(), 0);
    }

    #[test]
    fn a_rule_that_calls_tools_is_told_from_one_that_reads_their_results() {
        let model = Model {
            rules: vec![
                rule("result = 'booked'\nreply = 'Klart.'"),
                rule(
                    "caller = 'Boka'\ncalls = [{ tool = 'book', arguments = { at = 19 } }, { tool = 'look', arguments = '{' }]",
                ),
            ],
        };
        assert_eq!(model.check(), Ok(()));
        let ask = |result| Question { schema: None, messages: vec!["Boka"], caller: Some("Boka"), result };
        assert_eq!(model.matching(&ask(Some("booked 19"))).next().unwrap().1.reply, "Klart.");
        let arguments = |call: &ScriptedCall| call.arguments.clone();
        let calls: Vec<_> = model.matching(&ask(None)).next().unwrap().1.calls.iter().map(arguments).collect();
        assert_eq!(calls, ["{\"at\":19}", "{"]);
        assert_eq!(Model { rules: vec![rule("reply = 'x'"), rule("caller = 'x'")] }.check(), Err(2));
    }

    #[test]
    fn a_table_is_rendered_as_json() {
        let rule = rule("reply = { decision = 'yes', confidence = 0.9, topics = [] }");
        let json: serde_json::Value = serde_json::from_str(&rule.reply).unwrap();
        assert_eq!(json, serde_json::json!({ "decision": "yes", "confidence": 0.9, "topics": [] }));
        assert!(toml::from_str::<Rule>("reply = 3").is_err());
    }
}
