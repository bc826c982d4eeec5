//! The running side of alerts: an observer that feeds the book, and a task that judges it and delivers what it tells.

use std::collections::VecDeque;
use std::fmt::Debug;
use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio::time::{Instant, MissedTickBehavior, interval, sleep, timeout};
use tracing::{error, info, warn};
use voicecall_core::{Error, Result, async_trait};
use voicecall_engine::{LiveEvent, Observer};

use super::book::{AlertBook, AlertState};
use super::message::Alert;
use super::rule::AlertRule;

/// The longest wait between two tries, unless the receiver asks for a longer one.
const LONGEST_WAIT: Duration = Duration::from_secs(60);

/// Where alerts go.
#[async_trait]
pub trait AlertSink: Send + Sync + Debug + 'static {
    /// Delivers an alert, trying once. It may be asked to deliver the same alert again, known by [`Alert::id`].
    ///
    /// # Errors
    /// What went wrong. It is tried again if [`Error::is_retryable`].
    async fn deliver(&self, alert: &Alert) -> Result<()>;
}

/// What to watch for, and how to tell of it.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct AlertOptions {
    /// The rules.
    pub rules: Vec<AlertRule>,
    /// How often they are judged. Default: 10 s.
    pub evaluate_every: Duration,
    /// That an alert fires is told again not earlier than this. Default: an hour.
    pub repeat_every: Duration,
    /// How many alerts may wait for their delivery. When there are more, the oldest is dropped and counted. Default:
    /// 100.
    pub queue: usize,
    /// How often a delivery is tried. Default: 8, which takes about three minutes.
    pub tries: u32,
    /// The wait before the second try; it doubles each time, up to a minute. Default: a second.
    pub backoff: Duration,
}

impl AlertOptions {
    /// The defaults with these rules.
    #[must_use]
    pub fn new(rules: impl IntoIterator<Item = AlertRule>) -> Self {
        Self {
            rules: rules.into_iter().collect(),
            evaluate_every: Duration::from_secs(10),
            repeat_every: Duration::from_secs(3600),
            queue: 100,
            tries: 8,
            backoff: Duration::from_secs(1),
        }
    }
}

/// Alerts at work. Every one is logged; with a sink it is delivered as well. Dropping this stops them.
#[derive(Debug)]
pub struct Alerts {
    book: Arc<Mutex<AlertBook>>,
    lost: Arc<AtomicU64>,
    stop: Option<oneshot::Sender<()>>,
    task: JoinHandle<()>,
}

impl Alerts {
    /// Begins to watch. To be called within a Tokio runtime.
    ///
    /// # Errors
    /// `Config` for a rule that cannot be judged, for no place in the queue, or for judging all the time.
    pub fn start(options: AlertOptions, sink: Option<Arc<dyn AlertSink>>) -> Result<Self> {
        if options.queue == 0 {
            return Err(Error::config("queue", "at least 1"));
        }
        if options.evaluate_every.is_zero() {
            return Err(Error::config("evaluate_every", "more than nothing"));
        }
        let book = AlertBook::new(options.rules.clone(), options.repeat_every)?;
        let (book, lost) = (Arc::new(Mutex::new(book)), Arc::new(AtomicU64::new(0)));
        let (stop, stopped) = oneshot::channel();
        let postman = Postman { sink, queue: VecDeque::new(), lost: Arc::clone(&lost), options };
        let task = tokio::spawn(postman.run(Arc::clone(&book), stopped));
        Ok(Self { book, lost, stop: Some(stop), task })
    }

    /// What has to be told of everything that happens:
    /// [`CallEngine::add_observer`](voicecall_engine::CallEngine::add_observer).
    #[must_use]
    pub fn observer(&self) -> Arc<dyn Observer> {
        Arc::new(AlertObserver(Arc::clone(&self.book)))
    }

    /// How many alerts were not delivered: too many waited, or every try failed.
    #[must_use]
    pub fn lost(&self) -> u64 {
        self.lost.load(Ordering::Relaxed)
    }

