//! The simulated model: a scenario's rules, and a reading of what is over, as tokens that come one after the other.

use std::collections::HashSet;
use std::time::Duration;

use super::{ApiError, reader};
use crate::fault::Rng;
use crate::scenario::{CallShape, Latency, Model, Part, Question, Rule, RuleLatency, Scenario};

/// The longest token, in characters.
const TOKEN_LENGTH: usize = 6;

/// Answers questions by rules; a call that is over it sums up by itself unless a rule does.
#[derive(Debug)]
pub struct ScriptedLlm {
    model: Model,
    /// Which rules have answered.
    used: HashSet<usize>,
    latency: Latency,
    rng: Rng,
}

/// An answer of the model.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Reply {
    /// The answer in pieces; together they are the text.
    pub tokens: Vec<Token>,
    /// The tools that are called behind it.
    pub calls: Vec<RepliedCall>,
    /// How the calls are written in a stream.
    pub call_shape: CallShape,
    /// Whether the answer was cut because it was longer than allowed.
    pub cut_off: bool,
    /// Tokens read.
    pub input_tokens: usize,
}

/// A tool call of an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct RepliedCall {
    /// The id, which no other call has.
    pub id: String,
    /// The name of the tool.
    pub name: String,
    /// The arguments in pieces.
    pub pieces: Vec<Token>,
}

/// A piece of an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Token {
    /// How long after the question it is written.
    pub after: Duration,
    /// The text.
    pub text: String,
}

impl ScriptedLlm {
    /// A model that gives these answers: those without a condition one after the other, each once.
    ///
    /// ```
    /// use serde_json::json;
    /// use voicecall_sim::openai::ScriptedLlm;
    /// use voicecall_sim::scenario::Rule;
    ///
    /// let hours = Rule::calls("opening_hours", &json!({ "day": "Sunday" })).when_caller_says("Sunday");
    /// let llm = ScriptedLlm::new([hours, Rule::says("From eight to two.")]);
    /// ```
    #[must_use]
    pub fn new<R: Into<Rule>>(rules: impl IntoIterator<Item = R>) -> Self {
        let model = Model { rules: rules.into_iter().map(Into::into).collect() };
        Self { model, used: HashSet::new(), latency: Latency::default(), rng: Rng::fork(1, Part::ScriptedLlm as u64) }
    }

    /// The model of `scenario`.
    #[must_use]
    pub fn of(scenario: &Scenario) -> Self {
        let (latency, rng) = (scenario.latency.clone(), scenario.rng(Part::ScriptedLlm));
        Self { model: scenario.model.clone(), used: HashSet::new(), latency, rng }
    }

    /// Answers with at most `max_tokens`.
    ///
    /// # Errors
    /// A 500 that names what was asked, if no rule covers it.
    pub fn answer(&mut self, question: &Question<'_>, max_tokens: usize) -> Result<Reply, ApiError> {
        let rule = self.take_rule(question);
        let reply = match &rule {
            Some(rule) => rule.reply.clone(),
            None => reader::answer(question).ok_or_else(|| no_rule(question))?,
        };
        let latency = rule.as_ref().map_or_else(RuleLatency::default, |rule| rule.latency);
        let mut writing = Writing { left: max_tokens, cut_off: false, after: Duration::ZERO, is_first: true, latency };
        let timed = self.write(&reply, &mut writing);
        let calls = rule.as_ref().map(|rule| self.write_calls(rule, &mut writing)).unwrap_or_default();
        let input_tokens = question.messages.iter().map(|message| token_count(message)).sum();
        let call_shape = rule.map(|rule| rule.call_shape).unwrap_or_default();
        Ok(Reply { tokens: timed, calls, call_shape, cut_off: writing.cut_off, input_tokens })
    }

    /// The first rule that matches and may answer.
    fn take_rule(&mut self, question: &Question<'_>) -> Option<Rule> {
        let mut left = self.model.matching(question).filter(|(at, rule)| !rule.once || !self.used.contains(at));
        let (at, rule) = left.next().map(|(at, rule)| (at, rule.clone()))?;
        drop(left);
        self.used.insert(at);
        Some(rule)
    }

    fn write_calls(&mut self, rule: &Rule, writing: &mut Writing) -> Vec<RepliedCall> {
        let mut calls = Vec::with_capacity(rule.calls.len());
        for call in &rule.calls {
            let pieces = self.write(&call.arguments, writing);
            if writing.cut_off {
                break;
            }
            let id = format!("call_{}", uuid::Uuid::new_v4().simple());
            calls.push(RepliedCall { id, name: call.tool.clone(), pieces });
        }
        calls
    }

