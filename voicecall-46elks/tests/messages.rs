//! Messages against the emulated carrier: what we send comes further, what it tells is asked back before it is believed.
#![allow(clippy::unwrap_used, reason = "a test that meets an unexpected error should stop there")]

mod support;

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::to_bytes;
use axum::extract::{Request, State};
use axum::http::StatusCode;
use jiff::{SignedDuration, Timestamp};
use support::{FOREIGN, OURS, PUBLIC, SOCKET, THEIRS, account, builder, messaging, serve};
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use voicecall_46elks::ElksMessaging;
use voicecall_core::carrier::WebhookRequest;
use voicecall_core::messaging::{
    ConversationalBackend, DeliveryReport, FindMessages, IncomingMessage, Media, MessageState, MessagingEvent,
    MessagingEventKind, SendMessage,
};
use voicecall_core::{CarrierMessageId, ErrorKind, Result};
use voicecall_sim::elks46::{ElksImage, ElksOptions, ElksServer, Unconfirmed};
use voicecall_sim::fault::{Fault, FaultPlan, FaultRule, Site};

struct Stage {
    elks: Arc<ElksMessaging>,
    server: ElksServer,
    told: mpsc::UnboundedReceiver<Result<MessagingEvent>>,
}

type App = (Arc<ElksMessaging>, mpsc::UnboundedSender<Result<MessagingEvent>>);

/// Takes in what has proved to be the carrier's, and has been confirmed.
async fn take_in(State((elks, told)): State<App>, request: Request) -> (StatusCode, String) {
    let (parts, body) = request.into_parts();
    let body = to_bytes(body, usize::MAX).await.unwrap();
    let target = parts.uri.path_and_query().unwrap().as_str();
    let request = WebhookRequest { method: parts.method.as_str(), path_and_query: target, headers: &[], body: &body };
    let event = match elks.webhook(&request) {
        Ok(event) => elks.confirm(event).await,
        Err(error) => Err(error),
    };
    let status = match &event {
        Ok(_) => StatusCode::OK,
        Err(error) if error.is_retryable() => StatusCode::SERVICE_UNAVAILABLE,
        Err(_) => StatusCode::UNAUTHORIZED,
    };
    let _ = told.send(event);
    (status, elks.reply().body)
}

impl Stage {
    async fn open(mut options: ElksOptions) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let local = listener.local_addr().unwrap();
        options.text_step = Duration::from_millis(20);
        let server = serve(local, options).await;
        let elks = Arc::new(messaging(&server));
        let (sender, told) = mpsc::unbounded_channel();
        let router = Router::new().fallback(take_in).with_state((Arc::clone(&elks), sender));
        tokio::spawn(async move { axum::serve(listener, router).await });
        let incoming = format!("{PUBLIC}/messages/46elks/incoming").parse().unwrap();
        elks.set_incoming_url(&OURS.parse().unwrap(), Some(&incoming)).await.unwrap();
        assert_eq!(elks.incoming_url(&OURS.parse().unwrap()).await.unwrap(), Some(incoming));
        Self { elks, server, told }
    }

    async fn told(&mut self) -> Result<MessagingEvent> {
        tokio::time::timeout(Duration::from_secs(60), self.told.recv()).await.unwrap().unwrap()
    }
}

fn both() -> [ElksOptions; 2] {
    let mut other = account();
    other.unconfirmed = Unconfirmed::otherwise();
    [account(), other]
}

fn with_fault(site: Site, fault: Fault) -> ElksOptions {
    let mut options = account();
    options.faults = FaultPlan::new(1, vec![FaultRule::nth(site, 1, fault)]).unwrap();
    options
}

fn text() -> SendMessage {
    SendMessage::text(THEIRS.parse().unwrap(), OURS.parse().unwrap(), "Hej då!")
        .reporting_to(Some(format!("{PUBLIC}/messages/status?account=a").parse().unwrap()))
}

fn search() -> FindMessages {
    let SendMessage { to, from, text, .. } = text();
    FindMessages { to, from, text, since: Timestamp::now() - SignedDuration::from_secs(5) }
}

fn delivered(state: MessageState) -> MessagingEventKind {
    MessagingEventKind::Delivery(DeliveryReport { state, error: None })
}

#[tokio::test]
async fn a_text_is_sent_delivered_and_has_a_price() {
    for options in both() {
        let mut stage = Stage::open(options.clone()).await;
        let sent = stage.elks.send(&text()).await.unwrap();
        assert_eq!((sent.state, sent.parts), (MessageState::Sent, Some(1)));
        let states = if options.unconfirmed.tells_sent { 2 } else { 1 };
        let mut end = MessageState::Queued;
        for _ in 0..states {
            let event = stage.told().await.unwrap();
            assert_eq!(event.message, sent.id);
            let MessagingEventKind::Delivery(report) = event.kind else { panic!("it is a report") };
            end = end.advance(report.state);
        }
        assert_eq!(end, MessageState::Delivered);
        let known = stage.elks.fetch(&sent.id).await.unwrap();
        assert_eq!((known.state, known.price.unwrap().currency.as_str()), (MessageState::Delivered, "SEK"));
    }
}

