//! The way to a server: the connection there is, or a new one, with growing pauses between those that fail.

use std::fmt;
use std::future::Future;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::{BoxFuture, Shared};
use tokio::time::{Instant, timeout};
use tokio_util::task::AbortOnDropHandle;
use tracing::{debug, info, warn};
use voicecall_core::{Error, ErrorKind, Result};

use crate::connection::Connection;

/// The shortest and the longest time from one try to connect to the next.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
const LONGEST_PAUSE: Duration = Duration::from_secs(60);

type Connect = dyn Fn() -> BoxFuture<'static, Result<Connection>> + Send + Sync;
type Attempt = Shared<BoxFuture<'static, Result<Arc<Connection>, Failed>>>;

const CONNECT: &str = "connect to tool server";

/// A try that came to nothing.
#[derive(Clone)]
struct Failed {
    error: Arc<Error>,
    at: Instant,
}

/// The way to one server. Dropping it closes the connection, or gives up connecting.
pub(crate) struct Link {
    name: String,
    limit: Duration,
    connect: Box<Connect>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    attempt: Option<Attempt>,
    /// When it began, or its connection was lost.
    since: Option<Instant>,
    /// Tries since the server last answered a request.
    unanswered: u32,
    is_stopped: bool,
}

impl Link {
    /// A way to the server of this name that `connect` opens, within `limit`.
    pub(crate) fn new<F, Fut>(name: String, limit: Duration, connect: F) -> Self
    where
        F: Fn() -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<Connection>> + Send + 'static,
    {
        Self { name, limit, connect: Box::new(move || connect().boxed()), state: Mutex::default() }
    }

    /// The server's name, for logs.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// The connection there is, or a new one. Connecting goes on when the future is dropped, so that a server that takes
    /// longer than one call of a tool may is there for the next.
    ///
    /// # Errors
    /// Those of connecting; `Unavailable`, with the time to wait, while a server that did not answer is left alone;
    /// `Closed` when it was stopped. Nothing was asked of the server.
    pub(crate) async fn connection(&self) -> Result<Arc<Connection>> {
        loop {
            match self.attempt()?.await {
                Ok(connection) if !connection.is_over() && !self.state().is_stopped => return Ok(connection),
                // It has ended, or was stopped, since.
                Ok(_) => {}
                Err(failed) => return Err(again(&failed.error)),
            }
        }
    }

    /// The server has answered: the next try after its end need not wait.
    pub(crate) fn answered(&self) {
        self.state().unanswered = 0;
    }

    /// A request over this connection was not answered: the next one uses another.
    pub(crate) fn lost(&self, connection: &Connection) {
        connection.give_up();
        self.state().since = Some(Instant::now());
    }

    /// Ends the connection for good and waits for its end.
    pub(crate) async fn stop(&self) {
        let attempt = {
            let mut state = self.state();
            state.is_stopped = true;
            state.attempt.take()
        };
        // One that is not finished is given up by being dropped.
        if let Some(Some(Ok(connection))) = attempt.map(|attempt| attempt.now_or_never()) {
            connection.close().await;
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The try that is under way or has led to a connection, or a new one.
    fn attempt(&self) -> Result<Attempt> {
        let mut state = self.state();
        if state.is_stopped {
            return Err(Error::new(ErrorKind::Closed, CONNECT).with_message("the tool server was stopped"));
        }
        if let Some(attempt) = &state.attempt {
            let ended = match attempt.peek() {
                None => return Ok(attempt.clone()),
                Some(Ok(connection)) if !connection.is_over() => return Ok(attempt.clone()),
                Some(Ok(_)) => state.since,
                Some(Err(failed)) => Some(failed.at),
            };
            let next = ended.map(|ended| ended + pause(state.unanswered));
            let wait = next.map_or(Duration::ZERO, |next| next.saturating_duration_since(Instant::now()));
            if !wait.is_zero() {
                return Err(Error::new(ErrorKind::Unavailable, CONNECT)
                    .with_message("the tool server is not available at the moment")
                    .with_retry_after(wait));
            }
        }
        state.since = Some(Instant::now());
        state.unanswered = state.unanswered.saturating_add(1);
        let attempt = self.begin();
        state.attempt = Some(attempt.clone());
        Ok(attempt)
    }

    /// Begins to connect, in a task of its own.
    fn begin(&self) -> Attempt {
        let (name, limit, connect) = (self.name.clone(), self.limit, (self.connect)());
        let task = AbortOnDropHandle::new(tokio::spawn(async move {
            let late =
                |_| Error::new(ErrorKind::Timeout, CONNECT).with_message("the tool server took too long to start");
            let result = timeout(limit, connect).await.map_err(late).flatten();
            match &result {
                Ok(_) => info!(server = name, "connected to a tool server"),
                Err(error) => {
                    warn!(server = name, %error, "cannot connect to a tool server");
                    debug!(server = name, ?error, "why a tool server cannot be connected to");
                }
            }
            result
        }));
        let attempt = async move {
            let result =
                task.await.map_err(|error| Error::new(ErrorKind::Internal, CONNECT).with_source(error)).flatten();
            result.map(Arc::new).map_err(|error| Failed { error: Arc::new(error), at: Instant::now() })
        };
        attempt.boxed().shared()
    }
}

impl fmt::Debug for Link {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Link").field("server", &self.name).finish_non_exhaustive()
    }
}

/// How long after the end of the last of so many tries without an answer the next one may begin. None is needed when the
/// server has answered.
fn pause(unanswered: u32) -> Duration {
    let Some(doublings) = unanswered.checked_sub(1) else { return Duration::ZERO };
    FIRST_PAUSE.saturating_mul(1 << doublings.min(16)).min(LONGEST_PAUSE)
}

/// The same error for each of those who wait.
fn again(error: &Arc<Error>) -> Error {
    let told = Error::new(error.kind(), error.operation())
        .with_provider("mcp")
        .with_message(error.message().unwrap_or("the tool server is not available").to_owned())
        .with_source(Arc::clone(error));
    match error.field() {
        Some(field) => told.with_field(field.to_owned()),
        None => told,
    }
}

#[cfg(test)]
mod tests;
