//! A response before it is given: what happens when, counted from its request.

use std::collections::VecDeque;
use std::time::Duration;

use serde_json::Value;

use super::super::{ApiError, RepliedCall, Reply, Token};
use super::context::model_tokens;
use super::error::EventError;
use super::format::Format;
use super::item::{Body, ModelAudio, Part, Role, Status};
use crate::clips::{Speech, sentences};

/// How much speech is sent at a time, in milliseconds.
const PIECE: usize = 100;

/// The steps of a response in their order.
pub(super) type Plan = VecDeque<(Duration, Step)>;

/// One thing that happens in a response.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Step {
    /// It is there.
    Begin,
    /// An item of it begins, empty.
    Open(Body),
    /// The model writes a token: of text, of what it says or of a call's arguments.
    Write(String),
    /// The model speaks a piece.
    Speak(Vec<u8>),
    /// The item ends.
    Close(Status),
    /// Something goes wrong, and the response goes on.
    Stumble(EventError),
    Finish(Ending),
    /// The connection breaks.
    Drop,
}

/// How a response ended.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Ending {
    Completed,
    /// The client has cancelled it.
    Cancelled,
    /// It was longer than it may be.
    Incomplete,
    /// For this `error`.
    Failed(Value),
}

/// A text as it is spoken.
#[derive(Debug)]
pub(super) struct Spoken {
    pub(super) speech: Speech,
    pub(super) format: Format,
    /// How long after its first sentence was written the first of it is there.
    pub(super) first_after: Duration,
    /// How many seconds of speech are sent in a second.
    pub(super) pace: f64,
}

/// What the model replied, aloud if it is `spoken`, and no longer than it may be.
pub(super) fn reply(reply: &Reply, spoken: Option<Spoken>, most: Option<usize>) -> Result<Plan, ApiError> {
    let mut plan = vec![(Duration::ZERO, Step::Begin)];
    let mut end = message(reply, spoken, &mut plan)?;
    for said in &reply.calls {
        end = call(said, end, &mut plan);
    }
    plan.push((end, Step::Finish(Ending::Completed)));
    Ok(shorten(plan, most))
}

/// A response that comes to nothing.
pub(super) fn failure(error: Value) -> Plan {
    [Step::Begin, Step::Finish(Ending::Failed(error))].into_iter().map(|step| (Duration::ZERO, step)).collect()
}

/// The message of a reply, if it says anything. Returns when it ends.
fn message(reply: &Reply, spoken: Option<Spoken>, plan: &mut Vec<(Duration, Step)>) -> Result<Duration, ApiError> {
    let Some(first) = reply.tokens.first() else { return Ok(Duration::ZERO) };
    let mut steps: Vec<_> = reply.tokens.iter().map(|token| (token.after, Step::Write(token.text.clone()))).collect();
    let part = match spoken {
        None => Part::Output(String::new()),
        Some(spoken) => {
            steps.extend(pieces(&reply.tokens, &spoken)?);
            steps.sort_by_key(|(after, _)| *after);
            let words = spoken.speech.words;
            Part::Model(ModelAudio { format: spoken.format, audio: Vec::new(), transcript: Some(String::new()), words })
        }
    };
    let end = steps.last().map_or(first.after, |(after, _)| *after);
    plan.push((first.after, Step::Open(Body::Message { role: Role::Assistant, content: vec![part] })));
    plan.append(&mut steps);
    plan.push((end, Step::Close(Status::Completed)));
    Ok(end)
}

/// The pieces of what is spoken: it begins with the first sentence, and no piece comes before its words were written.
fn pieces(tokens: &[Token], spoken: &Spoken) -> Result<Vec<(Duration, Step)>, ApiError> {
    let text: String = tokens.iter().map(|token| token.text.as_str()).collect();
    let sentence = sentences(&text).first().and_then(|first| Some(text.find(first)? + first.len())).unwrap_or_default();
    let mut written = 0;
    let is_written = |token: &&Token| {
        written += token.text.len();
        written >= sentence
    };
    let begin = tokens.iter().find(is_written).map_or(Duration::ZERO, |token| token.after) + spoken.first_after;

    let audio = spoken.format.write(&spoken.speech.audio)?;
    let pieces: Vec<&[u8]> = audio.chunks(spoken.format.bytes(PIECE)).collect();
    let timed = |(at, piece): (usize, &&[u8])| {
        let played = Duration::from_millis((PIECE * at) as u64).div_f64(spoken.pace);
        let its_word = tokens.get(at * tokens.len() / pieces.len()).map_or(Duration::ZERO, |token| token.after);
        ((begin + played).max(its_word), Step::Speak(piece.to_vec()))
    };
    Ok(pieces.iter().enumerate().map(timed).collect())
}

/// A call behind what was before it. Returns when it ends.
fn call(said: &RepliedCall, begin: Duration, plan: &mut Vec<(Duration, Step)>) -> Duration {
    let first = said.pieces.first().map_or(begin, |piece| piece.after.max(begin));
    let body = Body::Call { call_id: said.id.clone(), name: said.name.clone(), arguments: String::new() };
    plan.push((first, Step::Open(body)));
    let mut end = first;
    for piece in &said.pieces {
        end = piece.after.max(begin);
        plan.push((end, Step::Write(piece.text.clone())));
    }
    plan.push((end, Step::Close(Status::Completed)));
    end
}

/// Ends a plan where it has as many tokens as it may have.
fn shorten(plan: Vec<(Duration, Step)>, most: Option<usize>) -> Plan {
    let mut left = most.unwrap_or(usize::MAX);
    let mut short = Plan::with_capacity(plan.len());
    let mut speaks = None;
    for (after, step) in plan {
        match &step {
            Step::Open(Body::Message { content, .. }) => {
                speaks = content.first().and_then(|part| match part {
                    Part::Model(audio) => Some(audio.format),
                    _ => None,
                });
            }
            Step::Open(_) => speaks = None,
            _ => {}
        }
        let count = match &step {
            Step::Write(_) => 1,
            Step::Speak(piece) => speaks.map_or(0, |format| model_tokens(format.milliseconds(piece.len()))),
            _ => 0,
        };
        match left.checked_sub(count) {
            Some(rest) => left = rest,
            None => {
                short.push_back((after, Step::Close(Status::Incomplete)));
                short.push_back((after, Step::Finish(Ending::Incomplete)));
                return short;
            }
        }
        short.push_back((after, step));
    }
    short
}
