//! Speech: the request on the wire, the audio, the words.

use axum::Router;
use axum::body::{Body, Bytes};
use axum::routing::post;
use futures_util::{StreamExt, stream};
use serde_json::json;
use tokio::net::TcpListener;
use voicecall_core::ErrorKind;
use voicecall_core::model::{SpeechOptions, TextToSpeech, WordTiming};
use voicecall_elevenlabs::{ElevenLabsSpeech, Endpoint, TextNormalization, VoiceSettings};
use voicecall_sim::clips::Library;
use voicecall_sim::elevenlabs::{SpeechFault, VOICE};

use crate::service::{TEXT, patient, server, speak, speech};

#[tokio::test]
async fn audio_is_passed_on_untouched_and_every_word_has_its_place() {
    let server = server().await;
    let clip = Library::bundled().voice("agent", TEXT).unwrap();
    let words: Vec<WordTiming> = clip.words.iter().map(WordTiming::from).collect();
    let said = speak(&speech(&server), TEXT, &SpeechOptions::default()).await;
    assert!(said.error.is_none());
    assert!(said.audio == clip.audio, "the audio differs");
    assert_eq!(said.words, words);
    // White space and marks of the text's own change no place.
    let said = speak(&speech(&server), "tack.  Vill du\nvara med", &SpeechOptions::default()).await;
    let places = |words: &[WordTiming]| words.iter().map(|word| (word.start, word.end)).collect::<Vec<_>>();
    assert_eq!(places(&said.words), places(&words));
    assert_eq!(said.words.first().unwrap().text, "tack.");
}

#[tokio::test]
async fn the_request_is_what_was_asked_for_and_no_more() {
    let server = server().await;
    let plain = speech(&server);
    speak(&plain, TEXT, &SpeechOptions::default()).await;
    let settings = VoiceSettings::default().with_stability(0.4).with_speed(1.1);
    let rich = plain.clone().with_settings(settings).unwrap().with_seed(7).without_logging();
    let rich = rich.with_text_normalization(TextNormalization::On);
    let options = SpeechOptions { voice: Some("VoiceOfNobody".into()), language: Some("sv".into()) };
    speak(&rich, TEXT, &options).await;
    let silent = plain.clone().with_model("eleven_multilingual_v2").unwrap();
    let swedish = SpeechOptions { voice: None, language: Some("sv".into()) };
    assert!(speak(&silent, TEXT, &swedish).await.error.is_none());
    let said = speak(&silent.with_models_without_language(["another"]), TEXT, &swedish).await;
    let error = said.error.unwrap();
    assert_eq!((error.kind(), error.field()), (ErrorKind::Rejected, Some("language_code")));

    let seen = server.seen();
    let path = |voice: &str| format!("/v1/text-to-speech/{voice}/stream/with-timestamps");
    assert_eq!((&seen[0].path, seen[0].query.as_str()), (&path(VOICE), "output_format=ulaw_8000"));
    assert_eq!(seen[0].body, json!({ "text": TEXT, "model_id": "eleven_flash_v2_5" }));
    let query = "output_format=ulaw_8000&enable_logging=false";
    assert_eq!((&seen[1].path, seen[1].query.as_str()), (&path("VoiceOfNobody"), query));
    assert_eq!(
        seen[1].body,
        json!({ "text": TEXT, "model_id": "eleven_flash_v2_5", "language_code": "sv", "seed": 7,
            "voice_settings": { "stability": 0.4, "speed": 1.1 }, "apply_text_normalization": "on" })
    );
    assert!(seen[2].body.get("language_code").is_none());
}

#[tokio::test]
async fn a_voice_that_is_no_id_is_refused_before_anything_is_sent() {
    let server = server().await;
    let options = SpeechOptions { voice: Some("../voices".into()), language: None };
    let error = speak(&speech(&server), TEXT, &options).await.error.unwrap();
    assert_eq!((error.kind(), error.field()), (ErrorKind::Invalid, Some("voice")));
    assert_eq!(server.connections(), 0);
}

#[tokio::test]
async fn one_connection_serves_utterances_in_a_row_and_a_dropped_one_is_closed() {
    let server = server().await;
    let speech = speech(&server);
    for _ in 0..3 {
        assert!(speak(&speech, TEXT, &SpeechOptions::default()).await.error.is_none());
    }
    assert_eq!(server.connections(), 1);
    server.strike_next(SpeechFault::Stall);
    let mut stalled = speech.synthesize(TEXT.to_owned(), &SpeechOptions::default());
    stalled.next().await.unwrap().unwrap();
    drop(stalled);
    assert!(speak(&speech, TEXT, &SpeechOptions::default()).await.error.is_none());
    assert_eq!(server.connections(), 2);
}

#[tokio::test]
async fn nothing_is_sent_before_the_stream_is_pulled() {
    let server = server().await;
    drop(speech(&server).synthesize(TEXT.to_owned(), &SpeechOptions::default()));
    assert_eq!((server.connections(), server.seen().len()), (0, 0));
}

#[tokio::test]
async fn lines_may_be_cut_anywhere_and_characters_have_several_bytes() {
    let line = |audio: &str, from: f64, characters: [&str; 3]| {
        json!({ "audio_base64": audio, "alignment": { "characters": characters,
            "character_start_times_seconds": [from, from + 0.1, from + 0.2],
            "character_end_times_seconds": [from + 0.1, from + 0.2, from + 0.3] } })
        .to_string()
    };
    let body = [line("/4CA", 0.0, ["å", "😀", " "]), line("gICA", 0.3, ["ö", "\u{e9}", "x"])].join("\n");
    for cut in [1, 2, 7, 1000] {
        let pieces: Vec<Bytes> = body.as_bytes().chunks(cut).map(Bytes::copy_from_slice).collect();
        let reply = move || {
            let pieces = stream::iter(pieces.clone().into_iter().map(Ok::<_, std::io::Error>));
            std::future::ready(Body::from_stream(pieces))
        };
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let app = Router::new().fallback(post(reply));
        let task = tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
        let endpoint = Endpoint::new("key").unwrap().with_base_url(&url).unwrap().with_timeouts(patient());
        let said = speak(&ElevenLabsSpeech::new(endpoint, "v").unwrap(), "å😀 öéx", &SpeechOptions::default()).await;
        task.abort();
        let word = |text: &str, start, end| WordTiming { text: text.to_owned(), start, end };
        assert_eq!(said.words, [word("å😀", 0, 1600), word("öéx", 2400, 4800)], "cut {cut}");
        assert_eq!(said.audio, [0xFF, 0x80, 0x80, 0x80, 0x80, 0x80]);
    }
}
