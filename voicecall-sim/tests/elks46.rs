//! The emulated 46elks, driven as a stranger would: plain HTTP, and a socket of another library.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test that meets an unexpected result should stop there")]

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::extract::ws::{Message, WebSocket, WebSocketUpgrade};
use axum::extract::{Path, State};
use axum::routing::{any, post};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use voicecall_sim::elks46::{ElksNumber, ElksOptions, ElksServer, ServerOptions, Unconfirmed};
use voicecall_sim::phone::{Answer, Echo, HangsUp, Party, PressesKeys, Silent};

const OURS: &str = "+46766861001";
const SOCKET: &str = "+4600700001";
const THEIRS: &str = "+46701740605";

/// What an application does with a socket, message by message.
type Script = fn(WebSocket) -> futures_util::future::BoxFuture<'static, Vec<String>>;

/// An application whose answers are one action after the other, with what came to it.
#[derive(Clone)]
struct App {
    answers: Arc<Mutex<Vec<String>>>,
    forms: Arc<Mutex<Vec<(String, String)>>>,
    talks: Script,
    heard: Arc<Mutex<Vec<String>>>,
}

impl App {
    async fn start(answers: &[Value], talks: Script) -> (Self, SocketAddr) {
        let answers = answers.iter().rev().map(Value::to_string).collect();
        let app = Self { answers: Arc::new(Mutex::new(answers)), forms: Arc::default(), talks, heard: Arc::default() };
        let routes = Router::new()
            .route("/{question}", post(Self::answer))
            .route("/socket/media", any(Self::socket))
            .with_state(app.clone());
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(async move { axum::serve(listener, routes).await });
        (app, address)
    }

    async fn answer(State(app): State<Self>, Path(question): Path<String>, form: String) -> String {
        app.forms.lock().unwrap().push((question.clone(), form));
        // Reports get nothing, and spend nothing.
        if question == "end" { String::new() } else { app.answers.lock().unwrap().pop().unwrap_or_default() }
    }

    async fn socket(State(app): State<Self>, upgrade: WebSocketUpgrade) -> axum::response::Response {
        upgrade.on_upgrade(async move |socket| {
            let heard = (app.talks)(socket).await;
            app.heard.lock().unwrap().extend(heard);
        })
    }

    fn forms_of(&self, question: &str) -> Vec<String> {
        let forms = self.forms.lock().unwrap();
        forms.iter().filter(|(asked, _)| asked == question).map(|(_, form)| form.clone()).collect()
    }
}

async fn elks(app: SocketAddr, configure: impl FnOnce(&mut ElksOptions), party: fn() -> Box<dyn Party>) -> ElksServer {
    let mut number = ElksNumber::websocket(SOCKET);
    number.websocket_url = Some(format!("ws://{app}/socket/media"));
    number.voice_start = number.websocket_url.clone();
    let mut options = ElksOptions::new("u1", "secret", vec![ElksNumber::new(OURS), number]);
    configure(&mut options);
    ElksServer::start(options, ServerOptions::default(), move |_| party()).await.unwrap()
}

fn silent() -> Box<dyn Party> {
    Box::new(Silent(Answer::AT_ONCE))
}

async fn receive(socket: &mut WebSocket) -> Option<Value> {
    loop {
        match socket.recv().await? {
            Ok(Message::Text(text)) => return serde_json::from_str(&text).ok(),
            Ok(Message::Close(_)) | Err(_) => return None,
            Ok(_) => {}
        }
    }
}

async fn send(socket: &mut WebSocket, message: Value) {
    socket.send(Message::Text(message.to_string().into())).await.unwrap();
}

/// Receives until a message of this kind comes. Returns it.
async fn wait_for(socket: &mut WebSocket, kind: &str) -> Value {
    loop {
        let message = receive(socket).await.unwrap_or_else(|| panic!("the socket closed before {kind}"));
        if message["t"] == kind {
            return message;
        }
    }
}

fn audio(bytes: usize) -> Value {
    json!({ "t": "audio", "data": STANDARD.encode(vec![0x20; bytes]) })
}

