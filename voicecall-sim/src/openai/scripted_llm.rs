//! The simulated model: a scenario's rules, and a reading of what is over, as tokens that come one after the other.

use std::time::Duration;

use super::{ApiError, reader};
use crate::fault::Rng;
use crate::scenario::{Latency, Model, Part, Question, RuleCall, RuleLatency, Scenario};

/// The longest token, in characters.
const TOKEN_LENGTH: usize = 6;

/// Answers questions by the rules of a scenario; a call that is over it sums up by itself unless a rule does.
#[derive(Debug)]
pub struct ScriptedLlm {
    model: Model,
    latency: Latency,
    rng: Rng,
}

/// An answer of the model.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Reply {
    /// The answer in pieces; together they are the text.
    pub tokens: Vec<Token>,
    /// The tools called behind it.
    pub calls: Vec<RuleCall>,
    /// Whether the answer was cut because it was longer than allowed.
    pub cut_off: bool,
    /// Tokens read.
    pub input_tokens: usize,
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
    /// The model of `scenario`.
    #[must_use]
    pub fn new(scenario: &Scenario) -> Self {
        Self { model: scenario.model.clone(), latency: scenario.latency.clone(), rng: scenario.rng(Part::ScriptedLlm) }
    }

    /// Answers with at most `max_tokens`.
    ///
    /// # Errors
    /// A 500 that names what was asked, if no rule covers it.
    pub fn answer(&mut self, question: &Question<'_>, max_tokens: usize) -> Result<Reply, ApiError> {
        let (reply, calls, latency) = match self.model.answer(question) {
            Some(rule) => (rule.reply.clone(), rule.calls.clone(), rule.latency),
            None => (reader::answer(question).ok_or_else(|| no_rule(question))?, Vec::new(), RuleLatency::default()),
        };
        let mut texts = tokens(&reply);
        let cut_off = texts.len() > max_tokens;
        texts.truncate(max_tokens);

        let first = latency.first_token.unwrap_or(self.latency.first_token);
        let next = latency.per_token.unwrap_or(self.latency.per_token);
        let mut after = Duration::ZERO;
        let mut timed = Vec::with_capacity(texts.len());
        for text in texts {
            let typical = if timed.is_empty() { first } else { next };
            after += self.latency.wait(typical, &mut self.rng);
            timed.push(Token { after, text });
        }
        let input_tokens = question.messages.iter().map(|message| tokens(message).len()).sum();
        Ok(Reply { tokens: timed, calls, cut_off, input_tokens })
    }
}

impl Reply {
    /// The whole text.
    #[must_use]
    pub fn text(&self) -> String {
        self.tokens.iter().map(|token| token.text.as_str()).collect()
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
        ScriptedLlm::new(&text.parse().unwrap())
    }

    fn question(text: &str) -> Question<'_> {
        Question { schema: None, messages: vec![text], caller: Some(text) }
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
