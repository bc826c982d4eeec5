//! What an application does beside its calls.

use std::fmt;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use futures_util::future::BoxFuture;
use tokio::task::JoinSet;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tracing::{error, warn};

/// How long jobs may take to end once they are told to.
const END_WITHIN: Duration = Duration::from_secs(10);

type Job = Box<dyn FnOnce(CancellationToken) -> BoxFuture<'static, ()> + Send>;

/// Jobs that have not begun. The lock is never waited for: it makes them shareable, as a server is.
#[derive(Default)]
pub(super) struct Jobs(Mutex<Vec<Job>>);

impl fmt::Debug for Jobs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Jobs")
    }
}

impl Jobs {
    pub(super) fn add<F, Fut>(&mut self, job: F)
    where
        F: FnOnce(CancellationToken) -> Fut + Send + 'static,
        Fut: Future<Output = ()> + Send + 'static,
    {
        self.0.get_mut().unwrap_or_else(PoisonError::into_inner).push(Box::new(move |stop| Box::pin(job(stop))));
    }

    /// Begins all of them, each in a task of its own.
    pub(super) fn start(self) -> RunningJobs {
        let stop = CancellationToken::new();
        let mut tasks = JoinSet::new();
        for job in self.0.into_inner().unwrap_or_else(PoisonError::into_inner) {
            tasks.spawn(job(stop.clone()));
        }
        RunningJobs { stop, tasks }
    }
}

/// Jobs that run. They end with this value.
#[derive(Debug)]
pub(super) struct RunningJobs {
    stop: CancellationToken,
    tasks: JoinSet<()>,
}

impl RunningJobs {
    /// Tells them to end, and waits until they have.
    pub(super) async fn stop(mut self) {
        self.stop.cancel();
        let ended = async {
            while let Some(done) = self.tasks.join_next().await {
                if let Err(error) = done {
                    error!(%error, "a background job failed");
                }
            }
        };
        if timeout(END_WITHIN, ended).await.is_err() {
            warn!(running = self.tasks.len(), "background jobs were cut off because they did not end in time");
        }
    }
}
