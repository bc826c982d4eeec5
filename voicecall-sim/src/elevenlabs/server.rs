//! The emulator as a server on the loopback interface.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::Router;
use axum::extract::{Request, State};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use voicecall_core::{Error, ErrorKind, Result};

use super::shelf::Shelf;
use super::{ApiError, Refusal, SpeechFault, routes};
use crate::clips::Library;
use crate::fault::Rng;
use crate::http_server::serve;
use crate::scenario::{Latency, Part, Scenario};

/// A request for speech as it arrived.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Seen {
    /// The path, with the id of the voice in it.
    pub path: String,
    /// The query.
    pub query: String,
    /// The body.
    pub body: Value,
}

/// The emulator, listening on a free port of the loopback interface until it is stopped or dropped.
#[derive(Debug)]
pub struct Server {
    address: SocketAddr,
    account: Arc<Account>,
    task: JoinHandle<()>,
}

impl Server {
    /// Starts the services of `scenario` with the bundled clips; clients must present `api_key`.
    ///
    /// # Errors
    /// [`ErrorKind::Unavailable`] if no port can be opened.
    pub async fn start(scenario: &Scenario, api_key: &str) -> Result<Self> {
        Self::start_with(scenario, api_key, Library::bundled().clone()).await
    }

    /// The same with other clips.
    ///
    /// # Errors
    /// [`ErrorKind::Unavailable`] if no port can be opened.
    pub async fn start_with(scenario: &Scenario, api_key: &str, library: Library) -> Result<Self> {
        let unavailable = |error| Error::new(ErrorKind::Unavailable, "start emulator").with_source(error);
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.map_err(unavailable)?;
        let address = listener.local_addr().map_err(unavailable)?;
        let account = Arc::new(Account {
            api_key: api_key.to_owned(),
            library,
            latency: scenario.latency.clone(),
            connections: AtomicU32::new(0),
            state: Mutex::new(AccountState {
                rng: scenario.rng(Part::Voice),
                shelf: Shelf::new(),
                faults: VecDeque::new(),
                seen: Vec::new(),
            }),
        });
        let counted = Arc::clone(&account);
        let accepted = move || {
            counted.connections.fetch_add(1, Ordering::Relaxed);
        };
        let task = tokio::spawn(serve(listener, router(Arc::clone(&account)), accepted));
        Ok(Self { address, account, task })
    }

    /// The address clients are configured with, such as `http://127.0.0.1:40123`.
    #[must_use]
    pub fn base_url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Has this happen to the next request for speech that is not spoken for yet.
    pub fn strike_next(&self, fault: SpeechFault) {
        self.account.state().faults.push_back(fault);
    }

    /// The requests for speech so far.
    #[must_use]
    pub fn seen(&self) -> Vec<Seen> {
        self.account.state().seen.clone()
    }

    /// How many connections were made.
    #[must_use]
    pub fn connections(&self) -> u32 {
        self.account.connections.load(Ordering::Relaxed)
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

/// What all requests share.
#[derive(Debug)]
pub(super) struct Account {
    api_key: String,
    pub(super) library: Library,
    pub(super) latency: Latency,
    connections: AtomicU32,
    state: Mutex<AccountState>,
}

/// What requests change. The lock is held for one synchronous step only.
#[derive(Debug)]
pub(super) struct AccountState {
    rng: Rng,
    pub(super) shelf: Shelf,
    faults: VecDeque<SpeechFault>,
    seen: Vec<Seen>,
}

impl Account {
    /// A panic while the lock was held leaves no half-made state behind: each step replaces single values.
    pub(super) fn state(&self) -> MutexGuard<'_, AccountState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl AccountState {
    /// Takes a request for speech in, and tells what goes wrong with it.
    pub(super) fn take_in(&mut self, seen: Seen) -> Option<SpeechFault> {
        self.seen.push(seen);
        self.faults.pop_front()
    }

    /// How long the first audio takes.
    pub(super) fn first_after(&mut self, latency: &Latency) -> Duration {
        latency.wait(latency.speech, &mut self.rng)
    }
}

/// All routes, behind the check of the key.
fn router(account: Arc<Account>) -> Router {
    routes::all()
        .fallback(unknown_route)
        .method_not_allowed_fallback(unknown_route)
        .layer(middleware::from_fn_with_state(Arc::clone(&account), authenticate))
        .with_state(account)
}

async fn authenticate(State(account): State<Arc<Account>>, request: Request, next: Next) -> Response {
    match request.headers().get("xi-api-key") {
        Some(key) if key.as_bytes() == account.api_key.as_bytes() => next.run(request).await,
        _ => Refusal::InvalidKey.error().into_response(),
    }
}

async fn unknown_route() -> ApiError {
    ApiError::current(404, "not_found", "not_found", "There is nothing at this address.")
}
