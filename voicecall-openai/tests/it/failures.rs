//! Answers that are not a success, in every shape, alike for all three services.

use axum::response::Response;
use futures_util::{StreamExt, stream};
use voicecall_core::audio::Frame;
use voicecall_core::model::{
    ChatRequest, LanguageModel, SpeechOptions, SpeechToText, TextToSpeech, TranscriptionOptions,
};
use voicecall_core::{Error, ErrorKind};
use voicecall_openai::{Endpoint, OpenAiChat, OpenAiSpeech, OpenAiTranscription};

use crate::server::{Server, status};

/// The error of each service.
async fn errors(endpoint: Endpoint) -> [Error; 3] {
    let request = ChatRequest::new(Vec::new(), 1);
    let mut answer = OpenAiChat::new(endpoint.clone()).unwrap().chat(request);
    let turn = stream::iter([Frame::SILENCE; 10]).boxed();
    let options = TranscriptionOptions::default();
    let mut transcripts = OpenAiTranscription::new(endpoint.clone()).unwrap().transcribe(turn, &options);
    let speech = OpenAiSpeech::new(endpoint).unwrap();
    let mut speech = speech.synthesize("Hej".into(), &SpeechOptions::default());
    let errors = [
        answer.next().await.unwrap().unwrap_err(),
        transcripts.next().await.unwrap().unwrap_err(),
        speech.next().await.unwrap().unwrap_err(),
    ];
    assert!(answer.next().await.is_none() && transcripts.next().await.is_none() && speech.next().await.is_none());
    errors
}

async fn errors_for(reply: impl Fn() -> Response + Send + Sync + 'static) -> [Error; 3] {
    let server = Server::start(reply).await;
    let errors = errors(server.endpoint().with_name("lab")).await;
    assert_eq!(server.requests(), 3, "each request is sent once");
    errors
}

#[tokio::test]
async fn every_status_and_shape_becomes_one_error() {
    let openai = r#"{"error":{"message":"the caller said hello","type":"t","param":"model","code":"c"}}"#;
    let bare = r#"{"error":"the caller said hello"}"#;
    let detail = r#"{"detail":[{"type":"missing","loc":["body","input"],"msg":"m","input":"the caller said hello"}]}"#;
    let quota = r#"{"error":{"message":"m","type":"insufficient_quota","code":"credit_balance_exhausted"}}"#;
    for (code, body, kind, told, field) in [
        (401, openai, ErrorKind::Unauthenticated, "c", Some("model")),
        (403, bare, ErrorKind::Forbidden, "403", None),
        (404, openai, ErrorKind::NotFound, "c", Some("model")),
        (404, r#"{"detail":"Not Found"}"#, ErrorKind::NotFound, "404", None),
        (400, openai, ErrorKind::Rejected, "c", Some("model")),
        (422, detail, ErrorKind::Rejected, "missing", Some("input")),
        (429, openai, ErrorKind::RateLimited, "c", Some("model")),
        (429, quota, ErrorKind::Rejected, "credit_balance_exhausted", None),
        (500, bare, ErrorKind::Unavailable, "500", None),
        (502, "<html>the caller said hello</html>", ErrorKind::Unavailable, "502", None),
        (503, "", ErrorKind::Unavailable, "503", None),
        (307, "", ErrorKind::Config, "307", None),
    ] {
        for error in errors_for(move || status(code, body)).await {
            assert_eq!((error.kind(), error.code(), error.field()), (kind, Some(told), field), "{code} {body}");
            assert_eq!(error.provider(), Some("lab"));
            assert!(!format!("{error:?}").contains("caller said"), "{error:?}");
        }
    }
}

#[tokio::test]
async fn a_rate_limit_says_how_long_to_wait() {
    let limited = || {
        let mut response = status(429, r#"{"error":{"type":"requests"}}"#);
        response.headers_mut().insert("retry-after", "7".parse().unwrap());
        response
    };
    for error in errors_for(limited).await {
        assert!(error.is_retryable());
        assert_eq!(error.retry_after().unwrap().as_secs(), 7);
    }
}

#[tokio::test]
async fn a_redirect_is_not_followed_with_the_key() {
    let elsewhere = || {
        let mut response = status(307, "");
        response.headers_mut().insert("location", "/elsewhere".parse().unwrap());
        response
    };
    for error in errors_for(elsewhere).await {
        assert_eq!(error.kind(), ErrorKind::Config);
    }
}

#[tokio::test]
async fn an_endless_error_is_not_read_to_its_end() {
    let endless = || {
        let chunk = vec![b'x'; 16 * 1024];
        let body = stream::repeat_with(move || Ok::<_, std::io::Error>(chunk.clone()));
        status(500, axum::body::Body::from_stream(body))
    };
    for error in errors_for(endless).await {
        assert_eq!(error.kind(), ErrorKind::Unavailable);
    }
}
