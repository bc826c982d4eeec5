//! Twilio's own OpenAPI specifications as the judges of our requests and of our emulator's answers: `scripts/spec-check`.
#![allow(clippy::unwrap_used, reason = "a test that meets an unexpected error should stop there")]

mod support;

use std::io::{BufRead, BufReader, Lines, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::Duration;

use axum::Router;
use axum::routing::post;
use support::{ACCOUNT, PUBLIC_URL, TOKEN};
use voicecall_core::carrier::{
    CallFlow, CallQuery, CallStatus, CallStep, FindCalls, MachineDetection, NumberBackend, NumberKind, NumberOrder,
    NumberWebhooks, PausedAudio, PlaceCall, RecordCall, RecordingId, RecordingStatus, VoiceBackend,
};
use voicecall_core::messaging::{ConversationalBackend, FindMessages, Media, MessageState, SendMessage};
use voicecall_core::testing::{ReservedAddress, number_suite};
use voicecall_core::{ConsentToken, SessionId};
use voicecall_sim::phone::{Answer, Silent};
use voicecall_sim::twilio::server::{ServerOptions, TwilioServer};
use voicecall_sim::twilio::{Account, Exchange, ExchangeOptions, Number, NumberForSale};
use voicecall_twilio::conversations::{
    ConversationQuery, ConversationSettings, ConversationState, DeliverySummary, EventType, MessageSettings,
    NewConversationWebhook, NewMessage, NewParticipant, ParticipantSettings, Share, WebhookSettings,
};
use voicecall_twilio::transcriptions::{Engine, StartTranscription, TranscriptStatus};
use voicecall_twilio::{TwilioBuilder, TwilioMessaging, TwilioNumbers, TwilioVoice};

const HOUR: Duration = Duration::from_secs(3600);
const FROM: &str = "+46100000001";
const TO: &str = "+46700000001";

/// The specifications, by the names of their files.
const API: &str = "twilio_api_v2010";
const CONVERSATIONS: &str = "twilio_conversations_v1";
const INTELLIGENCE: &str = "twilio_intelligence_v2";

/// Prism between our client and our emulator: it passes everything on, and says what the specification does not allow.
struct Judge {
    prism: Child,
    address: SocketAddr,
    says: Lines<BufReader<ChildStdout>>,
    _reserved: ReservedAddress,
}

impl Judge {
    /// Returns once it listens.
    fn between(carrier: &str, specification: &str) -> Self {
        let setting =
            |name: &str| std::env::var_os(name).unwrap_or_else(|| panic!("run scripts/spec-check: no {name}"));
        let reserved = ReservedAddress::new();
        let address = reserved.address();
        let mut prism = Command::new(setting("VOICECALL_PRISM"))
            .arg("proxy")
            .arg(Path::new(&setting("VOICECALL_TWILIO_SPECS")).join(format!("{specification}.json")))
            .arg(carrier)
            .args(["--port", &address.port().to_string()])
            .env("NO_COLOR", "1")
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut says = BufReader::new(prism.stdout.take().unwrap()).lines();
        let listens = says.by_ref().map_while(Result::ok).any(|line| line.contains("listening"));
        assert!(listens, "prism does not listen");
        Self { prism, address, says, _reserved: reserved }
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
    builder: TwilioBuilder,
    calls: TwilioVoice,
    messages: TwilioMessaging,
    numbers: TwilioNumbers,
    judge: Judge,
    emulator: TwilioServer,
}

impl Stage {
    async fn open(specification: &str) -> Self {
        let mut options = ExchangeOptions::new(1, vec![Account::new(ACCOUNT, TOKEN, vec![Number::new(FROM)])]);
        options.epoch = jiff::Timestamp::now();
        options.dial_interval = Duration::ZERO;
        options.for_sale = vec![NumberForSale::new("+46766860001", "SE", "Mobile")];
        let exchange = Exchange::new(options, |_| Box::new(Silent(Answer::AT_ONCE)));
        let exchange = exchange.with_recogniser(|_, _| Some(("hej".to_owned(), 0.9)));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let routed = ServerOptions::default().route(&url("/"), listener.local_addr().unwrap());
        let pause = |seconds| {
            move || async move {
                ([("content-type", "text/xml")], format!(r#"<Response><Pause length="{seconds}"/></Response>"#))
            }
        };
        let application = Router::new().route("/short", post(pause(1))).fallback(pause(60));
        tokio::spawn(async move { axum::serve(listener, application).await });
        let emulator = TwilioServer::start(exchange, routed).await.unwrap();
        let judge = Judge::between(&emulator.api(), specification);
        let builder = TwilioBuilder::new()
            .account_sid(ACCOUNT)
            .auth_token(TOKEN)
            .public_url(PUBLIC_URL)
            .api_base_url(format!("http://{}", judge.address));
        let (calls, messages) = (builder.clone().build().unwrap(), builder.clone().build_messaging().unwrap());
        let numbers = builder.clone().build_numbers().unwrap();
        Self { builder, calls, messages, numbers, judge, emulator }
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
    let stage = Stage::open(API).await;
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
    let stage = Stage::open(API).await;
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
    let stage = Stage::open(API).await;
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

/// A second of a call that was recorded; who places it is not judged.
async fn recording(stage: &Stage) -> RecordingId {
    let calls = stage.builder.clone().api_base_url(stage.emulator.api()).build().unwrap();
    let order = PlaceCall::new(TO.parse().unwrap(), FROM.parse().unwrap(), url("/short"), url("/status"));
    let call = calls.place(&order).await.unwrap().id;
    while calls.fetch(&call).await.unwrap().status != CallStatus::InProgress {}
    let recording = calls.start_recording(&call, &RecordCall::new(consent())).await.unwrap().id;
    while calls.fetch(&call).await.unwrap().status != CallStatus::Completed {}
    while calls.recording(&recording).await.unwrap().status != RecordingStatus::Completed {}
    recording
}

#[tokio::test]
#[ignore = "needs Twilio's specification: scripts/spec-check"]
async fn conversations_are_as_the_specification_says() {
    for service in [None, Some(ACCOUNT.replace("AC", "IS"))] {
        let stage = Stage::open(CONVERSATIONS).await;
        let builder = stage.builder.clone();
        let builder = if let Some(service) = service { builder.conversation_service(service) } else { builder };
        let twilio = builder.build_conversations().unwrap().with_webhooks();
        let mut settings = ConversationSettings::named("order-17");
        settings.friendly_name = Some("Anna".to_owned());
        settings.attributes = Some(serde_json::json!({"a": 1}));
        (settings.inactive_after, settings.closed_after) = (Some(HOUR), Some(HOUR));
        let conversation = twilio.create(&settings).await.unwrap().sid;
        twilio.fetch_named("order-17").await.unwrap();
        assert_eq!(twilio.list(&ConversationQuery::default()).await.unwrap().conversations.len(), 1);
        let customer = NewParticipant::messaging(TO.parse().unwrap(), FROM.parse().unwrap());
        let customer = twilio.add_participant(&conversation, &customer).await.unwrap();
        let anna = twilio.add_participant(&conversation, &NewParticipant::chat("anna")).await.unwrap();
        twilio.participant(&conversation, &customer.sid).await.unwrap();
        let mut read = ParticipantSettings::default();
        read.last_read = Some(0);
        twilio.update_participant(&conversation, &anna.sid, &read).await.unwrap();
        assert_eq!(twilio.participants(&conversation).await.unwrap().len(), 2);
        let sent = twilio.send(&conversation, &NewMessage::text("anna", "Hej då")).await.unwrap();
        let mut changed = MessageSettings::default();
        changed.text = Some("Hej!".to_owned());
        twilio.update_message(&conversation, &sent.sid, &changed).await.unwrap();
        let is_delivered = |it: Option<DeliverySummary>| it.is_some_and(|it| it.delivered == Share::All);
        while !is_delivered(twilio.message(&conversation, &sent.sid).await.unwrap().delivery) {}
        assert_eq!(twilio.receipts(&conversation, &sent.sid).await.unwrap().len(), 1);
        assert_eq!(twilio.messages(&conversation, 0).await.unwrap().len(), 1);
        twilio.delete_message(&conversation, &sent.sid).await.unwrap();
        let webhook = NewConversationWebhook::new(url("/conversation"), [EventType::StateUpdated]);
        let webhook = twilio.add_webhook(&conversation, &webhook).await.unwrap();
        assert_eq!(twilio.webhooks(&conversation).await.unwrap().len(), 1);
        twilio.remove_webhook(&conversation, &webhook.sid).await.unwrap();
        let mut all = WebhookSettings::default();
        (all.before_url, all.after_url) = (Some(url("/before")), Some(url("/after")));
        all.events = vec![EventType::StateUpdated];
        assert_eq!(twilio.set_webhook_settings(&all).await.unwrap(), twilio.webhook_settings().await.unwrap());
        twilio.remove_participant(&conversation, &anna.sid).await.unwrap();
        twilio.update(&conversation, &ConversationSettings::in_state(ConversationState::Closed)).await.unwrap();
        twilio.delete(&conversation).await.unwrap();
        assert_eq!(stage.judge.objections().await, Vec::<String>::new());
    }
}

#[tokio::test]
#[ignore = "needs Twilio's specification: scripts/spec-check"]
async fn transcriptions_are_as_the_specification_says() {
    let stage = Stage::open(API).await;
    let twilio = stage.builder.clone().build_transcriptions().unwrap();
    let order = PlaceCall::new(TO.parse().unwrap(), FROM.parse().unwrap(), url("/answer"), url("/status"));
    let call = stage.calls.place(&order).await.unwrap().id;
    while stage.calls.fetch(&call).await.unwrap().status != CallStatus::InProgress {}
    let mut settings = StartTranscription::new(consent(), url("/words"));
    (settings.name, settings.engine) = (Some("first".to_owned()), Some(Engine::Google));
    (settings.language, settings.partial_results) = (Some("sv-SE".to_owned()), true);
    let live = twilio.start(&call, &settings).await.unwrap();
    twilio.stop(&call, &live.sid).await.unwrap();
    let recording = recording(&stage).await;
    stage.emulator.recording_transcribed(recording.as_str(), Some("hej")).unwrap();
    let known = twilio.of_recording(&recording).await.unwrap();
    twilio.fetch(&known[0].sid).await.unwrap();
    twilio.delete(&known[0].sid).await.unwrap();
    assert_eq!(stage.judge.objections().await, Vec::<String>::new());
}

#[tokio::test]
#[ignore = "needs Twilio's specification: scripts/spec-check"]
async fn transcripts_are_as_the_specification_says() {
    let stage = Stage::open(INTELLIGENCE).await;
    let twilio = stage.builder.clone().build_transcriptions().unwrap();
    let recording = recording(&stage).await;
    let service = format!("GA{:032x}", 1).parse().unwrap();
    let made = twilio.create_transcript(&service, &recording).await.unwrap();
    while twilio.transcript(&made.sid).await.unwrap().status != TranscriptStatus::Completed {}
    assert_eq!(twilio.transcripts_of(&recording).await.unwrap().len(), 1);
    assert_eq!(twilio.sentences(&made.sid, false).await.unwrap().len(), 2);
    twilio.delete_transcript(&made.sid).await.unwrap();
    assert_eq!(stage.judge.objections().await, Vec::<String>::new());
}
