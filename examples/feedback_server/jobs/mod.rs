//! What runs beside the calls for as long as the server does: forgetting what is old, and summing up calls that are over.

mod anonymise;
mod retention;
mod summaries;
#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Notify, watch};
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};
use tracing::warn;
use voicecall::engine::{CallEngine, Clock, LiveEvent, LiveEventKind, Observer};
use voicecall::model::LanguageModel;
use voicecall::store::RetentionPolicy;

use crate::recordings::Recordings;
use crate::store::OperatorStore;
use retention::Retention;
use summaries::Summaries;

/// What is old is forgotten this often, and for the first time this long after the start.
const EVERY: Duration = Duration::from_secs(3600);
const FIRST: Duration = Duration::from_secs(1);

/// How long the server waits, when it stops, for the summary that is being made and the session that is being forgotten.
const LAST: Duration = Duration::from_secs(10);

/// What the jobs work with.
#[derive(Debug, Clone)]
pub(crate) struct Means {
    pub(crate) store: Arc<dyn OperatorStore>,
    pub(crate) recordings: Recordings,
    pub(crate) model: Arc<dyn LanguageModel>,
    pub(crate) clock: Clock,
    pub(crate) policy: RetentionPolicy,
}

/// The running jobs. They end with this value.
#[derive(Debug)]
pub(crate) struct Jobs {
    stop: watch::Sender<bool>,
    tasks: JoinSet<()>,
}

impl Jobs {
    /// Begins, and sums up from now on each call of the engine that ends.
    pub(crate) fn start(engine: &CallEngine, means: Means) -> Self {
        let (stop, stopping) = watch::channel(false);
        let ended = Arc::new(Notify::new());
        engine.add_observer(Arc::new(Ended(Arc::clone(&ended))));
        let mut tasks = JoinSet::new();
        tasks.spawn(Summaries::new(means.clone()).run(ended, stopping.clone()));
        tasks.spawn(forget(Retention::new(means, stopping.clone()), stopping));
        Self { stop, tasks }
    }

    /// Finishes what has begun, unless that takes long: what is left is done after the next start.
    pub(crate) async fn stop(mut self) {
        self.stop.send_replace(true);
        let finish = async {
            while let Some(done) = self.tasks.join_next().await {
                if let Err(error) = done {
                    warn!(%error, "a job failed");
                }
            }
        };
        if timeout(LAST, finish).await.is_err() {
            warn!("a job was left unfinished until the next start");
        }
    }
}

async fn forget(retention: Retention, mut stopping: watch::Receiver<bool>) {
    let mut wait = FIRST;
    loop {
        tokio::select! {
            () = sleep(wait) => {}
            // Also when whoever could say so is gone.
            _ = stopping.wait_for(|stop| *stop) => return,
        }
        retention.run().await;
        wait = EVERY;
    }
}

/// Tells that a call has ended.
#[derive(Debug)]
struct Ended(Arc<Notify>);

impl Observer for Ended {
    fn observe(&self, event: &LiveEvent) {
        if matches!(event.kind, LiveEventKind::Ended { .. }) {
            self.0.notify_one();
        }
    }
}