    /// The tokens of a text in their time, as far as the limit allows.
    fn write(&mut self, text: &str, writing: &mut Writing) -> Vec<Token> {
        let first = writing.latency.first_token.unwrap_or(self.latency.first_token);
        let next = writing.latency.per_token.unwrap_or(self.latency.per_token);
        let mut timed = Vec::new();
        for text in tokens(text) {
            if writing.left == 0 {
                writing.cut_off = true;
                break;
            }
            writing.left -= 1;
            let typical = if std::mem::take(&mut writing.is_first) { first } else { next };
            writing.after += self.latency.wait(typical, &mut self.rng);
            timed.push(Token { after: writing.after, text });
        }
        timed
    }
}

/// How far an answer is written.
struct Writing {
    /// Tokens it may still have.
    left: usize,
    cut_off: bool,
    after: Duration,
    is_first: bool,
    latency: RuleLatency,
}

impl Reply {
    /// All tokens, of the text and of the calls.
    pub(super) fn all_tokens(&self) -> impl Iterator<Item = &Token> {
        self.tokens.iter().chain(self.calls.iter().flat_map(|call| &call.pieces))
    }

    /// The whole text.
    #[must_use]
    pub fn text(&self) -> String {
        self.tokens.iter().map(|token| token.text.as_str()).collect()
    }
}

impl RepliedCall {
    /// The whole arguments.
    #[must_use]
    pub fn arguments(&self) -> String {
        self.pieces.iter().map(|piece| piece.text.as_str()).collect()
    }
}

fn no_rule(question: &Question<'_>) -> ApiError {
    ApiError::server(format!(
        "no [[model.rule]] of the scenario covers this: schema {}, caller {}, last message {}",
        question.schema.map_or_else(|| "none".to_owned(), |name| format!("`{name}`")),
        question.caller.map_or_else(|| "silent".to_owned(), |text| format!("«{text}»")),
        question.messages.last().map_or_else(|| "none".to_owned(), |text| format!("«{text}»")),
    ))
}

/// How many tokens a text has.
pub(super) fn token_count(text: &str) -> usize {
    tokens(text).len()
}

/// Cuts a text roughly as tokenisers do: before every white space, and long words into pieces.
fn tokens(text: &str) -> Vec<String> {
    let mut tokens: Vec<String> = Vec::new();
    let mut length = TOKEN_LENGTH;
    for char in text.chars() {
        match tokens.last_mut() {
            Some(token) if length < TOKEN_LENGTH && !char.is_whitespace() => {
                token.push(char);
                length += 1;
            }
            _ => {
                tokens.push(char.into());
                length = 1;
            }
        }
    }
    tokens
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn llm(rules: &str) -> ScriptedLlm {
        let text =
            format!("name = 'x'\nseed = 1\ncaller = {{ answer = 'busy' }}\nlatency = {{ jitter = 0.0 }}\n{rules}");
        ScriptedLlm::of(&text.parse().unwrap())
    }

    fn question(text: &str) -> Question<'_> {
        Question { schema: None, messages: vec![text], caller: Some(text), result: None }
    }

    #[test]
    fn tokens_come_in_order_and_on_time() {
        let mut brain = llm("[[model.rule]]\nreply = 'Tack för det.'\nlatency = { first_token = '1 s' }");
        let reply = brain.answer(&question("hej"), 100).unwrap();
        assert_eq!(reply.text(), "Tack för det.");
        assert_eq!(reply.tokens[0], Token { after: Duration::from_secs(1), text: "Tack".into() });
        assert_eq!(reply.tokens[2], Token { after: Duration::from_millis(1024), text: " det.".into() });
        assert!(!reply.cut_off);
    }

    #[test]
    fn answers_without_a_condition_come_one_after_the_other() {
        let mut llm = ScriptedLlm::new([Rule::says("Kaffe.").when_caller_says("dricka"), "Ett.".into(), "Två.".into()]);
        let mut ask = |text| llm.answer(&question(text), 100).map(|reply| reply.text());
        let answers = ["hej", "dricka", "hej", "dricka"].map(|text| ask(text).unwrap());
        assert_eq!(answers, ["Ett.", "Kaffe.", "Två.", "Kaffe."]);
        assert!(ask("hej").is_err());
    }

    #[test]
    fn a_reply_ends_where_the_caller_allows_no_more() {
        let mut brain = llm("[[model.rule]]\nreply = 'Tack för det.'");
        let reply = brain.answer(&question("hej"), 2).unwrap();
        assert_eq!(reply.text(), "Tack för");
        assert!(reply.cut_off);
    }

    #[test]
    fn what_no_rule_covers_is_an_error_that_names_it() {
        let error = llm("").answer(&Question { schema: Some("answer"), ..question("Vad?") }, 100).unwrap_err();
        assert_eq!(error.status(), 500);
        assert!(error.to_string().contains("schema `answer`, caller «Vad?»"), "{error}");
    }

    proptest! {
        #[test]
        fn tokens_are_the_text_in_pieces(text in ".{0,80}") {
            let tokens = tokens(&text);
            prop_assert_eq!(tokens.concat(), text);
            prop_assert!(tokens.iter().all(|token| (1..=TOKEN_LENGTH).contains(&token.chars().count())));
        }
    }
}
