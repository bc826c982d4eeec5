//! Sockets: over a connection in memory and in virtual time, but for the last.

use futures_util::{SinkExt as _, StreamExt as _};
use hyper::server::conn::http1;
use hyper_util::rt::TokioIo;
use hyper_util::service::TowerToHyperService;
use tokio::io::{AsyncRead, AsyncWrite, DuplexStream};
use tokio::time::Instant;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::tungstenite::http::HeaderValue;
use tokio_tungstenite::tungstenite::{self, Message};
use tokio_tungstenite::{WebSocketStream, client_async};

use super::super::super::server::{Server, routed};
use super::super::{Interjection, Sockets};
use super::*;

/// A server in memory.
struct Emulator {
    router: axum::Router,
    sockets: Arc<Sockets>,
}

impl Emulator {
    fn new(faults: &str, change: impl FnOnce(&mut ServiceOptions)) -> Self {
        let mut options = ServiceOptions::default();
        change(&mut options);
        let (router, sockets) = routed(&format!("{SCENARIO}\n{faults}").parse().unwrap(), "key", options);
        Self { router, sockets }
    }

    async fn open(&self, query: &str, headers: &[(&'static str, &str)]) -> tungstenite::Result<Web<DuplexStream>> {
        let (ours, theirs) = tokio::io::duplex(1 << 16);
        let service = TowerToHyperService::new(self.router.clone());
        // The sockets end with the emulator, which is to be kept for as long.
        tokio::spawn(http1::Builder::new().serve_connection(TokioIo::new(theirs), service).with_upgrades());
        open(ours, "ws://localhost", query, headers).await
    }

    /// Opens a socket that is granted, and takes the greeting.
    async fn greeted(&self) -> Web<DuplexStream> {
        let mut web = self.open("?model=m", &[]).await.unwrap();
        assert_eq!(web.event().await["type"], "session.created");
        web
    }
}

struct Web<S>(WebSocketStream<S>);

async fn open<S: AsyncRead + AsyncWrite + Unpin>(
    connection: S,
    origin: &str,
    query: &str,
    headers: &[(&'static str, &str)],
) -> tungstenite::Result<Web<S>> {
    let mut request = format!("{origin}/v1/realtime{query}").into_client_request()?;
    request.headers_mut().insert("authorization", HeaderValue::from_static("Bearer key"));
    for (name, value) in headers {
        request.headers_mut().insert(*name, value.parse().unwrap());
    }
    Ok(Web(client_async(request, connection).await?.0))
}

impl<S: AsyncRead + AsyncWrite + Unpin> Web<S> {
    async fn send(&mut self, event: Value) {
        self.0.send(Message::text(event.to_string())).await.unwrap();
    }

    async fn event(&mut self) -> Value {
        let message = self.0.next().await.unwrap().unwrap();
        serde_json::from_str(message.to_text().unwrap()).unwrap()
    }

    /// The code with which the server closes; `None` if the connection just ends.
    async fn closed(&mut self) -> Option<u16> {
        match self.0.next().await {
            Some(Ok(Message::Close(frame))) => frame.map(|frame| frame.code.into()),
            Some(Ok(other)) => panic!("{other:?}"),
            Some(Err(_)) | None => None,
        }
    }

    /// Turns turn detection off, and says so many frames of nothing.
    async fn say(&mut self, frames: usize) {
        self.send(json!({ "type": "session.update", "session": { "type": "realtime", "audio": { "input": {
            "format": { "type": "audio/pcmu" }, "turn_detection": null,
        } } } }))
        .await;
        assert_eq!(self.event().await["type"], "session.updated");
        for _ in 0..frames {
            self.send(append(&[0xFF; 160])).await;
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_socket_is_refused_over_http() {
    let fault = |nth: u32, kind: &str| format!("[[fault]]\nwhere = 'openai.realtime'\nnth = [{nth}]\n{kind}\n");
    let faults = fault(3, "kind = 'error'\nstatus = 401")
        + &fault(4, "kind = 'rate_limit'\nretry_after = '2 s'")
        + &fault(5, "kind = 'error'\nstatus = 500");
    let emulator = Emulator::new(&faults, |_| ());
    for (query, status, code) in [
        ("", 400, json!("missing_required_parameter")),
        ("?call_id=rtc_1", 400, Value::Null),
        ("?model=m", 401, json!("invalid_api_key")),
        ("?model=m", 429, json!("rate_limit_exceeded")),
        ("?model=m", 500, Value::Null),
    ] {
        let Err(tungstenite::Error::Http(answer)) = emulator.open(query, &[]).await else { panic!("{query}") };
        let body: Value = serde_json::from_slice(answer.body().as_deref().unwrap_or_default()).unwrap();
        assert_eq!((answer.status().as_u16(), &body["error"]["code"]), (status, &code), "{query}");
    }
    let wrong_key = emulator.open("?model=m", &[("authorization", "Bearer other")]).await;
    let Err(tungstenite::Error::Http(answer)) = wrong_key else { panic!() };
    assert_eq!(answer.status().as_u16(), 401);
    assert_eq!((emulator.sockets.refused(), emulator.sockets.opened()), (5, 0));
}

#[tokio::test(start_paused = true)]
async fn the_shape_of_the_beta_is_gone() {
    let emulator = Emulator::new("", |_| ());
    let mut web = emulator.open("?model=m", &[("openai-beta", "realtime=v1")]).await.unwrap();
    assert_eq!(web.event().await["error"]["code"], "beta_api_shape_disabled");
    assert_eq!(web.closed().await, Some(4000));
}

#[tokio::test(start_paused = true)]
async fn a_session_runs_in_virtual_time_and_is_seen_from_outside() {
    let nonsense = Interjection { before: "response.done".to_owned(), text: "{".to_owned() };
    let emulator = Emulator::new("", |options| options.realtime.interjections = vec![nonsense]);
    let mut web = emulator.greeted().await;
    let socket = emulator.sockets.wait_for_socket(1).await;
    let item = json!({ "type": "message", "role": "user", "content": [{ "type": "input_text", "text": "Hej" }] });
    web.send(json!({ "type": "conversation.item.create", "item": item })).await;
    let asked = Instant::now();
    web.send(json!({ "type": "response.create", "response": { "output_modalities": ["text"] } })).await;
    assert_eq!(socket.wait_for("response.create").await.unwrap()["response"]["output_modalities"], json!(["text"]));
    let mut texts = Vec::new();
    while texts.last().is_none_or(|text: &String| !text.contains("response.done")) {
        texts.push(web.0.next().await.unwrap().unwrap().into_text().unwrap().to_string());
    }
    assert_eq!(texts[texts.len() - 2], "{");
    assert_eq!(asked.elapsed().as_millis(), 320, "the third token comes 20 ms after the first");
    assert_eq!(socket.items()[1]["content"][0]["text"], "Är du kvar?");
    let received = socket.received();
    assert_eq!(types(&received), ["conversation.item.create", "response.create"]);
    assert_eq!(socket.settings()["model"], "m");

    web.0.send(Message::text("{")).await.unwrap();
    web.0.send(Message::binary(vec![0])).await.unwrap();
    for _ in 0..2 {
        assert_eq!(web.event().await["error"]["type"], "invalid_request_error");
    }
    assert_eq!((emulator.sockets.open(), socket.is_open()), (1, true));
    assert!(socket.wait_for_nth("response.create", 2).await.is_none(), "an hour passes without one");
    assert_eq!(web.event().await["error"]["code"], "session_expired");
    assert_eq!(web.closed().await, Some(1001));
    assert_eq!((emulator.sockets.open(), socket.is_open()), (0, false));
}

#[tokio::test(start_paused = true)]
async fn each_fault_does_to_a_socket_what_it_is_named_for() {
    let emulator = |fault: &str| Emulator::new(&format!("[[fault]]\nwhere = 'openai.realtime'\n{fault}"), |_| ());
    assert!(emulator("kind = 'drop_before'").open("?model=m", &[]).await.is_err());
    let accepting = emulator("kind = 'accept_then_drop'");
    assert_eq!(accepting.open("?model=m", &[]).await.unwrap().closed().await, None);
    assert_eq!((accepting.sockets.opened(), accepting.sockets.open()), (1, 0));

    let asked = Instant::now();
    emulator("kind = 'latency'\ndelay = '3 s'").greeted().await;
    assert_eq!(asked.elapsed().as_secs(), 3);

    let struck = emulator("kind = 'close'\nat_frame = 2");
    let mut web = struck.greeted().await;
    web.say(3).await;
    assert_eq!(web.closed().await, None);

    let struck = emulator("kind = 'stall'\nlength = '5 s'\nat_frame = 2");
    let mut web = struck.greeted().await;
    let asked = Instant::now();
    web.say(3).await;
    web.send(json!({ "type": "input_audio_buffer.clear" })).await;
    assert_eq!(web.event().await["type"], "input_audio_buffer.cleared");
    assert_eq!(asked.elapsed().as_secs(), 5);

    let struck = emulator("kind = 'half_open_socket'\nat_frame = 2");
    let mut web = struck.greeted().await;
    web.say(3).await;
    web.send(json!({ "type": "input_audio_buffer.clear" })).await;
    let silence = tokio::time::timeout(Duration::from_secs(7200), web.0.next()).await;
    assert!(silence.is_err(), "{silence:?}");
}

#[tokio::test]
async fn a_stopped_server_closes_its_sockets() {
    let server = Server::start(&SCENARIO.parse().unwrap(), "key").await.unwrap();
    let address = server.base_url().trim_start_matches("http://").trim_end_matches("/v1").to_owned();
    let connection = tokio::net::TcpStream::connect(&address).await.unwrap();
    let mut web = open(connection, &format!("ws://{address}"), "?model=m", &[]).await.unwrap();
    assert_eq!(web.event().await["type"], "session.created");
    let socket = server.realtime().wait_for_socket(1).await;
    server.stop().await;
    assert!(!socket.is_open());
    assert_eq!(web.closed().await, None);
}
