//! The routes and the accept loop over real loopback sockets, spoken to byte by byte.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that meets an unexpected result should stop there")]

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::ws::WebSocketUpgrade;
use axum::routing::{any, get, post};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{mpsc, oneshot};
use tokio::time::timeout;
use voicecall::agent::Cascade;
use voicecall::carrier::{CallStatus, CarrierEvent, CarrierEventKind, VoiceBackend};
use voicecall::engine::{
    CallEngine, CallHandler, CallKey, CallOutcome, CallPlan, CarrierAccount, EngineConfig, PlanRequest,
};
use voicecall::media::{MediaEvent, StreamStart};
use voicecall::server::{ServeOptions, listen, routes, serve};
use voicecall::store::{EngineStore, MemoryStore, NewSession, Store};
use voicecall::twilio::TwilioVoice;
use voicecall::{CarrierCallId, TenantId, Vault, async_trait};
use voicecall_core::testing::{
    ScriptedCarrier, ScriptedMedia, ScriptedModel, ScriptedTranscriber, ScriptedVoice, SignedRequest,
};

/// Nothing here takes this long unless it hangs.
const DEADLINE: Duration = Duration::from_secs(20);

const HEALTH: &str = "GET /health HTTP/1.1\r\nhost: x\r\n\r\n";

struct Server {
    address: SocketAddr,
    engine: Arc<CallEngine>,
    store: Arc<MemoryStore>,
    vault: Arc<Vault>,
    stop: oneshot::Sender<()>,
    served: tokio::task::JoinHandle<voicecall::Result<()>>,
}

impl Server {
    async fn start(carrier: Arc<dyn VoiceBackend>, options: ServeOptions) -> Self {
        Self::start_with(carrier, options, |routes| routes).await
    }

    /// One with more routes than ours.
    async fn start_with(
        carrier: Arc<dyn VoiceBackend>,
        options: ServeOptions,
        with_routes: impl FnOnce(Router) -> Router,
    ) -> Self {
        let config = EngineConfig::new("https://calls.example".parse().unwrap());
        let agent = Cascade::new(
            Arc::new(ScriptedTranscriber::new()),
            Arc::new(ScriptedModel::new()),
            Arc::new(ScriptedVoice::new().with_silence(100, Duration::from_millis(200))),
        );
        let (store, vault) = (Arc::new(MemoryStore::new()), Arc::new(Vault::generate().unwrap()));
        let engine = CallEngine::new(
            config,
            Arc::clone(&store) as Arc<dyn EngineStore>,
            CarrierAccount::of(carrier).unwrap().number("+46700000000".parse().unwrap()),
            Arc::new(OneLine(Arc::new(agent))),
            Arc::clone(&vault),
        );
        let engine = engine.unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (stop, stopped) = oneshot::channel();
        let router = with_routes(routes(Arc::clone(&engine)));
        let stopped = async {
            let _ = stopped.await;
        };
        let served = tokio::spawn(serve(listener, router, options, stopped).unwrap());
        Self { address, engine, store, vault, stop, served }
    }

    /// One that trusts Twilio's signatures.
    async fn of_twilio() -> Self {
        let twilio = TwilioVoice::builder()
            .account_sid("AC0123456789abcdef0123456789abcdef")
            .auth_token("12345")
            .public_url("https://calls.example")
            .build();
        Self::start(Arc::new(twilio.unwrap()), ServeOptions::default()).await
    }

    async fn connect(&self) -> Peer {
        Peer(TcpStream::connect(self.address).await.unwrap())
    }

    async fn request(&self, request: &str) -> String {
        let mut peer = self.connect().await;
        peer.send(request.as_bytes()).await;
        peer.head().await
    }

    async fn health(&self) -> String {
        self.request(HEALTH).await
    }
}

struct Peer(TcpStream);

impl Peer {
    async fn send(&mut self, bytes: &[u8]) {
        self.0.write_all(bytes).await.unwrap();
    }

