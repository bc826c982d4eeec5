//! C18: thousands of connections that keep the server waiting in every way a stranger can, beside live calls.

use std::net::{Ipv4Addr, SocketAddr};
use std::process::Stdio;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::routing::get;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader, Interest};
use tokio::net::{TcpSocket, TcpStream};
use tokio::process::Command;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, timeout};
use voicecall::dialogue::{Dialogue, Scripted};
use voicecall::server::ServeOptions;
use voicecall::store::{EndReason, MemoryStore};
use voicecall::{TenantId, Vault};
use voicecall_core::testing::ScriptedCarrier;
use voicecall_sim::carrier::{CarrierOptions, SimCarrier};
use voicecall_sim::fault::FaultPlan;

use super::row::{Row, scaled};
use super::served::{DEADLINE, Loopback, Served, head, quantile};
use super::world::{Compose, World};

const SEED: u64 = 0xC18;

/// How long one byte takes.
const A_BYTE: Duration = Duration::from_millis(500);

/// When an attacker whose connection was ended makes another, in the mean: the first take half as long, the last half as long
/// again. All at once they would be as many as there are slots within a millisecond, and who comes just before them would have
/// to be quicker than that.
const AGAIN_AFTER: Duration = Duration::from_secs(2);

/// Nobody waits longer than this for an answer; how long it really takes is reported.
const ANSWER_WITHIN: Duration = Duration::from_secs(10);

/// How a connection keeps the server waiting.
#[derive(Debug, Clone, Copy)]
enum Attack {
    Silent,
    SlowHeader,
    SlowBody,
    SlowReader,
    HalfClosed,
    Idle,
    SilentSocket,
}

impl Attack {
    const fn what(self) -> &'static str {
        match self {
            Self::Silent => "connections that send nothing, beside live calls",
            Self::SlowHeader => "connections that send a byte of a header in half a second, beside live calls",
            Self::SlowBody => "connections that send a byte of a body in half a second, beside live calls",
            Self::SlowReader => "connections that ask for a page of 8 MiB and read nothing, beside live calls",
            Self::HalfClosed => "connections closed on one side in the middle of a request, beside live calls",
            Self::Idle => "connections that ask once and stay, beside live calls",
            Self::SilentSocket => {
                "connections that ask for a media socket without a ticket and stay, beside live calls"
            }
        }
    }

    /// One connection, until the server ends it.
    async fn run(self, mut stream: TcpStream) -> std::io::Result<()> {
        const WEBHOOK: &[u8] = b"POST /voice/status HTTP/1.1\r\nhost: x\r\n";
        const HEALTH: &[u8] = b"GET /health HTTP/1.1\r\nhost: x\r\n\r\n";
        match self {
            Self::Silent => {}
            Self::SlowHeader => {
                stream.write_all(&[WEBHOOK, b"x-slow: "].concat()).await?;
                return drip(&mut stream).await;
            }
            Self::SlowBody => {
                // Something in the signature's place, so that the body is wanted.
                let signature = ScriptedCarrier::sign("/elsewhere", "").headers.remove(0);
                let signed = format!("{}: {}\r\ncontent-length: 60000\r\n\r\n", signature.0, signature.1);
                stream.write_all(&[WEBHOOK, signed.as_bytes()].concat()).await?;
                return drip(&mut stream).await;
            }
            Self::SlowReader => {
                stream.write_all(b"GET /page HTTP/1.1\r\nhost: x\r\n\r\n").await?;
                // Told of the end without reading.
                let ready = stream.ready(Interest::ERROR).await?;
                assert!(ready.is_error(), "nothing else was waited for");
                return Ok(());
            }
            Self::HalfClosed => {
                stream.write_all(WEBHOOK).await?;
                stream.shutdown().await?;
            }
            Self::Idle => stream.write_all(HEALTH).await?,
            Self::SilentSocket => {
                let request = "GET /media/none HTTP/1.1\r\nhost: x\r\nconnection: upgrade\r\nupgrade: websocket\r\n\
                               sec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
                stream.write_all(request.as_bytes()).await?;
            }
        }
        let mut nothing = [0; 1024];
        while stream.read(&mut nothing).await? > 0 {}
        Ok(())
    }
}

async fn drip(stream: &mut TcpStream) -> std::io::Result<()> {
    loop {
        stream.write_all(b"a").await?;
        sleep(A_BYTE).await;
    }
}

/// The address of an attacker: ten of their connections share one.
pub fn attacker(n: u64) -> Ipv4Addr {
    let n = (n / 10) as u32;
    Ipv4Addr::from_bits(Ipv4Addr::new(127, 1, 0, 1).to_bits() + n)
}

