//! An utterance on its way: lines of JSON to audio and words.

use base64::Engine as _;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use bytes::Bytes;
use reqwest::RequestBuilder;
use serde_json::Value;
use voicecall_core::model::{AnswerTimeouts, SpeechChunk};
use voicecall_core::{Error, ErrorKind, Result};
use voicecall_net::http::Exchange;

use super::OPERATION;
use super::lines::Lines;
use super::words::Words;
use crate::PROVIDER;
use crate::client::Client;
use crate::failure;
use crate::wire::failure::Failure;
use crate::wire::speech::{Alignment, Line};

/// Base64 with or without its padding.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// An utterance that is being synthesised.
#[derive(Debug)]
pub(super) struct Utterance {
    timeouts: AnswerTimeouts,
    answer: Answer,
}

/// The answer as far as it was read.
#[derive(Debug)]
struct Answer {
    exchange: Exchange<Client>,
    lines: Lines,
    decoder: Decoder,
    is_over: bool,
}

impl Utterance {
    pub(super) fn new(client: Client, request: RequestBuilder, text: &str) -> Self {
        let timeouts = AnswerTimeouts::new(client.timeouts());
        let exchange = Exchange::new(OPERATION, client, request);
        let answer = Answer { exchange, lines: Lines::default(), decoder: Decoder::new(text), is_over: false };
        Self { timeouts, answer }
    }

    /// The next piece of speech and the utterance without it.
    pub(super) async fn step(mut self) -> Result<Option<(SpeechChunk, Self)>> {
        let chunk = self.timeouts.wait(OPERATION, self.answer.next()).await?;
        Ok(chunk.map(|chunk| (chunk, self)))
    }
}

impl Answer {
    async fn next(&mut self) -> Result<Option<SpeechChunk>> {
        loop {
            while let Some(line) = self.lines.next() {
                let chunk = self.decoder.line(&line)?;
                if chunk != SpeechChunk::default() {
                    return Ok(Some(chunk));
                }
            }
            if self.is_over {
                let last = self.decoder.finish()?;
                return Ok((!last.words.is_empty()).then_some(last));
            }
            match self.exchange.chunk().await.map_err(|error| error.with_provider(PROVIDER))? {
                Some(bytes) => self.lines.push(&bytes).map_err(|_| broken("a line is too long"))?,
                None => {
                    self.lines.finish();
                    self.is_over = true;
                }
            }
        }
    }
}

/// What lines mean.
#[derive(Debug)]
struct Decoder {
    words: Words,
    /// How much audio came.
    samples: u64,
}

impl Decoder {
    fn new(text: &str) -> Self {
        Self { words: Words::new(text), samples: 0 }
    }

    /// The audio of a line and the words it completes.
    fn line(&mut self, line: &[u8]) -> Result<SpeechChunk> {
        let line = Line::read(line).ok_or_else(|| broken("a line is no JSON object"))?;
        if let Some(detail) = line.detail {
            return Err(failure::in_stream(OPERATION, &Failure::read(&serde_json::json!({ "detail": detail }))));
        }
        let audio = match line.audio_base64 {
            Value::Null => Bytes::new(),
            Value::String(text) => BASE64.decode(text).map_err(|_| broken("the audio is no base64"))?.into(),
            _ => return Err(broken("the audio is no text")),
        };
        let before = self.samples;
        self.samples += audio.len() as u64;
        let words = match Alignment::read(line.alignment) {
            Some(alignment) => self.words.push(&alignment, before),
            None => {
                if !audio.is_empty() {
                    self.words.miss();
                }
                Vec::new()
            }
        };
        Ok(SpeechChunk { audio, words })
    }

    /// The last words.
    fn finish(&mut self) -> Result<SpeechChunk> {
        if self.samples == 0 {
            let empty = Error::new(ErrorKind::Unavailable, OPERATION).with_code("empty");
            return Err(empty.with_message("the answer holds no sound"));
        }
        Ok(SpeechChunk { audio: Bytes::new(), words: self.words.finish() })
    }
}

fn broken(message: &'static str) -> Error {
    Error::new(ErrorKind::Protocol, OPERATION).with_message(message)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(line: &str) -> Result<SpeechChunk> {
        Decoder::new("Hej du").line(line.as_bytes())
    }

    #[test]
    fn audio_is_passed_on_with_or_without_padding_or_alignment() {
        for line in [
            r#"{"audio_base64":"/4A="}"#,
            r#"{"audio_base64":"/4A","alignment":null,"normalized_alignment":{"characters":["x"]}}"#,
            r#"{"audio_base64":"/4A=","alignment":{"characters":[1]},"more":true}"#,
            r#"{"audio_base64":"/4A=","alignment":"none"}"#,
        ] {
            let chunk = read(line).unwrap();
            assert_eq!((&chunk.audio[..], chunk.words.len()), ([0xFF, 0x80].as_slice(), 0), "{line}");
        }
        assert_eq!(read("{}").unwrap(), SpeechChunk::default());
    }

    #[test]
    fn what_is_no_line_of_speech_is_an_error_of_its_kind() {
        for (line, kind) in [
            ("<html>", ErrorKind::Protocol),
            ("[]", ErrorKind::Protocol),
            (r#"{"audio_base64":"/4A=""#, ErrorKind::Protocol),
            (r#"{"audio_base64":"ö"}"#, ErrorKind::Protocol),
            (r#"{"audio_base64":7}"#, ErrorKind::Protocol),
            (r#"{"detail":{"status":"quota_exceeded","message":"the caller said hello"}}"#, ErrorKind::Rejected),
            (r#"{"detail":{"code":"internal_error"}}"#, ErrorKind::Unavailable),
        ] {
            let error = read(line).unwrap_err();
            assert_eq!(error.kind(), kind, "{line}");
            assert!(!format!("{error:?}").contains("caller said"), "{error:?}");
        }
    }

    proptest! {
        #[test]
        fn no_line_panics(
            line in r#"(\{|\}|\[|\]|"audio_base64"|"alignment"|"characters"|"character_start_times_seconds"|:|,|"/4A="|-?1e[0-9]{1,3}|null|å| ){0,30}"#,
            bytes in prop::collection::vec(any::<u8>(), 0..100),
        ) {
            let mut decoder = Decoder::new("Hej du");
            let _ = decoder.line(line.as_bytes());
            let _ = decoder.line(&bytes);
            let _ = decoder.finish();
        }

        #[test]
        fn no_value_in_a_field_panics(value in r#"(-?[0-9]{1,20}|"[a-z/=]{0,8}"|null|\[\]|\[-?1e30[0-8],"x"\]|\{\})"#) {
            for field in ["audio_base64", "alignment", "detail"] {
                let _ = read(&format!(r#"{{"{field}":{value}}}"#));
            }
            for list in ["characters", "character_start_times_seconds", "character_end_times_seconds"] {
                let _ = read(&format!(r#"{{"alignment":{{"{list}":{value}}}}}"#));
            }
        }
    }
}