    /// The head of the next response.
    async fn head(&mut self) -> String {
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            let byte = timeout(DEADLINE, self.0.read_u8()).await.expect("a response in time").unwrap();
            head.push(byte);
        }
        String::from_utf8(head).unwrap()
    }

    /// The body of a response from `/health`, whose head has been read.
    async fn body(&mut self) {
        while timeout(DEADLINE, self.0.read_u8()).await.expect("a body in time").unwrap() != b'}' {}
    }

    /// Everything until the other side closes, be it by a reset.
    async fn rest(&mut self) -> Vec<u8> {
        let mut rest = Vec::new();
        let _ = timeout(DEADLINE, self.0.read_to_end(&mut rest)).await.expect("the end in time");
        rest
    }
}

fn assert_status(response: &str, status: u16) {
    assert!(response.starts_with(&format!("HTTP/1.1 {status} ")), "{status} expected: {response}");
}

fn upgrade(path: &str, headers: &str) -> String {
    format!(
        "GET {path} HTTP/1.1\r\nhost: x\r\nconnection: upgrade\r\nupgrade: websocket\r\nsec-websocket-version: 13\r\n\
         sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n{headers}\r\n"
    )
}

/// A text message as a WebSocket client sends it, masked with zeros.
fn frame(length: usize, text: &str) -> Vec<u8> {
    let mut frame = vec![0x81, 0x80 | 127];
    frame.extend_from_slice(&(length as u64).to_be_bytes());
    frame.extend_from_slice(&[0; 4]);
    frame.extend_from_slice(text.as_bytes());
    frame
}

fn raw(request: &SignedRequest) -> String {
    let headers: String = request.headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
    let (method, path, length) = (&request.method, &request.path_and_query, request.body.len());
    let body = std::str::from_utf8(&request.body).unwrap();
    format!("{method} {path} HTTP/1.1\r\nhost: x\r\ncontent-length: {length}\r\n{headers}\r\n{body}")
}

#[tokio::test]
async fn health_says_whether_calls_are_taken() {
    let server = Server::of_twilio().await;
    assert_status(&server.health().await, 200);
    server.engine.shutdown(Duration::ZERO).await;
    assert_status(&server.health().await, 503);
}

#[tokio::test]
async fn an_answer_needs_a_call_and_a_signature() {
    let server = Server::of_twilio().await;
    let post = |path: &str| format!("POST {path} HTTP/1.1\r\nhost: x\r\ncontent-length: 0\r\n\r\n");
    let signed =
        "POST /voice/not-a-key/answer HTTP/1.1\r\nhost: x\r\nx-twilio-signature: x\r\ncontent-length: 0\r\n\r\n";
    assert_status(&server.request(signed).await, 400);
    let key = format!("twilio.{}", "0".repeat(64));
    for question in ["answer", "resume"] {
        assert_status(&server.request(&post(&format!("/voice/{key}/{question}"))).await, 401);
    }
    assert_status(&server.request(&post(&format!("/voice/status?call={key}"))).await, 401);
}

#[tokio::test]
async fn a_socket_without_signature_is_refused_before_the_upgrade() {
    let server = Server::of_twilio().await;
    let response = server.request(&upgrade("/media/token", "")).await;
    assert_status(&response, 401);
    assert!(!response.to_lowercase().contains("sec-websocket-accept"), "{response}");
}

#[tokio::test]
async fn a_body_beyond_the_limit_is_refused() {
    let server = Server::of_twilio().await;
    let key = format!("twilio.{}", "0".repeat(64));
    let head = format!(
        "POST /voice/{key}/answer HTTP/1.1\r\nhost: x\r\nx-twilio-signature: x\r\ncontent-length: 65537\r\n\r\n"
    );
    let mut peer = server.connect().await;
    peer.send(head.as_bytes()).await;
    peer.send(&[b'a'; 65_537]).await;
    assert_status(&peer.head().await, 413);
}

