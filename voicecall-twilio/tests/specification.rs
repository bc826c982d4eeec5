//! Twilio's own OpenAPI specification as the judge of our requests and of our emulator's answers: `scripts/spec-check`.
#![allow(clippy::unwrap_used, reason = "a test that meets an unexpected error should stop there")]

mod support;

use std::io::{BufRead, BufReader, Lines, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::Duration;

use axum::Router;
use support::{ACCOUNT, PUBLIC_URL, TOKEN};
use voicecall_core::carrier::{
    CallFlow, CallQuery, CallStatus, CallStep, FindCalls, MachineDetection, NumberBackend, NumberKind, NumberOrder,
    NumberWebhooks, PausedAudio, PlaceCall, RecordCall, RecordingStatus, VoiceBackend,
};
use voicecall_core::messaging::{ConversationalBackend, FindMessages, Media, MessageState, SendMessage};
use voicecall_core::testing::number_suite;
use voicecall_core::{ConsentToken, SessionId};
use voicecall_sim::phone::{Answer, Silent};
use voicecall_sim::twilio::server::{ServerOptions, TwilioServer};
use voicecall_sim::twilio::{Account, Exchange, ExchangeOptions, Number, NumberForSale};
use voicecall_twilio::{TwilioBuilder, TwilioMessaging, TwilioNumbers, TwilioVoice};

const FROM: &str = "+46100000001";
const TO: &str = "+46700000001";

/// Prism between our client and our emulator: it passes everything on, and says what the specification does not allow.
struct Judge {
    prism: Child,
    address: SocketAddr,
    says: Lines<BufReader<ChildStdout>>,
}

impl Judge {
    /// Returns once it listens.
    fn between(carrier: &str) -> Self {
        let setting =
            |name: &str| std::env::var_os(name).unwrap_or_else(|| panic!("run scripts/spec-check: no {name}"));
        let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let mut prism = Command::new(setting("VOICECALL_PRISM"))
            .arg("proxy")
            .arg(setting("VOICECALL_TWILIO_SPEC"))
            .arg(carrier)
            .args(["--port", &address.port().to_string()])
            .env("NO_COLOR", "1")
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut says = BufReader::new(prism.stdout.take().unwrap()).lines();
        let listens = says.by_ref().map_while(Result::ok).any(|line| line.contains("listening"));
        assert!(listens, "prism does not listen");
        Self { prism, address, says }
    }

    /// What it said against the requests and answers so far.
    async fn objections(self) -> Vec<String> {
        // It blocks, and what prism asks of the emulator is answered meanwhile.
        tokio::task::spawn_blocking(|| self.read()).await.unwrap()
    }

    fn read(mut self) -> Vec<String> {
        // What prism says about this comes last.
        let mut connection = TcpStream::connect(self.address).unwrap();
        connection.write_all(b"GET /the/end HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n").unwrap();
        connection.read_to_end(&mut Vec::new()).unwrap();
        let lines = self.says.by_ref().map_while(Result::ok);
        let before = lines.take_while(|line| !line.contains("/the/end"));
        let mut objections: Vec<String> =
            before.filter(|line| line.contains("iolation") || line.contains("error")).collect();
        objections.dedup();
        objections
    }
}

impl Drop for Judge {
    fn drop(&mut self) {
        let _ = self.prism.kill();
        let _ = self.prism.wait();
    }
}

struct Stage {
    calls: TwilioVoice,
    messages: TwilioMessaging,
    numbers: TwilioNumbers,
    judge: Judge,
    _emulator: TwilioServer,
}

impl Stage {
    async fn open() -> Self {
        let mut options = ExchangeOptions::new(1, vec![Account::new(ACCOUNT, TOKEN, vec![Number::new(FROM)])]);
        options.epoch = jiff::Timestamp::now();
        options.dial_interval = Duration::ZERO;
        options.for_sale = vec![NumberForSale::new("+46766860001", "SE", "Mobile")];
        let exchange = Exchange::new(options, |_| Box::new(Silent(Answer::AT_ONCE)));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let routed = ServerOptions::default().route(&url("/"), listener.local_addr().unwrap());
        let pause = r#"<Response><Pause length="60"/></Response>"#;
        let application = Router::new().fallback(move || async move { ([("content-type", "text/xml")], pause) });
        tokio::spawn(async move { axum::serve(listener, application).await });
        let emulator = TwilioServer::start(exchange, routed).await.unwrap();
        let judge = Judge::between(&emulator.api());
        let builder = TwilioBuilder::new()
            .account_sid(ACCOUNT)
            .auth_token(TOKEN)
            .public_url(PUBLIC_URL)
            .api_base_url(format!("http://{}", judge.address));
        let (calls, messages) = (builder.clone().build().unwrap(), builder.clone().build_messaging().unwrap());
        let numbers = builder.build_numbers().unwrap();
        Self { calls, messages, numbers, judge, _emulator: emulator }
    }
}

fn url(path: &str) -> url::Url {
    format!("{PUBLIC_URL}{path}").parse().unwrap()
}

fn consent() -> ConsentToken {
    ConsentToken::operator_declares_legal_basis(SessionId::new())
}

#[tokio::test]
#[ignore = "needs Twilio's specification: scripts/spec-check"]
async fn calls_and_recordings_are_as_the_specification_says() {
    let stage = Stage::open().await;
    let twilio = &stage.calls;
    twilio.health().await.unwrap();
    let mut order = PlaceCall::new(TO.parse().unwrap(), FROM.parse().unwrap(), url("/answer"), url("/status"));
    order.machine_detection = Some(MachineDetection::in_background(url("/machine")));
    order.time_limit = Duration::from_secs(600);
    let placed = twilio.place(&order).await.unwrap();
    let settings = RecordCall::new(consent());
    while twilio.fetch(&placed.id).await.unwrap().status != CallStatus::InProgress {}
    let recording = twilio.start_recording(&placed.id, &settings).await.unwrap();
    twilio.pause_recording(&placed.id, &recording.id, PausedAudio::Silence).await.unwrap();
    twilio.resume_recording(&placed.id, &recording.id, &consent()).await.unwrap();
    twilio.stop_recording(&placed.id, &recording.id).await.unwrap();
    assert!(!twilio.recordings(&placed.id).await.unwrap().is_empty());
    while twilio.recording(&recording.id).await.unwrap().status != RecordingStatus::Completed {}
    let pause = CallFlow(vec![CallStep::Pause(Duration::from_secs(30))]);
    twilio.update_call(&placed.id, &pause).await.unwrap();
    twilio.press(&placed.id, &"12#".parse().unwrap(), &pause).await.unwrap();
    let found = FindCalls { to: TO.parse().unwrap(), from: FROM.parse().unwrap(), since: jiff::Timestamp::UNIX_EPOCH };
    assert_eq!(twilio.find(&found).await.unwrap().len(), 1);
    assert_eq!(twilio.list(&CallQuery::new()).await.unwrap().calls.len(), 1);
    twilio.hang_up(&placed.id).await.unwrap();
    twilio.delete_recording(&recording.id).await.unwrap();
    twilio.fetch(&placed.id).await.unwrap();
    assert_eq!(stage.judge.objections().await, Vec::<String>::new());
}

#[tokio::test]
#[ignore = "needs Twilio's specification: scripts/spec-check"]
async fn messages_are_as_the_specification_says() {
    let stage = Stage::open().await;
    let twilio = &stage.messages;
    twilio.health().await.unwrap();
    let mut message = SendMessage::text(TO.parse().unwrap(), FROM.parse().unwrap(), "Hej då!");
    message = message.reporting_to(Some(url("/messages/status")));
    let sent = twilio.send(&message).await.unwrap();
    while twilio.fetch(&sent.id).await.unwrap().state != MessageState::Delivered {}
    message.media = vec![Media { url: url("/picture.jpg"), content_type: "image/jpeg".parse().unwrap() }];
    twilio.send(&message).await.unwrap();
    let (to, from, text) = (message.to, message.from, message.text);
    let query = FindMessages { to, from, text, since: jiff::Timestamp::UNIX_EPOCH };
    assert_eq!(twilio.find(&query).await.unwrap().len(), 2);
    assert_eq!(stage.judge.objections().await, Vec::<String>::new());
}

#[tokio::test]
#[ignore = "needs Twilio's specification: scripts/spec-check"]
async fn numbers_are_as_the_specification_says() {
    let stage = Stage::open().await;
    let number = FROM.parse().unwrap();
    let wanted = NumberWebhooks { incoming: Some(url("/incoming")), status: Some(url("/status")) };
    stage.calls.set_number_webhooks(&number, &wanted).await.unwrap();
    assert_eq!(stage.calls.number_webhooks(&number).await.unwrap(), wanted);
    let messages = Some(url("/messages/incoming"));
    stage.messages.set_incoming_url(&number, messages.as_ref()).await.unwrap();
    assert_eq!(stage.messages.incoming_url(&number).await.unwrap(), messages);
    let search = number_suite::voice_numbers("SE", NumberKind::Mobile);
    let found = stage.numbers.search(&search).await.unwrap();
    let bought = stage.numbers.buy(&NumberOrder::Chosen(found[0].number.clone())).await.unwrap();
    assert_eq!(stage.numbers.list().await.unwrap().len(), 2);
    stage.numbers.release(&bought.number).await.unwrap();
    assert_eq!(stage.judge.objections().await, Vec::<String>::new());
}
