//! Speaking with a synthesiser that tells where each word is.

mod lines;
mod utterance;
mod words;

use std::sync::Arc;

use futures_util::{StreamExt, stream};
use reqwest::{Method, RequestBuilder};
use voicecall_core::model::{ResultStream, SpeechChunk, SpeechOptions, TextToSpeech};
use voicecall_core::{Error, Result};

use self::utterance::Utterance;
use crate::PROVIDER;
use crate::client::Client;
use crate::endpoint::Endpoint;
use crate::environment::{self, Lookup};
use crate::identifier;
use crate::settings::VoiceSettings;
use crate::wire::speech::Request;

const OPERATION: &str = "synthesize";

/// The model that is asked for unless another is named: the fastest one that speaks many languages, Swedish among them.
pub const DEFAULT_MODEL: &str = "eleven_flash_v2_5";

/// Models that refuse or ignore a language: they speak English only, or tell the language by the text.
pub const MODELS_WITHOUT_LANGUAGE: [&str; 5] =
    ["eleven_multilingual_v2", "eleven_multilingual_v1", "eleven_monolingual_v1", "eleven_flash_v2", "eleven_turbo_v2"];

/// Whether numbers, dates and the like are written out before they are spoken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum TextNormalization {
    /// The service decides.
    Auto,
    /// Always. Costs time, and some models allow it on some plans only.
    On,
    /// Never.
    Off,
}

impl TextNormalization {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::On => "on",
            Self::Off => "off",
        }
    }
}

/// A synthesiser behind `POST /v1/text-to-speech/{voice_id}/stream/with-timestamps`.
///
/// The request is sent once, when the stream is first pulled, and asks for mu-law at 8 kHz, which is passed on as it
/// comes. Dropping the stream closes the connection. Words come with their places, made of the `alignment` of the text's
/// characters and rounded to the sample. A word is told once its end is known; the last words of an utterance may come in a
/// piece without audio. Words of lines without an alignment count as heard when the next aligned word begins.
///
/// The stream ends in an error: `Invalid` naming `voice` for a voice that is no id, `Timeout`, `Unavailable` if it breaks
/// off or holds no sound, `Protocol` if a line is not what it should be, and whatever kind a failure of the service has.
#[derive(Debug, Clone)]
pub struct ElevenLabsSpeech {
    client: Client,
    voice: String,
    model: String,
    without_language: Arc<[String]>,
    settings: Option<VoiceSettings>,
    seed: Option<u32>,
    normalization: Option<TextNormalization>,
    logging: bool,
}

impl ElevenLabsSpeech {
    /// The synthesiser of an account; `voice` is the id of the voice for whoever names none.
    ///
    /// # Errors
    /// `Invalid` naming `voice`; `Config` if the key cannot be sent or the machine has no root certificates for an
    /// `https` address.
    pub fn new(endpoint: Endpoint, voice: impl Into<String>) -> Result<Self> {
        let voice = voice.into();
        identifier::checked("voice", &voice)?;
        Ok(Self {
            client: Client::new(endpoint)?,
            voice,
            model: DEFAULT_MODEL.to_owned(),
            without_language: MODELS_WITHOUT_LANGUAGE.map(String::from).into(),
            settings: None,
            seed: None,
            normalization: None,
            logging: true,
        })
    }

    /// The synthesiser that the environment names; see the front page for the variables.
    ///
    /// # Errors
    /// `Config` that names the variable.
    pub fn from_env() -> Result<Self> {
        Self::from_lookup(&environment::process)
    }

    fn from_lookup(lookup: Lookup<'_>) -> Result<Self> {
        let endpoint = environment::endpoint(lookup)?;
        let voice = lookup(environment::VOICE);
        let voice = voice.ok_or_else(|| Error::config(environment::VOICE, "the id of a voice"))?;
        identifier::checked("voice", &voice).map_err(|error| environment::named(error, environment::VOICE))?;
        let speech = Self::new(endpoint, voice)?;
        match lookup(environment::MODEL) {
            Some(model) => speech.with_model(model).map_err(|error| environment::named(error, environment::MODEL)),
            None => Ok(speech),
        }
    }

