//! Speaking with a synthesiser.

mod decoder;
mod recognise;

use bytes::Bytes;
use futures_util::{StreamExt, stream};
use reqwest::RequestBuilder;
use serde_json::{Map, Value};
use voicecall_core::audio::RATES;
use voicecall_core::model::{AnswerTimeouts, ResultStream, SpeechChunk, SpeechOptions, TextToSpeech};
use voicecall_core::{Error, ErrorKind, Result};
use voicecall_net::http::{Connections, Exchange};

use self::decoder::Decoder;
use crate::client::Client;
use crate::endpoint::Endpoint;
use crate::environment::{self, Lookup, SPEECH};
use crate::wire::speech::Request;

const OPERATION: &str = "synthesize";

const DEFAULT_VOICE: &str = "alloy";

/// What is asked for, and in which form the audio comes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum SpeechFormat {
    /// `pcm`: bare 16-bit little-endian mono samples, whose rate the answer does not tell.
    Pcm {
        /// Samples per second.
        hz: u32,
    },
    /// `wav`: the same with a header that tells the rate.
    Wav,
}

impl Default for SpeechFormat {
    /// PCM at 24 kHz, as OpenAI and Kokoro send it.
    fn default() -> Self {
        Self::Pcm { hz: 24000 }
    }
}

/// A synthesiser behind `POST …/audio/speech`.
///
/// The request is sent once, when the stream is first pulled. The answer is read as it is pulled, converted to the
/// telephone's mu-law piece by piece; dropping the stream closes the connection. There are no word timings, and the
/// language of the options is not sent, as the protocol has no field for it.
///
/// OpenAI itself ends this service on 2027-01-06, without a model to follow on it. Compatible servers go on.
///
/// What comes is told by its bytes. WAV files are played whatever was asked for, also several behind each other, with
/// any common layout of samples and at any of the [rates](voicecall_core::audio::RATES).
///
/// The stream ends in an error: `Timeout`, `Unavailable` if it breaks off, `Protocol` if what comes is neither PCM nor
/// WAV, `Unsupported` for a WAV file of compressed samples or an unknown rate, and whatever kind a failure of the server
/// has.
#[derive(Debug, Clone)]
pub struct OpenAiSpeech {
    client: Client,
    voice: String,
    format: SpeechFormat,
    extra: Map<String, Value>,
}

impl OpenAiSpeech {
    /// The synthesiser of `endpoint`, with the voice `alloy` and PCM at 24 kHz.
    ///
    /// # Errors
    /// `Config` if the key cannot be sent or the machine has no root certificates for an `https` address.
    pub fn new(endpoint: Endpoint) -> Result<Self> {
        if endpoint.is_openai() {
            tracing::warn!("OpenAI ends its speech service on 2027-01-06: configure another server for speech");
        }
        let client = Client::new(endpoint, &["audio", "speech"], Connections::OnePerAnswer)?;
        Ok(Self { client, voice: DEFAULT_VOICE.to_owned(), format: SpeechFormat::default(), extra: Map::new() })
    }

    /// The synthesiser that the environment names; see the front page for the variables.
    ///
    /// # Errors
    /// `Config` that names the variable.
    pub fn from_env() -> Result<Self> {
        Self::from_lookup(&environment::process)
    }

    pub(crate) fn from_lookup(lookup: Lookup<'_>) -> Result<Self> {
        let mut speech = Self::new(SPEECH.endpoint(lookup)?)?;
        if let Some(voice) = SPEECH.variable("VOICE", lookup) {
            speech = speech.with_voice(voice);
        }
        let Some(format) = SPEECH.variable("FORMAT", lookup) else { return Ok(speech) };
        let wrong = || Error::config(SPEECH.variable_name("FORMAT"), "wav, pcm, or pcm_ and a rate such as pcm_22050");
        let format = match format.as_str() {
            "wav" => SpeechFormat::Wav,
            "pcm" => SpeechFormat::default(),
            other => {
                let hz = other.strip_prefix("pcm_").and_then(|hz| hz.parse().ok()).ok_or_else(wrong)?;
                SpeechFormat::Pcm { hz }
            }
        };
        speech.with_format(format).map_err(|_| wrong())
    }

    /// Replaces the voice of whoever names none.
    #[must_use]
    pub fn with_voice(mut self, voice: impl Into<String>) -> Self {
        self.voice = voice.into();
        self
    }

    /// Replaces the form in which the audio comes.
    ///
    /// # Errors
    /// `Config` for PCM whose rate is not one of [`RATES`](voicecall_core::audio::RATES).
    pub fn with_format(mut self, format: SpeechFormat) -> Result<Self> {
        if let SpeechFormat::Pcm { hz } = format
            && !RATES.contains(&hz)
        {
            return Err(Error::config("format", "a rate the resampler knows"));
        }
        self.format = format;
        Ok(self)
    }

