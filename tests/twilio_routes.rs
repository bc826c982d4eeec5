//! The routes at which Twilio tells of its conversations and transcriptions, in an application's own router.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that meets an unexpected result should stop there")]

mod emulated;

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::http::{Request, StatusCode};
use axum::routing::post;
use jiff::Timestamp;
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tokio::time::timeout;
use tower::ServiceExt;
use url::Url;
use voicecall::ConsentToken;
use voicecall::SessionId;
use voicecall::carrier::{PlaceCall, VoiceBackend};
use voicecall::server::{conversation_route, transcription_route};
use voicecall::twilio::conversations::{
    Action, Answer, Changed, ConversationEvent, ConversationEventKind, ConversationSettings, EventType, NewParticipant,
    Subject, WebhookSettings,
};
use voicecall::twilio::transcriptions::{StartTranscription, TranscriptionEvent, TranscriptionEventKind};
use voicecall::twilio::{TwilioConversations, TwilioTranscriptions, TwilioVoice};
use voicecall_sim::phone::{Answer as Phone, Silent};
use voicecall_sim::twilio::server::{ServerOptions, TwilioServer};
use voicecall_sim::twilio::{Account, Exchange, ExchangeOptions, Number};

use emulated::{ACCOUNT, OURS, PUBLIC, THEIRS, TOKEN};

fn url(path: &str) -> Url {
    format!("{PUBLIC}{path}").parse().unwrap()
}

/// An emulated Twilio and an application whose routes lie in a router that is nested at `/of`.
struct Stage {
    twilio: TwilioServer,
    conversations: TwilioConversations,
    transcriptions: Arc<TwilioTranscriptions>,
    voice: TwilioVoice,
    events: mpsc::UnboundedReceiver<ConversationEvent>,
    words: mpsc::UnboundedReceiver<TranscriptionEvent>,
    /// The application's router.
    app: Router,
}

async fn stage() -> Stage {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let number = Number::new(OURS).texted_at(url("/messages/incoming"));
    let mut options = ExchangeOptions::new(1, vec![Account::new(ACCOUNT, TOKEN, vec![number])]);
    options.epoch = Timestamp::now();
    let twilio = TwilioServer::start(
        Exchange::new(options, |_| Box::new(Silent(Phone::AT_ONCE))),
        ServerOptions::default().route(&url("/"), address),
    );
    let twilio = twilio.await.unwrap();
    let builder = TwilioVoice::builder().account_sid(ACCOUNT).auth_token(TOKEN).public_url(PUBLIC);
    let builder = builder.api_base_url(twilio.api());
    let conversations = builder.clone().build_conversations().unwrap();
    let transcriptions = Arc::new(builder.clone().build_transcriptions().unwrap());
    let (event, events) = mpsc::unbounded_channel();
    let (word, words) = mpsc::unbounded_channel();
    let decide = move |told: ConversationEvent| {
        let is_rude = |message: &str| message.contains("rude");
        let answer = match &told.kind {
            ConversationEventKind::Before(Action::Add, Changed::Message(message)) if is_rude(&message.text) => {
                Answer::Refuse
            }
            _ => Answer::Allow,
        };
        event.send(told).unwrap();
        async { answer }
    };
    let take_in = move |told| {
        word.send(told).unwrap();
        async {}
    };
    let wait = || async { ([("content-type", "text/xml")], r#"<Response><Pause length="600"/></Response>"#) };
    let routes = conversation_route("/conversations", conversations.clone(), decide)
        .merge(transcription_route("/words", Arc::clone(&transcriptions), take_in))
        .route("/answer", post(wait));
    let app = Router::new().nest("/of", routes);
    let served = app.clone();
    tokio::spawn(async move { axum::serve(listener, served).await });
    Stage { twilio, conversations, transcriptions, voice: builder.build().unwrap(), events, words, app }
}

async fn next<T>(told: &mut mpsc::UnboundedReceiver<T>) -> T {
    timeout(Duration::from_secs(60), told.recv()).await.unwrap().unwrap()
}

#[tokio::test]
async fn what_happens_in_conversations_is_told_and_what_is_asked_is_decided() {
    let mut stage = stage().await;
    let mut settings = WebhookSettings::default();
    (settings.before_url, settings.after_url) = (Some(url("/of/conversations")), Some(url("/of/conversations")));
    settings.events =
        vec![EventType::Before(Subject::Message, Action::Add), EventType::After(Subject::Message, Action::Add)];
    stage.conversations.set_webhook_settings(&settings).await.unwrap();
    let conversation = stage.conversations.create(&ConversationSettings::named("order-17")).await.unwrap().sid;
    stage.conversations.add_participant(&conversation, &NewParticipant::chat("anna")).await.unwrap();

    for (text, is_allowed) in [("hello", true), ("something rude", false), ("goodbye", true)] {
        assert!(stage.twilio.chat_in(conversation.as_str(), "anna", text));
        let asked = next(&mut stage.events).await.kind;
        assert!(matches!(asked, ConversationEventKind::Before(Action::Add, _)), "{asked:?}");
        if is_allowed {
            let told = next(&mut stage.events).await.kind;
            assert!(matches!(told, ConversationEventKind::After(Action::Add, _)), "{told:?}");
        }
    }
    let messages = stage.conversations.messages(&conversation, 0).await.unwrap();
    assert_eq!(messages.iter().map(|message| message.text.as_str()).collect::<Vec<_>>(), ["hello", "goodbye"]);
}

#[tokio::test]
async fn what_is_said_in_a_call_is_told() {
    let mut stage = stage().await;
    let order = PlaceCall::new(THEIRS.parse().unwrap(), OURS.parse().unwrap(), url("/of/answer"), url("/status"));
    let call = stage.voice.place(&order).await.unwrap().id;
    let consent = ConsentToken::operator_declares_legal_basis(SessionId::new());
    let settings = StartTranscription::new(consent, url("/of/words"));
    let is_on =
        |exchange: &Exchange| exchange.status(call.as_str()).filter(|now| now.as_str() == "in-progress").map(drop);
    stage.twilio.until(is_on).await;
    let started = stage.transcriptions.start(&call, &settings).await.unwrap();
    let event = next(&mut stage.words).await;
    assert!(matches!(event.kind, TranscriptionEventKind::Started { .. }), "{event:?}");
    assert_eq!(event.transcription, started.sid);
}

#[tokio::test]
async fn what_nobody_signed_changes_nothing() {
    let mut stage = stage().await;
    for path in ["/of/conversations", "/of/words"] {
        for signature in [None, Some("AAAAAAAAAAAAAAAAAAAAAAAAAAA=")] {
            let request = Request::post(path).header("content-type", "application/x-www-form-urlencoded");
            let request = signature.iter().fold(request, |request, value| request.header("x-twilio-signature", *value));
            let request = request.body(Body::from("EventType=onMessageAdded")).unwrap();
            let answer = stage.app.clone().oneshot(request).await.unwrap();
            assert_eq!(answer.status(), StatusCode::UNAUTHORIZED, "{path} {signature:?}");
        }
    }
    assert!(stage.events.try_recv().is_err() && stage.words.try_recv().is_err());
}
