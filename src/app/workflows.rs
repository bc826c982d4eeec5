//! Workflows of a server: they learn at once that something happened.

use std::sync::Arc;

use futures_util::future::BoxFuture;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;
use voicecall_core::Result;
use voicecall_engine::{LiveEvent, LiveEventKind, Observer};
use voicecall_workflow::Workflows;

/// The workflows of a server, and by what they are woken.
#[derive(Debug, Default)]
pub(super) struct ServedWorkflows {
    all: Vec<Arc<Workflows>>,
    /// Something has happened.
    changed: Arc<Notify>,
}

impl ServedWorkflows {
    /// Lets the store keep events, and checks what must be right before the first.
    pub(super) async fn check(&self) -> Result<()> {
        for workflows in &self.all {
            workflows.check().await?;
        }
        Ok(())
    }

    /// Wakes when something happens in a call.
    pub(super) fn observer(&self) -> Arc<dyn Observer> {
        Arc::new(Wakes(Arc::clone(&self.changed)))
    }

    /// Runs until the server stops.
    pub(super) fn serve(
        &mut self,
        workflows: Arc<Workflows>,
    ) -> impl FnOnce(CancellationToken) -> BoxFuture<'static, ()> + Send + 'static {
        self.all.push(Arc::clone(&workflows));
        let changed = Arc::clone(&self.changed);
        move |stop| {
            let wakes = {
                let workflows = Arc::clone(&workflows);
                async move {
                    loop {
                        changed.notified().await;
                        workflows.wake();
                    }
                }
            };
            Box::pin(async move {
                tokio::select! {
                    () = workflows.run_background(stop.cancelled_owned()) => {}
                    () = wakes => {}
                }
            })
        }
    }

    /// Wakes when something happens with a message, until the server stops.
    #[cfg(feature = "messaging")]
    pub(super) fn follow(
        &self,
        mut messages: voicecall_messaging::MessageEvents,
    ) -> impl FnOnce(CancellationToken) -> BoxFuture<'static, ()> + Send + 'static {
        let changed = Arc::clone(&self.changed);
        move |stop| {
            let wakes = async move {
                while messages.next().await.is_some() {
                    changed.notify_one();
                }
            };
            Box::pin(async move {
                tokio::select! {
                    () = stop.cancelled_owned() => {}
                    () = wakes => {}
                }
            })
        }
    }
}

#[derive(Debug)]
struct Wakes(Arc<Notify>);

impl Observer for Wakes {
    fn observe(&self, event: &LiveEvent) {
        // What else is told is stored with these, or soon after.
        let is_stored = matches!(
            event.kind,
            LiveEventKind::Placed
                | LiveEventKind::CameIn
                | LiveEventKind::Postponed { .. }
                | LiveEventKind::Connected
                | LiveEventKind::Ended { .. }
        );
        if is_stored {
            self.0.notify_one();
        }
    }
}
