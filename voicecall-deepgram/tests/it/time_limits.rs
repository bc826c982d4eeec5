//! Every wait has an end.

use std::time::Duration;

use futures_util::{StreamExt as _, stream};
use tokio::net::TcpListener;
use voicecall_core::ErrorKind;
use voicecall_core::audio::Frame;
use voicecall_core::model::{SpeechToText as _, TranscriptionOptions};
use voicecall_deepgram::{DeepgramTranscription, Endpoint};

use crate::server::{Act, MOMENT, Server, endpoint, error, results};

async fn times_out(endpoint: Endpoint, waited_for: &str) {
    let ear = DeepgramTranscription::new(endpoint).unwrap();
    let turn = stream::iter([Frame::SILENCE]).chain(stream::pending()).boxed();
    let error = ear.transcribe(turn, &TranscriptionOptions::default()).next().await.unwrap().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Timeout);
    assert!(error.to_string().contains(waited_for), "{error}");
}

#[tokio::test]
async fn a_handshake_that_is_not_answered_is_given_up() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint = endpoint(&format!("http://{}", listener.local_addr().unwrap()));
    let timeouts = endpoint.timeouts().with_connect(MOMENT);
    times_out(endpoint.with_timeouts(timeouts), "no socket").await;
}

#[tokio::test]
async fn audio_about_which_nothing_is_said_is_not_sent_on_for_ever() {
    let server = Server::start(vec![Act::Stall]).await;
    let timeouts = server.endpoint().timeouts().with_answer(MOMENT);
    times_out(server.endpoint().with_timeouts(timeouts), "nothing came").await;
}

#[tokio::test]
async fn a_silent_caller_is_no_silent_server() {
    // Between audio and its answer the clock runs; before and after it stands still.
    let server = Server::start(vec![Act::AwaitAudio, results(0.0, false, "ja"), Act::AwaitAudio]).await;
    let timeouts = server.endpoint().timeouts().with_answer(MOMENT);
    let ear = DeepgramTranscription::new(server.endpoint().with_timeouts(timeouts)).unwrap();
    let turn = stream::iter([Frame::SILENCE]).chain(stream::pending()).boxed();
    let mut transcripts = ear.transcribe(turn, &TranscriptionOptions::default());
    assert_eq!(transcripts.next().await.unwrap().unwrap().text, "ja");
    assert!(tokio::time::timeout(2 * MOMENT, transcripts.next()).await.is_err());
}

#[tokio::test]
async fn a_transcript_that_does_not_come_is_given_up_whatever_else_comes() {
    let babble: Vec<Act> = (0..1000).map(|second| results(f64::from(second), false, "ja")).collect();
    for rest in [Vec::new(), babble] {
        let server = Server::start([vec![Act::AwaitEnd], rest, vec![Act::Stall]].concat()).await;
        let timeouts = server.endpoint().timeouts().with_finish(MOMENT);
        let error = error(server.endpoint().with_timeouts(timeouts), 5).await;
        assert_eq!(error.kind(), ErrorKind::Timeout);
        assert!(error.to_string().contains("no final transcript"), "{error}");
    }
}

#[tokio::test]
async fn a_socket_that_takes_no_more_audio_is_given_up() {
    let server = Server::start(vec![Act::AwaitAudio, Act::Stall]).await;
    let timeouts = server.endpoint().timeouts().with_stall(MOMENT);
    // More than all buffers on the way hold.
    let begun = std::time::Instant::now();
    let error = error(server.endpoint().with_timeouts(timeouts), 1_000_000).await;
    assert_eq!(error.kind(), ErrorKind::Timeout);
    assert!(error.to_string().contains("took no audio"), "{error}");
    assert!(begun.elapsed() < Duration::from_secs(30));
}
