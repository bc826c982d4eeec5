//! A service that fails is left alone until it answers again: every request to it would cost a caller on the phone its whole
//! time limit.

mod service;
mod state;
#[cfg(all(test, feature = "testing"))]
mod tests;

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::time::Instant;

pub use service::Breaker;
use state::State;
pub use state::Trust;

use crate::error::{Error, ErrorKind, Result};

/// The [code](Error::code) of an error about a connection that broke, or could not be made.
pub const CONNECTION_LOST: &str = "connection_lost";

/// The [code](Error::code) of an error about a service that was not asked, because it is failing.
pub const SERVICE_FAILING: &str = "service_failing";

/// How a service fares: one for each service, shared by everything in a process that asks it.
///
/// Five requests in a row that fail, or two that lose their connection, count as a failing service. It is then asked nothing for
/// two seconds, up to thirty as it goes on failing, and then one request shows whether it answers again. What a service
/// refuses, or wants more slowly, is no failure.
#[derive(Clone)]
pub struct ServiceHealth {
    name: &'static str,
    state: Arc<Mutex<State>>,
}

impl ServiceHealth {
    /// The health of a service nobody has asked yet. `name` says what it does, such as `chat`.
    #[must_use]
    pub fn new(name: &'static str) -> Self {
        Self { name, state: Arc::default() }
    }

    /// What the service does.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        self.name
    }

    /// Whether the service is asked.
    #[must_use]
    pub fn trust(&self) -> Trust {
        self.state().trust()
    }

    /// Begins a request.
    ///
    /// # Errors
    /// `Unavailable` with a time to wait while the service is failing.
    fn begin(&self) -> Result<Request> {
        match self.state().admit(Instant::now()) {
            Ok(is_trial) => Ok(Request { health: self.clone(), is_trial, is_open: true, answers: false }),
            Err(wait) => Err(Error::new(ErrorKind::Unavailable, self.name)
                .with_code(SERVICE_FAILING)
                .with_retry_after(wait)
                .with_message("the service is failing and is not asked")),
        }
    }

    /// Makes a connection, unless the service is failing.
    pub(crate) async fn watch<T>(&self, connecting: impl Future<Output = Result<T>>) -> Result<T> {
        let mut request = self.begin()?;
        let connected = connecting.await;
        request.piece(&connected);
        connected
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Nothing that can panic happens under the lock.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for ServiceHealth {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ServiceHealth").field("name", &self.name).field("trust", &self.trust()).finish()
    }
}

/// A request under way. Dropped before anything came it was given up; behind that, whoever asked had enough.
struct Request {
    health: ServiceHealth,
    is_trial: bool,
    /// Nothing has decided it yet.
    is_open: bool,
    /// Something came.
    answers: bool,
}

impl Request {
    /// Takes in a piece of the answer.
    fn piece<T>(&mut self, piece: &Result<T>) {
        if !self.is_open {
            return;
        }
        let mut state = self.health.state();
        match piece {
            Ok(_) => {
                state.answers(self.is_trial);
                self.answers = true;
            }
            Err(error) => {
                state.failed(error, self.is_trial, Instant::now());
                self.is_open = false;
            }
        }
    }

    /// The answer is whole.
    fn end(&mut self) {
        if std::mem::take(&mut self.is_open) {
            self.health.state().succeeded(self.is_trial);
        }
    }
}

impl Drop for Request {
    fn drop(&mut self) {
        if self.answers {
            self.end();
        } else if self.is_open {
            self.health.state().given_up(self.is_trial, Instant::now());
        }
    }
}
