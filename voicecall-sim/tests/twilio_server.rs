//! The emulator over real sockets, with an application in this process at the other end.

#![allow(clippy::unwrap_used, reason = "a test stops at the first surprise")]

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::extract::ws::{Message, WebSocket, WebSocketUpgrade};
use axum::extract::{Request, State};
use axum::http::header::CONTENT_TYPE;
use axum::response::IntoResponse;
use axum::routing::{any, get};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use serde_json::{Value, json};
use sha1::Sha1;
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use voicecall_sim::fault::{Fault, FaultPlan, FaultRule, Site};
use voicecall_sim::phone::{Answer, Echo, HangsUp, Party, Silent};
use voicecall_sim::twilio::server::{ServerOptions, TwilioServer};
use voicecall_sim::twilio::{
    Account, CallStatus, Exchange, ExchangeOptions, LogEvent, Number, StreamEnd, WebhookFailure,
};

const AC: &str = "AC00000000000000000000000000000001";
const TOKEN: &str = "12345";
const FROM: &str = "+46100000001";
const TO: &str = "+46700000001";
const STREAM: &str = r#"<Response><Connect><Stream url="wss://demo.example/media?lost=1"/></Connect><Redirect>/resume</Redirect></Response>"#;

/// What the application does with a media socket.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Media {
    /// Sends 400 bytes and a mark, then everything it hears is passed to the test.
    Speaks,
    /// Closes the socket after a few frames.
    Closes,
}

#[derive(Clone)]
struct App {
    media: Media,
    resume: &'static str,
    got: mpsc::UnboundedSender<Value>,
    paths: Arc<Mutex<Vec<String>>>,
}

/// The signature as the documentation describes it, written here once more.
fn expected_signature(url: &str, form: &BTreeMap<String, String>) -> String {
    let mut text = url.to_owned();
    for (name, value) in form {
        text.push_str(name);
        text.push_str(value);
    }
    let mut mac = Hmac::<Sha1>::new_from_slice(TOKEN.as_bytes()).unwrap();
    mac.update(text.as_bytes());
    STANDARD.encode(mac.finalize().into_bytes())
}

async fn webhook(State(app): State<App>, request: Request) -> impl IntoResponse {
    let (parts, body) = request.into_parts();
    let body = axum::body::to_bytes(body, 65_536).await.unwrap();
    let form: BTreeMap<String, String> = url::form_urlencoded::parse(&body).into_owned().collect();
    let path = parts.uri.path_and_query().unwrap().as_str().to_owned();
    let signature = parts.headers["x-twilio-signature"].to_str().unwrap();
    assert_eq!(signature, expected_signature(&format!("https://demo.example{path}"), &form), "{path}");
    assert_eq!(parts.headers["host"], "demo.example");
    assert!(!parts.headers["i-twilio-idempotency-token"].is_empty());
    app.paths.lock().unwrap().push(path.clone());
    let twiml = match path.as_str() {
        "/voice?a=%20b" => STREAM,
        "/resume" => app.resume,
        _ => "",
    };
    ([(CONTENT_TYPE, "text/xml")], twiml)
}

async fn media(State(app): State<App>, request: Request) -> impl IntoResponse {
    use axum::extract::FromRequest as _;
    let signature = request.headers()["x-twilio-signature"].to_str().unwrap().to_owned();
    assert_eq!(signature, expected_signature("wss://demo.example/media", &BTreeMap::new()));
    assert_eq!(request.uri().query(), None);
    let upgrade = WebSocketUpgrade::from_request(request, &()).await.unwrap();
    upgrade.on_upgrade(move |socket| talk(socket, app))
}

