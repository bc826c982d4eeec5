//! Speech: the request on the wire, the audio, and how it can go wrong.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use axum::body::Body;
use axum::response::Response;
use futures_util::{StreamExt, stream};
use serde_json::{Value, json};
use tokio::sync::Notify;
use voicecall_core::audio::g711::mulaw;
use voicecall_core::model::{SpeechOptions, TextToSpeech};
use voicecall_core::{Error, ErrorKind};
use voicecall_openai::{Endpoint, OpenAiSpeech, SpeechFormat};

use crate::server::{End, MOMENT, Server, streamed};

/// One second of a 300 Hz tone.
fn tone(hz: u32) -> Vec<i16> {
    let sample = |i: u32| (10_000.0 * (f64::from(i) * 300.0 * std::f64::consts::TAU / f64::from(hz)).sin()) as i16;
    (0..hz).map(sample).collect()
}

fn bytes(samples: &[i16]) -> Vec<u8> {
    samples.iter().flat_map(|sample| sample.to_le_bytes()).collect()
}

/// A file as a streaming server writes it, with a placeholder for its length.
fn streamed_file(hz: u32, samples: &[i16]) -> Vec<u8> {
    let mut file = b"RIFF\xFF\xFF\xFF\xFFWAVEfmt \x10\0\0\0\x01\0\x01\0".to_vec();
    file.extend(hz.to_le_bytes());
    file.extend((2 * hz).to_le_bytes());
    file.extend(b"\x02\0\x10\0data\xFF\xFF\xFF\xFF");
    file.extend(bytes(samples));
    file
}

/// The audio so far and the error at its end.
async fn speak(voice: &OpenAiSpeech, options: &SpeechOptions) -> (Vec<u8>, Option<Error>) {
    let (mut audio, mut error) = (Vec::new(), None);
    let mut speech = voice.synthesize("Hej på dig".into(), options);
    while let Some(chunk) = speech.next().await {
        assert!(error.is_none(), "an error is the end");
        match chunk {
            Ok(chunk) => {
                assert!(!chunk.audio.is_empty() && chunk.words.is_empty());
                audio.extend_from_slice(&chunk.audio);
            }
            Err(failure) => error = Some(failure),
        }
    }
    (audio, error)
}

/// Whether the audio is the tone, within what two conversions may change.
fn is_tone(audio: &[u8]) -> bool {
    let error = |(&code, sample): (&u8, i16)| f64::from(mulaw::decode(code)) - f64::from(sample);
    let noise: f64 = audio.iter().zip(tone(8000)).map(|pair| error(pair).powi(2)).sum();
    // 30 dB below the tone, whose mean square is half of its peak's.
    audio.len() == 8000 && noise / 8000.0 < 10_000.0_f64.powi(2) / 2.0 / 1000.0
}

async fn sent(change: impl FnOnce(OpenAiSpeech) -> OpenAiSpeech, options: &SpeechOptions) -> Value {
    let server = Server::start(|| streamed("audio/pcm", vec![vec![0_u8; 480]], End::Close)).await;
    let voice = change(OpenAiSpeech::new(server.endpoint()).unwrap());
    speak(&voice, options).await;
    let seen = server.only_request();
    assert_eq!(seen.path, "/prefix/v1/audio/speech");
    assert_eq!(seen.header("authorization"), Some("Bearer sk-test"));
    seen.json()
}

#[tokio::test]
async fn the_request_has_what_every_server_takes() {
    let body = sent(|voice| voice, &SpeechOptions::default()).await;
    assert_eq!(body, json!({"model": "test-model", "input": "Hej på dig", "voice": "alloy", "response_format": "pcm"}));
}

#[tokio::test]
async fn voice_format_and_more_can_be_chosen() {
    let wav = |voice: OpenAiSpeech| voice.with_voice("af_heart").with_format(SpeechFormat::Wav).unwrap();
    let body = sent(wav, &SpeechOptions::default()).await;
    assert_eq!((&body["voice"], &body["response_format"]), (&json!("af_heart"), &json!("wav")));

    let options = SpeechOptions { voice: Some("nova".into()), language: Some("sv".into()) };
    let body = sent(|voice| voice.with_voice("af_heart").with_extra("speed", 1.1), &options).await;
    assert_eq!((&body["voice"], &body["speed"]), (&json!("nova"), &json!(1.1)));
}