    /// Judges the rules for the last time, and delivers what waits as long as `limit` allows.
    pub async fn stop(mut self, limit: Duration) {
        if let Some(stop) = self.stop.take() {
            // Without a receiver the task is over already.
            let _ = stop.send(());
        }
        if timeout(limit, &mut self.task).await.is_err() {
            warn!("alerts were still waiting for their delivery");
        }
    }
}

impl Drop for Alerts {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Feeds the book.
#[derive(Debug)]
struct AlertObserver(Arc<Mutex<AlertBook>>);

impl Observer for AlertObserver {
    fn observe(&self, event: &LiveEvent) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).observe(event, Instant::now().into_std());
    }
}

/// Delivers alerts one after the other, so that a receiver sees them in order.
struct Postman {
    sink: Option<Arc<dyn AlertSink>>,
    queue: VecDeque<Alert>,
    lost: Arc<AtomicU64>,
    options: AlertOptions,
}

type Delivery = Pin<Box<dyn Future<Output = ()> + Send>>;

impl Postman {
    async fn run(mut self, book: Arc<Mutex<AlertBook>>, mut stopped: oneshot::Receiver<()>) {
        let mut ticks = interval(self.options.evaluate_every);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut delivery: Option<Delivery> = None;
        loop {
            if delivery.is_none() {
                delivery = self.next_delivery();
            }
            tokio::select! {
                biased;
                _ = &mut stopped => break,
                _ = ticks.tick() => self.judge(&book),
                () = done(&mut delivery) => delivery = None,
            }
        }
        self.judge(&book);
        while let Some(mut current) = delivery.take().or_else(|| self.next_delivery()) {
            current.as_mut().await;
        }
    }

    fn judge(&mut self, book: &Mutex<AlertBook>) {
        let transitions = book.lock().unwrap_or_else(PoisonError::into_inner).evaluate(Instant::now().into_std());
        for transition in transitions {
            self.post(Alert::new(transition, Timestamp::now()));
        }
    }

    fn post(&mut self, alert: Alert) {
        let Alert { rule, severity, value, samples, .. } = &alert;
        match alert.state {
            AlertState::Firing => warn!(%rule, ?severity, value, samples, "an alert fires"),
            AlertState::Resolved => info!(%rule, ?severity, value, samples, "an alert is resolved"),
        }
        if self.sink.is_none() {
            return;
        }
        if self.queue.len() >= self.options.queue
            && let Some(oldest) = self.queue.pop_front()
        {
            self.lost.fetch_add(1, Ordering::Relaxed);
            error!(rule = oldest.rule, "an alert was dropped, because too many wait for their delivery");
        }
        self.queue.push_back(alert);
    }

    fn next_delivery(&mut self) -> Option<Delivery> {
        let (sink, alert) = (Arc::clone(self.sink.as_ref()?), self.queue.pop_front()?);
        let (tries, backoff, lost) = (self.options.tries, self.options.backoff, Arc::clone(&self.lost));
        Some(Box::pin(async move {
            if let Err(error) = deliver(&*sink, &alert, tries, backoff).await {
                lost.fetch_add(1, Ordering::Relaxed);
                error!(rule = alert.rule, %error, "an alert could not be delivered");
            }
        }))
    }
}

/// Tries until it is delivered or trying again makes no sense.
async fn deliver(sink: &dyn AlertSink, alert: &Alert, tries: u32, mut wait: Duration) -> Result<()> {
    let mut tried = 1;
    loop {
        let error = match sink.deliver(alert).await {
            Ok(()) => return Ok(()),
            Err(error) => error,
        };
        if !error.is_retryable() || tried >= tries {
            return Err(error);
        }
        tried += 1;
        warn!(rule = alert.rule, %error, "an alert could not be delivered yet");
        sleep(wait.max(error.retry_after().unwrap_or_default())).await;
        wait = (wait * 2).min(LONGEST_WAIT);
    }
}

/// Waits for the end of a delivery, forever if there is none.
async fn done(delivery: &mut Option<Delivery>) {
    match delivery {
        Some(delivery) => delivery.as_mut().await,
        None => std::future::pending().await,
    }
}

#[cfg(test)]
#[path = "delivery_tests.rs"]
mod tests;
