//! The exchange on loopback: a real REST server, real webhooks, real media sockets, on the machine's clock.
//!
//! Nothing leaves the machine: a public address is reached only through a [`route`](ServerOptions::route) to a local
//! one, and every other is refused as unreachable.

mod clock;
mod http;
mod socket;
mod webhooks;

use std::collections::BTreeMap;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use url::Url;

use super::{Exchange, LogEntry};
use crate::clock::Clock;
use crate::phone::Party;

/// How the server reaches the application, and how long it waits.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct ServerOptions {
    /// Public origin (`https://demo.example`, `wss` counts as `https`) to the local address behind it.
    routes: BTreeMap<String, SocketAddr>,
    /// How long a webhook may take to connect. The carrier's value: 5 s.
    pub connect_timeout: Duration,
    /// How long a webhook may take in all. The carrier's value: 15 s.
    pub webhook_timeout: Duration,
    /// How many REST requests are answered at once; more get 429.
    pub concurrent_requests: usize,
}

impl Default for ServerOptions {
    fn default() -> Self {
        Self {
            routes: BTreeMap::new(),
            connect_timeout: Duration::from_secs(5),
            webhook_timeout: Duration::from_secs(15),
            concurrent_requests: 100,
        }
    }
}

impl ServerOptions {
    /// Sends what is meant for a public origin to a local address, over plain HTTP and WebSocket. Signatures stay
    /// those of the public address.
    #[must_use]
    pub fn route(mut self, public: &Url, local: SocketAddr) -> Self {
        self.routes.insert(origin(public), local);
        self
    }

    /// The local address behind a public one.
    fn local(&self, url: &Url) -> Option<SocketAddr> {
        if let Some(&local) = self.routes.get(&origin(url)) {
            return Some(local);
        }
        let port = url.port_or_known_default()?;
        let plain = matches!(url.scheme(), "http" | "ws");
        match url.host()? {
            _ if !plain => None,
            url::Host::Domain("localhost") => Some(SocketAddr::from((Ipv4Addr::LOCALHOST, port))),
            url::Host::Ipv4(ip) if ip.is_loopback() => Some(SocketAddr::from((ip, port))),
            url::Host::Ipv6(ip) if ip.is_loopback() => Some(SocketAddr::from((ip, port))),
            _ => None,
        }
    }
}

/// Scheme, host and port, the schemes of sockets counting as those of pages.
fn origin(url: &Url) -> String {
    let scheme = match url.scheme() {
        "wss" => "https",
        "ws" => "http",
        other => other,
    };
    let port = url.port_or_known_default().unwrap_or_default();
    format!("{scheme}://{}:{port}", url.host_str().unwrap_or_default())
}

/// A running exchange. Dropping it ends everything it started.
#[derive(Debug)]
pub struct TwilioServer {
    address: SocketAddr,
    shared: Arc<Shared>,
    tasks: Vec<JoinHandle<()>>,
}

/// What the parts of the server have in common.
#[derive(Debug)]
struct Shared {
    exchange: Mutex<Exchange>,
    options: ServerOptions,
    clock: Clock,
    /// Counts changes, to wake the driver and whoever waits for something to happen.
    changed: watch::Sender<u64>,
}

impl Shared {
    /// Runs something on the exchange, at the present time, and wakes who waits.
    fn with<T>(&self, run: impl FnOnce(&mut Exchange, voicecall_core::CallTime) -> T) -> T {
        let result = run(&mut self.exchange(), self.clock.now());
        self.changed.send_modify(|count| *count += 1);
        result
    }

    /// A panic elsewhere must not hide what the log says about it.
    fn exchange(&self) -> MutexGuard<'_, Exchange> {
        self.exchange.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl TwilioServer {
    /// Starts on a free port of loopback.
    ///
    /// # Errors
    /// When no port can be opened.
    pub async fn start(exchange: Exchange, options: ServerOptions) -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let address = listener.local_addr()?;
        let client = webhooks::client(&options).map_err(io::Error::other)?;
        let shared = Arc::new(Shared {
            exchange: Mutex::new(exchange),
            options,
            clock: Clock::start(),
            changed: watch::Sender::new(0),
        });
        let tasks = vec![
            tokio::spawn(http::serve(listener, Arc::clone(&shared))),
            tokio::spawn(clock::drive(Arc::clone(&shared), client)),
        ];
        Ok(Self { address, shared, tasks })
    }

    /// What takes the place of `https://api.twilio.com`, without a path.
    #[must_use]
    pub fn api(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Somebody calls one of the accounts' numbers; returns the call's sid if anything answers it.
    #[must_use]
    pub fn call_in(&self, from: &str, to: &str, party: Box<dyn Party>) -> Option<String> {
        self.shared.with(|exchange, now| exchange.call_in(now, from, to, party))
    }

    /// What happened so far.
    #[must_use]
    pub fn log(&self) -> Vec<LogEntry> {
        self.shared.exchange().log().to_vec()
    }

    /// Looks at the exchange.
    pub fn inspect<T>(&self, look: impl FnOnce(&Exchange) -> T) -> T {
        look(&self.shared.exchange())
    }

    /// Waits until `look` finds what it looks for. It is asked again whenever something happened.
    pub async fn until<T>(&self, mut look: impl FnMut(&Exchange) -> Option<T> + Send) -> T {
        let mut changed = self.shared.changed.subscribe();
        loop {
            if let Some(found) = look(&self.shared.exchange()) {
                return found;
            }
            // The sender lives in `shared`, which lives as long as `self`.
            let _ = changed.changed().await;
        }
    }
}

impl Drop for TwilioServer {
    fn drop(&mut self) {
        self.tasks.iter().for_each(JoinHandle::abort);
    }
}
