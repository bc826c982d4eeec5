//! Hearing while the caller speaks, over one socket per turn.

use std::time::Duration;

use futures_core::stream::BoxStream;
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use voicecall_core::audio::Frame;
use voicecall_core::model::{ResultStream, SpeechToText, Transcript, TranscriptionOptions};
use voicecall_core::{Error, Result};

use crate::endpoint::Endpoint;
use crate::environment::{self, Lookup};
use crate::query::Settings;
use crate::socket::Client;
use crate::turn::Turn;

const NAME: &str = "deepgram";

/// The pauses that can be told from the space between two words, and from two turns.
const PAUSES: std::ops::RangeInclusive<Duration> = Duration::from_millis(10)..=Duration::from_secs(5);

/// A transcriber behind `wss://…/v1/listen`, Deepgram's live transcription with a model of the Nova family.
///
/// Each turn has a socket of its own. It is opened as the turn begins; audio that comes meanwhile waits in the turn's
/// stream and is sent after it. Frames go out as they are, 20 ms of mu-law in a binary message each. What is heard comes as
/// partial transcripts, and after the end of the turn's audio `CloseStream` asks for the rest: unlike `Finalize`, whose answer
/// may not come, it is always answered with a last message, which tells that the transcript is whole, and it ends
/// what is billed.
///
/// The stream ends in an error: `Timeout`, `Unavailable`, `Protocol` if what comes is no transcript, and whatever kind
/// a refusal has: see the front page.
#[derive(Debug, Clone)]
pub struct DeepgramTranscription {
    client: Client,
    settings: Settings,
}

impl DeepgramTranscription {
    /// The transcriber of `endpoint`.
    ///
    /// # Errors
    /// `Config` if the key cannot be sent or the machine has no root certificates for an encrypted address.
    pub fn new(endpoint: Endpoint) -> Result<Self> {
        Ok(Self { client: Client::new(endpoint)?, settings: Settings::default() })
    }

    /// The transcriber that the environment names; see the front page for the variables.
    ///
    /// # Errors
    /// `Config` that names the variable.
    pub fn from_env() -> Result<Self> {
        Self::from_lookup(&environment::process)
    }

    fn from_lookup(lookup: Lookup<'_>) -> Result<Self> {
        let transcription = Self::new(environment::endpoint(lookup)?).map_err(environment::named)?;
        Ok(match lookup("DEEPGRAM_LANGUAGE") {
            Some(language) => transcription.with_language(language),
            None => transcription,
        })
    }

    /// The language of calls that name none, as Deepgram writes it: `sv`, `en`, `en-GB`, or `multi` for ten languages
    /// mixed, Swedish not among them. Without one Deepgram takes its own default, which is English.
    #[must_use]
    pub fn with_language(mut self, language: impl Into<String>) -> Self {
        self.settings.language = Some(language.into());
        self
    }

    /// Says whether callers are heard as `multi`, in ten languages mixed, where the language of the call is one of
    /// these ten: English, Spanish, French, German, Hindi, Russian, Portuguese, Japanese, Italian, Dutch. Others, such as
    /// Swedish, are heard alone all the same. Off by default, since a model of one language hears that better.
    #[must_use]
    pub fn with_multilingual(mut self, multilingual: bool) -> Self {
        self.settings.multilingual = multilingual;
        self
    }

    /// Replaces the pause, from 10 ms to 5 s, after which Deepgram makes a segment final; `None` leaves it to Deepgram's
    /// other rules.
    ///
    /// It ends no turn: turns are decided by the call. The default is 300 ms: shorter than the pause that ends a turn, so
    /// that the words are final by then, and longer than Deepgram's own 10 ms, which cuts sentences where people
    /// breathe.
    ///
    /// # Errors
    /// `Config` if it is outside of these.
    pub fn with_endpointing(mut self, pause: Option<Duration>) -> Result<Self> {
        if pause.is_some_and(|pause| !PAUSES.contains(&pause)) {
            return Err(Error::config("endpointing", "a pause from 10 ms to 5 s"));
        }
        self.settings.endpointing = pause;
        Ok(self)
    }

