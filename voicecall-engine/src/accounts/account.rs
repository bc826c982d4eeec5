//! One account as the engine uses it: its pace, and whether it is fit for orders.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;
use tracing::{error, info, warn};

use super::CarrierAccount;
use crate::breaker::{ASK_EVERY, Breaker, Trust};
use crate::health::{AccountHealth, ConnectionState, HealthStatus};
use voicecall_core::carrier::{CallFlow, WebhookReply};
use voicecall_core::{CarrierCallId, Error, ErrorKind, PhoneNumber, Result};

/// An account with what is known of its health and its pace.
pub(crate) struct Account {
    config: CarrierAccount,
    state: Mutex<State>,
}

struct State {
    breaker: Breaker,
    next_order: Instant,
    rests: bool,
    /// What the carrier last made of a request.
    last: Option<Heard>,
}

/// What a carrier made of a request, and when.
#[derive(Clone)]
struct Heard {
    at: Instant,
    /// The kind and the words of its error, if it failed.
    failure: Option<(ErrorKind, String)>,
}

impl State {
    /// Goes on where the same account was before it was changed. What is known of its health holds for the same way to the
    /// carrier only.
    fn follow(&mut self, before: &Self, same_way: bool) {
        (self.next_order, self.rests) = (before.next_order, before.rests);
        if same_way {
            self.breaker = before.breaker;
            self.last.clone_from(&before.last);
        }
    }

    fn heard(&mut self, outcome: std::result::Result<(), &Error>) {
        let failure = outcome.err().map(|error| (error.kind(), error.to_string()));
        self.last = Some(Heard { at: Instant::now(), failure });
    }

    /// The kind and the words of the error the last request failed with.
    fn failure(&self) -> Option<&(ErrorKind, String)> {
        self.last.as_ref()?.failure.as_ref()
    }

    /// Whether the carrier is to be asked how it fares: before it is trusted again, and because what failed a while ago may
    /// have been mended without an order that would show it.
    fn is_to_be_asked(&self, now: Instant) -> bool {
        match (self.breaker.trust(now), &self.last) {
            (Trust::Ask, _) => true,
            (Trust::Orders, Some(Heard { at, failure: Some(_) })) => now.duration_since(*at) >= ASK_EVERY,
            _ => false,
        }
    }

    fn ordered(&mut self, now: Instant, rate: f64) {
        self.breaker.ordered();
        self.next_order = now + Duration::from_secs_f64(rate.recip());
    }
}

/// Whether an account may be given an order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Admission {
    /// It may, and the order is counted.
    Now,
    /// It may from this instant on.
    At(Instant),
    /// It fails.
    Unfit,
}

impl Account {
    pub(super) fn new(config: CarrierAccount) -> Self {
        let state = State { breaker: Breaker::default(), next_order: Instant::now(), rests: false, last: None };
        Self { config, state: Mutex::new(state) }
    }

    pub(crate) const fn config(&self) -> &CarrierAccount {
        &self.config
    }

    /// Goes on where the account of this name was before it was changed.
    pub(super) fn follow(&self, before: &Self) {
        self.state().follow(&before.state(), Arc::ptr_eq(&self.backend, &before.backend));
    }

    /// The number a call comes from: the one that was asked for, if it is the account's, else its first.
    pub(crate) fn caller_id(&self, wanted: Option<&PhoneNumber>) -> Result<PhoneNumber> {
        let number = match wanted {
            Some(wanted) => self.numbers.iter().find(|number| *number == wanted),
            None => self.numbers.first(),
        };
        number.cloned().ok_or_else(|| {
            let message = if wanted.is_some() { "a number of the account" } else { "an account with a number" };
            Error::config("caller id", message)
        })
    }

    /// The answer that gives a call these steps; one that ends it, if they hold something the carrier cannot do.
    pub(crate) fn reply(&self, flow: &CallFlow) -> Result<WebhookReply> {
        self.backend.reply(flow).or_else(|error| {
            error!(account = %self.name, %error, "the carrier cannot do what a call is to be told; it is ended");
            self.backend.reply(&CallFlow::hang_up())
        })
    }

    /// Ends a call, if the carrier has a request for it. At one that has none the call ends with its media socket, or by the
    /// answer to its next webhook.
    pub(crate) async fn hang_up(&self, call: &CarrierCallId) -> Result<()> {
        if self.backend.capabilities().hang_up { self.backend.hang_up(call).await } else { Ok(()) }
    }