#[tokio::test]
async fn slow_headers_are_cut_off_while_others_are_served() {
    let mut options = ServeOptions::default();
    options.header_timeout = Duration::from_millis(300);
    let server = Server::start(Arc::new(ScriptedCarrier::new()), options).await;
    let begun = Instant::now();
    let mut slow = server.connect().await;
    slow.send(b"GET /health HTTP/1.1\r\nx-slow: ").await;
    assert_status(&server.health().await, 200);

    let rest = slow.rest().await;

    assert!(begun.elapsed() >= Duration::from_millis(250), "cut off too early: {:?}", begun.elapsed());
    assert!(!rest.starts_with(b"HTTP/1.1 200"), "it was never complete");
    assert_status(&server.health().await, 200);
}

#[tokio::test]
async fn a_connection_that_sends_nothing_is_closed() {
    let mut options = ServeOptions::default();
    options.header_timeout = Duration::from_millis(300);
    let server = Server::start(Arc::new(ScriptedCarrier::new()), options).await;
    let begun = Instant::now();
    let mut silent = server.connect().await;
    assert_eq!(silent.rest().await, b"");
    assert!(begun.elapsed() >= Duration::from_millis(250), "closed too early: {:?}", begun.elapsed());
}

#[tokio::test]
async fn a_webhook_without_signature_is_refused_before_its_body_is_read() {
    let server = Server::of_twilio().await;
    let key = format!("twilio.{}", "0".repeat(64));
    let mut peer = server.connect().await;
    let head = format!("POST /voice/{key}/answer HTTP/1.1\r\nhost: x\r\ncontent-length: 60000\r\n\r\n");
    peer.send(head.as_bytes()).await;
    assert_status(&peer.head().await, 401);
    peer.rest().await;
}

#[tokio::test]
async fn a_body_that_never_ends_is_answered_in_time_whatever_reads_it() {
    let mut options = ServeOptions::default();
    options.body_timeout = Duration::from_millis(300);
    let carrier = Arc::new(ScriptedCarrier::new());
    let server = Server::start_with(carrier, options, |routes| routes.route("/echo", post(async |body: Bytes| body)));
    let server = server.await;
    let (name, signature) = ScriptedCarrier::sign("/elsewhere", "").headers.remove(0);
    for path in ["/voice/status?account=scripted", "/echo"] {
        let head = format!("POST {path} HTTP/1.1\r\nhost: x\r\n{name}: {signature}\r\ncontent-length: 60000\r\n\r\n");
        let Peer(stream) = server.connect().await;
        let (down, mut up) = stream.into_split();
        up.write_all(head.as_bytes()).await.unwrap();
        let dripping = tokio::spawn(async move {
            let mut every = tokio::time::interval(Duration::from_millis(20));
            while up.write_all(b"a").await.is_ok() {
                every.tick().await;
            }
        });
        let mut down = BufReader::new(down);
        let mut status = String::new();
        timeout(DEADLINE, down.read_line(&mut status)).await.expect("an answer in time").unwrap();
        assert_status(&status, 408);
        // Nothing more is read from it.
        timeout(DEADLINE, dripping).await.expect("the end in time").unwrap();
    }
}

#[tokio::test]
async fn a_response_that_nobody_reads_is_given_up() {
    let mut options = ServeOptions::default();
    options.write_timeout = Duration::from_millis(300);
    let (held, mut given_up) = held_once();
    let endless = get(move || {
        // Dropped with the response.
        let held = held.lock().unwrap().take();
        let pieces = futures_util::stream::repeat_with(move || {
            let _held = &held;
            Ok::<_, std::io::Error>(Bytes::from_static(&[0; 65_536]))
        });
        std::future::ready(Body::from_stream(pieces))
    });
    let carrier = Arc::new(ScriptedCarrier::new());
    let server = Server::start_with(carrier, options, |routes| routes.route("/endless", endless)).await;
    let mut peer = server.connect().await;
    peer.send(b"GET /endless HTTP/1.1\r\nhost: x\r\n\r\n").await;
    assert_status(&peer.head().await, 200);
    assert!(timeout(DEADLINE, given_up.recv()).await.expect("given up in time").is_none());
}