#[test]
fn an_unknown_rate_is_refused() {
    let voice = OpenAiSpeech::new(Endpoint::new("http://localhost", "m").unwrap()).unwrap();
    let error = voice.with_format(SpeechFormat::Pcm { hz: 11025 }).unwrap_err();
    assert_eq!((error.kind(), error.field()), (ErrorKind::Config, Some("format")));
}

#[tokio::test]
async fn audio_of_every_form_arrives_as_telephone_audio() {
    for (format, body) in [
        (SpeechFormat::default(), bytes(&tone(24000))),
        (SpeechFormat::Pcm { hz: 22050 }, bytes(&tone(22050))),
        (SpeechFormat::Pcm { hz: 8000 }, bytes(&tone(8000))),
        (SpeechFormat::Wav, streamed_file(16000, &tone(16000))),
        (SpeechFormat::Wav, streamed_file(32000, &tone(32000))),
        (SpeechFormat::Wav, streamed_file(44100, &tone(44100))),
        (SpeechFormat::Wav, streamed_file(48000, &tone(48000))),
        (SpeechFormat::Wav, streamed_file(24000, &tone(24000))),
    ] {
        // Cut at odd places, within samples and within the header.
        let chunks: Vec<Vec<u8>> = body.chunks(333).map(<[u8]>::to_vec).collect();
        let server = Server::start(move || streamed("application/octet-stream", chunks.clone(), End::Close)).await;
        let voice = OpenAiSpeech::new(server.endpoint()).unwrap().with_format(format).unwrap();
        let (audio, error) = speak(&voice, &SpeechOptions::default()).await;
        assert!(error.is_none() && is_tone(&audio), "{format:?}: {} samples, {error:?}", audio.len());
    }
}

#[tokio::test]
async fn a_wav_file_is_one_whatever_the_server_calls_it() {
    for content_type in ["audio/mpeg", "audio/webm", "text/plain", "application/json"] {
        let server =
            Server::start(move || streamed(content_type, vec![streamed_file(24000, &tone(24000))], End::Close)).await;
        let voice = OpenAiSpeech::new(server.endpoint()).unwrap();
        let (audio, error) = speak(&voice, &SpeechOptions::default()).await;
        assert!(error.is_none() && is_tone(&audio), "{content_type}: {} samples, {error:?}", audio.len());
    }
}

#[tokio::test]
async fn the_first_audio_is_there_before_the_rest() {
    let server = Server::start(|| streamed("audio/pcm", vec![vec![0_u8; 4800]], End::Stall)).await;
    let voice = OpenAiSpeech::new(server.endpoint()).unwrap();
    let first = voice.synthesize("Hej".into(), &SpeechOptions::default()).next().await.unwrap().unwrap();
    assert!(first.audio.len() > 700, "{} samples", first.audio.len());
}

#[tokio::test]
async fn noise_is_refused() {
    for (content_type, body, kind) in [
        ("audio/mpeg", b"ID3".to_vec(), ErrorKind::Protocol),
        ("application/json", b"{\"error\":\"no voice\"}".to_vec(), ErrorKind::Protocol),
        ("text/html; charset=utf-8", b"<html>".to_vec(), ErrorKind::Protocol),
        ("audio/wav", streamed_file(11025, &[0; 100]), ErrorKind::Unsupported),
        ("application/octet-stream", b"{\"error\":{\"message\":\"no such voice\"}}".to_vec(), ErrorKind::Protocol),
        ("audio/pcm", [b"OggS\0\x02".as_slice(), &[0x80; 4000]].concat(), ErrorKind::Protocol),
        ("audio/webm", vec![0x80; 4000], ErrorKind::Protocol),
        ("audio/basic", vec![0x80; 4000], ErrorKind::Protocol),
        ("audio/PCMU", vec![0x80; 4000], ErrorKind::Protocol),
        ("application/ogg", vec![0x80; 4000], ErrorKind::Protocol),
    ] {
        let server = Server::start(move || streamed(content_type, vec![body.clone()], End::Close)).await;
        let (audio, error) = speak(&OpenAiSpeech::new(server.endpoint()).unwrap(), &SpeechOptions::default()).await;
        assert_eq!((audio.len(), error.unwrap().kind()), (0, kind), "{content_type}");
    }
}

