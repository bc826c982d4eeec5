//! Hearing with a transcriber that takes a whole file per turn.

use futures_core::stream::BoxStream;
use futures_util::{StreamExt, stream};
use reqwest::multipart::{Form, Part};
use voicecall_core::audio::{FRAME_SAMPLES, Frame, Resampler, SAMPLE_RATE};
use voicecall_core::model::{AnswerTimeouts, ResultStream, SpeechToText, Transcript, TranscriptionOptions};
use voicecall_core::{Error, ErrorKind, Result};
use voicecall_net::http::{Connections, Service};

use crate::client::Client;
use crate::endpoint::Endpoint;
use crate::environment::{self, Lookup, TRANSCRIPTION};
use crate::wav;
use crate::wire::json;
use crate::wire::transcription::Answer;

const OPERATION: &str = "transcribe";

/// Shorter audio is refused by OpenAI, and holds no word: 100 ms.
const MIN_SAMPLES: usize = 5 * FRAME_SAMPLES;

/// Longer turns would not fit into OpenAI's 25 MB at 16 kHz: 10 minutes.
const MAX_SAMPLES: usize = 10 * 60 * SAMPLE_RATE as usize;

/// The most keywords OpenAI takes.
const MAX_KEYWORDS: usize = 100;

/// The fields that tell a server what to expect.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum HintFields {
    /// `languages[]` and `keywords[]`, as `gpt-transcribe` takes them.
    Lists,
    /// `language` and `prompt`, as whisper and the servers around it take them.
    Whisper,
}

/// What is asked for in return.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum TranscriptFormat {
    /// `json`: the text, and little else.
    Json,
    /// `verbose_json`: also the segments, from which a confidence is worked out. Whisper and its kin only.
    VerboseJson,
}

/// What a transcription server understands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TranscriptionDialect {
    hints: HintFields,
    format: TranscriptFormat,
    logprobs: bool,
}

impl TranscriptionDialect {
    /// OpenAI's own, for `gpt-transcribe`.
    #[must_use]
    pub fn openai() -> Self {
        Self { hints: HintFields::Lists, format: TranscriptFormat::Json, logprobs: false }
    }

    /// What nearly every compatible server takes.
    #[must_use]
    pub fn compatible() -> Self {
        Self { hints: HintFields::Whisper, ..Self::openai() }
    }

    /// Replaces the fields for the expected language and words.
    #[must_use]
    pub fn with_hints(mut self, hints: HintFields) -> Self {
        self.hints = hints;
        self
    }

    /// Replaces what is asked for in return.
    #[must_use]
    pub fn with_format(mut self, format: TranscriptFormat) -> Self {
        self.format = format;
        self
    }

    /// Says whether token probabilities are asked for, by `include[]`; from them a confidence is worked out.
    #[must_use]
    pub fn with_logprobs(mut self, logprobs: bool) -> Self {
        self.logprobs = logprobs;
        self
    }
}

/// A transcriber behind `POST …/audio/transcriptions`.
///
/// A turn is collected to its end, at most 10 minutes of it, and sent once as a WAV file; it has one transcript, the
/// final one. Less than 100 ms of audio is a transcript without text, for which nobody is asked.
///
/// The stream ends in an error: `Timeout`, `Unavailable`, `Protocol` if what comes is not a transcript, `Invalid` for
/// a turn that is too long, and whatever kind a failure of the server has.
#[derive(Debug, Clone)]
pub struct OpenAiTranscription {
    client: Client,
    dialect: TranscriptionDialect,
    sample_rate: u32,
    extra: Vec<(String, String)>,
}

impl OpenAiTranscription {
    /// The transcriber of `endpoint`. The dialect is OpenAI's for its own hosts, else the compatible one.
    ///
    /// # Errors
    /// `Config` if the key cannot be sent or the machine has no root certificates for an `https` address.
    pub fn new(endpoint: Endpoint) -> Result<Self> {
        let dialect =
            if endpoint.is_openai() { TranscriptionDialect::openai() } else { TranscriptionDialect::compatible() };
        let client = Client::new(endpoint, &["audio", "transcriptions"], Connections::Shared)?;
        Ok(Self { client, dialect, sample_rate: SAMPLE_RATE, extra: Vec::new() })
    }

    /// The transcriber that the environment names; see the front page for the variables.
    ///
    /// # Errors
    /// `Config` that names the variable.
    pub fn from_env() -> Result<Self> {
        Self::from_lookup(&environment::process)
    }

    pub(crate) fn from_lookup(lookup: Lookup<'_>) -> Result<Self> {
        let transcription = Self::new(TRANSCRIPTION.endpoint(lookup)?)?;
        match TRANSCRIPTION.dialect(lookup)? {
            Some(environment::Dialect::OpenAi) => Ok(transcription.with_dialect(TranscriptionDialect::openai())),
            Some(environment::Dialect::Compatible) => {
                Ok(transcription.with_dialect(TranscriptionDialect::compatible()))
            }
            None => Ok(transcription),
        }
    }

    /// Replaces what the server is assumed to understand.
    #[must_use]
    pub fn with_dialect(mut self, dialect: TranscriptionDialect) -> Self {
        self.dialect = dialect;
        self
    }

