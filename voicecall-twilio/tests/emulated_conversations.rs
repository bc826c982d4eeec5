//! Conversations with the emulator over real sockets: what is sent reaches the others, what is told is understood.
#![allow(clippy::unwrap_used, reason = "a test that meets an unexpected error should stop there")]

mod support;

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::to_bytes;
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::response::IntoResponse;
use jiff::Timestamp;
use support::{ACCOUNT, PUBLIC_URL, TOKEN, sign};
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use voicecall_core::ErrorKind;
use voicecall_core::carrier::WebhookRequest;
use voicecall_core::messaging::MessageState;
use voicecall_sim::fault::{Fault, FaultPlan, FaultRule, Site};
use voicecall_sim::phone::{Answer as Phone, Silent};
use voicecall_sim::twilio::server::{ServerOptions, TwilioServer};
use voicecall_sim::twilio::{Account, Exchange, ExchangeOptions, MessageMedium, Number};
use voicecall_twilio::TwilioConversations;
use voicecall_twilio::conversations::{
    Action, Answer, Changed, ConversationEvent, ConversationEventKind, ConversationQuery, ConversationSettings,
    ConversationSid, ConversationState, EventType, MessageSettings, NewConversationWebhook, NewMessage, NewParticipant,
    ParticipantSettings, Share, Subject, WebhookSettings,
};

const OURS: &str = "+46100000001";
const THEIRS: &str = "+46700000001";

struct App {
    twilio: TwilioConversations,
    told: mpsc::UnboundedSender<ConversationEvent>,
    /// What questions are answered with.
    answer: Mutex<Answer>,
}

/// The application, the carrier, and what the carrier told.
struct Stage {
    twilio: TwilioConversations,
    server: TwilioServer,
    told: mpsc::UnboundedReceiver<ConversationEvent>,
    app: Arc<App>,
    address: SocketAddr,
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
    let Ok(event) = app.twilio.webhook(&request) else {
        return (StatusCode::FORBIDDEN, [("content-type", "text/plain")], String::new());
    };
    let asks = matches!(event.kind, ConversationEventKind::Before(..));
    let _ = app.told.send(event);
    let answer = if asks { app.answer.lock().unwrap().clone() } else { Answer::Allow };
    let reply = app.twilio.reply(&answer);
    (StatusCode::from_u16(reply.status).unwrap(), [("content-type", reply.content_type)], reply.body)
}

impl Stage {
    async fn open(configure: impl FnOnce(&mut ExchangeOptions)) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let number = Number::new(OURS).texted_at(url("/messages/incoming"));
        let mut options = ExchangeOptions::new(1, vec![Account::new(ACCOUNT, TOKEN, vec![number])]);
        options.epoch = Timestamp::now();
        options.messaging.step = Duration::from_millis(20);
        configure(&mut options);
        let exchange = Exchange::new(options, |_| Box::new(Silent(Phone::Unreachable)));
        let server = TwilioServer::start(exchange, ServerOptions::default().route(&url("/"), address)).await.unwrap();
        let builder = TwilioConversations::builder().account_sid(ACCOUNT).auth_token(TOKEN).public_url(PUBLIC_URL);
        let twilio = builder.api_base_url(server.api()).build_conversations().unwrap();
        let (sender, told) = mpsc::unbounded_channel();
        let app = Arc::new(App { twilio: twilio.clone(), told: sender, answer: Mutex::new(Answer::Allow) });
        let router = Router::new().fallback(take_in).with_state(Arc::clone(&app));
        tokio::spawn(async move { axum::serve(listener, router).await });
        Self { twilio, server, told, app, address }
    }

    /// A conversation of a customer who writes SMS and an agent at a chat client, told of whole.
    async fn conversation(&self) -> ConversationSid {
        let made = self.twilio.create(&ConversationSettings::named("order-17")).await.unwrap().sid;
        let customer = NewParticipant::messaging(THEIRS.parse().unwrap(), OURS.parse().unwrap());
        self.twilio.add_participant(&made, &customer).await.unwrap();
        self.twilio.add_participant(&made, &NewParticipant::chat("anna")).await.unwrap();
        let after = EventType::all().filter(|event| !event.is_before());
        self.twilio.add_webhook(&made, &NewConversationWebhook::new(url("/conversation"), after)).await.unwrap();
        made
    }

    async fn asks_before_messages(&self, answer: Answer) {
        let mut settings = WebhookSettings::default();
        settings.before_url = Some(url("/before"));
        settings.events = vec![EventType::Before(Subject::Message, Action::Add)];
        self.twilio.set_webhook_settings(&settings).await.unwrap();
        *self.app.answer.lock().unwrap() = answer;
    }

    async fn told(&mut self) -> ConversationEvent {
        tokio::time::timeout(Duration::from_secs(60), self.told.recv()).await.unwrap().unwrap()
    }

    async fn texts(&self, conversation: &ConversationSid) -> Vec<(u64, String)> {
        let messages = self.twilio.messages(conversation, 0).await.unwrap();
        messages.into_iter().map(|message| (message.index, message.text)).collect()
    }
}

