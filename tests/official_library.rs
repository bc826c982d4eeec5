//! Twilio's own Python library calls an application: it orders a call to the application's number at the emulator, reads
//! what became of it, and judges what the emulator signed and what the application answered.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that meets an unexpected result should stop there")]

mod emulated;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpListener;
use tokio::process::Command;
use tokio::sync::{mpsc, oneshot};
use voicecall::agent::Cascade;
use voicecall::dialogue::Scripted;
use voicecall::model::SpeechChunk;
use voicecall::store::{Direction, EndReason};
use voicecall::{IncomingDecision, Server};
use voicecall_core::testing::{Script, ScriptedModel, ScriptedTranscriber, ScriptedVoice};
use voicecall_sim::phone::{Answer, Silent};
use voicecall_sim::twilio::server::TwilioServer;
use voicecall_sim::twilio::{Account, Exchange, ExchangeOptions, LogEvent, Method, Number};

use emulated::{ACCOUNT, OURS, PUBLIC, THEIRS, TOKEN};

/// What the application says takes so long.
const SPEECH: Duration = Duration::from_secs(3);

/// What was measured of a call by three parties may differ by this much on a machine that is busy.
const SECONDS: u64 = 5;

async fn twilio(app: SocketAddr) -> TwilioServer {
    let mut ours = Number::answered_by(OURS, format!("{PUBLIC}/voice/twilio/incoming"));
    ours.status_callback = Some((format!("{PUBLIC}/voice/status?account=twilio"), Method::Post));
    let account = Account::new(ACCOUNT, TOKEN, vec![ours, Number::new(THEIRS)]);
    let exchange = Exchange::new(ExchangeOptions::new(1, vec![account]), |_| Box::new(Silent(Answer::Never)));
    emulated::serve(app, exchange).await
}

fn python() -> PathBuf {
    let given = std::env::var_os("VOICECALL_PYTHON").map(PathBuf::from);
    // The test's own file lies in target/<profile>/deps.
    let here = std::env::current_exe().unwrap();
    let target = here.ancestors().nth(3).unwrap_or(Path::new("target")).to_owned();
    let python = given.unwrap_or_else(|| target.join("python/bin/python3"));
    assert!(python.exists(), "{} is missing: run ./scripts/test, which makes it", python.display());
    python
}

/// What the emulator asked and told the application, and what it was answered.
fn judged(twilio: &TwilioServer) -> Value {
    let (mut webhooks, mut documents) = (Vec::new(), Vec::new());
    for entry in twilio.log() {
        match entry.event {
            LogEvent::WebhookSent { url, form, signature, .. } => {
                webhooks.push(json!({ "url": url, "form": form, "signature": signature }));
            }
            // The order brings its own.
            LogEvent::Twiml { document } if !document.contains("<Pause") => documents.push(document),
            _ => {}
        }
    }
    json!({ "webhooks": webhooks, "documents": documents })
}

#[tokio::test]
async fn a_call_that_the_official_library_orders_comes_in_and_is_as_long_for_all() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let twilio = twilio(listener.local_addr().unwrap()).await;
    let carrier = emulated::carrier(&twilio, TOKEN);
    let audio = [0x00, 0x80].repeat(usize::try_from(SPEECH.as_millis() * 4).unwrap()).into();
    let voice = ScriptedVoice::new().with_script(Script::new().item(SpeechChunk { audio, words: Vec::new() }));
    let agent = Cascade::new(Arc::new(ScriptedTranscriber::new()), Arc::new(ScriptedModel::new()), Arc::new(voice));
    let (finished, mut outcomes) = mpsc::channel(1);
    let server = Server::builder()
        .carrier(carrier)
        .number(OURS)
        .agent(Arc::new(agent))
        .public_url(PUBLIC)
        .on_incoming(async |_| Ok(IncomingDecision::connect(Scripted::new(["Hello."]))))
        .on_finished(move |outcome| {
            let finished = finished.clone();
            async move { finished.send(outcome).await.unwrap() }
        })
        .build()
        .unwrap();
    let (stop, stopped) = oneshot::channel::<()>();
    let serving = tokio::spawn(server.serve_on(listener, async {
        let _ = stopped.await;
    }));

    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/official_library.py");
    let mut library = Command::new(python()).arg(script).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let (mut asks, answers) = (library.stdin.take().unwrap(), library.stdout.take().unwrap());
    let mut answers = BufReader::new(answers).lines();
    let setup =
        json!({ "api": twilio.api(), "account_sid": ACCOUNT, "auth_token": TOKEN, "ours": OURS, "theirs": THEIRS });
    asks.write_all(format!("{setup}\n").as_bytes()).await.unwrap();
    let told: Value = serde_json::from_str(&answers.next_line().await.unwrap().expect("the library's call")).unwrap();
    let session = outcomes.recv().await.unwrap().session;

    assert_eq!((session.direction, session.end_reason), (Direction::Inbound, Some(EndReason::Completed)));
    assert_eq!(session.carrier_call.as_ref().unwrap().as_str(), told["sid"]);
    assert_eq!(session.local.as_deref(), Some(OURS));
    let lengths = ["ordered_seconds", "seconds", "recorded_seconds"].map(|length| told[length].as_u64().unwrap());
    let ours = session.duration_seconds().unwrap();
    for length in lengths.into_iter().chain([ours]) {
        assert!(length >= SPEECH.as_secs() && length.abs_diff(ours) <= SECONDS, "{told}, ours {ours}");
    }

    asks.write_all(format!("{}\n", judged(&twilio)).as_bytes()).await.unwrap();
    assert_eq!(answers.next_line().await.unwrap().as_deref(), Some("ok"));
    assert!(library.wait().await.unwrap().success());
    stop.send(()).unwrap();
    serving.await.unwrap().unwrap();
}
