//! Messages with the emulator over real sockets: what we send comes further, what it tells is understood.
#![allow(clippy::unwrap_used, reason = "a test that meets an unexpected error should stop there")]

mod support;

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::to_bytes;
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::response::IntoResponse;
use jiff::{SignedDuration, Timestamp};
use support::{ACCOUNT, PUBLIC_URL, TOKEN};
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use voicecall_core::ErrorKind;
use voicecall_core::carrier::WebhookRequest;
use voicecall_core::messaging::{
    ConversationalBackend, FindMessages, MessageState, MessagingEvent, MessagingEventKind, SendMessage,
};
use voicecall_sim::fault::{Fault, FaultPlan, FaultRule, Site};
use voicecall_sim::phone::{Answer, Silent};
use voicecall_sim::twilio::server::{ServerOptions, TwilioServer};
use voicecall_sim::twilio::{Account, Exchange, ExchangeOptions, MessageMedium, Number};
use voicecall_twilio::TwilioMessaging;

const OURS: &str = "+46100000001";
const THEIRS: &str = "+46700000001";

/// The application, the carrier, and what the carrier told.
struct Stage {
    twilio: Arc<TwilioMessaging>,
    server: TwilioServer,
    told: mpsc::UnboundedReceiver<MessagingEvent>,
    app: std::net::SocketAddr,
}

struct App {
    twilio: Arc<TwilioMessaging>,
    told: mpsc::UnboundedSender<MessagingEvent>,
}

fn url(path: &str) -> url::Url {
    format!("{PUBLIC_URL}{path}").parse().unwrap()
}

/// Takes in what has proved to be the carrier's.
async fn take_in(State(app): State<Arc<App>>, request: Request) -> impl IntoResponse {
    let (parts, body) = request.into_parts();
    let body = to_bytes(body, usize::MAX).await.unwrap();
    let headers: Vec<(&str, &str)> =
        parts.headers.iter().map(|(name, value)| (name.as_str(), value.to_str().unwrap())).collect();
    let target = parts.uri.path_and_query().unwrap().as_str();
    let request =
        WebhookRequest { method: parts.method.as_str(), path_and_query: target, headers: &headers, body: &body };
    match app.twilio.webhook(&request) {
        Ok(event) => {
            let _ = app.told.send(event);
            let reply = app.twilio.reply();
            (StatusCode::OK, [("content-type", reply.content_type)], reply.body)
        }
        Err(_) => (StatusCode::FORBIDDEN, [("content-type", "text/plain")], String::new()),
    }
}

impl Stage {
    async fn open(configure: impl FnOnce(&mut ExchangeOptions)) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let local = listener.local_addr().unwrap();
        let number = Number::new(OURS).texted_at(url("/messages/incoming"));
        let mut options = ExchangeOptions::new(1, vec![Account::new(ACCOUNT, TOKEN, vec![number])]);
        options.epoch = Timestamp::now();
        options.messaging.step = Duration::from_millis(20);
        configure(&mut options);
        let exchange = Exchange::new(options, |_| Box::new(Silent(Answer::Unreachable)));
        let server = TwilioServer::start(exchange, ServerOptions::default().route(&url("/"), local)).await.unwrap();
        let twilio = TwilioMessaging::builder()
            .account_sid(ACCOUNT)
            .auth_token(TOKEN)
            .public_url(PUBLIC_URL)
            .api_base_url(server.api())
            .build_messaging()
            .unwrap();
        let twilio = Arc::new(twilio);
        let (sender, told) = mpsc::unbounded_channel();
        let router =
            Router::new().fallback(take_in).with_state(Arc::new(App { twilio: Arc::clone(&twilio), told: sender }));
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self { twilio, server, told, app: local }
    }

    async fn told(&mut self) -> MessagingEvent {
        tokio::time::timeout(Duration::from_secs(60), self.told.recv()).await.unwrap().unwrap()
    }

    /// How far the message has come by the reports, in the order in which they came, until `end` was among them.
    async fn states_until(&mut self, end: MessageState) -> Vec<MessageState> {
        let mut states = Vec::new();
        while !states.contains(&end) {
            match self.told().await.kind {
                MessagingEventKind::Delivery(report) => states.push(report.state),
                other => panic!("{other:?}"),
            }
        }
        states
    }
}

fn message(scheme: &str) -> SendMessage {
    let address = |number: &str| format!("{scheme}{number}").parse().unwrap();
    SendMessage::text(address(THEIRS), address(OURS), "Hej då!").reporting_to(Some(url("/messages/status?m=1")))
}

fn faulty(site: Site, fault: Fault) -> impl FnOnce(&mut ExchangeOptions) {
    move |options| options.faults = FaultPlan::new(1, vec![FaultRule::nth(site, 1, fault)]).unwrap()
}

#[tokio::test]
async fn a_text_is_sent_and_delivered_and_one_of_whatsapp_is_read() {
    use MessageState::{Delivered, Read, Sent};
    for (scheme, states) in [("", vec![Sent, Delivered]), ("whatsapp:", vec![Sent, Delivered, Read])] {
        let mut stage = Stage::open(|_| {}).await;
        let sent = stage.twilio.send(&message(scheme)).await.unwrap();
        let end = *states.last().unwrap();
        assert_eq!(stage.states_until(end).await, states);
        let known = stage.twilio.fetch(&sent.id).await.unwrap();
        assert_eq!((known.state, known.price.unwrap().currency.as_str()), (end, "USD"));
    }
}