#[tokio::test]
async fn a_text_that_cannot_be_delivered_has_failed() {
    let mut options = account();
    options.unreachable.push(THEIRS.to_owned());
    options.unconfirmed.tells_sent = false;
    let mut stage = Stage::open(options).await;
    stage.elks.send(&text()).await.unwrap();
    assert_eq!(stage.told().await.unwrap().kind, delivered(MessageState::Failed));
}

#[tokio::test]
async fn a_picture_goes_out_as_an_mms_of_which_nothing_is_told() {
    let stage = Stage::open(account()).await;
    let url: url::Url = "https://app.example/a.jpg".parse().unwrap();
    let mms = text().with_media(vec![Media { url: url.clone(), content_type: "image/jpeg".parse().unwrap() }]);
    let sent = stage.elks.send(&mms).await.unwrap();
    let kept = stage.server.told(sent.id.as_str()).await;
    assert_eq!((kept.image_url.as_deref(), kept.reports.len(), kept.whendelivered()), (Some(url.as_str()), 0, None));
    assert_eq!(stage.elks.fetch(&sent.id).await.unwrap().state, MessageState::Sent);
    assert_eq!(stage.elks.find(&search()).await.unwrap()[0].id, sent.id, "in its own list");
}

#[tokio::test]
async fn texts_and_pictures_come_in_and_the_answer_sends_nothing() {
    for options in both() {
        let mut stage = Stage::open(options).await;
        let picture = ElksImage { content_type: "image/png", bytes: vec![3; 900] };
        for images in [Vec::new(), vec![picture]] {
            let id = stage.server.text_in(THEIRS, OURS, "Titta! 🙂", images.clone());
            let event = stage.told().await.unwrap();
            assert_eq!(event.message.as_str(), id);
            let MessagingEventKind::Received(message) = event.kind else { panic!("it came in") };
            assert_eq!((message.from.canonical().as_str(), message.text.as_str()), (THEIRS, "Titta! 🙂"));
            assert!(message.sent_at.is_some());
            assert_eq!(message.media.len(), images.len());
            for medium in &message.media {
                let content = stage.elks.media(medium, 900).await.unwrap();
                assert_eq!((content.bytes, content.content_type.as_str()), (vec![3; 900], "image/png"));
                assert_eq!(stage.elks.media(medium, 899).await.unwrap_err().field(), Some("media"));
            }
            stage.server.told(&id).await;
        }
        assert!(stage.server.messages().iter().all(|message| message.is_incoming), "nothing was sent back");
    }
}

#[tokio::test]
async fn a_webhook_is_what_the_carrier_says_itself() {
    let stage = Stage::open(account()).await;
    let id = CarrierMessageId::new(stage.server.text_in(THEIRS, OURS, "Hej", Vec::new()));
    let (from, to): (voicecall_core::Address, voicecall_core::Address) =
        (FOREIGN.parse().unwrap(), OURS.parse().unwrap());
    let picture = format!("https://api.46elks.com/a1/images/{}-i0.jpg", "m1");
    let forged = IncomingMessage::new(from, to, "Pay me").with_media([(picture.as_str(), "image/jpeg")]);
    let told =
        |id: &CarrierMessageId| MessagingEvent::new(id.clone(), MessagingEventKind::Received(Box::new(forged.clone())));

    let confirmed = stage.elks.confirm(told(&id)).await.unwrap();

    let MessagingEventKind::Received(message) = confirmed.kind else { panic!("it came in") };
    assert_eq!((message.from.canonical().as_str(), message.text.as_str()), (THEIRS, "Hej"));
    assert_eq!((message.media.len(), message.refused_media), (0, 1), "a picture of another message");
    // Neither one of ours as one of theirs, nor the other way round, nor what is not there.
    let sent = stage.elks.send(&text()).await.unwrap();
    for (event, kind) in [
        (told(&sent.id), ErrorKind::Unauthenticated),
        (MessagingEvent::new(id, delivered(MessageState::Delivered)), ErrorKind::Unauthenticated),
        (told(&CarrierMessageId::new("s404")), ErrorKind::Unauthenticated),
    ] {
        assert_eq!(stage.elks.confirm(event).await.unwrap_err().kind(), kind);
    }
}

#[tokio::test]
async fn a_report_that_the_interface_does_not_show_may_come_again() {
    let mut options = account();
    options.unconfirmed.rest_lags = Duration::from_secs(3600);
    let mut stage = Stage::open(options).await;
    stage.elks.send(&text()).await.unwrap();
    assert_eq!(stage.told().await.unwrap().kind, delivered(MessageState::Sent));
    assert_eq!(stage.told().await.unwrap_err().kind(), ErrorKind::Unavailable);
}

