//! A server that speaks HTTP/2 over TLS, as the real ones do: answers that are read slowly hold up nobody else's.
//!
//! The client trusts the system's certificates. So that it trusts the test's own, each test runs itself again with
//! `SSL_CERT_FILE` set.

use std::path::{Path, PathBuf};
use std::pin::pin;
use std::process::Command;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::Request;
use axum::http::Version;
use axum::response::Response;
use futures_util::future::join_all;
use futures_util::{StreamExt, stream};
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::service::TowerToHyperService;
use rustls::ServerConfig;
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Barrier, watch};
use tokio_rustls::TlsAcceptor;
use voicecall_core::model::Timeouts;
use voicecall_core::model::{
    Breaker, CONNECTION_LOST, LanguageModel, SERVICE_FAILING, ServiceHealth, SpeechOptions, SpeechToText, TextToSpeech,
    TranscriptionOptions, Trust,
};
use voicecall_openai::{Endpoint, OpenAiChat, OpenAiSpeech, OpenAiTranscription};

/// Calls that speak at once, and how long each speaks.
const CALLS: usize = 200;
const SECONDS: usize = 10;

/// A second of speech at 24 kHz.
const SECOND_OF_PCM: usize = 2 * 24_000;

/// The folder with the certificate that this process trusts, if it was begun for that; else begins `test` with one.
fn trusting(test: &str) -> Option<PathBuf> {
    const FOLDER: &str = "VOICECALL_TEST_CERTIFICATE";
    if let Some(folder) = std::env::var_os(FOLDER) {
        return Some(folder.into());
    }
    let folder = std::env::temp_dir().join(format!("voicecall-{}", voicecall_core::RecordId::new()));
    std::fs::create_dir(&folder).unwrap();
    let certificate = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    std::fs::write(folder.join("certificate.pem"), certificate.cert.pem()).unwrap();
    std::fs::write(folder.join("key.pem"), certificate.signing_key.serialize_pem()).unwrap();
    let mut again = Command::new(std::env::current_exe().unwrap());
    again.args(["--exact", &format!("http2::{test}"), "--nocapture"]);
    again.env(FOLDER, &folder).env("SSL_CERT_FILE", folder.join("certificate.pem"));
    let output = again.output().unwrap();
    std::fs::remove_dir_all(&folder).unwrap();
    let printed = String::from_utf8_lossy(&output.stdout);
    assert!(
        output.status.success() && printed.contains("1 passed"),
        "{printed}{}",
        String::from_utf8_lossy(&output.stderr)
    );
    None
}

/// A server that offers HTTP/2 before HTTP/1.1, and what it was asked: over which version, and for what.
struct Server {
    port: u16,
    asked: Arc<Mutex<Vec<(Version, String)>>>,
}

impl Server {
    async fn start(certificate: &Path) -> Self {
        let chain = CertificateDer::from_pem_file(certificate.join("certificate.pem")).unwrap();
        let key = PrivateKeyDer::from_pem_file(certificate.join("key.pem")).unwrap();
        let mut tls = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![chain], key)
            .unwrap();
        tls.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        let acceptor = TlsAcceptor::from(Arc::new(tls));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let asked = Arc::new(Mutex::new(Vec::new()));
        let seen = Arc::clone(&asked);
        let app = Router::new().fallback(async move |request: Request| {
            let path = request.uri().path().to_owned();
            seen.lock().unwrap().push((request.version(), path.clone()));
            answer(&path)
        });
        tokio::spawn(async move {
            while let Ok((tcp, _)) = listener.accept().await {
                tokio::spawn(serve(acceptor.clone(), tcp, app.clone()));
            }
        });
        Self { port, asked }
    }

    fn endpoint(&self) -> Endpoint {
        endpoint(self.port)
    }

    /// How often it was asked for `path` over a version.
    fn asked(&self, version: Version, path: &str) -> usize {
        let asked = self.asked.lock().unwrap();
        asked.iter().filter(|(over, what)| *over == version && what.ends_with(path)).count()
    }
}