fn faulty(site: Site, fault: Fault) -> impl FnOnce(&mut ExchangeOptions) {
    move |options| options.faults = FaultPlan::new(1, vec![FaultRule::always(site, fault)]).unwrap()
}

#[tokio::test]
async fn a_customer_and_an_agent_write_to_each_other_in_order() {
    let mut stage = Stage::open(|_| {}).await;
    let conversation = stage.conversation().await;
    let picture = MessageMedium { content_type: "image/png", bytes: vec![3; 900] };
    let _ = stage.server.text_in(THEIRS, OURS, "Var är mitt paket? 🙂", vec![picture]);
    let event = stage.told().await;
    let ConversationEventKind::After(Action::Add, Changed::Message(first)) = event.kind else { panic!("{event:?}") };
    assert_eq!((first.index, first.author.as_deref(), event.source.as_deref()), (Some(0), Some(THEIRS), Some("SMS")));
    let sent = stage.twilio.send(&conversation, &NewMessage::text("anna", "Det är här.")).await.unwrap();
    assert!(stage.server.chat_in(conversation.as_str(), "anna", "Välkommen!"));
    let texts = stage.texts(&conversation).await;
    assert_eq!(
        texts,
        [(0, "Var är mitt paket? 🙂".to_owned()), (1, "Det är här.".to_owned()), (2, "Välkommen!".to_owned())]
    );
    assert_eq!(stage.twilio.messages(&conversation, 2).await.unwrap().len(), 1);
    // The picture is read whole within its limit, and not beyond it.
    let media = &first.media[0].sid;
    assert_eq!(stage.twilio.media_content(media, 900).await.unwrap(), vec![3; 900]);
    assert_eq!(stage.twilio.media_content(media, 899).await.unwrap_err().field(), Some("media"));
    assert_eq!(sent.participant, stage.twilio.participants(&conversation).await.unwrap().pop().map(|anna| anna.sid));
}

#[tokio::test]
async fn what_is_sent_comes_further_whatever_order_the_reports_come_in() {
    for fault in [None, Some(Fault::OutOfOrder), Some(Fault::Duplicate { times: 2 }), Some(Fault::AcceptThenDrop)] {
        let mut stage = Stage::open(|options| {
            if let Some(fault) = fault.clone() {
                faulty(Site::WebhookStatus, fault)(options);
            }
        })
        .await;
        let conversation = stage.conversation().await;
        let sent = stage.twilio.send(&conversation, &NewMessage::text("anna", "Hej")).await.unwrap();
        let (mut states, mut deliveries) = (Vec::new(), BTreeSet::new());
        while states.len() < 2 {
            let event = stage.told().await;
            let ConversationEventKind::Delivery(change) = event.kind else { panic!("{event:?}") };
            assert_eq!(change.message, sent.sid);
            if deliveries.insert(event.delivery) {
                states.push(change.state);
            }
        }
        let end = states.iter().copied().fold(MessageState::Queued, MessageState::advance);
        assert_eq!((states.len(), end), (2, MessageState::Delivered), "{fault:?}: {states:?}");
        let known = stage.twilio.message(&conversation, &sent.sid).await.unwrap().delivery.unwrap();
        assert_eq!(
            (known.total, known.sent, known.delivered, known.undelivered),
            (1, Share::All, Share::All, Share::None)
        );
        let receipts = stage.twilio.receipts(&conversation, &sent.sid).await.unwrap();
        assert_eq!((receipts.len(), receipts[0].state), (1, MessageState::Delivered));
    }
}