#[tokio::test]
async fn a_text_whose_outcome_is_unknown_is_found_and_never_sent_again() {
    for (fault, sent) in [
        (Fault::AcceptThenDrop, 1),
        (Fault::DropBefore, 0),
        (Fault::Error { status: 502, accepted: true }, 1),
        (Fault::Error { status: 500, accepted: false }, 0),
    ] {
        let stage = Stage::open(with_fault(Site::RestCreate, fault.clone())).await;
        assert_eq!(stage.elks.send(&text()).await.unwrap_err().kind(), ErrorKind::UnknownOutcome, "{fault:?}");
        assert_eq!(stage.server.messages().len(), sent, "{fault:?}");
        assert_eq!(stage.elks.find(&search()).await.unwrap().len(), sent, "{fault:?}");
    }
    // Without a list of MMS nobody can say that it was not one.
    let mut options = with_fault(Site::RestCreate, Fault::DropBefore);
    options.unconfirmed.lists_mms = false;
    let stage = Stage::open(options).await;
    assert_eq!(stage.elks.find(&search()).await.unwrap_err().kind(), ErrorKind::Unsupported);
    stage.elks.send(&text()).await.unwrap_err();
    stage.elks.send(&text()).await.unwrap();
    assert_eq!(stage.elks.find(&search()).await.unwrap().len(), 1);
}

#[tokio::test]
async fn what_was_refused_was_not_sent_and_says_why() {
    for json in [false, true] {
        let mut options = account();
        options.unconfirmed.json_errors = json;
        let stage = Stage::open(options).await;
        let mut foreign = text();
        foreign.from = FOREIGN.parse().unwrap();
        let error = stage.elks.send(&foreign).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Forbidden);
        assert!(error.to_string().contains("not allowed") && !error.to_string().contains("766861099"), "{error}");
        assert!(stage.server.messages().is_empty());
        let wrong = builder(stage.server.api()).api_password("wrong-password").build_messaging().unwrap();
        assert_eq!(wrong.health().await.unwrap_err().kind(), ErrorKind::Unauthenticated);
        assert!(stage.elks.health().await.is_ok());
        let unknown = stage.elks.fetch(&CarrierMessageId::new("s404")).await.unwrap_err();
        assert_eq!(unknown.kind(), ErrorKind::NotFound);
        let call = stage.elks.fetch(&CarrierMessageId::new("c1")).await.unwrap_err();
        assert_eq!((call.kind(), call.field()), (ErrorKind::Invalid, Some("message")));
    }
    let retry_after = Some(Duration::from_secs(3));
    let stage = Stage::open(with_fault(Site::RestCreate, Fault::RateLimit { retry_after })).await;
    let limited = stage.elks.send(&text()).await.unwrap_err();
    assert_eq!((limited.kind(), limited.retry_after()), (ErrorKind::RateLimited, retry_after));
}

#[tokio::test]
async fn reports_that_are_late_repeated_or_out_of_order_give_the_same_end() {
    for fault in [Fault::Duplicate { times: 2 }, Fault::OutOfOrder, Fault::Late { delay: Duration::from_millis(200) }] {
        let mut stage = Stage::open(with_fault(Site::WebhookStatus, fault.clone())).await;
        let sent = stage.elks.send(&text()).await.unwrap();
        stage.server.told(sent.id.as_str()).await;
        let mut end = MessageState::Queued;
        while end != MessageState::Delivered {
            let MessagingEventKind::Delivery(report) = stage.told().await.unwrap().kind else { panic!("a report") };
            end = end.advance(report.state);
        }
    }
}

#[tokio::test]
async fn a_number_of_somebody_else_and_pictures_elsewhere_are_not_ours() {
    let stage = Stage::open(account()).await;
    let error = stage.elks.incoming_url(&FOREIGN.parse().unwrap()).await.unwrap_err();
    assert_eq!((error.kind(), error.field()), (ErrorKind::NotFound, Some("number")));
    // With another secret it is somebody else's address.
    let other = builder(stage.server.api()).webhook_secret("another secret of ours").build_messaging().unwrap();
    assert_eq!(other.incoming_url(&OURS.parse().unwrap()).await.unwrap(), None);
    stage.elks.set_incoming_url(&OURS.parse().unwrap(), None).await.unwrap();
    assert_eq!((&stage.server.numbers()[0].sms_url, SOCKET == OURS), (&None, false));
    for url in [
        "https://api.46elks.com.evil.example/a1/images/m1-i0.jpg",
        "http://api.46elks.com/a1/images/m1-i0.jpg",
        "https://api.46elks.com/a1/images/../me",
        "https://api.46elks.com/a1/sms/s1",
    ] {
        let media = Media { url: url.parse().unwrap(), content_type: "image/jpeg".parse().unwrap() };
        assert_eq!(stage.elks.media(&media, 100).await.unwrap_err().field(), Some("media"), "{url}");
    }
    let gone = "https://api.46elks.com/a1/images/m404-i0.jpg".parse().unwrap();
    let gone = Media { url: gone, content_type: "image/jpeg".parse().unwrap() };
    assert_eq!(stage.elks.media(&gone, 100).await.unwrap_err().kind(), ErrorKind::NotFound);
}
