//! What workflows are set up with.

use std::sync::Arc;
use std::time::Duration;

use voicecall_core::{Clock, Error, Result};

use crate::{Retry, WebhookClient, WorkflowObserver};

/// How events are taken up and workflows run.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct WorkflowConfig {
    /// How often it is looked for events and for what is due; 250 ms if not said. Who [wakes](crate::Workflows::wake) it need not
    /// wait.
    pub look_every: Duration,
    /// How many runs are worked on at once; 256 if not said.
    pub at_once: usize,
    /// How many of them of one workflow of one tenant, or to one webhook; 4 if not said. What hangs holds no more than these.
    pub per_lane: u32,
    /// For how long nobody else takes a run up after the process that has it is gone; 30 s if not said. While it lives it holds
    /// on for as long as it takes.
    pub lease: Duration,
    /// For how long a run that is done is kept; a day if not said.
    pub keep_done: Duration,
    /// For how long a dead letter is kept; 30 days if not said.
    pub keep_dead: Duration,
    /// Who posts webhooks. Without it there are no subscriptions.
    pub client: Option<Arc<dyn WebhookClient>>,
    /// How often and how long a webhook is tried; 16 times over 12 to 24 hours if not said: after 5 s, then twice as long
    /// each time, at most 6 hours.
    pub webhook_retry: Retry,
    /// How long a receiver may take; 15 s if not said.
    pub webhook_timeout: Duration,
    /// Whether webhooks may go to addresses that are not public, and over `http`: for tests, and for a network of one's own.
    pub allows_private_addresses: bool,
    /// How many subscriptions a tenant may have; 20 if not said.
    pub subscriptions: usize,
    /// For how long the secret before the present one still signs; a day if not said.
    pub secret_overlap: Duration,
    /// Who is told of what workflows do; nobody if not said.
    pub observer: Option<Arc<dyn WorkflowObserver>>,
    /// The time of day.
    pub clock: Clock,
}

impl Default for WorkflowConfig {
    fn default() -> Self {
        const HOUR: Duration = Duration::from_secs(3600);
        Self {
            look_every: Duration::from_millis(250),
            at_once: 256,
            per_lane: 4,
            lease: Duration::from_secs(30),
            keep_done: HOUR * 24,
            keep_dead: HOUR * 24 * 30,
            client: None,
            webhook_retry: Retry::times(16).first(Duration::from_secs(5)).longest(HOUR * 6),
            webhook_timeout: Duration::from_secs(15),
            allows_private_addresses: false,
            subscriptions: 20,
            secret_overlap: HOUR * 24,
            observer: None,
            clock: Clock::system(),
        }
    }
}

impl WorkflowConfig {
    pub(crate) fn validate(&self) -> Result<()> {
        let wrong = |field: &'static str, expected: &'static str| Err(Error::config(field, expected));
        if self.at_once == 0 {
            return wrong("at_once", "at least 1");
        }
        if self.per_lane == 0 {
            return wrong("per_lane", "at least 1");
        }
        if self.look_every.is_zero() {
            return wrong("look_every", "more than no time");
        }
        if self.lease < Duration::from_secs(3) {
            return wrong("lease", "at least 3 s");
        }
        if self.webhook_timeout.is_zero() {
            return wrong("webhook_timeout", "more than no time");
        }
        self.webhook_retry.validate("webhook_retry")
    }
}