    /// Sends one more field with every request, such as `speed`, `instructions`, `lang_code`, or `sample_rate` for a
    /// server that takes it; it replaces a field of the same name.
    #[must_use]
    pub fn with_extra(mut self, field: impl Into<String>, value: impl Into<Value>) -> Self {
        self.extra.insert(field.into(), value.into());
        self
    }

    fn request(&self, input: &str, options: &SpeechOptions) -> Result<RequestBuilder> {
        let body = Request {
            model: self.client.model(),
            input,
            voice: options.voice.as_deref().unwrap_or(&self.voice),
            response_format: match self.format {
                SpeechFormat::Pcm { .. } => "pcm",
                SpeechFormat::Wav => "wav",
            },
        };
        let mut body = serde_json::to_value(body)
            .map_err(|error| Error::new(ErrorKind::Internal, OPERATION).with_source(error))?;
        if let Some(fields) = body.as_object_mut() {
            fields.extend(self.extra.clone());
        }
        Ok(self.client.post().json(&body))
    }
}

impl TextToSpeech for OpenAiSpeech {
    fn name(&self) -> &'static str {
        self.client.name()
    }

    fn synthesize(&self, text: String, options: &SpeechOptions) -> ResultStream<SpeechChunk> {
        let client = self.client.clone();
        match self.request(&text, options) {
            Ok(request) => stream::try_unfold(Utterance::new(client.clone(), request, self.format), Utterance::step)
                .map(move |chunk| chunk.map_err(|error| client.name_in(error)))
                .boxed(),
            Err(error) => stream::iter([Err(client.name_in(error))]).boxed(),
        }
    }
}

/// An utterance on its way.
#[derive(Debug)]
struct Utterance {
    timeouts: AnswerTimeouts,
    exchange: Exchange<Client>,
    format: SpeechFormat,
    /// Absent before the answer begins.
    decoder: Option<Decoder>,
    is_over: bool,
}

impl Utterance {
    fn new(client: Client, request: RequestBuilder, format: SpeechFormat) -> Self {
        let timeouts = AnswerTimeouts::new(client.timeouts());
        let exchange = Exchange::new(OPERATION, client, request);
        Self { timeouts, exchange, format, decoder: None, is_over: false }
    }

    /// The next piece of audio and the utterance without it.
    async fn step(mut self) -> Result<Option<(SpeechChunk, Self)>> {
        let Self { timeouts, exchange, format, decoder, is_over } = &mut self;
        let audio = timeouts.wait(OPERATION, next_audio(exchange, *format, decoder, is_over)).await?;
        Ok(audio.map(|audio| (SpeechChunk { audio, words: Vec::new() }, self)))
    }
}

async fn next_audio(
    exchange: &mut Exchange<Client>,
    format: SpeechFormat,
    decoder: &mut Option<Decoder>,
    is_over: &mut bool,
) -> Result<Option<Bytes>> {
    let mut codes = Vec::new();
    while !*is_over {
        let playing = match decoder {
            Some(playing) => playing,
            None => decoder.insert(Decoder::new(format, may_be_pcm(exchange.content_type().await?))),
        };
        match exchange.chunk().await? {
            Some(bytes) => playing.process(&bytes, &mut codes)?,
            None => {
                playing.finish(&mut codes)?;
                *is_over = true;
            }
        }
        if !codes.is_empty() {
            return Ok(Some(codes.into()));
        }
    }
    Ok(None)
}

/// Whether a server's word for its answer may mean bare samples, which have no mark of their own. It may also be no word.
fn may_be_pcm(content_type: &str) -> bool {
    let content_type = content_type.to_ascii_lowercase();
    let is_telephone = content_type.contains("pcmu") || content_type.contains("pcma");
    let names = ["pcm", "l16", "raw", "s16", "octet-stream", "wav", "*"];
    content_type.trim().is_empty() || (!is_telephone && names.iter().any(|name| content_type.contains(name)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn from_format(format: &'static str) -> Result<OpenAiSpeech> {
        OpenAiSpeech::from_lookup(&|name| match name {
            "VOICECALL_SPEECH_BASE_URL" => Some("http://localhost:8880/v1".to_owned()),
            "VOICECALL_SPEECH_VOICE" => Some("af_heart".to_owned()),
            "VOICECALL_SPEECH_FORMAT" => Some(format.to_owned()),
            _ => None,
        })
    }

    #[test]
    fn voice_and_format_come_from_variables() {
        for (text, format) in [
            ("wav", SpeechFormat::Wav),
            ("pcm", SpeechFormat::default()),
            ("pcm_22050", SpeechFormat::Pcm { hz: 22050 }),
        ] {
            let speech = from_format(text).unwrap();
            assert_eq!((speech.voice.as_str(), speech.format), ("af_heart", format));
        }
        for wrong in ["mp3", "pcm_", "pcm_11025"] {
            assert_eq!(from_format(wrong).unwrap_err().field(), Some("VOICECALL_SPEECH_FORMAT"), "{wrong}");
        }
    }
}