async fn talk(mut socket: WebSocket, app: App) {
    let mut frames = 0;
    while let Some(Ok(message)) = socket.recv().await {
        let Message::Text(text) = message else { continue };
        let event: Value = serde_json::from_str(&text).unwrap();
        let stream = event["streamSid"].as_str().unwrap_or_default().to_owned();
        match event["event"].as_str().unwrap() {
            "start" if app.media == Media::Speaks => {
                let payload = STANDARD.encode([0x21; 400]);
                let audio = json!({"event": "media", "streamSid": stream, "media": {"payload": payload}});
                let mark = json!({"event": "mark", "streamSid": stream, "mark": {"name": "spoken"}});
                for message in [audio, mark] {
                    socket.send(Message::text(message.to_string())).await.unwrap();
                }
            }
            "media" if app.media == Media::Closes => {
                frames += 1;
                if frames == 5 {
                    socket.send(Message::Close(None)).await.unwrap();
                }
            }
            _ => {}
        }
        let _ = app.got.send(event);
    }
    let _ = app.got.send(json!({"event": "gone"}));
}

struct Stage {
    server: TwilioServer,
    app: App,
    got: mpsc::UnboundedReceiver<Value>,
    client: reqwest::Client,
    application: tokio::task::JoinHandle<()>,
}

impl Drop for Stage {
    fn drop(&mut self) {
        self.application.abort();
    }
}

async fn stage(media: Media, rules: Vec<FaultRule>, party: impl FnMut() -> Box<dyn Party> + Send + 'static) -> Stage {
    stage_with(ServerOptions::default(), media, rules, party).await
}

async fn stage_with(
    server_options: ServerOptions,
    media_behaviour: Media,
    rules: Vec<FaultRule>,
    mut party: impl FnMut() -> Box<dyn Party> + Send + 'static,
) -> Stage {
    let (sender, got) = mpsc::unbounded_channel();
    let app =
        App { media: media_behaviour, resume: "<Response><Hangup/></Response>", got: sender, paths: Arc::default() };
    let router = Router::new().route("/media", get(media)).fallback(any(webhook)).with_state(app.clone());
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let local: SocketAddr = listener.local_addr().unwrap();
    let application = tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });

    let account = Account::new(AC, TOKEN, vec![Number::new(FROM)]);
    let mut options = ExchangeOptions::new(1, vec![account]);
    options.faults = FaultPlan::new(1, rules).unwrap();
    let exchange = Exchange::new(options, move |_| party());
    let routed = server_options.route(&"https://demo.example".parse().unwrap(), local);
    let server = TwilioServer::start(exchange, routed).await.unwrap();
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    Stage { server, app, got, client, application }
}

impl Stage {
    fn request(&self, method: reqwest::Method, path: &str) -> reqwest::RequestBuilder {
        let url = format!("{}/2010-04-01/Accounts/{AC}{path}", self.server.api());
        self.client.request(method, url).basic_auth(AC, Some(TOKEN))
    }

    async fn place(&self) -> reqwest::Result<Value> {
        let form = [
            ("To", TO),
            ("From", FROM),
            ("Url", "https://demo.example/voice?a=%20b"),
            ("StatusCallback", "https://demo.example/status"),
            ("StatusCallbackEvent", "ringing"),
            ("StatusCallbackEvent", "completed"),
        ];
        self.request(reqwest::Method::POST, "/Calls.json").form(&form).send().await?.json().await
    }

    async fn next(&mut self, event: &str) -> Value {
        loop {
            let got = self.got.recv().await.unwrap();
            if got["event"] == event {
                return got;
            }
        }
    }

    /// Waits for the call's end and the answer to its last report.
    async fn ended(&self) {
        self.server
            .until(|exchange| {
                let answered =
                    exchange.log().iter().filter(|entry| matches!(entry.event, LogEvent::WebhookAnswered { .. }));
                let sent = exchange.log().iter().filter(|entry| matches!(entry.event, LogEvent::WebhookSent { .. }));
                let over = exchange
                    .log()
                    .iter()
                    .any(|entry| matches!(entry.event, LogEvent::Status { status } if status.is_final()));
                (over && answered.count() == sent.count()).then_some(())
            })
            .await;
    }