/// A connection from there, with a small receive buffer.
pub async fn connect(from: Ipv4Addr, to: SocketAddr) -> std::io::Result<TcpStream> {
    let socket = TcpSocket::new_v4()?;
    // A slow reader should not need megabytes to be one.
    socket.set_recv_buffer_size(4096)?;
    socket.bind(SocketAddr::from((from, 0)))?;
    socket.connect(to).await
}

/// Attacks until it is dropped: a connection that the server ends is made anew.
fn attack(attack: Attack, count: u64, server: SocketAddr) -> (JoinSet<()>, Arc<AtomicUsize>) {
    let (mut attackers, ended) = (JoinSet::new(), Arc::new(AtomicUsize::new(0)));
    for n in 0..count {
        let ended = Arc::clone(&ended);
        let again_after = AGAIN_AFTER / 2 + AGAIN_AFTER * (n % 32) as u32 / 32;
        attackers.spawn(async move {
            loop {
                if let Ok(stream) = connect(attacker(n), server).await {
                    let _ = attack.run(stream).await;
                    ended.fetch_add(1, Ordering::Relaxed);
                }
                sleep(again_after).await;
            }
        });
    }
    (attackers, ended)
}

/// How long the server takes to answer somebody else, and with what.
async fn asks(server: SocketAddr, request: &str) -> Option<(Duration, u16)> {
    let begun = Instant::now();
    let answer = async {
        let mut stream = TcpStream::connect(server).await?;
        stream.write_all(request.as_bytes()).await?;
        head(&mut stream).await
    };
    let (status, _) = timeout(ANSWER_WITHIN, answer).await.ok()?.ok()?;
    Some((begun.elapsed(), status))
}

/// Calls live through the attack, and others are answered while it lasts.
async fn holds(attack_kind: Attack) {
    let mut row = Row::new("C18", attack_kind.what(), SEED);
    let mut options = CarrierOptions::new(FaultPlan::new(SEED, Vec::new()).unwrap());
    options.people.rings_for = Duration::ZERO;
    options.people.rings_up_to = Duration::from_secs(1);
    options.people.speak = Duration::from_millis(600);
    options.dials_after = Duration::ZERO;
    let carrier = SimCarrier::new(options);
    let dialogue: Arc<Compose> = Arc::new(|_| Box::new(Scripted::new(["Tell me."; 3])) as Box<dyn Dialogue>);
    let (vault, store) = (Arc::new(Vault::generate().unwrap()), Arc::new(MemoryStore::new()));
    let backend = Arc::<SimCarrier>::clone(&carrier);
    let (attackers, live) = (scaled(2_000), scaled(50));
    let mut limits = ServeOptions::default();
    // Fewer than attack, and more than call.
    limits.max_connections = Some(usize::try_from(attackers / 2).unwrap());
    // More than the kernel takes for a reader.
    let page = Bytes::from(vec![b' '; 8 << 20]);
    let page = Router::new().route("/page", get(move || std::future::ready(page.clone())));
    let mut served = Served::start_with(limits, page, backend, store, &vault, TenantId::new(), dialogue).await;
    served.run_background();
    let (attackers_at_work, ended) = attack(attack_kind, attackers, served.address);
    // The attack holds once the server has begun to end its connections.
    let deadline = Instant::now() + DEADLINE;
    while ended.load(Ordering::Relaxed) == 0 {
        assert!(Instant::now() < deadline, "no connection is ever ended");
        sleep(Duration::from_millis(20)).await;
    }
    carrier.serve(Some(Arc::new(Loopback(served.address))));
    let mut sessions = Vec::new();
    for n in 0..live {
        sessions.push(served.engine.submit(&served.new_session(&World::number(n))).await.unwrap().id);
    }
    let webhook = format!("POST /voice/sim.{}/answer HTTP/1.1\r\nhost: x\r\ncontent-length: 0\r\n\r\n", "0".repeat(64));
    let (mut took, mut unanswered) = (Vec::new(), 0);
    while carrier.calls().len() < sessions.len() || carrier.calls().iter().any(|call| !call.status.is_final()) {
        assert!(Instant::now() < deadline, "calls do not end: {:#?}", carrier.log());
        for (request, expected) in [("GET /health HTTP/1.1\r\nhost: x\r\n\r\n", 200), (&*webhook, 401)] {
            match asks(served.address, request).await {
                Some((time, status)) if status == expected => took.push(time),
                _ => unanswered += 1,
            }
        }
        sleep(Duration::from_millis(20)).await;
    }
    let mut disturbed = 0;
    for id in &sessions {
        let attempts = served.store.attempts(served.tenant, *id).await.unwrap();
        let session = served.session(*id).await;
        if session.end_reason != Some(EndReason::Completed) || attempts.len() != 1 {
            disturbed += 1;
            let journal = served.store.journal(served.tenant, *id).await.unwrap();
            row.saw(format_args!("{session:#?}\n{attempts:#?}\n{journal:#?}\n{:#?}", carrier.log()));
        }
    }
    carrier.serve(None);
    row.did(attackers);
    row.some("connections ended by the server", ended.load(Ordering::Relaxed) as u64);
    row.some("live calls", sessions.len() as u64);
    row.some("questions of others answered", took.len() as u64);
    row.never("questions of others not answered", unanswered);
    row.never("calls disturbed", disturbed);
    row.never("attackers that gave up", attackers as usize - attackers_at_work.len());
    row.figure("milliseconds to answer, 99 of 100 (wall)", quantile(&mut took, 0.99).as_millis());
    row.finish();
}

