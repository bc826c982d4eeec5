//! Deliveries in virtual time, to sinks that fail in every way.

use std::sync::atomic::AtomicUsize;

use tokio::sync::{Semaphore, mpsc};
use voicecall_core::{CallTime, ErrorKind, SessionId, TenantId};
use voicecall_engine::LiveEventKind;

use super::*;

/// Fails so often, then takes everything.
#[derive(Debug)]
struct Failing {
    tries: mpsc::UnboundedSender<(Alert, Instant)>,
    seen: AtomicUsize,
    failures: usize,
    kind: ErrorKind,
}

#[async_trait]
impl AlertSink for Failing {
    async fn deliver(&self, alert: &Alert) -> Result<()> {
        self.tries.send((alert.clone(), Instant::now())).unwrap();
        let tried = self.seen.fetch_add(1, Ordering::Relaxed);
        if tried < self.failures { Err(Error::new(self.kind, "deliver")) } else { Ok(()) }
    }
}

fn failing(failures: usize, kind: ErrorKind) -> (Arc<dyn AlertSink>, mpsc::UnboundedReceiver<(Alert, Instant)>) {
    let (tries, seen) = mpsc::unbounded_channel();
    (Arc::new(Failing { tries, seen: AtomicUsize::new(0), failures, kind }), seen)
}

/// Takes an alert whenever it is let.
#[derive(Debug)]
struct Slow(Arc<Semaphore>, mpsc::UnboundedSender<Alert>);

#[async_trait]
impl AlertSink for Slow {
    async fn deliver(&self, alert: &Alert) -> Result<()> {
        self.0.acquire().await.unwrap().forget();
        self.1.send(alert.clone()).unwrap();
        Ok(())
    }
}

/// Fires at every evaluation once a cost was seen.
fn options() -> AlertOptions {
    let mut options = AlertOptions::new([AlertRule::call_cost(0)]);
    options.repeat_every = Duration::ZERO;
    options
}

fn see_cost(alerts: &Alerts) {
    let kind = LiveEventKind::Cost { micros: 1 };
    alerts.observer().observe(&LiveEvent::new(TenantId::new(), SessionId::new(), CallTime::ZERO, kind));
}

#[tokio::test(start_paused = true)]
async fn a_delivery_is_tried_again_with_growing_waits() {
    let (sink, mut tries) = failing(3, ErrorKind::Unavailable);
    let mut options = options();
    options.repeat_every = Duration::from_secs(3600);
    let alerts = Alerts::start(options, Some(sink)).unwrap();
    see_cost(&alerts);
    let mut at = Vec::new();
    for _ in 0..4 {
        at.push(tries.recv().await.unwrap());
    }
    let waits: Vec<_> = at.windows(2).map(|pair| (pair[1].1 - pair[0].1).as_secs()).collect();
    assert_eq!(waits, [1, 2, 4]);
    assert!(at.iter().all(|(alert, _)| alert.id == at[0].0.id), "a receiver knows a copy by its id");
    assert_eq!(alerts.lost(), 0);
}

#[tokio::test(start_paused = true)]
async fn what_cannot_succeed_is_not_tried_again() {
    let (sink, mut tries) = failing(1, ErrorKind::Rejected);
    let alerts = Alerts::start(options(), Some(sink)).unwrap();
    see_cost(&alerts);
    let (refused, _) = tries.recv().await.unwrap();
    let (next, _) = tries.recv().await.unwrap();
    assert_ne!(refused.id, next.id);
    assert_eq!(alerts.lost(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_receiver_that_is_gone_is_given_up_after_the_last_try() {
    let (sink, mut tries) = failing(usize::MAX, ErrorKind::Timeout);
    let mut options = options();
    (options.tries, options.repeat_every) = (3, Duration::from_secs(3600));
    let alerts = Alerts::start(options, Some(sink)).unwrap();
    see_cost(&alerts);
    for _ in 0..3 {
        tries.recv().await.unwrap();
    }
    sleep(Duration::from_secs(600)).await;
    assert!(tries.try_recv().is_err());
    assert_eq!(alerts.lost(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_full_queue_drops_the_oldest_and_counts_it() {
    let (gate, (sender, mut delivered)) = (Arc::new(Semaphore::new(0)), mpsc::unbounded_channel());
    let mut options = options();
    options.queue = 2;
    let alerts = Alerts::start(options, Some(Arc::new(Slow(Arc::clone(&gate), sender)))).unwrap();
    see_cost(&alerts);
    // The first evaluation is at once, then one every ten seconds: one under way, two waiting, two dropped.
    sleep(Duration::from_secs(45)).await;
    assert_eq!(alerts.lost(), 2);
    gate.add_permits(3);
    let mut ages = Vec::new();
    for _ in 0..3 {
        let alert = delivered.recv().await.unwrap();
        ages.push(alert.id);
    }
    assert!(ages.is_sorted(), "in order");
    drop(alerts);
    assert!(delivered.recv().await.is_none(), "dropping ends the task, and with it the sink");
}

#[tokio::test(start_paused = true)]
async fn stopping_judges_once_more_and_delivers_what_waits() {
    let (sink, mut tries) = failing(0, ErrorKind::Timeout);
    let mut options = options();
    options.evaluate_every = Duration::from_secs(3600);
    let alerts = Alerts::start(options, Some(sink)).unwrap();
    // Past the first evaluation, which is at once.
    sleep(Duration::from_secs(1)).await;
    see_cost(&alerts);
    alerts.stop(Duration::from_secs(5)).await;
    assert_eq!(tries.recv().await.unwrap().0.rule, "call_cost");
}

#[tokio::test(start_paused = true)]
async fn stopping_does_not_wait_for_a_receiver_that_is_gone() {
    let (sink, _tries) = failing(usize::MAX, ErrorKind::Timeout);
    let alerts = Alerts::start(options(), Some(sink)).unwrap();
    see_cost(&alerts);
    let begun = Instant::now();
    alerts.stop(Duration::from_secs(5)).await;
    assert_eq!(begun.elapsed().as_secs(), 5);
}

#[tokio::test]
async fn options_that_cannot_work_are_refused() {
    let start = |change: fn(&mut AlertOptions)| {
        let mut options = options();
        change(&mut options);
        Alerts::start(options, None).map(drop)
    };
    start(|_| {}).unwrap();
    assert_eq!(start(|options| options.queue = 0).unwrap_err().field(), Some("queue"));
    assert_eq!(start(|options| options.evaluate_every = Duration::ZERO).unwrap_err().field(), Some("evaluate_every"));
}