fn endpoint(port: u16) -> Endpoint {
    let timeouts = Timeouts::default().with_connect(Duration::from_secs(30)).with_first(Duration::from_secs(30));
    Endpoint::new(&format!("https://localhost:{port}/v1"), "test-model").unwrap().with_timeouts(timeouts)
}

async fn serve(acceptor: TlsAcceptor, tcp: TcpStream, app: Router) {
    let Ok(tls) = acceptor.accept(tcp).await else { return };
    let is_http2 = tls.get_ref().1.alpn_protocol() == Some(b"h2");
    let (io, service) = (TokioIo::new(tls), TowerToHyperService::new(app));
    // The client may leave at any time.
    let _ = if is_http2 {
        hyper::server::conn::http2::Builder::new(TokioExecutor::new()).serve_connection(io, service).await
    } else {
        hyper::server::conn::http1::Builder::new().serve_connection(io, service).await
    };
}

fn answer(path: &str) -> Response {
    let (content_type, body) = if path.ends_with("/speech") {
        let second = || Ok::<_, std::io::Error>(Bytes::from(vec![0_u8; SECOND_OF_PCM]));
        ("audio/pcm", Body::from_stream(stream::iter((0..SECONDS).map(move |_| second()))))
    } else if path.ends_with("/transcriptions") {
        ("application/json", Body::from(r#"{"text":"Ja, tack."}"#))
    } else if path.starts_with("/hang") {
        let begun = Bytes::from("data: {\"choices\":[{\"delta\":{\"content\":\"Hej\"}}]}\n\n");
        let never_ends = stream::once(async { Ok::<_, std::io::Error>(begun) }).chain(stream::pending());
        ("text/event-stream", Body::from_stream(never_ends))
    } else {
        let events = "data: {\"choices\":[{\"delta\":{\"content\":\"Hej\"}}]}\n\n\
                      data: {\"choices\":[{\"delta\":{},\"finish_reason\":\"stop\"}]}\n\ndata: [DONE]\n\n";
        ("text/event-stream", Body::from(events))
    };
    Response::builder().header("content-type", content_type).body(body).unwrap()
}

/// A whole utterance, whose rest is read only once all calls have its beginning.
async fn speak(voice: &OpenAiSpeech, have_begun: &Barrier, may_go_on: &Barrier) -> usize {
    let mut speech = voice.synthesize("Hej på dig".into(), &SpeechOptions::default());
    let mut heard = speech.next().await.unwrap().unwrap().audio.len();
    have_begun.wait().await;
    may_go_on.wait().await;
    while let Some(chunk) = speech.next().await {
        heard += chunk.unwrap().audio.len();
    }
    heard
}

async fn chat(chat: &OpenAiChat) -> String {
    crate::chat::ask(chat, crate::chat::request()).await.text
}

async fn transcribe(ear: &OpenAiTranscription) -> String {
    let turn = stream::iter(std::iter::repeat_n(crate::transcription::loud(), 25)).boxed();
    let mut transcripts = ear.transcribe(turn, &TranscriptionOptions::default());
    transcripts.next().await.unwrap().unwrap().text
}

#[tokio::test]
async fn all_calls_that_speak_at_once_get_all_their_speech_and_hold_up_nothing_else() {
    let Some(certificate) = trusting("all_calls_that_speak_at_once_get_all_their_speech_and_hold_up_nothing_else")
    else {
        return;
    };
    let server = Server::start(&certificate).await;
    let voice = OpenAiSpeech::new(server.endpoint()).unwrap();
    let (model, ear) =
        (OpenAiChat::new(server.endpoint()).unwrap(), OpenAiTranscription::new(server.endpoint()).unwrap());
    let (have_begun, may_go_on) = (Barrier::new(CALLS + 1), Barrier::new(CALLS + 1));
    let speaking = join_all((0..CALLS).map(|_| speak(&voice, &have_begun, &may_go_on)));
    let beside = async {
        have_begun.wait().await;
        // All speech waits to be played, more than any connection's window holds.
        assert_eq!((chat(&model).await, transcribe(&ear).await), ("Hej".to_owned(), "Ja, tack.".to_owned()));
        may_go_on.wait().await;
    };

    let (heard, ()) = tokio::join!(speaking, beside);

    assert!(heard.iter().all(|heard| *heard == SECONDS * 8000), "{heard:?}");
    assert_eq!(server.asked(Version::HTTP_11, "/speech"), CALLS, "each over a connection of its own");
    assert_eq!(server.asked(Version::HTTP_2, "/speech"), 0);
    assert_eq!(server.asked(Version::HTTP_2, "/completions"), 1);
    assert_eq!(server.asked(Version::HTTP_2, "/transcriptions"), 1);
}

/// Passes bytes on to `port` until it is told to be dead: then nothing passes, and nobody is told.
async fn relay(port: u16, is_dead: watch::Receiver<bool>) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let own = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((mut near, _)) = listener.accept().await {
            let mut is_dead = is_dead.clone();
            // A path that is new is alive.
            is_dead.mark_unchanged();
            tokio::spawn(async move {
                let mut far = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
                let mut passing = pin!(tokio::io::copy_bidirectional(&mut near, &mut far));
                tokio::select! {
                    _ = &mut passing => {}
                    _ = is_dead.changed() => std::future::pending().await,
                }
            });
        }
    });
    own
}

