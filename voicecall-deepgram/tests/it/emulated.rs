//! Transcription against the emulator, which hears with the simulated ears.

use futures_util::{StreamExt as _, stream};
use voicecall_core::audio::Frame;
use voicecall_core::model::{SpeechToText as _, Transcript, TranscriptionOptions};
use voicecall_core::{ErrorKind, Result};
use voicecall_deepgram::{DeepgramTranscription, Endpoint, Timeouts};
use voicecall_sim::clips::Library;
use voicecall_sim::deepgram::{Interjection, Server, ServerOptions};

use crate::server::MOMENT;

pub(crate) const KEY: &str = "dg-canary";
pub(crate) const SWEDISH: &str = "Kaffet var kallt och jag fick vänta länge.";
pub(crate) const ENGLISH: &str = "Good, then I would like a table for two at ten.";

pub(crate) fn scenario(rest: &str) -> String {
    format!("name = \"deepgram\"\nseed = 1\ncaller.answer = \"busy\"\n{rest}")
}

/// A sentence as somebody says it on the phone.
pub(crate) fn said(sentence: &str) -> Vec<Frame> {
    let mut audio = Library::bundled().voice("caller", sentence).unwrap().audio;
    audio.resize(audio.len().next_multiple_of(160), 0xFF);
    audio.chunks_exact(160).map(|frame| Frame::from(<[u8; 160]>::try_from(frame).unwrap())).collect()
}

fn fault(rest: &str) -> String {
    scenario(&format!("[[fault]]\nwhere = \"deepgram.listen\"\n{rest}"))
}

/// What is heard of a sentence, bit by bit.
async fn heard(server: &Server, model: &str, key: &str, sentence: &str) -> Vec<Result<Transcript>> {
    let limits = Timeouts::default().with_connect(3 * MOMENT).with_answer(3 * MOMENT).with_finish(10 * MOMENT);
    let endpoint = Endpoint::new(&server.base_url(), model).unwrap().with_api_key(key).with_timeouts(limits);
    let ear = DeepgramTranscription::new(endpoint).unwrap();
    let options = TranscriptionOptions { language: Some("sv".into()), keywords: vec!["Västerås".into()] };
    ear.transcribe(stream::iter(said(sentence)).boxed(), &options).collect().await
}

#[tokio::test]
async fn a_sentence_is_heard_bit_by_bit_and_whole() {
    let server = Server::start(&scenario("").parse().unwrap(), KEY).await.unwrap();
    for (model, sentence) in [("nova-3", SWEDISH), ("nova-3", ENGLISH), ("nova-2", SWEDISH)] {
        let transcripts = heard(&server, model, KEY, sentence).await;
        let (last, partial) = transcripts.split_last().unwrap();
        let last = last.as_ref().unwrap();
        assert_eq!((last.text.as_str(), last.is_final), (sentence, true));
        assert!(last.confidence.unwrap() > 0.8, "{last:?}");
        let mut partial = partial.iter().map(|transcript| transcript.as_ref().unwrap());
        assert!(partial.len() > 0 && partial.all(|partial| sentence.starts_with(&partial.text) && !partial.is_final));
    }
    assert_eq!(server.sockets(), 3, "each turn has a socket of its own");
}

#[tokio::test]
async fn refusals_have_their_kind() {
    for (status, kind) in [
        (401, ErrorKind::Unauthenticated),
        (402, ErrorKind::Rejected),
        (403, ErrorKind::Forbidden),
        (429, ErrorKind::RateLimited),
        (500, ErrorKind::Unavailable),
    ] {
        let plan = fault(&format!("kind = \"error\"\nstatus = {status}"));
        let server = Server::start(&plan.parse().unwrap(), KEY).await.unwrap();
        let error = heard(&server, "nova-3", KEY, SWEDISH).await.pop().unwrap().unwrap_err();
        assert_eq!(error.kind(), kind, "{error}");
        assert!(error.to_string().contains("request "), "{error}");
    }
    let plan = fault("kind = \"rate_limit\"\nretry_after = \"2 s\"");
    let server = Server::start(&plan.parse().unwrap(), KEY).await.unwrap();
    let error = heard(&server, "nova-3", KEY, SWEDISH).await.pop().unwrap().unwrap_err();
    assert_eq!((error.code(), error.retry_after().unwrap().as_secs()), (Some("TOO_MANY_REQUESTS"), 2));
}

#[tokio::test]
async fn a_wrong_key_or_model_is_refused_and_not_repeated() {
    let server = Server::start(&scenario("").parse().unwrap(), "other").await.unwrap();
    let error = heard(&server, "nova-3", KEY, SWEDISH).await.pop().unwrap().unwrap_err();
    assert_eq!((error.kind(), error.code()), (ErrorKind::Unauthenticated, Some("INVALID_AUTH")));
    assert!(!format!("{error:?}").contains("canary"));
    let error = heard(&server, "nova-9", "other", SWEDISH).await.pop().unwrap().unwrap_err();
    assert_eq!((error.kind(), error.code(), server.sockets()), (ErrorKind::Rejected, Some("Bad_Request"), 0));
}

#[tokio::test]
async fn sockets_that_fail_do_so_in_time_and_with_their_kind() {
    for (plan, kind) in [
        ("kind = \"drop_before\"", ErrorKind::Unavailable),
        ("kind = \"latency\"\ndelay = \"1 h\"", ErrorKind::Timeout),
        ("kind = \"close\"\nat_frame = 60", ErrorKind::Unavailable),
        ("kind = \"reset\"\nat_frame = 60", ErrorKind::Unavailable),
        ("kind = \"half_open_socket\"\nat_frame = 10", ErrorKind::Timeout),
        ("kind = \"stall\"\nlength = \"1 h\"\nat_frame = 60", ErrorKind::Timeout),
        ("kind = \"accept_then_drop\"", ErrorKind::Unavailable),
    ] {
        let server = Server::start(&fault(plan).parse().unwrap(), KEY).await.unwrap();
        let error = heard(&server, "nova-3", KEY, SWEDISH).await.pop().unwrap().unwrap_err();
        assert_eq!(error.kind(), kind, "{plan}: {error:?}");
    }
}

#[tokio::test]
async fn a_short_stall_costs_nothing() {
    let plan = fault("kind = \"stall\"\nlength = \"200 ms\"\nat_frame = 60");
    let server = Server::start(&plan.parse().unwrap(), KEY).await.unwrap();
    assert_eq!(heard(&server, "nova-3", KEY, SWEDISH).await.pop().unwrap().unwrap().text, SWEDISH);
}

#[tokio::test]
async fn messages_out_of_nowhere_cost_no_word_unless_they_are_none() {
    let unknown = r#"{"type":"Klingon"}"#.to_owned();
    let empty =
        r#"{"type":"Results","channel_index":[0,1],"start":0,"duration":0,"channel":{"alternatives":[]}}"#.to_owned();
    for (text, is_heard) in [(unknown, true), (empty, true), ("}{".to_owned(), false), ("x".repeat(2 << 20), false)] {
        let mut options = ServerOptions::default();
        options.interjections = vec![Interjection { at_frame: 30, text }];
        let server = Server::start_with(&scenario("").parse().unwrap(), KEY, options).await.unwrap();
        match heard(&server, "nova-3", KEY, SWEDISH).await.pop().unwrap() {
            Ok(transcript) => assert!(is_heard && transcript.text == SWEDISH, "{transcript:?}"),
            Err(error) => assert!(!is_heard && error.kind() == ErrorKind::Protocol, "{error:?}"),
        }
    }
}
