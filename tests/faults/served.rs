//! A whole server in this process on a loopback port, over a store in memory or a file, and the carrier's way to it.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::net::tcp::OwnedReadHalf;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use voicecall::audio::Detection;
use voicecall::call::{CallSettings, MediaSocket};
use voicecall::carrier::{VoiceBackend, WebhookReply};
use voicecall::dialogue::Dialogue;
use voicecall::engine::{CallEngine, CallHandler, CallOutcome, CallPlan, CarrierAccount, EngineConfig, PlanRequest};
use voicecall::media::WireMessages;
use voicecall::server::{ServeOptions, listen, routes, serve};
use voicecall::store::{EngineStore, NewSession, Session};
use voicecall::{Error, ErrorKind, PhoneNumber, Result, SessionId, TenantId, Vault, async_trait};
use voicecall_core::testing::{PairedSocket, SignedRequest};
use voicecall_sim::carrier::Receiver;

use super::agent::agent;
use super::world::Compose;

/// Nothing here takes this long unless it hangs.
pub const DEADLINE: Duration = Duration::from_secs(60);

/// A server that is stopped when this is dropped.
pub struct Served {
    pub address: SocketAddr,
    pub engine: Arc<CallEngine>,
    pub store: Arc<dyn EngineStore>,
    pub tenant: TenantId,
    vault: Arc<Vault>,
    stop: Option<oneshot::Sender<()>>,
    tasks: Vec<JoinHandle<()>>,
}

impl Served {
    /// Serves calls of this carrier.
    pub async fn start(
        carrier: Arc<dyn VoiceBackend>,
        store: Arc<dyn EngineStore>,
        vault: &Arc<Vault>,
        tenant: TenantId,
        dialogue: Arc<Compose>,
    ) -> Self {
        Self::start_with(ServeOptions::default(), Router::new(), carrier, store, vault, tenant, dialogue).await
    }

    /// The same, treating connections like this, with more routes.
    pub async fn start_with(
        options: ServeOptions,
        more: Router,
        carrier: Arc<dyn VoiceBackend>,
        store: Arc<dyn EngineStore>,
        vault: &Arc<Vault>,
        tenant: TenantId,
        dialogue: Arc<Compose>,
    ) -> Self {
        let listener = listen("the test", "127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let mut config = EngineConfig::new("https://calls.example".parse().unwrap());
        let account = CarrierAccount::of(carrier).unwrap().number("+46700000000".parse().unwrap());
        let account = account.calls_per_second(1000.0);
        config.rules.max_live = 10_000;
        let shop = Arc::new(Shop(dialogue));
        let engine = CallEngine::new(config, Arc::clone(&store), account, shop, Arc::clone(vault)).unwrap();
        let (stop, stopped) = oneshot::channel::<()>();
        let router = routes(Arc::clone(&engine)).merge(more);
        let serving = tokio::spawn(async move {
            let stop = async {
                let _ = stopped.await;
            };
            serve(listener, router, options, stop).unwrap().await.unwrap();
        });
        let (stop, tasks) = (Some(stop), vec![serving]);
        Self { address, engine, store, tenant, vault: Arc::clone(vault), stop, tasks }
    }

    /// Calls whoever waits, and watches over calls.
    pub fn run_background(&mut self) {
        let tended = Arc::clone(&self.engine);
        self.tasks.push(tokio::spawn(async move { tended.run_background().await }));
    }

    pub fn new_session(&self, number: &PhoneNumber) -> NewSession {
        NewSession::outbound_to(&self.vault, self.tenant, &number.clone().into(), jiff::Timestamp::now()).unwrap()
    }

    pub async fn session(&self, id: SessionId) -> Session {
        self.store.session(self.tenant, id).await.unwrap()
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        drop(self.stop.take());
        self.tasks.iter().for_each(JoinHandle::abort);
    }
}

/// A business whose calls are what it was made with.
pub struct Shop(pub Arc<Compose>);

impl std::fmt::Debug for Shop {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Shop")
    }
}

#[async_trait]
impl CallHandler for Shop {
    async fn plan(&self, request: &PlanRequest) -> Result<CallPlan> {
        let mut settings = CallSettings::new(request.session.id);
        settings.detection = Detection::Energy;
        settings.turn.silence = Duration::from_millis(200);
        let dialogue: Box<dyn Dialogue> = (self.0)(&request.into());
        if dialogue.can_grant_consent() {
            settings.keep = voicecall_core::call::Keep::AfterConsent;
        }
        Ok(CallPlan { settings, ..CallPlan::new(request.session.id, agent(), dialogue) })
    }

    async fn finished(&self, _: &CallOutcome) {}
}

/// A carrier's way to a server on loopback: a connection for each request, and a WebSocket for each call.
#[derive(Debug)]
pub struct Loopback(pub SocketAddr);

#[async_trait]
impl Receiver for Loopback {
    async fn request(&self, request: &SignedRequest) -> Result<Option<WebhookReply>> {
        let (status, body) = post(self.0, request).await.map_err(|error| failed(error.to_string()))?;
        match status {
            200 => Ok(Some(WebhookReply { content_type: "application/json", body })),
            204 => Ok(None),
            503 => Err(failed(status.to_string())),
            _ => Err(Error::new(ErrorKind::Rejected, "send webhook").with_code(status.to_string())),
        }
    }

