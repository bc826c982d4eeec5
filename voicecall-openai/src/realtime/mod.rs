//! Speech to speech over the Realtime API.

mod connection;
mod translation;

use std::sync::Arc;

use async_trait::async_trait;
use reqwest::header::{AUTHORIZATION, HeaderMap, HeaderValue};
use tokio::time::timeout;
use voicecall_core::agent::Realtime;
use voicecall_core::model::{RealtimeConnection, RealtimeModel, RealtimeOptions, Timeouts};
use voicecall_core::{Error, ErrorKind, Result};
use voicecall_net::websocket::Connector;

use crate::cascade;
use crate::client::login;
use crate::endpoint::Endpoint;
use crate::environment::{self, Lookup, REALTIME};
use crate::wire::realtime::session::Setup;

const OPERATION: &str = "realtime";

const DEFAULT_VOICE: &str = "marin";
const DEFAULT_TRANSCRIPTION_MODEL: &str = "gpt-transcribe";

/// The longest message that is read, in bytes: a second of sound in one is a hundredth of it.
const LONGEST_MESSAGE: usize = 1 << 20;

/// By which names a server speaks the protocol.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum RealtimeShape {
    /// Those of today, as OpenAI itself does.
    Current,
    /// Those of the beta that OpenAI has ended, as some compatible servers do.
    Beta,
}

/// A model that hears and speaks, behind the WebSocket `…/realtime`.
///
/// Sound is mu-law both ways, as telephones have it, and passed through as it is. The caller's words are written down by a
/// transcription model at the same socket. Turns and barge-in are decided by whoever asks: the server's own detection is off. A
/// session ends after an hour at OpenAI; to its conversation that is a lost connection like any other.
///
/// What an answer may be long is told in tokens of text; the server's own count, in which a second of sound is twenty, is set to six times
/// as many.
///
/// Connecting fails as `Timeout`, `Unavailable`, `Protocol` if what answers is not the protocol, and by whatever kind a refusal has.
#[derive(Debug, Clone)]
pub struct OpenAiRealtime {
    endpoint: Arc<Endpoint>,
    connector: Connector,
    headers: HeaderMap,
    shape: RealtimeShape,
    transcription_model: String,
    voice: String,
    noise_reduction: Option<&'static str>,
    reasoning_effort: Option<String>,
}

/// What noise is taken out of the caller's audio before it is heard.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum NoiseReduction {
    /// That of a handset or headset.
    Near,
    /// That of a room.
    Far,
}

impl OpenAiRealtime {
    /// A model at this endpoint, with the shape of today, the voice `marin` and the words written down by `gpt-transcribe`.
    ///
    /// # Errors
    /// `Config` if the key cannot be sent, or there are no certificates to verify the server with.
    pub fn new(endpoint: Endpoint) -> Result<Self> {
        let connector = Connector::new(endpoint.address().is_encrypted(), LONGEST_MESSAGE)?;
        let headers = login(&endpoint)?.into_iter().map(|login| (AUTHORIZATION, login)).collect();
        Ok(Self {
            endpoint: Arc::new(endpoint),
            connector,
            headers,
            shape: RealtimeShape::Current,
            transcription_model: DEFAULT_TRANSCRIPTION_MODEL.to_owned(),
            voice: DEFAULT_VOICE.to_owned(),
            noise_reduction: None,
            reasoning_effort: None,
        })
    }

    /// The model that the environment describes; see the front page for the variables.
    ///
    /// # Errors
    /// `Config` whose field names the variable that is missing or wrong.
    pub fn from_env() -> Result<Self> {
        Self::from_lookup(&environment::process)
    }

    fn from_lookup(lookup: Lookup<'_>) -> Result<Self> {
        let mut model = Self::new(REALTIME.endpoint(lookup)?)?;
        match REALTIME.variable("SHAPE", lookup).as_deref() {
            None | Some("current") => {}
            Some("beta") => model = model.with_shape(RealtimeShape::Beta),
            Some(_) => return Err(Error::config(REALTIME.variable_name("SHAPE"), "current or beta")),
        }
        if let Some(transcription) = REALTIME.variable("TRANSCRIPTION_MODEL", lookup) {
            model = model.with_transcription_model(transcription);
        }
        if let Some(voice) = REALTIME.variable("VOICE", lookup) {
            model = model.with_voice(voice);
        }
        if let Some(effort) = REALTIME.variable("REASONING_EFFORT", lookup) {
            model = model.with_reasoning_effort(effort);
        }
        Ok(model)
    }

    /// Replaces the names by which the server speaks the protocol.
    #[must_use]
    pub fn with_shape(mut self, shape: RealtimeShape) -> Self {
        self.shape = shape;
        if shape == RealtimeShape::Beta {
            self.headers.insert("openai-beta", HeaderValue::from_static("realtime=v1"));
        } else {
            self.headers.remove("openai-beta");
        }
        self
    }

