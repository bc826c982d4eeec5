//! Asking the caller for keys or words, recognised by the carrier.

use std::time::Duration;

use url::Url;

use super::{Play, Say};

/// Plays prompts and gathers what the caller keys in or says.
///
/// What was gathered comes with the request to [`next`](Self::next), as
/// [`CarrierEventKind::Gathered`](crate::carrier::CarrierEventKind::Gathered), whose answer is the further steps.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Gather {
    /// Whether keys, words or both are taken.
    pub input: GatherInput,
    /// What the caller hears meanwhile. Input ends it.
    pub prompts: Vec<Prompt>,
    /// Who is asked for the next steps, with the input.
    pub next: Url,
    /// What happens if there is no input.
    pub without_input: WithoutInput,
    /// How many keys end the input; without a number only time or the finishing key does.
    pub digits: Option<u32>,
    /// The key that ends the input and is not part of it; none if every key is part of it.
    pub finish_key: Option<char>,
    /// How long to wait for input after the prompts, and between two keys. Whole seconds.
    pub timeout: Duration,
    /// When what is said is taken as finished.
    pub speech_end: SpeechEnd,
    /// The language of what is said as a BCP 47 tag; the carrier's default if absent.
    pub language: Option<String>,
    /// Words and phrases that are likely to be said.
    pub hints: Vec<String>,
}

impl Gather {
    /// Takes keys, ended by `#` or by 5 s of silence.
    #[must_use]
    pub const fn keys(next: Url) -> Self {
        Self {
            input: GatherInput::Keys,
            prompts: Vec::new(),
            next,
            without_input: WithoutInput::Continue,
            digits: None,
            finish_key: Some('#'),
            timeout: Duration::from_secs(5),
            speech_end: SpeechEnd::Automatic,
            language: None,
            hints: Vec::new(),
        }
    }

    /// Takes words in `language`, ended by the pause after them.
    #[must_use]
    pub fn speech(next: Url, language: impl Into<String>) -> Self {
        Self { input: GatherInput::Speech, language: Some(language.into()), ..Self::keys(next) }
    }

    /// The same with one more prompt.
    #[must_use]
    pub fn with_prompt(mut self, prompt: impl Into<Prompt>) -> Self {
        self.prompts.push(prompt.into());
        self
    }
}

/// What is taken as input.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GatherInput {
    /// Keys.
    Keys,
    /// Words.
    Speech,
    /// Whichever comes first.
    KeysOrSpeech,
}

/// What a caller hears while input is gathered.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Prompt {
    /// A spoken text.
    Say(Say),
    /// A sound file.
    Play(Play),
    /// Silence, in whole seconds.
    Pause(Duration),
}

impl From<Say> for Prompt {
    fn from(say: Say) -> Self {
        Self::Say(say)
    }
}

impl From<Play> for Prompt {
    fn from(play: Play) -> Self {
        Self::Play(play)
    }
}

/// When what is said is finished.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SpeechEnd {
    /// When the carrier thinks so.
    Automatic,
    /// After this long a silence, in whole seconds.
    Silence(Duration),
}

/// What follows if the caller gives no input.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WithoutInput {
    /// The next step of the flow.
    Continue,
    /// The request to [`Gather::next`], with nothing in it.
    Ask,
}