#[tokio::test]
async fn a_crowd_of_strangers_makes_room_for_who_comes_and_no_live_call_does() {
    let mut options = ServeOptions::default();
    options.max_connections = Some(3);
    let server = Server::start(Arc::new(ScriptedCarrier::new()), options).await;
    let mut call = connected(&server).await;
    let mut strangers = Vec::new();
    for _ in 0..10 {
        strangers.push(server.connect().await);
        assert_status(&server.health().await, 200);
    }
    // All but the last, which may still have a slot.
    for stranger in &mut strangers[..8] {
        assert_eq!(stranger.rest().await, b"");
    }
    name_the_call(&mut call).await;
}

#[tokio::test]
async fn a_socket_of_nobody_known_has_a_slot_and_gives_way() {
    let mut options = ServeOptions::default();
    options.max_connections = Some(1);
    let listen_only = any(async |upgrade: WebSocketUpgrade| {
        upgrade.on_upgrade(async |mut socket| while let Some(Ok(_)) = socket.recv().await {})
    });
    let carrier = Arc::new(ScriptedCarrier::new());
    let server = Server::start_with(carrier, options, |routes| routes.route("/listen", listen_only)).await;
    let mut stranger = server.connect().await;
    stranger.send(upgrade("/listen", "").as_bytes()).await;
    assert_status(&stranger.head().await, 101);

    assert_status(&server.health().await, 200);

    assert_eq!(stranger.rest().await, b"");
}

#[tokio::test]
async fn a_socket_that_cannot_be_written_gives_way_as_well() {
    let mut options = ServeOptions::default();
    options.max_connections = Some(1);
    options.write_timeout = DEADLINE * 2;
    let (held, mut given_up) = held_once();
    let tell_only = any(move |upgrade: WebSocketUpgrade| {
        let held = held.lock().unwrap().take();
        std::future::ready(upgrade.on_upgrade(async move |mut socket| {
            let _held = held;
            while socket.send(Bytes::from_static(&[0; 65_536]).into()).await.is_ok() {}
        }))
    });
    let carrier = Arc::new(ScriptedCarrier::new());
    let server = Server::start_with(carrier, options, |routes| routes.route("/tell", tell_only)).await;
    let mut stranger = server.connect().await;
    stranger.send(upgrade("/tell", "").as_bytes()).await;
    assert_status(&stranger.head().await, 101);

    assert_status(&server.health().await, 200);

    assert!(timeout(DEADLINE, given_up.recv()).await.expect("given up in time").is_none());
}

#[tokio::test]
async fn whoever_has_sent_a_request_is_answered_though_a_burst_comes_behind() {
    let mut options = ServeOptions::default();
    options.max_connections = Some(8);
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    // All of them have come before the server looks.
    let mut peer = Peer(TcpStream::connect(address).await.unwrap());
    peer.send(b"GET /page HTTP/1.1\r\nhost: x\r\n\r\n").await;
    let mut burst = Vec::new();
    for _ in 0..64 {
        burst.push(TcpStream::connect(address).await.unwrap());
    }
    let page = Router::new().route("/page", get(|| std::future::ready("here")));
    let served = tokio::spawn(serve(listener, page, options, std::future::pending()).unwrap());
    assert_status(&peer.head().await, 200);
    served.abort();
}

#[tokio::test]
async fn a_client_with_too_many_connections_loses_its_oldest() {
    let mut options = ServeOptions::default();
    options.max_connections_per_client = 2;
    options.header_timeout = DEADLINE * 2;
    let server = Server::start(Arc::new(ScriptedCarrier::new()), options).await;
    let mut oldest = server.connect().await;
    let (mut second, _third) = (server.connect().await, server.connect().await);
    assert_eq!(oldest.rest().await, b"");
    second.send(HEALTH.as_bytes()).await;
    assert_status(&second.head().await, 200);
}