#[tokio::test]
async fn whom_a_message_does_not_reach_is_known_with_the_reason() {
    let mut stage = Stage::open(|options| {
        options.messaging.unreachable.insert(THEIRS.to_owned());
    })
    .await;
    let conversation = stage.conversation().await;
    let sent = stage.twilio.send(&conversation, &NewMessage::text("anna", "Hej")).await.unwrap();
    loop {
        let ConversationEventKind::Delivery(change) = stage.told().await.kind else { panic!("a report") };
        if change.state != MessageState::Sent {
            assert_eq!((change.state, change.error.as_deref()), (MessageState::Undelivered, Some("30003")));
            break;
        }
    }
    let receipts = stage.twilio.receipts(&conversation, &sent.sid).await.unwrap();
    assert_eq!(receipts[0].error.as_deref(), Some("30003"));
}

#[tokio::test]
async fn a_question_is_answered_with_yes_other_words_or_no() {
    let changed = |text: &str| Answer::ChangeMessage { text: Some(text.to_owned()), author: None, attributes: None };
    for (answer, kept) in
        [(Answer::Allow, Some("svordom")), (changed("*******"), Some("*******")), (Answer::Refuse, None)]
    {
        let mut stage = Stage::open(|_| {}).await;
        let conversation = stage.conversation().await;
        stage.asks_before_messages(answer.clone()).await;
        let _ = stage.server.text_in(THEIRS, OURS, "svordom", Vec::new());
        let asked = stage.told().await;
        let ConversationEventKind::Before(Action::Add, Changed::Message(message)) = asked.kind else { panic!("asked") };
        assert_eq!((message.text.as_str(), message.index), ("svordom", None));
        // What nobody is asked about comes after it, and shows what became of it.
        stage.twilio.set_webhook_settings(&WebhookSettings::default()).await.unwrap();
        stage.server.until(|exchange| exchange.log().iter().rev().find_map(answered)).await;
        let _ = stage.server.text_in(THEIRS, OURS, "hej", Vec::new());
        let texts: Vec<String> = stage.texts(&conversation).await.into_iter().map(|(_, text)| text).collect();
        let expected: Vec<&str> = kept.into_iter().chain(["hej"]).collect();
        assert_eq!(texts, expected, "{answer:?}");
    }
}

fn answered(entry: &voicecall_sim::twilio::LogEntry) -> Option<()> {
    matches!(entry.event, voicecall_sim::twilio::LogEvent::WebhookAnswered { .. }).then_some(())
}

#[tokio::test]
async fn changes_by_request_are_told_only_if_that_was_chosen() {
    let mut stage = Stage::open(|_| {}).await;
    let conversation = stage.conversation().await;
    let quiet = stage.twilio.clone();
    quiet.send(&conversation, &NewMessage::text("anna", "tyst")).await.unwrap();
    let loud = stage.twilio.with_webhooks();
    let sent = loud.send(&conversation, &NewMessage::text("anna", "hörs")).await.unwrap();
    let mut settings = MessageSettings::default();
    settings.text = Some("hörs!".to_owned());
    loud.update_message(&conversation, &sent.sid, &settings).await.unwrap();
    loud.delete_message(&conversation, &sent.sid).await.unwrap();
    let mut told = Vec::new();
    while told.len() < 3 {
        if let ConversationEventKind::After(action, Changed::Message(message)) = stage.told().await.kind {
            told.push((action, message.text.clone(), message.index));
        }
    }
    told.sort_by_key(|(action, ..)| *action as u8);
    let expected = [(Action::Add, "hörs"), (Action::Update, "hörs!"), (Action::Remove, "hörs!")];
    assert_eq!(told, expected.map(|(action, text)| (action, text.to_owned(), Some(1))));
}

