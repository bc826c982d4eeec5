//! What the model is given for a response, and what that counts.

use serde_json::{Value, json};

use super::super::scripted_llm::token_count;
use super::super::{ApiError, EarService};
use super::item::{Body, Item, Part, Role};
use super::settings::Tools;
use crate::scenario::Question;

/// Milliseconds of a caller's audio that make a token.
const CALLER_TOKEN: f64 = 100.0;

/// Milliseconds of the model's audio that make a token.
const MODEL_TOKEN: f64 = 50.0;

/// All that a response answers.
#[derive(Debug, Default)]
pub(super) struct Context(Vec<Piece>);

/// The instructions, the tools or an item, as the model reads it.
#[derive(Debug, PartialEq, Eq)]
struct Piece {
    text: String,
    from: Source,
    tokens: Tokens,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Source {
    Caller,
    Tool,
    Elsewhere,
}

/// Tokens of text and of audio.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Tokens {
    pub(super) text: usize,
    pub(super) audio: usize,
}

impl Context {
    /// The instructions, the tools and the items, whose audio is understood here if it was not before.
    pub(super) fn new(
        instructions: &str,
        tools: &Tools,
        items: &mut [Item],
        ear: &EarService,
    ) -> Result<Self, ApiError> {
        let piece = |text: String| {
            let tokens = Tokens { text: token_count(&text), audio: 0 };
            Piece { text, from: Source::Elsewhere, tokens }
        };
        let mut pieces = vec![piece(instructions.to_owned())];
        if tools.may_call && !tools.given.is_empty() {
            // Rules look at what is said, not at what is on offer.
            let tokens = piece(json!(tools.given).to_string()).tokens;
            pieces.push(Piece { text: String::new(), from: Source::Elsewhere, tokens });
        }
        for item in items {
            understand(item, ear)?;
            pieces.push(Piece::of(item));
        }
        Ok(Self(pieces))
    }

    /// The question, as far as a scenario's rules look at it.
    pub(super) fn question(&self) -> Question<'_> {
        let by_caller = self.0.iter().rev().find(|piece| piece.from == Source::Caller);
        let last = self.0.last().filter(|piece| piece.from == Source::Tool);
        Question {
            schema: None,
            messages: self.0.iter().map(|piece| piece.text.as_str()).collect(),
            caller: by_caller.map(|piece| piece.text.as_str()),
            result: last.map(|piece| piece.text.as_str()),
        }
    }

    pub(super) fn tokens(&self) -> Tokens {
        self.0.iter().fold(Tokens::default(), |sum, piece| sum.and(piece.tokens))
    }

    /// What it has in common with the one before, from the beginning on: that is read from a cache.
    pub(super) fn cached(&self, before: &Self) -> Tokens {
        let same = self.0.iter().zip(&before.0).take_while(|(this, other)| this == other);
        same.fold(Tokens::default(), |sum, (piece, _)| sum.and(piece.tokens))
    }
}

impl Piece {
    fn of(item: &Item) -> Self {
        let mut tokens = Tokens::default();
        let mut texts: Vec<String> = Vec::new();
        let from = match &item.body {
            Body::Message { role, content } => {
                for part in content {
                    let (text, audio) = part.read();
                    // What the caller says is audio and no text, whatever it was written down as.
                    if !matches!(part, Part::Caller(_)) {
                        tokens.text += token_count(&text);
                    }
                    tokens.audio += audio;
                    texts.push(text);
                }
                if *role == Role::User { Source::Caller } else { Source::Elsewhere }
            }
            Body::Call { name, arguments, .. } => {
                tokens.text += token_count(name) + token_count(arguments);
                Source::Elsewhere
            }
            Body::Result { output, .. } => {
                tokens.text += token_count(output);
                texts.push(output.clone());
                Source::Tool
            }
        };
        Self { text: texts.concat(), from, tokens }
    }
}

impl Part {
    /// What the model reads or hears of it, and how many tokens the sound of it counts.
    fn read(&self) -> (String, usize) {
        match self {
            Self::Input(text) | Self::Output(text) => (text.clone(), 0),
            Self::Caller(caller) => {
                let heard = caller.heard.as_ref().map(super::super::Heard::text);
                let text = heard.or_else(|| caller.transcript.clone()).unwrap_or_default();
                (text, sound_tokens(caller.format.milliseconds(caller.audio.len()), CALLER_TOKEN))
            }
            Self::Model(model) => (model.text(), model_tokens(model.milliseconds())),
        }
    }
}

impl Tokens {
    fn and(self, other: Self) -> Self {
        Self { text: self.text + other.text, audio: self.audio + other.audio }
    }

    pub(super) fn sum(self) -> usize {
        self.text + self.audio
    }
}

/// How many tokens so many milliseconds of the model's speech are.
pub(super) fn model_tokens(milliseconds: f64) -> usize {
    sound_tokens(milliseconds, MODEL_TOKEN)
}

/// How many tokens so many milliseconds of a caller's speech are.
pub(super) fn caller_tokens(milliseconds: f64) -> usize {
    sound_tokens(milliseconds, CALLER_TOKEN)
}

fn sound_tokens(milliseconds: f64, a_token: f64) -> usize {
    (milliseconds / a_token).ceil() as usize
}

/// The `usage` of a response.
pub(super) fn usage(input: Tokens, cached: Tokens, output: Tokens) -> Value {
    json!({
        "total_tokens": input.sum() + output.sum(),
        "input_tokens": input.sum(),
        "output_tokens": output.sum(),
        "input_token_details": {
            "text_tokens": input.text,
            "audio_tokens": input.audio,
            "image_tokens": 0,
            "cached_tokens": cached.sum(),
            "cached_tokens_details": { "text_tokens": cached.text, "audio_tokens": cached.audio, "image_tokens": 0 },
        },
        "output_token_details": { "text_tokens": output.text, "audio_tokens": output.audio },
    })
}

/// Asks the ears what the caller said, unless they were asked or the client has told it.
fn understand(item: &mut Item, ear: &EarService) -> Result<(), ApiError> {
    for (_, caller) in item.caller_audio() {
        if caller.heard.is_none() && caller.transcript.is_none() {
            let (samples, rate) = caller.format.samples(&caller.audio);
            caller.heard = Some(ear.hear(&samples, rate)?);
        }
    }
    Ok(())
}