#[tokio::test]
async fn only_a_trusted_proxy_says_whose_a_request_is() {
    let begin = |client: &str| {
        let signed = ScriptedCarrier::sign("/elsewhere", "").headers.remove(0);
        let (name, signature) = signed;
        format!(
            "POST /voice/status?account=scripted HTTP/1.1\r\nhost: x\r\nx-forwarded-for: 198.51.100.9, {client}\r\n{name}: {signature}\r\n\
             content-length: 1\r\n\r\n"
        )
    };
    for is_trusted in [true, false] {
        let mut options = ServeOptions::default();
        options.max_connections_per_client = 1;
        if is_trusted {
            options.trusted_proxies = "127.0.0.0/8".parse().unwrap();
        }
        let server = Server::start(Arc::new(ScriptedCarrier::new()), options).await;
        let (mut first, mut second) = (server.connect().await, server.connect().await);
        if is_trusted {
            // The proxy's own connections are nobody's.
            first.send(HEALTH.as_bytes()).await;
            assert_status(&first.head().await, 200);
            first.body().await;
            first.send(begin("203.0.113.1").as_bytes()).await;
            second.send(begin("203.0.113.2").as_bytes()).await;
            // Two clients have one each; now one of them has two.
            let mut third = server.connect().await;
            third.send(begin("203.0.113.1").as_bytes()).await;
            first.rest().await;
            for peer in [&mut second, &mut third] {
                peer.send(b"x").await;
                assert_status(&peer.head().await, 401);
            }
        } else {
            // It is one client, whatever it says.
            assert_eq!(first.rest().await, b"");
            second.send(begin("203.0.113.2").as_bytes()).await;
            second.send(b"x").await;
            assert_status(&second.head().await, 401);
        }
    }
}

#[tokio::test]
async fn a_media_socket_that_says_nothing_is_closed() {
    let server = Server::start(Arc::new(ScriptedCarrier::new()), ServeOptions::default()).await;
    let mut silent = connected(&server).await;
    silent.rest().await;
    assert_status(&server.health().await, 200);
}

#[tokio::test]
async fn a_server_that_stops_closes_idle_connections_and_lets_live_calls_go_on() {
    let mut options = ServeOptions::default();
    // Nothing but the stop itself ends what is idle.
    options.header_timeout = DEADLINE * 2;
    options.drain = DEADLINE * 2;
    let server = Server::start(Arc::new(ScriptedCarrier::new()), options).await;
    let mut call = connected(&server).await;
    let mut idle = server.connect().await;
    idle.send(HEALTH.as_bytes()).await;
    assert_status(&idle.head().await, 200);
    let Server { stop, served, .. } = server;

    stop.send(()).unwrap();

    idle.rest().await;
    timeout(DEADLINE, served).await.expect("an end in time").unwrap().unwrap();
    name_the_call(&mut call).await;
}

#[tokio::test]
async fn an_address_that_is_taken_is_named_with_its_setting() {
    let taken = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let error = listen("LISTEN", &address).await.unwrap_err();
    assert_eq!(error.field(), Some("LISTEN"));
    assert!(error.to_string().contains(&address), "{error}");
}

#[tokio::test]
async fn more_connections_than_files_may_be_open_are_refused_at_the_start() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let mut options = ServeOptions::default();
    options.max_connections = Some(usize::MAX);
    let refused = serve(listener, axum::Router::new(), options, std::future::pending()).map(drop).unwrap_err();
    assert_eq!(refused.field(), Some("max_connections"));
}

