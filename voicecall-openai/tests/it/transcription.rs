//! Transcription: the form on the wire, the transcript, and how it can go wrong.

use futures_util::{StreamExt, stream};
use serde_json::{Value, json};
use voicecall_core::audio::Frame;
use voicecall_core::model::{SpeechToText, Transcript, TranscriptionOptions};
use voicecall_core::{ErrorKind, Result};
use voicecall_openai::{OpenAiTranscription, TranscriptFormat, TranscriptionDialect};

use crate::server::{End, MOMENT, Seen, Server, status, streamed};

pub(crate) fn loud() -> Frame {
    Frame::encode(&[8000; 160])
}

fn options() -> TranscriptionOptions {
    let keywords = ["Pineapple", " Västerås ", "<b>", "two\nlines", ""].map(str::to_owned).to_vec();
    TranscriptionOptions { language: Some("sv".into()), keywords }
}

async fn transcribe(ear: &OpenAiTranscription, frames: usize) -> Result<Transcript> {
    let turn = stream::iter(std::iter::repeat_n(loud(), frames)).boxed();
    let mut transcripts = ear.transcribe(turn, &options());
    let transcript = transcripts.next().await.unwrap();
    assert!(transcripts.next().await.is_none(), "one turn has one transcript");
    transcript
}

/// What is understood when a server answers so.
async fn outcome_of(body: Value) -> Result<Transcript> {
    let server = Server::start(move || status(200, body.to_string())).await;
    transcribe(&OpenAiTranscription::new(server.endpoint())?, 25).await
}

/// The fields of a form in order, each with its headers.
fn fields(seen: &Seen) -> Vec<(String, Vec<u8>)> {
    let boundary = seen.header("content-type").unwrap().strip_prefix("multipart/form-data; boundary=").unwrap();
    let body = [b"\r\n", seen.body.as_ref()].concat();
    let delimiter = format!("\r\n--{boundary}").into_bytes();
    let mut fields = Vec::new();
    let mut rest = &body[delimiter.len()..];
    while !rest.starts_with(b"--") {
        let length = rest.windows(delimiter.len()).position(|window| window == delimiter).unwrap();
        let (field, next) = rest.split_at(length);
        let headers = field.windows(4).position(|window| window == b"\r\n\r\n").unwrap();
        fields.push((String::from_utf8(field[2..headers].to_vec()).unwrap(), field[headers + 4..].to_vec()));
        rest = &next[delimiter.len()..];
    }
    fields
}

fn text_field(name: &str, value: &str) -> (String, Vec<u8>) {
    (format!("Content-Disposition: form-data; name=\"{name}\""), value.as_bytes().to_vec())
}

