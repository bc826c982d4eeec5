//! The emulator as a server on the loopback interface.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::task::{JoinHandle, JoinSet};
use voicecall_core::{Error, ErrorKind, Result};

use super::socket;
use crate::fault::{Fault, Faults, Rng, Site};
use crate::matcher::ClipMatcher;
use crate::scenario::{Latency, Part, Scenario};

/// What the server hears with, and what it says without being asked.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct ServerOptions {
    /// The ears; those for the bundled clips by default.
    pub ears: ClipMatcher,
    /// Text messages that come out of nowhere on every socket.
    pub interjections: Vec<Interjection>,
}

/// A text message that nobody asked for: garbage, a message of an unknown type, or results of nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Interjection {
    /// The 20 ms frame, counted from the socket's first, before which it is sent.
    pub at_frame: u64,
    /// What is sent, as it is.
    pub text: String,
}

impl Default for ServerOptions {
    fn default() -> Self {
        Self { ears: ClipMatcher::bundled().clone(), interjections: Vec::new() }
    }
}

/// The emulator, listening on a free port of the loopback interface until it is stopped or dropped.
#[derive(Debug)]
pub struct Server {
    address: SocketAddr,
    shared: Arc<Shared>,
    task: JoinHandle<()>,
}

/// What all sockets share.
#[derive(Debug)]
pub(super) struct Shared {
    pub(super) api_key: String,
    pub(super) options: ServerOptions,
    latency: Latency,
    rng: Mutex<Rng>,
    faults: Mutex<Faults>,
    sockets: Mutex<u64>,
}

impl Server {
    /// Starts the transcriber of `scenario` with the bundled clips; clients must present `api_key`.
    ///
    /// # Errors
    /// [`ErrorKind::Unavailable`] if no port can be opened.
    pub async fn start(scenario: &Scenario, api_key: &str) -> Result<Self> {
        Self::start_with(scenario, api_key, ServerOptions::default()).await
    }

    /// The same with other ears, or messages out of nowhere.
    ///
    /// # Errors
    /// [`ErrorKind::Unavailable`] if no port can be opened.
    pub async fn start_with(scenario: &Scenario, api_key: &str, options: ServerOptions) -> Result<Self> {
        let unavailable = |error| Error::new(ErrorKind::Unavailable, "start emulator").with_source(error);
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.map_err(unavailable)?;
        let address = listener.local_addr().map_err(unavailable)?;
        let shared = Arc::new(Shared {
            api_key: api_key.to_owned(),
            options,
            latency: scenario.latency.clone(),
            rng: Mutex::new(scenario.rng(Part::Ear)),
            faults: Mutex::new(scenario.fault_plan().start()),
            sockets: Mutex::new(0),
        });
        let task = tokio::spawn(serve(listener, Arc::clone(&shared)));
        Ok(Self { address, shared, task })
    }

    /// The address clients are configured with, such as `http://127.0.0.1:40123`.
    #[must_use]
    pub fn base_url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// How many sockets were opened so far, refused ones not counted.
    #[must_use]
    pub fn sockets(&self) -> u64 {
        *lock(&self.shared.sockets)
    }

    /// Stops listening, closes all connections and waits until that is done.
    pub async fn stop(mut self) {
        self.task.abort();
        // It ends by being aborted, which is what was asked for.
        let _ = (&mut self.task).await;
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Shared {
    /// What goes wrong with the next socket.
    pub(super) fn draw(&self) -> Option<Fault> {
        lock(&self.faults).draw(Site::DeepgramListen)
    }

    pub(super) fn opened(&self) {
        *lock(&self.sockets) += 1;
    }

    /// How long the next final result takes.
    pub(super) fn wait(&self) -> Duration {
        self.latency.wait(self.latency.transcription, &mut lock(&self.rng))
    }
}

/// Accepts connections and owns their tasks: when this ends, they end.
async fn serve(listener: TcpListener, shared: Arc<Shared>) {
    let mut connections = JoinSet::new();
    loop {
        let stream = tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => stream,
                Err(error) => {
                    tracing::warn!(%error, "cannot accept a connection");
                    tokio::task::yield_now().await;
                    continue;
                }
            },
            Some(_) = connections.join_next() => continue,
        };
        let _ = stream.set_nodelay(true);
        connections.spawn(socket::serve(stream, Arc::clone(&shared)));
    }
}

/// A panic while a lock was held leaves no half-made state behind: each step replaces single values.
fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
