//! `POST /v1/audio/transcriptions`: what the simulated ears make of an upload.

use std::sync::Arc;

use axum::extract::multipart::{Field, MultipartRejection};
use axum::extract::{Multipart, State};
use axum::response::Response;
use bytes::Bytes;
use serde_json::{Value, json};
use tokio::time::Instant;

use super::super::json::check_model;
use super::super::server::Services;
use super::super::{ApiError, Heard, HeardWord};
use super::send;
use crate::delivery::Delivery;
use crate::fault::Site;

pub(super) async fn transcribe(
    State(services): State<Arc<Services>>,
    form: Result<Multipart, MultipartRejection>,
) -> Result<Response, ApiError> {
    let asked = Instant::now();
    let upload = Upload::read(form.map_err(|error| ApiError::malformed(error.body_text()))?).await?;
    let (ears, file) = (Arc::clone(&services), upload.file.clone());
    let heard = tokio::task::spawn_blocking(move || ears.ear.transcribe(&file)).await;
    let heard = heard.map_err(|error| ApiError::server(error.to_string()))??;
    let delivery = Delivery::whole(heard.after, upload.answer(&heard).to_string());
    let delivery = services.deliver(Site::OpenaiTranscription, delivery)?;
    Ok(send("application/json", delivery, asked).await)
}

/// A checked request.
#[derive(Debug, Default)]
struct Upload {
    file: Bytes,
    model: String,
    is_verbose: bool,
    logprobs: bool,
    words: bool,
    segments: bool,
}

impl Upload {
    async fn read(mut form: Multipart) -> Result<Self, ApiError> {
        let mut upload = Self::default();
        let mut has_file = false;
        while let Some(field) = form.next_field().await.map_err(|error| ApiError::malformed(error.body_text()))? {
            let name = field.name().unwrap_or_default().to_owned();
            if name == "file" {
                upload.file = read_file(field).await?;
                has_file = true;
            } else {
                let text = field.text().await.map_err(|error| ApiError::malformed(error.body_text()))?;
                upload.set(&name, &text)?;
            }
        }
        if !has_file {
            return Err(ApiError::missing("file"));
        }
        if upload.model.is_empty() {
            return Err(ApiError::missing("model"));
        }
        upload.check()?;
        Ok(upload)
    }

    fn set(&mut self, name: &str, value: &str) -> Result<(), ApiError> {
        match (name, value) {
            ("model", id) => check_model(id)?.clone_into(&mut self.model),
            ("response_format", "json") | ("stream", "false") => {}
            ("response_format", "verbose_json") => self.is_verbose = true,
            ("response_format", _) => {
                return Err(ApiError::invalid(name, "the simulated ears answer in 'json' and 'verbose_json'"));
            }
            ("include[]", "logprobs") => self.logprobs = true,
            ("timestamp_granularities[]", "word") => self.words = true,
            ("timestamp_granularities[]", "segment") => self.segments = true,
            ("include[]" | "timestamp_granularities[]", _) => {
                return Err(ApiError::invalid(name, format!("Invalid value: '{value}'.")));
            }
            ("stream", _) => return Err(ApiError::invalid(name, "the simulated ears answer whole")),
            ("temperature", number) if !number.parse().is_ok_and(|number: f64| (0.0..=1.0).contains(&number)) => {
                return Err(ApiError::invalid(name, "Expected a number from 0 to 1."));
            }
            // Hints: the simulated ears are neither helped nor misled by them.
            ("language" | "languages[]" | "keywords[]" | "prompt" | "temperature" | "chunking_strategy", _) => {}
            (unknown, _) => return Err(ApiError::unknown_parameter(unknown)),
        }
        Ok(())
    }

    /// Whether the parts fit together, by the rules OpenAI has for its own models.
    fn check(&self) -> Result<(), ApiError> {
        if self.is_verbose && self.model.starts_with("gpt-") {
            let message = format!("response_format 'verbose_json' is not compatible with model '{}'.", self.model);
            return Err(ApiError::invalid("response_format", message));
        }
        if (self.words || self.segments) && !self.is_verbose {
            return Err(ApiError::invalid("timestamp_granularities", "These need response_format 'verbose_json'."));
        }
        if self.logprobs && (self.is_verbose || self.model == "whisper-1") {
            return Err(ApiError::invalid(
                "include",
                "logprobs need response_format 'json' and a model that has them.",
            ));
        }
        Ok(())
    }

    fn answer(&self, heard: &Heard) -> Value {
        let usage = json!({ "type": "duration", "seconds": heard.duration.as_secs_f64().ceil() });
        if self.is_verbose {
            return self.verbose(heard, usage);
        }
        let mut answer = json!({ "text": heard.text(), "usage": usage });
        if self.logprobs {
            answer["logprobs"] = heard.words.iter().enumerate().map(|(index, word)| word.logprob_of(index)).collect();
        }
        answer
    }

    fn verbose(&self, heard: &Heard, usage: Value) -> Value {
        let seconds = heard.duration.as_secs_f64();
        let mut answer = json!({
            "task": "transcribe", "language": "swedish", "duration": seconds, "text": heard.text(), "usage": usage,
        });
        if self.words {
            let word = |word: &HeardWord| json!({ "word": word.text, "start": word.start.as_secs_f64(), "end": word.end.as_secs_f64() });
            answer["words"] = heard.words.iter().map(word).collect();
        }
        if self.segments || !self.words {
            answer["segments"] = segments(heard);
        }
        answer
    }
}

async fn read_file(field: Field<'_>) -> Result<Bytes, ApiError> {
    let has_extension = field.file_name().is_some_and(|name| name.to_ascii_lowercase().ends_with(".wav"));
    if !has_extension {
        return Err(ApiError::invalid("file", "the simulated ears need a file whose name ends in '.wav'"));
    }
    field.bytes().await.map_err(|error| ApiError::malformed(error.body_text()))
}

/// All that was heard as one segment; none if nothing was.
fn segments(heard: &Heard) -> Value {
    let (Some(first), Some(last)) = (heard.words.first(), heard.words.last()) else {
        return json!([]);
    };
    let average = heard.words.iter().map(HeardWord::logprob).sum::<f64>() / heard.words.len() as f64;
    json!([{
        "id": 0,
        "seek": 0,
        "start": first.start.as_secs_f64(),
        "end": last.end.as_secs_f64(),
        "text": heard.text(),
        "tokens": [],
        "temperature": 0.0,
        "avg_logprob": average,
        "compression_ratio": 1.0,
        "no_speech_prob": 0.0,
    }])
}
