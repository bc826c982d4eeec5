//! What a server may say, and what becomes of it.

use futures_util::{StreamExt as _, stream};
use voicecall_core::ErrorKind;
use voicecall_core::audio::Frame;
use voicecall_core::model::{CONNECTION_LOST, SpeechToText as _, TranscriptionOptions};
use voicecall_deepgram::DeepgramTranscription;

use crate::server::{Act, Seen, Server, error, metadata, results, transcripts};

#[tokio::test]
async fn frames_go_out_untouched_and_then_the_end_is_told() {
    let mut server = Server::start(vec![Act::AwaitEnd, metadata()]).await;
    let frames = [Frame::encode(&[8000; 160]), Frame::SILENCE, Frame::encode(&[-3; 160])];
    let ear = DeepgramTranscription::new(server.endpoint()).unwrap();
    let transcripts: Vec<_> =
        ear.transcribe(stream::iter(frames).boxed(), &TranscriptionOptions::default()).collect().await;
    assert_eq!(transcripts.len(), 1);
    assert!(transcripts[0].as_ref().unwrap().is_final);
    for frame in frames {
        assert_eq!(server.seen.recv().await.unwrap(), Seen::Audio(frame.as_bytes().to_vec()));
    }
    assert_eq!(server.seen.recv().await.unwrap(), Seen::Text(r#"{"type":"CloseStream"}"#.into()));
}

#[tokio::test]
async fn partial_transcripts_come_while_the_turn_goes_on() {
    let server = Server::start(vec![
        Act::AwaitAudio,
        results(0.0, false, "ja"),
        Act::AwaitAudio,
        results(0.0, true, "Ja,"),
        results(1.0, false, "tack"),
        Act::AwaitEnd,
        results(1.0, true, "tack."),
        metadata(),
    ])
    .await;
    let (say, mut said) = tokio::sync::mpsc::channel(4);
    let ear = DeepgramTranscription::new(server.endpoint()).unwrap();
    let turn = stream::poll_fn(move |cx| said.poll_recv(cx)).boxed();
    let mut transcripts = ear.transcribe(turn, &TranscriptionOptions::default());
    say.send(Frame::SILENCE).await.unwrap();
    let mut next = async || transcripts.next().await.unwrap().unwrap();
    assert_eq!(next().await.text, "ja");
    say.send(Frame::SILENCE).await.unwrap();
    assert_eq!(next().await.text, "Ja,");
    assert_eq!(next().await.text, "Ja, tack");
    drop(say);
    let partial = next().await;
    assert_eq!((partial.text.as_str(), partial.is_final), ("Ja, tack.", false));
    let last = next().await;
    assert_eq!((last.text.as_str(), last.is_final, last.confidence), ("Ja, tack.", true, Some(0.9)));
    assert!(transcripts.next().await.is_none());
}

#[tokio::test]
async fn a_turn_in_which_nothing_was_understood_is_an_empty_transcript() {
    for end in [vec![metadata()], vec![Act::Close(1000, "")], vec![results(0.0, true, " "), metadata()]] {
        let server = Server::start([vec![Act::AwaitEnd], end].concat()).await;
        let transcripts = transcripts(server.endpoint(), 0).await;
        let transcript = transcripts[0].as_ref().unwrap();
        assert_eq!((transcripts.len(), transcript.text.as_str(), transcript.is_final), (1, "", true));
    }
}

#[tokio::test]
async fn what_is_not_known_or_came_out_of_nowhere_costs_no_word() {
    let server = Server::start(vec![
        metadata(),
        Act::Say(r#"{"type":"Klingon","words":7}"#.into()),
        Act::Send(vec![0; 4096]),
        Act::Say(r#"{"type":"SpeechStarted","channel":[0,1],"timestamp":0.1}"#.into()),
        Act::AwaitEnd,
        results(0.0, true, "Ja."),
        results(0.0, true, "Ja."),
        Act::Say(r#"{"type":"Results","channel_index":[1,2],"is_final":true,"channel":{"alternatives":[{"transcript":"Nej."}]}}"#.into()),
        metadata(),
    ])
    .await;
    let transcripts = transcripts(server.endpoint(), 5).await;
    assert_eq!(transcripts.last().unwrap().as_ref().unwrap().text, "Ja.");
}

#[tokio::test]
async fn a_message_that_is_none_fails_the_turn_and_nothing_else() {
    for text in ["", "hej", r#"{"type":"Results""#, r#"{"type":"Results","channel":7}"#] {
        let server = Server::start(vec![Act::AwaitAudio, Act::Say(text.into()), Act::Stall]).await;
        let error = error(server.endpoint(), 5).await;
        assert_eq!((error.kind(), error.provider()), (ErrorKind::Protocol, Some("deepgram")), "{text:?}");
    }
}

#[tokio::test]
async fn a_message_beyond_all_measure_is_given_up() {
    let server = Server::start(vec![Act::AwaitAudio, Act::Say("x".repeat(2 << 20)), Act::Stall]).await;
    assert_eq!(error(server.endpoint(), 5).await.kind(), ErrorKind::Protocol);
}

#[tokio::test]
async fn errors_and_closes_in_the_middle_have_their_kind() {
    for (act, kind, code) in [
        (
            Act::Say(r#"{"type":"Error","variant":"Overload","description":"dg-canary"}"#.into()),
            ErrorKind::Unavailable,
            "Overload",
        ),
        (Act::Close(1011, "NET-0001"), ErrorKind::Timeout, "NET-0001"),
        (Act::Close(1011, "NET-0000"), ErrorKind::Unavailable, "NET-0000"),
        (Act::Close(1008, "DATA-0000: dg-canary"), ErrorKind::Rejected, "DATA-0000"),
        (Act::Close(1000, ""), ErrorKind::Unavailable, "1000"),
    ] {
        let server = Server::start(vec![Act::AwaitAudio, act, Act::Stall]).await;
        let ear = DeepgramTranscription::new(server.endpoint()).unwrap();
        // The turn goes on.
        let turn = stream::iter([Frame::SILENCE]).chain(stream::pending()).boxed();
        let error = ear.transcribe(turn, &TranscriptionOptions::default()).next().await.unwrap().unwrap_err();
        assert_eq!((error.kind(), error.code()), (kind, Some(code)));
        assert!(!format!("{error} {error:?}").contains("canary"));
    }
}

#[tokio::test]
async fn a_connection_that_is_lost_says_so_wherever_it_happens() {
    for script in [vec![Act::AwaitAudio], vec![Act::AwaitEnd], vec![Act::AwaitEnd, results(0.0, true, "Ja")]] {
        let server = Server::start(script).await;
        let error = error(server.endpoint(), 5).await;
        assert_eq!((error.kind(), error.code()), (ErrorKind::Unavailable, Some(CONNECTION_LOST)));
    }
}

#[tokio::test]
async fn a_turn_that_is_dropped_closes_its_connection() {
    let mut server = Server::start(vec![Act::AwaitAudio, results(0.0, false, "ja"), Act::AwaitEnd]).await;
    let ear = DeepgramTranscription::new(server.endpoint()).unwrap();
    let turn = stream::iter([Frame::SILENCE]).chain(stream::pending()).boxed();
    let mut transcripts = ear.transcribe(turn, &TranscriptionOptions::default());
    assert_eq!(transcripts.next().await.unwrap().unwrap().text, "ja");
    drop(transcripts);
    assert!(matches!(server.seen.recv().await, Some(Seen::Audio(_))));
    assert_eq!(server.seen.recv().await, Some(Seen::Gone));
}
