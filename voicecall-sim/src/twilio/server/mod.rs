//! The exchange on loopback: a real REST server, real webhooks, real media sockets, on the machine's clock.
//!
//! Nothing leaves the machine: a public address is reached only through a [`route`](ServerOptions::route) to a local
//! one, and every other is refused as unreachable.

mod clock;
mod http;
mod socket;
mod webhooks;

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use super::{Exchange, LogEntry, MessageMedium};
use crate::clock::Clock;
pub use crate::loopback::ServerOptions;
use crate::phone::Party;

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
        let client = options.client("TwilioProxy/1.1").map_err(io::Error::other)?;
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

    /// Somebody writes to one of the accounts' numbers; returns the message's sid if there is such a number.
    #[must_use]
    pub fn text_in(&self, from: &str, to: &str, body: &str, media: Vec<MessageMedium>) -> Option<String> {
        self.shared.with(|exchange, now| exchange.text_in(now, from, to, body, media))
    }

    /// A chat client writes into a conversation; false if it takes no part in it.
    #[must_use]
    pub fn chat_in(&self, conversation: &str, identity: &str, body: &str) -> bool {
        self.shared.with(|exchange, now| exchange.chat_in(now, conversation, identity, body))
    }

    /// The carrier has understood something that was said in a call, by the person (`inbound`) or to them.
    pub fn transcribed(&self, call: &str, inbound: bool, text: &str, is_final: bool) {
        self.shared.with(|exchange, now| exchange.transcribed(now, call, inbound, text, is_final));
    }

    /// The carrier has transcribed a recording, to a text or to nothing; returns the transcription's sid if there is such a
    /// recording.
    #[must_use]
    pub fn recording_transcribed(&self, recording: &str, text: Option<&str>) -> Option<String> {
        self.shared.with(|exchange, now| exchange.recording_transcribed(now, recording, text))
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