/// The fields that are sent, and the file apart from them.
async fn sent(change: impl FnOnce(OpenAiTranscription) -> OpenAiTranscription) -> (Vec<(String, Vec<u8>)>, Vec<u8>) {
    let server = Server::start(|| status(200, r#"{"text":"ja"}"#)).await;
    let ear = change(OpenAiTranscription::new(server.endpoint()).unwrap());
    transcribe(&ear, 25).await.unwrap();
    let seen = server.only_request();
    assert_eq!(seen.path, "/prefix/v1/audio/transcriptions");
    assert_eq!(seen.header("authorization"), Some("Bearer sk-test"));
    let mut fields = fields(&seen);
    let (headers, file) = fields.pop().unwrap();
    assert_eq!(
        headers,
        "Content-Disposition: form-data; name=\"file\"; filename=\"turn.wav\"\r\nContent-Type: audio/wav"
    );
    (fields, file)
}

#[tokio::test]
async fn a_compatible_server_gets_language_and_prompt() {
    let (fields, _) = sent(|ear| ear).await;
    assert_eq!(
        fields,
        [
            text_field("model", "test-model"),
            text_field("response_format", "json"),
            text_field("language", "sv"),
            text_field("prompt", "Pineapple, Västerås"),
        ]
    );
}

#[tokio::test]
async fn openai_gets_lists_without_the_keywords_it_refuses() {
    let (fields, _) = sent(|ear| ear.with_dialect(TranscriptionDialect::openai())).await;
    assert_eq!(
        fields,
        [
            text_field("model", "test-model"),
            text_field("response_format", "json"),
            text_field("languages[]", "sv"),
            text_field("keywords[]", "Pineapple"),
            text_field("keywords[]", "Västerås"),
        ]
    );
}

#[tokio::test]
async fn details_are_asked_for_only_if_wanted() {
    let dialect = TranscriptionDialect::compatible().with_format(TranscriptFormat::VerboseJson).with_logprobs(true);
    let (fields, _) = sent(|ear| ear.with_dialect(dialect).with_extra("temperature", "0")).await;
    assert!(fields.contains(&text_field("response_format", "verbose_json")));
    assert!(fields.contains(&text_field("include[]", "logprobs")));
    assert!(fields.contains(&text_field("temperature", "0")));
}

#[tokio::test]
async fn the_turn_is_one_wav_file_at_either_rate() {
    let (_, file) = sent(|ear| ear).await;
    let samples: Vec<u8> = (0..25).flat_map(|_| loud().decode()).flat_map(i16::to_le_bytes).collect();
    assert_eq!(&file[..4], b"RIFF");
    assert_eq!(file[24..28], 8000_u32.to_le_bytes());
    assert_eq!(file[44..], samples);

    let (_, file) = sent(|ear| ear.with_sample_rate(16000).unwrap()).await;
    assert_eq!(file[24..28], 16000_u32.to_le_bytes());
    assert_eq!(file.len(), 44 + 2 * samples.len());
}

#[test]
fn an_unknown_sample_rate_is_refused() {
    let endpoint = voicecall_openai::Endpoint::new("http://localhost", "m").unwrap();
    let error = OpenAiTranscription::new(endpoint).unwrap().with_sample_rate(11025).unwrap_err();
    assert_eq!((error.kind(), error.field()), (ErrorKind::Config, Some("sample_rate")));
}

#[tokio::test]
async fn a_transcript_has_what_the_server_tells() {
    let transcript = |text: &str, confidence, language: Option<&str>| Transcript {
        text: text.into(),
        confidence,
        language: language.map(Into::into),
        is_final: true,
    };
    for (body, expected) in [
        (json!({"text": " Ja tack.\n"}), transcript("Ja tack.", None, None)),
        (json!({"text": ""}), transcript("", None, None)),
        (json!({"text": "ja", "languages": [{"code": "sv"}], "usage": {}}), transcript("ja", None, Some("sv"))),
        (json!({"text": "ja", "logprobs": [{"logprob": 0.0}]}), transcript("ja", Some(1.0), None)),
        (
            json!({"text": "ja", "language": "swedish", "segments": [{"start": 0, "end": 1, "avg_logprob": 0.0}]}),
            transcript("ja", Some(1.0), None),
        ),
    ] {
        assert_eq!(outcome_of(body.clone()).await.unwrap(), expected, "{body}");
    }
}

#[tokio::test]
async fn a_strange_detail_does_not_cost_the_transcript() {
    for body in [
        r#"{"text":" Ja.","segments":[{"start":null,"end":null,"avg_logprob":-0.1}]}"#,
        r#"{"text":" Ja.","segments":[{"start":"0.00","end":"1.00","avg_logprob":-0.1}]}"#,
        r#"{"text":" Ja.","segments":{},"languages":["sv"]}"#,
        r#"{"text":" Ja.","logprobs":{},"language":7}"#,
        r#"{"text":" Ja.","segments":[{"start":0.0,"end":1.0,"avg_logprob":NaN}]}"#,
    ] {
        let server = Server::start(move || status(200, body)).await;
        let transcript = transcribe(&OpenAiTranscription::new(server.endpoint()).unwrap(), 25).await.unwrap();
        assert_eq!(transcript.text, "Ja.", "{body}");
    }
}

#[tokio::test]
async fn nobody_is_asked_about_a_turn_too_short_to_hold_a_word() {
    let server = Server::start(|| status(200, r#"{"text":"Thank you for watching"}"#)).await;
    let ear = OpenAiTranscription::new(server.endpoint()).unwrap();
    let transcript = transcribe(&ear, 4).await.unwrap();
    assert_eq!((transcript.text.as_str(), transcript.is_final, server.requests()), ("", true, 0));
    transcribe(&ear, 5).await.unwrap();
    assert_eq!(server.requests(), 1);
}

#[tokio::test]
async fn a_turn_beyond_ten_minutes_is_refused() {
    let server = Server::start(|| status(200, r#"{"text":"ja"}"#)).await;
    let ear = OpenAiTranscription::new(server.endpoint()).unwrap();
    let error = transcribe(&ear, usize::MAX).await.unwrap_err();
    assert_eq!((error.kind(), error.field(), server.requests()), (ErrorKind::Invalid, Some("audio"), 0));
}

#[tokio::test]
async fn garbage_is_an_error() {
    for body in ["", "ja", "[]", r#"{"language":"sv"}"#, r#"{"text":null}"#] {
        let server = Server::start(move || status(200, body)).await;
        let error = transcribe(&OpenAiTranscription::new(server.endpoint()).unwrap(), 25).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Protocol, "{body:?}");
    }
}

#[tokio::test]
async fn an_endless_transcript_is_given_up() {
    let endless = || {
        let chunk = vec![b' '; 64 * 1024];
        let body = stream::repeat_with(move || Ok::<_, std::io::Error>(chunk.clone()));
        status(200, axum::body::Body::from_stream(body))
    };
    let server = Server::start(endless).await;
    let error = transcribe(&OpenAiTranscription::new(server.endpoint()).unwrap(), 25).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Protocol);
}

#[tokio::test]
async fn a_server_that_stalls_or_breaks_off_is_given_up() {
    for (end, kind) in [(End::Stall, ErrorKind::Timeout), (End::Cut, ErrorKind::Unavailable)] {
        let server = Server::start(move || streamed("application/json", vec![r#"{"text":"#], end)).await;
        let endpoint = server.endpoint();
        let timeouts = endpoint.timeouts().with_first(MOMENT);
        let ear = OpenAiTranscription::new(endpoint.with_timeouts(timeouts)).unwrap();
        assert_eq!(transcribe(&ear, 25).await.unwrap_err().kind(), kind);
        assert_eq!(server.requests(), 1, "nothing is repeated");
    }
}