#[tokio::test]
async fn a_voice_that_never_begins_is_given_up() {
    let server = Server::start(|| streamed::<Vec<u8>>("audio/pcm", vec![], End::Stall)).await;
    let endpoint = server.endpoint();
    let timeouts = endpoint.timeouts().with_first(MOMENT);
    let voice = OpenAiSpeech::new(endpoint.with_timeouts(timeouts)).unwrap();
    let (audio, error) = speak(&voice, &SpeechOptions::default()).await;
    assert_eq!((audio.len(), error.unwrap().kind()), (0, ErrorKind::Timeout));
    assert_eq!(server.requests(), 1, "nothing is repeated");
}

#[tokio::test]
async fn a_voice_that_stalls_or_breaks_off_is_given_up_after_what_it_said() {
    for (end, kind) in [(End::Stall, ErrorKind::Timeout), (End::Cut, ErrorKind::Unavailable)] {
        let server = Server::start(move || streamed("audio/pcm", vec![vec![0_u8; 48_000]], end)).await;
        let endpoint = server.endpoint();
        let timeouts = endpoint.timeouts().with_stall(MOMENT);
        let voice = OpenAiSpeech::new(endpoint.with_timeouts(timeouts)).unwrap();
        let (audio, error) = speak(&voice, &SpeechOptions::default()).await;
        assert!(audio.len() > 7900 && audio.iter().all(|&code| code == 0xFF), "{} samples", audio.len());
        assert_eq!(error.unwrap().kind(), kind);
    }
}

/// An answer without end that counts its bytes and tells when nobody reads it any more.
fn endless(sent: &Arc<AtomicUsize>, dropped: &Arc<Notify>) -> Response {
    struct Guard(Arc<Notify>);
    impl Drop for Guard {
        fn drop(&mut self) {
            self.0.notify_one();
        }
    }
    let (sent, guard) = (Arc::clone(sent), Guard(Arc::clone(dropped)));
    let body = stream::repeat_with(move || {
        let _ = &guard;
        sent.fetch_add(48_000, Ordering::SeqCst);
        Ok::<_, std::io::Error>(vec![0_u8; 48_000])
    });
    Response::builder().header("content-type", "audio/pcm").body(Body::from_stream(body)).unwrap()
}

#[tokio::test]
async fn dropping_the_stream_closes_the_connection() {
    let (sent, dropped) = (Arc::new(AtomicUsize::new(0)), Arc::new(Notify::new()));
    let server = {
        let (sent, dropped) = (Arc::clone(&sent), Arc::clone(&dropped));
        Server::start(move || endless(&sent, &dropped)).await
    };
    let voice = OpenAiSpeech::new(server.endpoint()).unwrap();
    let mut speech = voice.synthesize("A story without end".into(), &SpeechOptions::default());
    speech.next().await.unwrap().unwrap();

    drop(speech);

    tokio::time::timeout(std::time::Duration::from_secs(30), dropped.notified()).await.unwrap();
}

#[tokio::test]
async fn audio_that_nobody_pulls_is_not_produced() {
    let (sent, dropped) = (Arc::new(AtomicUsize::new(0)), Arc::new(Notify::new()));
    let server = {
        let (sent, dropped) = (Arc::clone(&sent), Arc::clone(&dropped));
        Server::start(move || endless(&sent, &dropped)).await
    };
    let voice = OpenAiSpeech::new(server.endpoint()).unwrap();
    let mut speech = voice.synthesize("A story without end".into(), &SpeechOptions::default());
    speech.next().await.unwrap().unwrap();

    // The server fills the sockets' buffers and then has to wait: its count stands still.
    let mut before = 0;
    while before != sent.load(Ordering::SeqCst) {
        before = sent.load(Ordering::SeqCst);
        tokio::time::sleep(MOMENT).await;
    }
    assert!(before < 64 * 1024 * 1024, "{before} bytes are ahead");

    // Pulling sets it going again.
    let mut pulled = 0;
    while sent.load(Ordering::SeqCst) == before {
        pulled += speech.next().await.unwrap().unwrap().audio.len();
    }
    assert!(pulled > 0);
}