#[tokio::test]
async fn a_socket_says_hello_listens_on_demand_syncs_in_order_and_says_bye() {
    let (app, address) = App::start(&[], |mut socket| {
        Box::pin(async move {
            let mut log = vec![receive(&mut socket).await.unwrap()["t"].to_string()];
            // Ignored: nothing was announced.
            send(&mut socket, audio(8000)).await;
            send(&mut socket, json!({ "t": "sync" })).await;
            log.push(wait_for(&mut socket, "sync").await["t"].to_string());
            send(&mut socket, json!({ "t": "listening", "format": "ulaw" })).await;
            log.push(wait_for(&mut socket, "audio").await["t"].to_string());
            send(&mut socket, json!({ "t": "sending", "format": "ulaw" })).await;
            let begun = std::time::Instant::now();
            send(&mut socket, audio(1600)).await;
            send(&mut socket, json!({ "t": "sync" })).await;
            wait_for(&mut socket, "sync").await;
            log.push(format!("{}", begun.elapsed() > Duration::from_millis(150)));
            send(&mut socket, json!({ "t": "bye" })).await;
            log.push(wait_for(&mut socket, "bye").await["reason"].to_string());
            log
        })
    })
    .await;
    let elks = elks(address, |_| {}, || Box::new(Echo::default())).await;
    let id = elks.place(OURS, THEIRS, &json!({ "connect": SOCKET }).to_string());
    let call = elks.ended(&id).await;
    assert_eq!(*app.heard.lock().unwrap(), [r#""hello""#, r#""sync""#, r#""audio""#, "true", r#""done""#]);
    assert_eq!((call.heard, call.byes), (1600, vec!["done".to_owned()]));
}

#[tokio::test]
async fn syncs_that_an_interrupt_overtakes_are_answered_or_never() {
    for answers in [true, false] {
        let (app, address) = App::start(&[], |mut socket| {
            Box::pin(async move {
                receive(&mut socket).await;
                send(&mut socket, json!({ "t": "sending", "format": "ulaw" })).await;
                send(&mut socket, audio(80_000)).await;
                send(&mut socket, json!({ "t": "sync" })).await;
                send(&mut socket, json!({ "t": "interrupt" })).await;
                send(&mut socket, audio(80_000)).await;
                send(&mut socket, json!({ "t": "bye" })).await;
                let mut log = Vec::new();
                while let Some(message) = receive(&mut socket).await {
                    log.push(message["t"].as_str().unwrap_or_default().to_owned());
                }
                log
            })
        })
        .await;
        let elks = elks(address, |options| options.unconfirmed.answers_overtaken_syncs = answers, silent).await;
        let id = elks.place(OURS, THEIRS, &json!({ "connect": SOCKET }).to_string());
        let call = elks.ended(&id).await;
        assert!(call.heard < 8000, "what was interrupted, and what came before a new `sending`, is not played");
        let expected: &[&str] = if answers { &["sync", "bye"] } else { &["bye"] };
        app.wait().await;
        assert_eq!(*app.heard.lock().unwrap(), expected);
    }
}

impl App {
    /// Waits until the application has noted what it heard.
    async fn wait(&self) {
        while self.heard.lock().unwrap().is_empty() {
            tokio::task::yield_now().await;
        }
    }
}

#[tokio::test]
async fn too_much_audio_and_nonsense_end_the_call_with_an_error() {
    let floods: [Script; 2] = [
        |mut socket| {
            Box::pin(async move {
                receive(&mut socket).await;
                send(&mut socket, json!({ "t": "sending", "format": "ulaw" })).await;
                for _ in 0..4 {
                    send(&mut socket, audio(8000)).await;
                }
                vec![wait_for(&mut socket, "bye").await["reason"].to_string()]
            })
        },
        |mut socket| {
            Box::pin(async move {
                receive(&mut socket).await;
                send(&mut socket, json!({ "t": "dance" })).await;
                vec![wait_for(&mut socket, "bye").await["reason"].to_string()]
            })
        },
    ];
    for flood in floods {
        let (app, address) = App::start(&[], flood).await;
        let elks = elks(address, |options| options.buffer = 20_000, silent).await;
        let next = format!("http://{address}/next");
        let id = elks.place(OURS, THEIRS, &json!({ "connect": SOCKET, "next": next }).to_string());
        let call = elks.ended(&id).await;
        assert_eq!(call.byes, ["error"]);
        assert!(call.questions.is_empty(), "the call is over");
        app.wait().await;
        assert_eq!(*app.heard.lock().unwrap(), [r#""error""#]);
    }
    assert_eq!(ElksOptions::new("u1", "secret", Vec::new()).buffer, 30_000_000, "as documented");
}

#[tokio::test]
async fn keys_and_their_absence_are_told_with_the_next_question() {
    let keys: fn() -> Box<dyn Party> =
        || Box::new(PressesKeys::new([(Duration::from_millis(100), '4'), (Duration::from_millis(200), '2')]));
    for (party, unconfirmed, expected) in [
        (keys, Unconfirmed::default(), "result=42"),
        (silent as fn() -> Box<dyn Party>, Unconfirmed::default(), "result=failed"),
        (silent, Unconfirmed::otherwise(), "direction=outgoing"),
    ] {
        let (app, address) = App::start(&[json!({ "hangup": "reject" })], |_| Box::pin(async { Vec::new() })).await;
        let elks = elks(address, |options| options.unconfirmed = unconfirmed, party).await;
        let ivr = json!({ "ivr": "https://a.example/menu.wav", "digits": 2, "timeout": 1, "next": format!("http://{address}/keys") });
        let call = elks.ended(&elks.place(OURS, THEIRS, &ivr.to_string())).await;
        let forms = app.forms_of("keys");
        assert!(forms.len() == 1 && forms[0].contains(expected), "{forms:?}");
        assert_eq!(call.hangup.as_deref(), Some("reject"));
    }
}

#[tokio::test]
async fn a_call_that_comes_in_is_asked_about_and_its_end_told() {
    let connect = |address| json!({ "play": "https://a.example/a.wav", "whenhangup": format!("http://{address}/end") });
    let (app, address) = App::start(&[], |_| Box::pin(async { Vec::new() })).await;
    app.answers.lock().unwrap().push(connect(address).to_string());
    let elks =
        elks(address, |options| options.numbers[0].voice_start = Some(format!("http://{address}/incoming")), silent)
            .await;
    let caller = HangsUp { party: Silent(Answer::AT_ONCE), at: Duration::from_millis(300) };
    let call = elks.ended(&elks.call_in(Some(THEIRS), OURS, Box::new(caller))).await;
    assert!(app.forms_of("incoming")[0].contains(&format!("callid={}", call.id)));
    let end = &app.forms_of("end")[0];
    assert!(end.contains(&format!("id={}", call.id)) && end.contains("state=success"), "{end}");
    assert_eq!(call.reports.iter().map(|(_, status)| *status).collect::<Vec<_>>(), [200]);
    // An answer that is none ends the call before it is answered.
    let call = elks.ended(&elks.call_in(Some(THEIRS), OURS, silent())).await;
    assert_eq!((call.state, call.started), ("failed", None));
}

#[tokio::test]
async fn words_in_the_answer_to_a_text_go_back_to_whoever_wrote() {
    let (app, address) = App::start(&[json!({ "words": "Tack" })], |_| Box::pin(async { Vec::new() })).await;
    let elks =
        elks(address, |options| options.numbers[0].sms_url = Some(format!("http://{address}/text")), silent).await;
    for replies in [1, 1] {
        let text = elks.told(&elks.text_in(THEIRS, OURS, "Hej", Vec::new())).await;
        assert!(app.forms_of("text")[0].contains("direction=incoming&created="), "{:?}", app.forms_of("text"));
        assert_eq!(text.reports.iter().map(|(_, status)| *status).collect::<Vec<_>>(), [200]);
        // The second answer is empty, and nothing goes back.
        let back: Vec<_> = elks.messages().into_iter().filter(|message| message.is_reply).collect();
        assert_eq!((back.len(), back[0].to.as_str()), (replies, THEIRS));
    }
}