    /// Replaces the model that writes down what the caller says.
    #[must_use]
    pub fn with_transcription_model(mut self, model: impl Into<String>) -> Self {
        self.transcription_model = model.into();
        self
    }

    /// Replaces the voice of calls that name none.
    #[must_use]
    pub fn with_voice(mut self, voice: impl Into<String>) -> Self {
        self.voice = voice.into();
        self
    }

    /// Has noise taken out of the caller's audio. Telephone lines do so themselves, so it is off unless told otherwise.
    #[must_use]
    pub const fn with_noise_reduction(mut self, noise: NoiseReduction) -> Self {
        self.noise_reduction = Some(match noise {
            NoiseReduction::Near => "near_field",
            NoiseReduction::Far => "far_field",
        });
        self
    }

    /// Sets how much a reasoning model thinks before it speaks, such as `minimal`. Other models refuse the setting.
    #[must_use]
    pub fn with_reasoning_effort(mut self, effort: impl Into<String>) -> Self {
        self.reasoning_effort = Some(effort.into());
        self
    }

    fn timeouts(&self) -> Timeouts {
        self.endpoint.timeouts()
    }
}

#[async_trait]
impl RealtimeModel for OpenAiRealtime {
    fn name(&self) -> &'static str {
        self.endpoint.name()
    }

    async fn connect(&self, options: &RealtimeOptions) -> Result<RealtimeConnection> {
        let mut url = self.endpoint.address().socket_at(&["realtime"]);
        url.query_pairs_mut().append_pair("model", self.endpoint.model());
        let setup = Setup {
            transcription_model: &self.transcription_model,
            expected: &options.transcription,
            voice: options.speech.voice.as_deref().unwrap_or(&self.voice),
            noise_reduction: self.noise_reduction,
            reasoning_effort: self.reasoning_effort.as_deref(),
        };
        let limit = self.timeouts().connect;
        let update = setup.update(self.shape);
        let opening = connection::open(&self.connector, &url, self.headers.clone(), &update);
        let opened = timeout(limit, opening).await.unwrap_or_else(|_| {
            let message = format!("no session within {limit:?}");
            Err(Error::new(ErrorKind::Timeout, OPERATION).with_message(message))
        });
        let connected =
            opened.map(|socket| connection::connected(socket, self.shape, self.timeouts().stall, self.name()));
        connected.map_err(|error| error.with_provider(self.name()))
    }
}

/// The agent of a speech-to-speech model and the cascade at its side, as the environment names them; see the front page for the
/// variables.
///
/// # Errors
/// `Config` whose field names every variable that is missing or wrong, once each.
pub fn realtime_from_env() -> Result<Arc<Realtime>> {
    from_lookup(&environment::process)
}

fn from_lookup(lookup: Lookup<'_>) -> Result<Arc<Realtime>> {
    match (OpenAiRealtime::from_lookup(lookup), cascade::from_lookup(lookup)) {
        (Ok(model), Ok(cascade)) => Ok(Arc::new(Realtime::new(Arc::new(model), Arc::unwrap_or_clone(cascade)))),
        (model, cascade) => Err(cascade::joined([model.err(), cascade.err()].into_iter().flatten().collect())),
    }
}

#[cfg(test)]
mod tests {
    use voicecall_core::agent::VoiceAgent;
    use voicecall_core::model::ServiceHealth;

    use super::*;

    fn build(variables: &[(&str, &str)]) -> Result<Arc<Realtime>> {
        from_lookup(&|name| variables.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned()))
    }

    #[test]
    fn one_key_is_enough() {
        let services = build(&[("OPENAI_API_KEY", "sk")]).unwrap().services();
        let names: Vec<_> = services.iter().map(ServiceHealth::name).collect();
        assert_eq!(names, ["realtime", "transcription", "chat", "speech"]);
    }

    #[test]
    fn everything_that_is_missing_or_wrong_is_named_at_once() {
        assert_eq!(build(&[]).unwrap_err().field(), Some("OPENAI_API_KEY"));
        let wrong =
            [("OPENAI_API_KEY", "sk"), ("VOICECALL_REALTIME_SHAPE", "alpha"), ("VOICECALL_SPEECH_FORMAT", "mp3")];
        assert_eq!(build(&wrong).unwrap_err().field(), Some("VOICECALL_REALTIME_SHAPE, VOICECALL_SPEECH_FORMAT"));
    }

    #[test]
    fn the_beta_is_asked_for_by_its_header_alone() {
        let model = OpenAiRealtime::new(Endpoint::openai("sk-canary", "m").unwrap()).unwrap();
        assert!(!model.headers.contains_key("openai-beta"));
        assert!(!format!("{model:?}").contains("canary"));
        let beta = model.with_shape(RealtimeShape::Beta);
        assert!(beta.headers.contains_key("openai-beta"));
        assert!(!beta.with_shape(RealtimeShape::Current).headers.contains_key("openai-beta"));
    }
}