    /// Sends files of `hz` samples per second instead of 8000, for a server that does not convert by itself. It hears
    /// no more by that.
    ///
    /// # Errors
    /// `Config` if it is not one of [`RATES`](voicecall_core::audio::RATES).
    pub fn with_sample_rate(mut self, hz: u32) -> Result<Self> {
        Resampler::new(SAMPLE_RATE, hz).map_err(|error| wrong_rate().with_source(error))?;
        self.sample_rate = hz;
        Ok(self)
    }

    /// Sends one more field with every request, such as `temperature`.
    #[must_use]
    pub fn with_extra(mut self, field: impl Into<String>, value: impl Into<String>) -> Self {
        self.extra.push((field.into(), value.into()));
        self
    }

    async fn turn(&self, audio: BoxStream<'static, Frame>, options: TranscriptionOptions) -> Result<Transcript> {
        let samples = collect(audio).await?;
        if samples.len() < MIN_SAMPLES {
            return Ok(Transcript { text: String::new(), confidence: None, language: None, is_final: true });
        }
        let request = self.client.post().multipart(self.form(&samples, &options)?);
        let body = AnswerTimeouts::new(self.client.timeouts())
            .wait(OPERATION, async {
                let response = self.client.send(OPERATION, request).await?;
                self.client.read(OPERATION, response).await
            })
            .await?;
        let answer = json::read(&String::from_utf8_lossy(&body)).and_then(serde_json::from_value);
        let answer: Answer = answer.map_err(|error| {
            Error::new(ErrorKind::Protocol, OPERATION).with_message("not a transcript").with_source(error)
        })?;
        Ok(Transcript {
            text: answer.text.trim().to_owned(),
            confidence: answer.confidence(),
            language: answer.language(),
            is_final: true,
        })
    }

    fn form(&self, samples: &[i16], options: &TranscriptionOptions) -> Result<Form> {
        let file = Part::bytes(self.file(samples)?)
            .file_name("turn.wav")
            .mime_str("audio/wav")
            .map_err(|error| Error::new(ErrorKind::Internal, OPERATION).with_source(error))?;
        let format = match self.dialect.format {
            TranscriptFormat::Json => "json",
            TranscriptFormat::VerboseJson => "verbose_json",
        };
        let mut form = Form::new().text("model", self.client.model().to_owned()).text("response_format", format);
        let (language, keywords) = (options.language.clone(), keywords(options));
        match self.dialect.hints {
            HintFields::Lists => {
                form = language.into_iter().fold(form, |form, language| form.text("languages[]", language));
                form = keywords.into_iter().fold(form, |form, keyword| form.text("keywords[]", keyword));
            }
            HintFields::Whisper => {
                form = language.into_iter().fold(form, |form, language| form.text("language", language));
                if !keywords.is_empty() {
                    form = form.text("prompt", keywords.join(", "));
                }
            }
        }
        if self.dialect.logprobs {
            form = form.text("include[]", "logprobs");
        }
        let form = self.extra.iter().fold(form, |form, (field, value)| form.text(field.clone(), value.clone()));
        Ok(form.part("file", file))
    }

    fn file(&self, samples: &[i16]) -> Result<Vec<u8>> {
        if self.sample_rate == SAMPLE_RATE {
            return Ok(wav::write(samples, SAMPLE_RATE));
        }
        let mut resampler =
            Resampler::new(SAMPLE_RATE, self.sample_rate).map_err(|error| wrong_rate().with_source(error))?;
        let mut wide = Vec::new();
        resampler.process(samples, &mut wide);
        resampler.flush(&mut wide);
        Ok(wav::write(&wide, self.sample_rate))
    }
}

impl SpeechToText for OpenAiTranscription {
    fn name(&self) -> &'static str {
        self.client.name()
    }

    fn transcribe(&self, audio: BoxStream<'static, Frame>, options: &TranscriptionOptions) -> ResultStream<Transcript> {
        let (this, options) = (self.clone(), options.clone());
        stream::once(async move { this.turn(audio, options).await.map_err(|error| this.client.name_in(error)) }).boxed()
    }
}

async fn collect(mut audio: BoxStream<'static, Frame>) -> Result<Vec<i16>> {
    let mut samples = Vec::new();
    while let Some(frame) = audio.next().await {
        if samples.len() >= MAX_SAMPLES {
            return Err(Error::new(ErrorKind::Invalid, OPERATION)
                .with_field("audio")
                .with_message("a turn of at most 10 minutes"));
        }
        samples.extend(frame.decode());
    }
    Ok(samples)
}

/// The keywords that OpenAI takes; for one it does not like it refuses the whole request.
fn keywords(options: &TranscriptionOptions) -> Vec<String> {
    let fits = |keyword: &&str| !keyword.is_empty() && !keyword.contains(['\n', '\r', '<', '>']);
    let keywords = options.keywords.iter().map(|keyword| keyword.trim()).filter(fits);
    keywords.take(MAX_KEYWORDS).map(str::to_owned).collect()
}

fn wrong_rate() -> Error {
    Error::config("sample_rate", "a rate the resampler knows")
}