/// Names the order to be the server, in the process that is started for it.
const LIMITED: &str = "VOICECALL_FAULTS_LIMITED";

/// The name of the test below, by which a process is started that runs nothing else.
const LIMITED_TEST: &str = "hostile_connections::more_connections_than_files_may_be_open_end_nothing";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn more_connections_than_files_may_be_open_end_nothing() {
    if std::env::var_os(LIMITED).is_some() {
        return be_a_server_until_input_ends().await;
    }
    let (files, connections) = (scaled(1_024).max(128), scaled(1_100).max(140));
    let mut row = Row::new("C18", "silent connections to a server that may open fewer files, twice", SEED);
    let mut child = Command::new("sh")
        .args(["-c", &format!("ulimit -n {files} && exec \"$0\" \"$@\"")])
        .arg(std::env::current_exe().unwrap())
        .args(["--exact", LIMITED_TEST, "--nocapture"])
        .env(LIMITED, "1")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    let mut said = BufReader::new(child.stdout.take().unwrap()).lines();
    let server: SocketAddr = loop {
        let line = timeout(DEADLINE, said.next_line()).await.unwrap().unwrap().expect("an address");
        if let Some(address) = line.strip_prefix(SERVING) {
            break address.parse().unwrap();
        }
    };
    let (mut took, mut unanswered, mut held) = (Vec::new(), 0, Vec::new());
    let from_one_address: fn(u64) -> Ipv4Addr = |_| attacker(0);
    let each_from_its_own: fn(u64) -> Ipv4Addr = |n| attacker(10 * n);
    for address in [from_one_address, each_from_its_own] {
        for n in 0..connections {
            held.push(connect(address(n), server).await.unwrap());
            if n % 10 == 0 {
                match asks(server, "GET /health HTTP/1.1\r\nhost: x\r\n\r\n").await {
                    Some((time, 200)) => took.push(time),
                    _ => unanswered += 1,
                }
            }
        }
        row.did(connections);
    }
    drop(child.stdin.take());
    assert!(timeout(DEADLINE, child.wait()).await.unwrap().unwrap().success());
    row.figure("files the server may open", files);
    row.some("questions of others answered", took.len() as u64);
    row.never("questions of others not answered", unanswered);
    row.figure("milliseconds to answer, 99 of 100 (wall)", quantile(&mut took, 0.99).as_millis());
    row.finish();
}

/// What the server's process says before its address.
const SERVING: &str = "> serving ";

/// With what is derived from the process's own limit.
#[expect(clippy::print_stdout, reason = "it is what this process has been told to do")]
async fn be_a_server_until_input_ends() {
    let dialogue: Arc<Compose> = Arc::new(|_| Box::new(Scripted::new(["Hello."])) as Box<dyn Dialogue>);
    let (vault, store) = (Arc::new(Vault::generate().unwrap()), Arc::new(MemoryStore::new()));
    let served = Served::start(Arc::new(ScriptedCarrier::new()), store, &vault, TenantId::new(), dialogue).await;
    // On a line of its own: the test harness has begun one.
    println!("\n{SERVING}{}", served.address);
    tokio::io::stdin().read_to_end(&mut Vec::new()).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn silent_connections_disturb_nobody() {
    holds(Attack::Silent).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn slow_headers_disturb_nobody() {
    holds(Attack::SlowHeader).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn slow_bodies_disturb_nobody() {
    holds(Attack::SlowBody).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn slow_readers_disturb_nobody() {
    holds(Attack::SlowReader).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn half_closed_connections_disturb_nobody() {
    holds(Attack::HalfClosed).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn idle_connections_disturb_nobody() {
    holds(Attack::Idle).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn media_sockets_without_ticket_disturb_nobody() {
    holds(Attack::SilentSocket).await;
}