    /// Says whether Deepgram writes numbers, dates and the like as people do (`smart_format`). Off by default: Deepgram
    /// may hold words back until such an expression is complete.
    #[must_use]
    pub fn with_smart_format(mut self, smart_format: bool) -> Self {
        self.settings.smart_format = smart_format;
        self
    }

    /// Says whether there is punctuation. On by default.
    #[must_use]
    pub fn with_punctuation(mut self, punctuate: bool) -> Self {
        self.settings.punctuate = punctuate;
        self
    }

    /// Says whether numbers are written in digits.
    #[must_use]
    pub fn with_numerals(mut self, numerals: bool) -> Self {
        self.settings.numerals = numerals;
        self
    }

    /// Says whether profanity is masked or left out.
    #[must_use]
    pub fn with_profanity_filter(mut self, filter: bool) -> Self {
        self.settings.profanity_filter = filter;
        self
    }

    /// Has one more kind of information replaced in transcripts, such as `pci`, `pii` or `numbers`. Which kinds there are
    /// depends on the language.
    #[must_use]
    pub fn with_redaction(mut self, kind: impl Into<String>) -> Self {
        self.settings.redact.push(kind.into());
        self
    }

    /// Says whether Deepgram must not keep the audio to improve its models (`mip_opt_out`). It may cost more.
    #[must_use]
    pub fn with_model_improvement_opt_out(mut self, opt_out: bool) -> Self {
        self.settings.mip_opt_out = opt_out;
        self
    }

    /// Adds a tag by which Deepgram's reports of usage can be sorted. It is no place for personal data.
    #[must_use]
    pub fn with_tag(mut self, tag: impl Into<String>) -> Self {
        self.settings.tags.push(tag.into());
        self
    }

    /// Sends one more parameter with every request, such as `replace`.
    #[must_use]
    pub fn with_extra(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.settings.extra.push((name.into(), value.into()));
        self
    }
}

impl SpeechToText for DeepgramTranscription {
    fn name(&self) -> &'static str {
        NAME
    }

    fn transcribe(&self, audio: BoxStream<'static, Frame>, options: &TranscriptionOptions) -> ResultStream<Transcript> {
        let url = self.settings.address(&self.client.endpoint, options);
        let client = self.client.clone();
        let turn = async move {
            let socket = client.open(&url).await?;
            Ok(Turn::new(socket, audio, client.endpoint.timeouts()).transcripts())
        };
        stream::once(turn).try_flatten().map_err(|error: Error| error.with_provider(NAME)).boxed()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_environment_names_the_language_too() {
        let read = |language: &'static str| {
            DeepgramTranscription::from_lookup(&|name| match name {
                "DEEPGRAM_API_KEY" => Some("dg-canary".into()),
                "DEEPGRAM_LANGUAGE" => Some(language.to_owned()),
                _ => None,
            })
        };
        let ear = read("sv").unwrap();
        assert_eq!(ear.settings.language.as_deref(), Some("sv"));
        assert!(!format!("{ear:?}").contains("canary"));
        let error = DeepgramTranscription::from_lookup(&|name| (name == "DEEPGRAM_API_KEY").then(|| "a\nb".to_owned()));
        assert_eq!(error.unwrap_err().field(), Some("DEEPGRAM_API_KEY"));
    }

    #[test]
    fn a_pause_that_ends_nothing_or_everything_is_refused() {
        let ear = DeepgramTranscription::new(Endpoint::new("http://localhost", "nova-3").unwrap()).unwrap();
        for pause in [Duration::ZERO, Duration::from_secs(6)] {
            assert_eq!(ear.clone().with_endpointing(Some(pause)).unwrap_err().field(), Some("endpointing"));
        }
        ear.with_endpointing(None).unwrap();
    }
}