    /// Replaces the model.
    ///
    /// # Errors
    /// `Config` naming `model` if it is empty.
    pub fn with_model(mut self, model: impl Into<String>) -> Result<Self> {
        self.model = model.into();
        if self.model.trim().is_empty() {
            return Err(Error::config("model", "the name of a model"));
        }
        Ok(self)
    }

    /// Replaces the models to which no language is sent, at first [`MODELS_WITHOUT_LANGUAGE`].
    #[must_use]
    pub fn with_models_without_language<M: Into<String>>(mut self, models: impl IntoIterator<Item = M>) -> Self {
        self.without_language = models.into_iter().map(Into::into).collect();
        self
    }

    /// Sends settings with every utterance, in the place of the voice's own.
    ///
    /// # Errors
    /// `Config` naming the setting that is outside its range.
    pub fn with_settings(mut self, settings: VoiceSettings) -> Result<Self> {
        self.settings = Some(settings.checked()?);
        Ok(self)
    }

    /// Asks for the same audio for the same text each time, as far as the service can.
    #[must_use]
    pub fn with_seed(mut self, seed: u32) -> Self {
        self.seed = Some(seed);
        self
    }

    /// Replaces what is done about numbers, dates and the like.
    #[must_use]
    pub fn with_text_normalization(mut self, normalization: TextNormalization) -> Self {
        self.normalization = Some(normalization);
        self
    }

    /// Has the service keep no history of what is spoken (`enable_logging=false`), which some plans allow only.
    #[must_use]
    pub fn without_logging(mut self) -> Self {
        self.logging = false;
        self
    }

    fn request(&self, text: &str, options: &SpeechOptions) -> Result<RequestBuilder> {
        let voice = identifier::checked("voice", options.voice.as_deref().unwrap_or(&self.voice))?;
        let takes_language = !self.without_language.contains(&self.model);
        let body = Request {
            text,
            model_id: &self.model,
            language_code: options.language.as_deref().filter(|_| takes_language),
            voice_settings: self.settings,
            seed: self.seed,
            apply_text_normalization: self.normalization.map(TextNormalization::as_str),
        };
        let path = ["v1", "text-to-speech", voice, "stream", "with-timestamps"];
        let request = self.client.request(Method::POST, &path).query(&[("output_format", "ulaw_8000")]);
        let request = if self.logging { request } else { request.query(&[("enable_logging", "false")]) };
        Ok(request.json(&body))
    }
}

impl TextToSpeech for ElevenLabsSpeech {
    fn name(&self) -> &'static str {
        PROVIDER
    }

    fn synthesize(&self, text: String, options: &SpeechOptions) -> ResultStream<SpeechChunk> {
        match self.request(&text, options) {
            Ok(request) => {
                let utterance = Utterance::new(self.client.clone(), request, &text);
                stream::try_unfold(utterance, Utterance::step)
                    .map(|chunk| chunk.map_err(|error| error.with_provider(PROVIDER)))
                    .boxed()
            }
            Err(error) => stream::iter([Err(error.with_provider(PROVIDER))]).boxed(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn from_variables(variables: &[(&str, &str)]) -> Result<ElevenLabsSpeech> {
        ElevenLabsSpeech::from_lookup(&|name| {
            variables.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned())
        })
    }

    #[test]
    fn voice_and_model_come_from_variables() {
        let (key, voice) = (("ELEVENLABS_API_KEY", "canary-key"), ("ELEVENLABS_VOICE", "vera"));
        let speech = from_variables(&[key, voice]).unwrap();
        assert_eq!((speech.voice.as_str(), speech.model.as_str()), ("vera", DEFAULT_MODEL));
        assert!(!format!("{speech:?}").contains("canary"));
        let speech = from_variables(&[key, voice, ("ELEVENLABS_MODEL", "eleven_v3")]).unwrap();
        assert_eq!(speech.model, "eleven_v3");
        for (variables, named) in [
            (vec![voice], "ELEVENLABS_API_KEY"),
            (vec![key], "ELEVENLABS_VOICE"),
            (vec![key, ("ELEVENLABS_VOICE", "../voices")], "ELEVENLABS_VOICE"),
            (vec![key, voice, ("ELEVENLABS_MODEL", " ")], "ELEVENLABS_MODEL"),
        ] {
            assert_eq!(from_variables(&variables).unwrap_err().field(), Some(named));
        }
    }
}