#[tokio::test]
async fn a_conversation_is_found_changed_closed_and_deleted() {
    let mut stage = Stage::open(|_| {}).await;
    let conversation = stage.conversation().await;
    assert_eq!(stage.twilio.fetch_named("order-17").await.unwrap().sid, conversation);
    let taken = stage.twilio.create(&ConversationSettings::named("order-17")).await.unwrap_err();
    assert_eq!((taken.kind(), taken.field()), (ErrorKind::Conflict, Some("unique_name")));
    let mut settings = ConversationSettings::in_state(ConversationState::Inactive);
    settings.inactive_after = Some(Duration::from_secs(3600));
    settings.closed_after = Some(Duration::from_secs(86_400));
    let changed = stage.twilio.with_webhooks().update(&conversation, &settings).await.unwrap();
    assert!(changed.closed_at.is_some() && changed.inactive_at.is_none(), "it is inactive already");
    loop {
        if let ConversationEventKind::State(change) = stage.told().await.kind {
            let told = (change.from, change.to, change.reason.as_deref());
            assert_eq!(told, (Some(ConversationState::Active), ConversationState::Inactive, Some("API")));
            break;
        }
    }
    let mut query = ConversationQuery::default();
    query.state = Some(ConversationState::Inactive);
    assert_eq!(stage.twilio.list(&query).await.unwrap().conversations.len(), 1);
    stage.twilio.update(&conversation, &ConversationSettings::in_state(ConversationState::Closed)).await.unwrap();
    let closed = stage.twilio.send(&conversation, &NewMessage::text("anna", "Hej")).await.unwrap_err();
    assert_eq!((closed.kind(), closed.code()), (ErrorKind::Closed, Some("50377")));
    stage.twilio.delete(&conversation).await.unwrap();
    assert_eq!(stage.twilio.fetch(&conversation).await.unwrap_err().kind(), ErrorKind::NotFound);
}

#[tokio::test]
async fn participants_come_change_and_go() {
    let stage = Stage::open(|_| {}).await;
    let conversation = stage.conversation().await;
    let twice = stage.twilio.add_participant(&conversation, &NewParticipant::chat("anna")).await.unwrap_err();
    assert_eq!((twice.kind(), twice.field()), (ErrorKind::Conflict, Some("participant")));
    let pair = NewParticipant::messaging(THEIRS.parse().unwrap(), OURS.parse().unwrap());
    let twice = stage.twilio.add_participant(&conversation, &pair).await.unwrap_err();
    assert_eq!((twice.kind(), twice.code()), (ErrorKind::Conflict, Some("50416")));
    let address = |text: &str| format!("whatsapp:{text}").parse().unwrap();
    let whatsapp = NewParticipant::messaging(address(THEIRS), address(OURS));
    let added = stage.twilio.add_participant(&conversation, &whatsapp).await.unwrap();
    assert_eq!(added.binding, Some(whatsapp.binding));
    let all = stage.twilio.participants(&conversation).await.unwrap();
    assert_eq!(all.len(), 3);
    let mut settings = ParticipantSettings::default();
    settings.last_read = Some(0);
    stage.twilio.update_participant(&conversation, &all[1].sid, &settings).await.unwrap();
    assert_eq!(stage.twilio.participant(&conversation, &all[1].sid).await.unwrap().last_read, Some(0));
    stage.twilio.remove_participant(&conversation, &all[1].sid).await.unwrap();
    let gone = stage.twilio.participant(&conversation, &all[1].sid).await.unwrap_err();
    assert_eq!(gone.kind(), ErrorKind::NotFound);
}

