//! What runs beside the calls for as long as the server does: forgetting what is old, and summing up calls that are over.

mod anonymise;
mod retention;
mod summaries;
#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use tokio::sync::Notify;
use tokio::time::sleep;
use voicecall::Clock;
use voicecall::engine::{CallEngine, LiveEvent, LiveEventKind, Observer};
use voicecall::model::LanguageModel;
use voicecall::server::CancellationToken;
use voicecall::store::RetentionPolicy;

use crate::recordings::Recordings;
use crate::store::OperatorStore;
use retention::Retention;
use summaries::Summaries;

/// What is old is forgotten this often, and for the first time this long after the start.
const EVERY: Duration = Duration::from_secs(3600);
const FIRST: Duration = Duration::from_secs(1);

/// A job of the server.
type Job = BoxFuture<'static, ()>;

/// What the jobs work with.
#[derive(Debug, Clone)]
pub(crate) struct Dependencies {
    pub(crate) store: Arc<dyn OperatorStore>,
    pub(crate) engine: Arc<CallEngine>,
    pub(crate) recordings: Recordings,
    pub(crate) model: Arc<dyn LanguageModel>,
    pub(crate) clock: Clock,
    pub(crate) policy: RetentionPolicy,
}

/// Sums up each call of the engine that ends. When it is told to stop, the summary that is being made is finished; what is
/// left is done after the next start.
pub(crate) fn summaries(
    engine: &CallEngine,
    dependencies: Dependencies,
) -> impl FnOnce(CancellationToken) -> Job + use<> {
    let ended = Arc::new(Notify::new());
    engine.add_observer(Arc::new(Ended(Arc::clone(&ended))));
    move |stop| Summaries::new(dependencies).run(ended, stop).boxed()
}

/// Forgets what is old, again and again. When it is told to stop, the session that is being forgotten is the last.
pub(crate) fn retention(dependencies: Dependencies) -> impl FnOnce(CancellationToken) -> Job + use<> {
    |stop| forget(Retention::new(dependencies, stop.clone()), stop).boxed()
}

async fn forget(retention: Retention, stop: CancellationToken) {
    let mut wait = FIRST;
    while stop.run_until_cancelled(sleep(wait)).await.is_some() {
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