    async fn connect(&self, handshake: &SignedRequest, mut socket: PairedSocket) -> Result<()> {
        let mut stream = upgrade(self.0, handshake).await.map_err(|error| failed(error.to_string()))?;
        if head(&mut stream).await.map_err(|error| failed(error.to_string()))?.0 != 101 {
            return Err(Error::new(ErrorKind::Rejected, "open media socket"));
        }
        let (mut down, mut up) = stream.into_split();
        let mut wire = WireMessages::new();
        // Reading a message must not be given up in its middle.
        let (messages, mut received) = tokio::sync::mpsc::channel(16);
        let reading = tokio::spawn(async move {
            while let Ok(Some(text)) = read_text(&mut down).await {
                if messages.send(text).await.is_err() {
                    return;
                }
            }
        });
        loop {
            tokio::select! {
                said = socket.receive() => match said {
                    Some(Ok(text)) => {
                        if up.write_all(&text_frame(&text)).await.is_err() {
                            break;
                        }
                    }
                    _ => break,
                },
                text = received.recv() => match text {
                    Some(text) => {
                        wire.push_with(|wire| wire.push_str(&text));
                        if socket.send(&wire).await.is_err() {
                            break;
                        }
                        wire.clear();
                    }
                    None => break,
                },
            }
        }
        reading.abort();
        socket.close().await;
        Ok(())
    }
}

fn failed(why: String) -> Error {
    Error::new(ErrorKind::Unavailable, "reach server").with_message(why)
}

/// Sends a request over a connection of its own. Returns the status and the body.
pub async fn post(address: SocketAddr, request: &SignedRequest) -> std::io::Result<(u16, String)> {
    let mut stream = TcpStream::connect(address).await?;
    let headers: String = request.headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
    let (method, path, length) = (&request.method, &request.path_and_query, request.body.len());
    let head = format!(
        "{method} {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-length: {length}\r\n{headers}\r\n"
    );
    stream.write_all(&[head.as_bytes(), &request.body].concat()).await?;
    let mut reply = String::new();
    stream.read_to_string(&mut reply).await?;
    let status = status_in(&reply).ok_or_else(|| std::io::Error::other("no status"))?;
    Ok((status, reply.split_once("\r\n\r\n").map(|(_, body)| body.to_owned()).unwrap_or_default()))
}

/// Asks for a WebSocket. The answer is still to be read.
pub async fn upgrade(address: SocketAddr, handshake: &SignedRequest) -> std::io::Result<TcpStream> {
    let mut stream = TcpStream::connect(address).await?;
    stream.set_nodelay(true)?;
    let headers: String = handshake.headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
    let path = &handshake.path_and_query;
    let request = format!(
        "GET {path} HTTP/1.1\r\nhost: x\r\nconnection: upgrade\r\nupgrade: websocket\r\nsec-websocket-version: 13\r\n\
         sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n{headers}\r\n"
    );
    stream.write_all(request.as_bytes()).await?;
    Ok(stream)
}

/// Reads the head of a response: its status, and all of it.
pub async fn head(stream: &mut TcpStream) -> std::io::Result<(u16, String)> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await?);
    }
    let head = String::from_utf8_lossy(&head).into_owned();
    Ok((status_in(&head).ok_or_else(|| std::io::Error::other("no status"))?, head))
}

fn status_in(reply: &str) -> Option<u16> {
    reply.split(' ').nth(1)?.parse().ok()
}

/// A text message as a WebSocket client sends it, masked with zeros.
pub fn text_frame(text: &str) -> Vec<u8> {
    let mut frame = vec![0x81];
    match u16::try_from(text.len()) {
        Ok(short @ ..126) => frame.push(0x80 | short as u8),
        Ok(length) => {
            frame.push(0x80 | 126);
            frame.extend_from_slice(&length.to_be_bytes());
        }
        Err(_) => {
            frame.push(0x80 | 127);
            frame.extend_from_slice(&(text.len() as u64).to_be_bytes());
        }
    }
    frame.extend_from_slice(&[0; 4]);
    frame.extend_from_slice(text.as_bytes());
    frame
}

/// The next text message of a server; `None` once it closes.
async fn read_text(stream: &mut OwnedReadHalf) -> std::io::Result<Option<String>> {
    loop {
        let kind = stream.read_u8().await? & 0x0F;
        let length = match stream.read_u8().await? {
            126 => u64::from(stream.read_u16().await?),
            127 => stream.read_u64().await?,
            short => u64::from(short),
        };
        let mut payload = vec![0; usize::try_from(length).map_err(std::io::Error::other)?];
        stream.read_exact(&mut payload).await?;
        match kind {
            1 => return String::from_utf8(payload).map(Some).map_err(std::io::Error::other),
            8 => return Ok(None),
            _ => {}
        }
    }
}

/// What this process holds in memory now, and the most it has held, in KiB, as the kernel counts.
pub fn resident_kib() -> (u64, u64) {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let read = |name: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(name)).unwrap();
        line.trim().trim_end_matches(" kB").trim().parse().unwrap()
    };
    (read("VmRSS:"), read("VmHWM:"))
}

/// The value below which this share (0 to 1) of all values lies; they are sorted for it.
pub fn quantile(values: &mut [Duration], share: f64) -> Duration {
    values.sort();
    values[((values.len() - 1) as f64 * share).round() as usize]
}
