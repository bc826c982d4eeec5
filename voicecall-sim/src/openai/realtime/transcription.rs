//! The caller's words as they are written down, beside what the model makes of them.

use std::collections::VecDeque;
use std::time::Duration;

use serde_json::{Value, json};

use super::super::{ApiError, Heard};
use super::context::caller_tokens;
use super::error;
use crate::fault::Fault;

/// A turn that is being written down.
#[derive(Debug)]
pub(super) struct Transcription {
    pub(super) item_id: String,
    asked: Duration,
    steps: VecDeque<(Duration, Told)>,
}

/// What the client is told of it.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Told {
    /// The next word.
    Delta {
        text: String,
        logprob: Value,
    },
    Completed {
        transcript: String,
        logprobs: Value,
        usage: Value,
    },
    Failed(Value),
}

impl Transcription {
    /// Words that were `heard`, told one after the other until they are all there.
    pub(super) fn new(item_id: &str, asked: Duration, heard: &Heard, model: &str, fault: Option<&Fault>) -> Self {
        let count = u32::try_from(heard.words.len()).unwrap_or(u32::MAX).max(1);
        let mut steps = VecDeque::new();
        for (number, word) in (1_u32..).zip(&heard.words) {
            let text = if number == 1 { word.text.clone() } else { format!(" {}", word.text) };
            let logprob = word.logprob_of((number - 1) as usize);
            steps.push_back((heard.after * number.min(count) / count, Told::Delta { text, logprob }));
        }
        let logprobs = heard.words.iter().enumerate().map(|(at, word)| word.logprob_of(at)).collect();
        let completed = Told::Completed { transcript: heard.text(), logprobs, usage: usage(heard, model) };
        steps.push_back((heard.after, completed));
        match fault {
            None => {}
            Some(Fault::Latency { delay: length, .. } | Fault::Stall { length, .. }) => {
                steps.iter_mut().for_each(|(after, _)| *after = after.saturating_add(*length));
            }
            Some(Fault::Error { status, .. }) => steps = failure(heard.after, &ApiError::planned(*status)),
            Some(Fault::RateLimit { retry_after }) => {
                steps = failure(heard.after, &ApiError::rate_limited(*retry_after));
            }
            Some(_) => steps.clear(),
        }
        Self { item_id: item_id.to_owned(), asked, steps }
    }

    /// When it has something to tell; never again once it has told all.
    pub(super) fn due(&self) -> Option<Duration> {
        self.steps.front().map(|(after, _)| self.asked.saturating_add(*after))
    }

    pub(super) fn next(&mut self) -> Option<Told> {
        self.steps.pop_front().map(|(_, told)| told)
    }
}

fn failure(after: Duration, error: &ApiError) -> VecDeque<(Duration, Told)> {
    VecDeque::from([(after, Told::Failed(error::failure(error)))])
}

/// Old models count seconds, newer ones tokens.
fn usage(heard: &Heard, model: &str) -> Value {
    let seconds = heard.duration.as_secs_f64();
    if model == "whisper-1" {
        return json!({ "type": "duration", "seconds": seconds.ceil() });
    }
    let (input, output) = (caller_tokens(seconds * 1000.0), super::super::scripted_llm::token_count(&heard.text()));
    json!({
        "type": "tokens",
        "input_tokens": input,
        "input_token_details": { "text_tokens": 0, "audio_tokens": input },
        "output_tokens": output,
        "total_tokens": input + output,
    })
}