#[tokio::test]
async fn a_path_that_dies_without_a_word_is_found_dead_though_nobody_asks_anything() {
    let test = "a_path_that_dies_without_a_word_is_found_dead_though_nobody_asks_anything";
    let Some(certificate) = trusting(test) else { return };
    let server = Server::start(&certificate).await;
    let (kill, is_dead) = watch::channel(false);
    let model = OpenAiChat::new(endpoint(relay(server.port, is_dead).await)).unwrap();
    assert_eq!(chat(&model).await, "Hej");

    kill.send_replace(true);
    // Nothing is under way, so that time passes as fast as it can: pings and their limit.
    tokio::time::pause();
    tokio::time::sleep(Duration::from_secs(9)).await;
    tokio::time::resume();

    // Without pings it would go into the dead connection and end at its own limit.
    assert_eq!(chat(&model).await, "Hej");
    assert_eq!(server.asked(Version::HTTP_2, "/completions"), 2);
}

#[tokio::test]
async fn a_path_that_dies_under_answers_opens_the_breaker_of_all_calls() {
    let test = "a_path_that_dies_under_answers_opens_the_breaker_of_all_calls";
    let Some(certificate) = trusting(test) else { return };
    let server = Server::start(&certificate).await;
    let (kill, is_dead) = watch::channel(false);
    let hangs = format!("https://localhost:{}/hang/v1", relay(server.port, is_dead).await);
    let timeouts = Timeouts::default().with_connect(Duration::from_secs(30)).with_first(Duration::from_secs(30));
    let timeouts = timeouts.with_stall(Duration::from_secs(30));
    let service = OpenAiChat::new(Endpoint::new(&hangs, "test-model").unwrap().with_timeouts(timeouts)).unwrap();
    let health = ServiceHealth::new("chat");
    let model = Breaker::new(Arc::new(service), health.clone());
    let mut answers = [model.chat(crate::chat::request()), model.chat(crate::chat::request())];
    for answer in &mut answers {
        answer.next().await.unwrap().unwrap();
    }

    kill.send_replace(true);
    // Nothing passes, so that time does, as fast as it can: pings and their limit.
    tokio::time::pause();
    for answer in &mut answers {
        let lost = answer.next().await.unwrap().unwrap_err();
        assert_eq!((lost.code(), lost.is_retryable()), (Some(CONNECTION_LOST), true), "{lost}");
    }
    assert_eq!(health.trust(), Trust::Failing);
    let refused = model.chat(crate::chat::request()).next().await.unwrap().unwrap_err();
    assert_eq!((refused.code(), refused.is_retryable()), (Some(SERVICE_FAILING), true));
    tokio::time::sleep(refused.retry_after().unwrap()).await;
    tokio::time::resume();

    // A path that is new is alive.
    let mut trial = model.chat(crate::chat::request());
    trial.next().await.unwrap().unwrap();
    assert_eq!(health.trust(), Trust::Trusted);
    assert_eq!(server.asked(Version::HTTP_2, "/completions"), 3, "nothing was asked while it failed");
}