    fn stream_end(&self) -> Option<StreamEnd> {
        self.server.log().iter().find_map(|entry| match &entry.event {
            LogEvent::StreamClosed { end, .. } => Some(*end),
            _ => None,
        })
    }

    fn paths(&self) -> Vec<String> {
        self.app.paths.lock().unwrap().clone()
    }
}

fn echo_until(at: Duration) -> Box<dyn Party> {
    Box::new(HangsUp { party: Echo::default(), at })
}

const CALL: Duration = Duration::from_millis(600);

#[tokio::test]
async fn a_call_is_placed_speaks_both_ways_and_the_caller_hangs_up() {
    let mut stage = stage(Media::Speaks, vec![], || echo_until(CALL)).await;
    let call = stage.place().await.unwrap();
    assert_eq!((&call["status"], &call["start_time"]), (&"queued".into(), &Value::Null));
    assert_eq!(stage.next("start").await["start"]["callSid"], call["sid"]);
    assert_eq!(stage.next("mark").await["mark"]["name"], "spoken");
    stage.next("stop").await;
    stage.ended().await;
    assert_eq!(stage.paths(), ["/status", "/voice?a=%20b", "/status"]);
    let media = stage.server.log().into_iter().find_map(|entry| match entry.event {
        LogEvent::StreamClosed { media, .. } => Some(media),
        _ => None,
    });
    assert_eq!(media.unwrap().heard, 400);
    assert_eq!(stage.stream_end(), Some(StreamEnd::CallEnded));
}

#[tokio::test]
async fn frames_keep_their_pace() {
    let mut stage = stage(Media::Speaks, vec![], || echo_until(CALL)).await;
    stage.place().await.unwrap();
    let mut times = Vec::new();
    loop {
        let event = stage.got.recv().await.unwrap();
        match event["event"].as_str() {
            Some("media") => times.push(event["media"]["timestamp"].as_str().unwrap().parse::<u64>().unwrap()),
            Some("stop") => break,
            _ => {}
        }
    }
    assert!(times.len() > 20, "{times:?}");
    assert!(times.windows(2).all(|pair| pair[1] - pair[0] == 20), "{times:?}");
}

#[tokio::test]
async fn the_call_goes_on_behind_connect_when_the_application_closes_the_socket() {
    let stage = stage(Media::Closes, vec![], || Box::new(Silent(Answer::AT_ONCE))).await;
    stage.place().await.unwrap();
    stage.ended().await;
    assert_eq!(stage.paths(), ["/status", "/voice?a=%20b", "/resume", "/status"]);
    assert_eq!(stage.stream_end(), Some(StreamEnd::AppClosed));
}

#[tokio::test]
async fn a_request_ends_the_call_and_the_application_sees_stop_and_close() {
    let mut stage = stage(Media::Speaks, vec![], || Box::new(Silent(Answer::AT_ONCE))).await;
    let call = stage.place().await.unwrap();
    stage.next("media").await;
    let path = format!("/Calls/{}.json", call["sid"].as_str().unwrap());
    let ended = stage.request(reqwest::Method::POST, &path).form(&[("Status", "completed")]).send().await.unwrap();
    assert_eq!(ended.status(), 200);
    stage.next("stop").await;
    stage.next("gone").await;
    let again = stage.request(reqwest::Method::POST, &path).form(&[("Status", "completed")]).send().await.unwrap();
    assert_eq!(again.json::<Value>().await.unwrap()["code"], 21220);
}

#[tokio::test]
async fn broken_sockets_reach_the_application_and_the_call_is_resumed() {
    for fault in [Fault::Reset { at_frame: 5 }, Fault::Close { at_frame: 5 }] {
        let rules = vec![FaultRule::nth(Site::MediaSocket, 1, fault)];
        let mut stage = stage(Media::Speaks, rules, || Box::new(Silent(Answer::AT_ONCE))).await;
        stage.place().await.unwrap();
        stage.next("gone").await;
        stage.ended().await;
        assert_eq!(stage.stream_end(), Some(StreamEnd::Lost));
        assert!(stage.paths().contains(&"/resume".to_owned()));
    }
}