    /// When the next order is due by the account's pace.
    pub(crate) fn next_order(&self) -> Instant {
        self.state().next_order
    }

    /// Whether it may be given an order at `now`; if so, that order is counted.
    pub(crate) fn admit(&self, now: Instant) -> Admission {
        let mut state = self.state();
        if state.rests || state.breaker.trust(now) != Trust::Orders {
            return Admission::Unfit;
        }
        if state.next_order > now {
            return Admission::At(state.next_order);
        }
        state.ordered(now, self.calls_per_second);
        Admission::Now
    }

    /// Whether it is known to fail, or rests.
    pub(crate) fn is_unfit(&self) -> bool {
        let state = self.state();
        state.rests || state.breaker.trust(Instant::now()) != Trust::Orders
    }

    /// Whether it is not to be used for now.
    pub(crate) fn rests(&self) -> bool {
        self.state().rests
    }

    pub(crate) fn rest(&self, rests: bool) {
        self.state().rests = rests;
    }

    /// How it fares, by what the carrier last answered.
    pub(crate) fn health(&self) -> AccountHealth {
        let state = self.state();
        let connection = match state.failure().map(|(kind, _)| *kind) {
            _ if state.last.is_none() => ConnectionState::Disconnected,
            Some(kind) if ConnectionState::is_lost(kind) => ConnectionState::Disconnected,
            Some(ErrorKind::Unauthenticated | ErrorKind::Forbidden | ErrorKind::Config) => ConnectionState::Error,
            _ => ConnectionState::Connected,
        };
        let status = match (state.breaker.trust(Instant::now()), state.failure().map(|(kind, _)| *kind)) {
            (Trust::Ask | Trust::Nothing, _) => HealthStatus::Unhealthy,
            _ if connection == ConnectionState::Error => HealthStatus::Unhealthy,
            (_, Some(kind)) if kind == ErrorKind::RateLimited || ConnectionState::is_lost(kind) => {
                HealthStatus::Degraded
            }
            _ if state.rests => HealthStatus::Degraded,
            _ => HealthStatus::Healthy,
        };
        let reason = match (status, state.rests, state.failure()) {
            (HealthStatus::Healthy, ..) => None,
            (HealthStatus::Degraded, true, _) => Some("it rests".to_owned()),
            (.., Some((_, error))) => Some(error.clone()),
            _ => Some("it is being tried again".to_owned()),
        };
        AccountHealth { account: self.name, carrier: self.backend.name(), connection, status, reason }
    }

    /// Asks the carrier how it fares.
    pub(crate) async fn check(&self) -> Result<()> {
        let health = self.backend.health().await;
        self.state().heard(health.as_ref().copied());
        health
    }

    /// Counts an order that is given whatever the pace.
    pub(crate) fn ordered(&self) {
        self.state().ordered(Instant::now(), self.calls_per_second);
    }

    /// Takes in that an admitted order was not given after all.
    pub(crate) fn withdraw(&self) {
        self.state().breaker.withdraw();
    }

    /// Takes in what became of an order.
    pub(crate) fn record(&self, outcome: std::result::Result<(), &Error>) {
        let mut state = self.state();
        state.heard(outcome);
        state.breaker.record(outcome, Instant::now());
    }

    /// Asks an account that failed, now and then, whether it is healthy again.
    pub(crate) async fn probe(&self) {
        if !self.state().is_to_be_asked(Instant::now()) {
            return;
        }
        let health = self.check().await;
        let breaker = &mut self.state().breaker;
        let left_alone = breaker.trust(Instant::now()) != Trust::Orders;
        match &health {
            Ok(()) => {
                info!(account = %self.name, "the carrier says that it is healthy again");
                if left_alone {
                    breaker.is_healthy();
                }
            }
            Err(error) if left_alone => {
                warn!(account = %self.name, %error, "nobody is called through an account that fails");
                breaker.record_unhealthy(Instant::now());
            }
            Err(error) => warn!(account = %self.name, %error, "an account still fails"),
        }
    }

    /// Plain assignments leave nothing half done, so a poisoned lock is as good as any.
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl std::ops::Deref for Account {
    type Target = CarrierAccount;

    fn deref(&self) -> &CarrierAccount {
        &self.config
    }
}

impl fmt::Debug for Account {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Account").field(&self.config).finish()
    }
}