#[tokio::test]
async fn a_server_that_stops_lets_nobody_wait() {
    let mut options = ServeOptions::default();
    options.drain = Duration::from_millis(300);
    let server = Server::start(Arc::new(ScriptedCarrier::new()), options).await;
    let _idle = server.connect().await;
    assert_status(&server.health().await, 200);
    server.stop.send(()).unwrap();
    timeout(DEADLINE, server.served).await.expect("an end in time").unwrap().unwrap();
    assert!(TcpStream::connect(server.address).await.is_err(), "it still listens");
}

#[tokio::test]
async fn a_message_beyond_the_limit_closes_its_socket() {
    let carrier = Arc::new(ScriptedCarrier::new());
    let server = Server::start(carrier, ServeOptions::default()).await;
    let mut peer = connected(&server).await;
    name_the_call(&mut peer).await;

    // Announced is enough: nobody waits for so much.
    peer.send(&frame(64 * 1024 + 1, "")).await;

    peer.rest().await;
    assert_status(&server.health().await, 200);
}

/// Something that the first who takes it holds.
type HeldOnce = Arc<Mutex<Option<mpsc::Sender<()>>>>;

/// Something for one handler to hold, and what says when it is dropped.
fn held_once() -> (HeldOnce, mpsc::Receiver<()>) {
    let (held, dropped) = mpsc::channel(1);
    (Arc::new(Mutex::new(Some(held))), dropped)
}

/// Begins the stream, and sees that the call begins.
async fn name_the_call(peer: &mut Peer) {
    let start = StreamStart { stream: None, account: None, call: CarrierCallId::new("CA1"), parameters: [].into() };
    let start = ScriptedMedia::write(&MediaEvent::Started(start));
    peer.send(&frame(start.len(), &start)).await;
    assert_eq!(timeout(DEADLINE, peer.0.read_u8()).await.expect("an answer").unwrap(), 0x81, "a text message");
}

/// The socket of a call that was placed and answered, right after the upgrade.
async fn connected(server: &Server) -> Peer {
    let tenant = TenantId::new();
    let phone = "+46701234567".parse().unwrap();
    let new = NewSession::outbound_to(&server.vault, tenant, &phone, jiff::Timestamp::now()).unwrap();
    let store: &dyn Store = &*server.store;
    let session = store.create_session(&new).await.unwrap();
    server.engine.place(&session).await.unwrap();
    let attempt = store.attempts(tenant, session.id).await.unwrap().remove(0);
    let path = format!("/voice/{}/answer", CallKey::of(&attempt).unwrap());
    let kind = CarrierEventKind::Instruct { status: CallStatus::InProgress, detection: None };
    let event = CarrierEvent::new(CarrierCallId::new("CA1"), kind, "one".to_owned());

    let mut asking = server.connect().await;
    asking
        .send(
            raw(&ScriptedCarrier::webhook_of(&path, &event))
                .replacen("host: x", "host: x\r\nconnection: close", 1)
                .as_bytes(),
        )
        .await;
    let reply = String::from_utf8(asking.rest().await).unwrap();
    assert_status(&reply, 200);
    let token = reply.split("wss://calls.example/media/").nth(1).unwrap();
    let token = &token[..token.find('"').unwrap()];

    let path = format!("/media/{token}");
    let signed = ScriptedCarrier::sign(&path, "");
    let (name, signature) = &signed.headers[0];
    let mut peer = server.connect().await;
    peer.send(upgrade(&path, &format!("{name}: {signature}\r\n")).as_bytes()).await;
    assert_status(&peer.head().await, 101);
    peer
}

/// A business whose calls consist of one long line.
#[derive(Debug)]
struct OneLine(Arc<dyn voicecall::agent::VoiceAgent>);

#[async_trait]
impl CallHandler for OneLine {
    async fn plan(&self, request: &PlanRequest) -> voicecall::Result<CallPlan> {
        let dialogue = Box::new(voicecall::dialogue::Scripted::new(["A long line."]));
        Ok(CallPlan::new(request.session.id, Arc::clone(&self.0), dialogue))
    }

    async fn finished(&self, _: &CallOutcome) {}
}