#[tokio::test]
async fn a_lost_reply_closes_the_connection_and_the_phone_rings_all_the_same() {
    for (fault, rings) in [(Fault::AcceptThenDrop, 1), (Fault::DropBefore, 0)] {
        let rules = vec![FaultRule::nth(Site::RestCreate, 1, fault)];
        let stage = stage(Media::Speaks, rules, || echo_until(CALL)).await;
        assert!(stage.place().await.is_err());
        if rings == 1 {
            stage.ended().await;
        }
        assert_eq!(stage.server.inspect(|exchange| exchange.rings(TO)), rings);
    }
}

#[tokio::test]
async fn a_rate_limit_says_when_to_come_back() {
    let limit = Fault::RateLimit { retry_after: Some(Duration::from_secs(3)) };
    let stage = stage(Media::Speaks, vec![FaultRule::nth(Site::RestFetch, 1, limit)], || echo_until(CALL)).await;
    let reply = stage.request(reqwest::Method::GET, "/Calls.json").send().await.unwrap();
    assert_eq!((reply.status().as_u16(), reply.headers()["retry-after"].to_str().unwrap()), (429, "3"));
    assert_eq!(reply.json::<Value>().await.unwrap()["code"], 20429);
}

#[tokio::test]
async fn more_requests_at_once_than_allowed_are_refused() {
    let slow = Fault::Latency { delay: Duration::from_secs(5), jitter: Duration::ZERO };
    let rules = vec![FaultRule::nth(Site::RestFetch, 1, slow)];
    let mut options = ServerOptions::default();
    options.concurrent_requests = 1;
    let stage = stage_with(options, Media::Speaks, rules, || echo_until(CALL)).await;
    let first = stage.request(reqwest::Method::GET, "/Calls.json").send();
    let second = async {
        let answering = |exchange: &Exchange| (!exchange.log().is_empty()).then_some(());
        stage.server.until(answering).await;
        stage.request(reqwest::Method::GET, "/Calls.json").send().await.unwrap().status()
    };
    tokio::select! {
        _ = first => panic!("the first request is still being answered"),
        status = second => assert_eq!(status, 429),
    }
}

#[tokio::test]
async fn nothing_leaves_the_machine() {
    let stage = stage(Media::Speaks, vec![], || echo_until(CALL)).await;
    let form = [("To", TO), ("From", FROM), ("Url", "https://elsewhere.example/voice")];
    stage.request(reqwest::Method::POST, "/Calls.json").form(&form).send().await.unwrap();
    let status = stage
        .server
        .until(|exchange| {
            exchange.log().iter().find_map(|entry| match entry.event {
                LogEvent::Status { status } if status.is_final() => Some(status),
                _ => None,
            })
        })
        .await;
    assert_eq!(status, CallStatus::Completed);
    let refused = |entry: &&voicecall_sim::twilio::LogEntry| {
        matches!(entry.event, LogEvent::WebhookFailed { failure: WebhookFailure::Connect, .. })
    };
    assert_eq!(stage.server.log().iter().filter(refused).count(), 2);
}

#[tokio::test]
async fn wrong_credentials_are_refused() {
    let stage = stage(Media::Speaks, vec![], || echo_until(CALL)).await;
    let url = format!("{}/2010-04-01/Accounts/{AC}/Calls.json", stage.server.api());
    let reply = stage.client.get(&url).basic_auth(AC, Some("wrong")).send().await.unwrap();
    assert_eq!(reply.status(), 401);
    assert_eq!(reply.json::<Value>().await.unwrap()["code"], 20003);
    assert_eq!(stage.client.get(url.trim_end_matches(".json")).send().await.unwrap().status(), 404);
}