#[tokio::test]
async fn what_cannot_be_delivered_says_why() {
    let mut stage = Stage::open(|options| {
        options.messaging.unreachable.insert(THEIRS.to_owned());
    })
    .await;
    stage.twilio.send(&message("")).await.unwrap();
    stage.told().await;
    let MessagingEventKind::Delivery(report) = stage.told().await.kind else { panic!("it is a report") };
    assert_eq!((report.state, report.error.as_deref()), (MessageState::Undelivered, Some("30003")));
}

#[tokio::test]
async fn a_message_with_a_picture_comes_in_and_the_picture_is_read() {
    for scheme in ["", "whatsapp:"] {
        let mut stage = Stage::open(|_| {}).await;
        let picture = MessageMedium { content_type: "image/png", bytes: vec![3; 900] };
        let card = MessageMedium { content_type: "text/vcard", bytes: vec![4; 9] };
        let (from, to) = (format!("{scheme}{THEIRS}"), format!("{scheme}{OURS}"));
        let sid = stage.server.text_in(&from, &to, "Titta! 🙂", vec![picture, card]).unwrap();
        let event = stage.told().await;
        assert_eq!(event.message.as_str(), sid);
        let MessagingEventKind::Received(message) = event.kind else { panic!("it came in") };
        assert_eq!((message.from.canonical(), message.text.as_str()), (from, "Titta! 🙂"));
        assert_eq!((message.media.len(), message.refused_media), (1, 1));
        assert_eq!(message.sender_name.is_some(), !scheme.is_empty());
        let content = stage.twilio.media(&message.media[0], 900).await.unwrap();
        assert_eq!((content.bytes, content.content_type.as_str()), (vec![3; 900], "image/png"));
        // The answer to the webhook was no message.
        assert_eq!(stage.server.inspect(|exchange| exchange.messages().len()), 1);
    }
}

#[tokio::test]
async fn who_wrote_stop_gets_nothing_more_until_they_write_start() {
    let mut stage = Stage::open(|_| {}).await;
    let _ = stage.server.text_in(THEIRS, OURS, " stop ", Vec::new());
    assert!(matches!(stage.told().await.kind, MessagingEventKind::Received(_)), "the application is told");
    let refused = stage.twilio.send(&message("")).await.unwrap_err();
    assert_eq!((refused.kind(), refused.code()), (ErrorKind::Rejected, Some("21610")));
    let _ = stage.server.text_in(THEIRS, OURS, "START", Vec::new());
    stage.twilio.send(&message("")).await.unwrap();
}

#[tokio::test]
async fn a_message_whose_outcome_is_unknown_is_found_and_never_sent_again() {
    for (fault, sent) in [
        (Fault::AcceptThenDrop, 1),
        (Fault::DropBefore, 0),
        (Fault::Error { status: 502, accepted: true }, 1),
        (Fault::Error { status: 500, accepted: false }, 0),
    ] {
        let stage = Stage::open(faulty(Site::RestCreate, fault.clone())).await;
        let since = Timestamp::now() - SignedDuration::from_secs(5);
        assert_eq!(stage.twilio.send(&message("")).await.unwrap_err().kind(), ErrorKind::UnknownOutcome, "{fault:?}");
        let SendMessage { to, from, text, .. } = message("");
        let found = stage.twilio.find(&FindMessages { to, from, text, since }).await.unwrap();
        assert_eq!(found.len(), sent, "{fault:?}");
        assert_eq!(stage.server.inspect(|exchange| exchange.messages().len()), sent, "{fault:?}");
    }
}

#[tokio::test]
async fn too_much_is_tried_again_and_sent_once() {
    let stage = Stage::open(faulty(Site::RestCreate, Fault::RateLimit { retry_after: None })).await;
    stage.twilio.send(&message("")).await.unwrap();
    assert_eq!(stage.server.inspect(|exchange| exchange.messages().len()), 1);
}

#[tokio::test]
async fn reports_that_are_late_repeated_or_out_of_order_give_the_same_end() {
    for fault in [
        Fault::Duplicate { times: 2 },
        Fault::OutOfOrder,
        Fault::Late { delay: Duration::from_millis(200) },
        Fault::AcceptThenDrop,
    ] {
        let mut stage = Stage::open(faulty(Site::WebhookStatus, fault.clone())).await;
        stage.twilio.send(&message("")).await.unwrap();
        let mut states = stage.states_until(MessageState::Delivered).await;
        while !states.contains(&MessageState::Sent) {
            states.extend(stage.states_until(MessageState::Sent).await);
        }
        let end = states.iter().copied().fold(MessageState::Queued, MessageState::advance);
        assert_eq!(end, MessageState::Delivered, "{fault:?}: {states:?}");
        if fault == Fault::OutOfOrder {
            assert_eq!(states[0], MessageState::Delivered, "it was overtaken");
        }
    }
}

#[tokio::test]
async fn a_forged_webhook_changes_nothing() {
    let mut stage = Stage::open(|_| {}).await;
    let form = [("MessageSid", "SM1"), ("MessageStatus", "delivered")];
    let forged = reqwest::Client::new()
        .post(format!("http://{}/messages/status", stage.app))
        .header("x-twilio-signature", "RSOYDt4T1cUTdK1PDd93/VVr8B8=")
        .form(&form)
        .send()
        .await
        .unwrap();
    assert_eq!(forged.status(), 403);
    let sid = stage.server.text_in(THEIRS, OURS, "Hej", Vec::new()).unwrap();
    assert_eq!(stage.told().await.message.as_str(), sid, "the first that was believed");
}