#[tokio::test]
async fn a_message_of_which_nobody_knows_is_looked_for_and_never_sent_again() {
    for (fault, sent) in [(Fault::AcceptThenDrop, 1), (Fault::DropBefore, 0)] {
        let stage = Stage::open(|options| {
            // The conversation, its two participants, and then the message.
            let rule = FaultRule::nth(Site::RestCreate, 4, fault.clone());
            options.faults = FaultPlan::new(1, vec![rule]).unwrap();
        })
        .await;
        let conversation = stage.conversation().await;
        let error = stage.twilio.send(&conversation, &NewMessage::text("anna", "Hej")).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::UnknownOutcome, "{fault:?}");
        assert_eq!(stage.texts(&conversation).await.len(), sent, "{fault:?}");
    }
}

#[tokio::test]
async fn too_much_is_tried_again_and_done_once() {
    let stage = Stage::open(|options| {
        let rule = FaultRule::nth(Site::RestCreate, 1, Fault::RateLimit { retry_after: None });
        options.faults = FaultPlan::new(1, vec![rule]).unwrap();
    })
    .await;
    stage.twilio.create(&ConversationSettings::default()).await.unwrap();
    assert_eq!(stage.twilio.list(&ConversationQuery::default()).await.unwrap().conversations.len(), 1);
}

#[tokio::test]
async fn a_medium_is_given_to_twilio_and_goes_with_a_message() {
    let stage = Stage::open(|_| {}).await;
    let conversation = stage.conversation().await;
    let taken = stage.twilio.upload("image/jpeg", vec![7; 100_000]).await.unwrap();
    let message = NewMessage::text("anna", "").with_media(taken.sid.clone());
    let sent = stage.twilio.send(&conversation, &message).await.unwrap();
    assert_eq!(sent.media, [stage.twilio.media(&taken.sid).await.unwrap()]);
    assert_eq!(stage.twilio.media_content(&taken.sid, 100_000).await.unwrap().len(), 100_000);
    let other: voicecall_twilio::conversations::MediaSid = format!("ME{:032x}", 1).parse().unwrap();
    assert_eq!(stage.twilio.media(&other).await.unwrap_err().kind(), ErrorKind::NotFound);
}

#[tokio::test]
async fn forged_malformed_and_oversized_events_change_nothing() {
    let mut stage = Stage::open(|_| {}).await;
    let conversation = stage.conversation().await;
    let message = format!("IM{:032x}", 1);
    let whole = vec![
        ("EventType", "onMessageRemoved"),
        ("ConversationSid", conversation.as_str()),
        ("MessageSid", message.as_str()),
    ];
    let forms = [(whole.clone(), "forged"), (whole[..2].to_vec(), "malformed")];
    for (form, kind) in forms {
        let fields: Vec<(String, String)> =
            form.iter().map(|&(name, value)| (name.to_owned(), value.to_owned())).collect();
        let token = if kind == "forged" { "another token" } else { TOKEN };
        let signature = sign(token, &format!("{PUBLIC_URL}/conversation"), &fields);
        let answer = reqwest::Client::new()
            .post(format!("http://{}/conversation", stage.address))
            .header("x-twilio-signature", signature)
            .form(&form)
            .send()
            .await
            .unwrap();
        assert_eq!(answer.status(), 403, "{kind}");
    }
    let body = vec![b'x'; 256 * 1024 + 1];
    let request = WebhookRequest { method: "POST", path_and_query: "/conversation", headers: &[], body: &body };
    assert_eq!(stage.twilio.webhook(&request).unwrap_err().field(), Some("body"));
    let _ = stage.server.text_in(THEIRS, OURS, "Hej", Vec::new());
    let event = stage.told().await;
    assert!(matches!(event.kind, ConversationEventKind::After(..)), "the first that was believed");
}
