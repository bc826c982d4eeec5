//! Servers in processes of their own, which can be killed: this program again, told by its environment what to be.
//!
//! The carrier lives in the test's process and survives; a relay stands before the servers, as one does in production.

use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, mpsc};
use std::time::{Duration, Instant};

use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Notify, watch};
use tokio::task::JoinSet;
use tokio::time::sleep;

/// Where a server finds what it has to do.
const ORDER: &str = "VOICECALL_FAULTS_SERVER";

/// What this process was started to do, if it is a server.
pub fn order<T: DeserializeOwned>() -> Option<T> {
    let order = std::env::var(ORDER).ok()?;
    Some(serde_json::from_str(&order).unwrap())
}

/// A line to whoever started this process, in one piece.
#[expect(clippy::print_stdout, reason = "it is what this process has been told to do")]
pub fn say(what: std::fmt::Arguments<'_>) {
    println!("\n> {what}");
}

/// A runtime as servers have.
pub fn multi_threaded() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap()
}

/// A server's process, killed when this is dropped.
pub struct Process {
    child: Child,
    /// Gone when the server is.
    ended: mpsc::Receiver<()>,
}

impl Process {
    /// Starts this program as the test of this name, with this to do. `hears` gets each line it says, in words.
    pub fn start(test: &str, order: &impl Serialize, mut hears: impl FnMut(&[&str]) + Send + 'static) -> Self {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args([test, "--exact", "--nocapture"])
            .env(ORDER, serde_json::to_string(order).unwrap())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let output = BufReader::new(child.stdout.take().unwrap());
        let (alive, ended) = mpsc::channel();
        std::thread::spawn(move || {
            for line in output.lines().map_while(Result::ok) {
                if let [">", words @ ..] = &line.split(' ').collect::<Vec<_>>()[..] {
                    hears(words);
                }
            }
            drop(alive);
        });
        Self { child, ended }
    }

    /// Kills it with -9. What it said before it died is heard to the end.
    pub fn kill(mut self) {
        self.end();
    }

    /// Waits until it has ended by itself.
    pub async fn ends(mut self, within: Duration) {
        let begun = Instant::now();
        while self.child.try_wait().unwrap().is_none() {
            assert!(begun.elapsed() < within, "the server does not end");
            sleep(Duration::from_millis(50)).await;
        }
        let _ = self.ended.recv();
    }

    fn end(&mut self) {
        let _ = self.child.kill();
        self.child.wait().unwrap();
        let _ = self.ended.recv();
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.end();
    }
}

/// Whom the relay lets through.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Passing {
    All,
    AllButMedia,
    Nobody,
}

/// Holds connections back, if it is told to.
#[derive(Debug)]
pub struct Gate {
    passing: watch::Sender<Passing>,
    /// A media socket has come and is held back.
    held: Notify,
}

impl Gate {
    pub fn new(passing: Passing) -> Arc<Self> {
        Arc::new(Self { passing: watch::Sender::new(passing), held: Notify::new() })
    }

    pub fn set(&self, passing: Passing) {
        self.passing.send_replace(passing);
    }

    /// Waits until a media socket is held back.
    pub async fn holds_media(&self) {
        self.held.notified().await;
    }

    async fn pass(&self, outside: &TcpStream) {
        const MEDIA: &[u8] = b"GET /media/";
        let mut head = [0; MEDIA.len()];
        while outside.peek(&mut head).await.is_ok_and(|read| read > 0 && read < MEDIA.len()) {}
        let is_media = head == MEDIA;
        let passes = |passing: Passing| passing == Passing::All || (passing == Passing::AllButMedia && !is_media);
        if is_media && !passes(*self.passing.borrow()) {
            self.held.notify_one();
        }
        let _ = self.passing.subscribe().wait_for(|passing| passes(*passing)).await;
    }
}

/// What stands before servers in production: it takes a connection at any time, and finds a server for it.
pub async fn relay_all(gateway: TcpListener, server: SocketAddr, gate: Arc<Gate>) {
    let mut connections = JoinSet::new();
    while let Ok((mut outside, _)) = gateway.accept().await {
        let gate = Arc::clone(&gate);
        connections.spawn(async move {
            gate.pass(&outside).await;
            let mut inside = loop {
                match TcpStream::connect(server).await {
                    Ok(inside) => break inside,
                    Err(_) => sleep(Duration::from_millis(10)).await,
                }
            };
            let _ = tokio::io::copy_bidirectional(&mut outside, &mut inside).await;
        });
    }
}
