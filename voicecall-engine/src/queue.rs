//! Sessions that wait to be called: taken in, called when they are due and it is permitted, and called again.

use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use tokio::time::{Instant, sleep, sleep_until};
use tracing::{error, info, warn};

use super::CallEngine;
use super::breaker::Trust;
use super::observe::LiveEventKind;
use super::policy::DialPolicy;
use super::sink::retry;
use voicecall_core::AttemptId;
use voicecall_core::store::{AttemptState, EndReason, EventSource, NewSession, Session, SessionChange};
use voicecall_core::{Error, ErrorKind, Result};

/// How long the queue rests when nothing is due. Whoever submits a session wakes it.
const REST: Duration = Duration::from_secs(1);

/// How long a session waits when something it needs is out of order.
const OUT_OF_ORDER: Duration = Duration::from_secs(60);

impl CallEngine {
    /// Takes a session in. It is called as soon as its turn comes, by whoever [runs](Self::run_background) over the store.
    ///
    /// # Errors
    /// `Unavailable` while draining; `Conflict` if the session exists or its verification has one.
    pub async fn submit(&self, new: &NewSession) -> Result<Session> {
        if self.is_draining() {
            return Err(
                Error::new(ErrorKind::Unavailable, "submit session").with_message("the server is shutting down")
            );
        }
        let session = self.store.create_session(new).await?;
        self.due.notify_one();
        Ok(session)
    }

    /// How many sessions wait to be called, of all processes.
    ///
    /// # Errors
    /// What the store reports.
    pub async fn count_waiting(&self) -> Result<u64> {
        self.store.count_waiting().await
    }

    /// Whether the carrier is fit to be given orders; one that failed is asked now and then.
    async fn carrier_is_fit(&self) -> bool {
        match self.state().breaker.trust(Instant::now()) {
            Trust::Orders => return true,
            Trust::Nothing => return false,
            Trust::Ask => {}
        }
        let health = self.carrier.health().await;
        let breaker = &mut self.state().breaker;
        match &health {
            Ok(()) => {
                info!(carrier = self.carrier.name(), "the carrier says that it is healthy again");
                breaker.is_healthy();
            }
            Err(error) => {
                warn!(carrier = self.carrier.name(), %error, "nobody is called while the carrier fails");
                breaker.record_unhealthy(Instant::now());
            }
        }
        health.is_ok()
    }

    /// Calls whoever is due, at most [`calls_per_second`](super::EngineConfig::calls_per_second), until the engine drains.
    pub(super) async fn dispatch(self: &Arc<Self>) {
        let mut next_order = Instant::now();
        while !self.is_draining() {
            sleep_until(next_order).await;
            if self.has_room() && self.carrier_is_fit().await && self.call_next().await {
                next_order = Instant::now() + self.config.order_interval();
            } else {
                tokio::select! {
                    () = self.due.notified() => {}
                    () = sleep(REST) => {}
                }
            }
        }
    }

    fn has_room(&self) -> bool {
        let (ringing, live) = self.count();
        !self.is_draining() && ringing + live < self.config.max_live
    }

    /// Takes the next session that is due. Returns whether there was one, so that there may be another.
    async fn call_next(self: &Arc<Self>) -> bool {
        let due = match self.store.due_sessions(self.now(), 1).await {
            Ok(due) => due,
            Err(error) => {
                warn!(%error, "nobody can be called while the store does not tell who is due");
                return false;
            }
        };
        let Some(session) = due.into_iter().next() else { return false };
        match self.service.policy(&session).await {
            Ok(policy) => self.call(&session, &policy).await,
            // Stays due: the store or the service is expected back.
            Err(error) if error.is_retryable() => {
                warn!(session = %session.id, %error, "a session cannot be called now");
                false
            }
            Err(error) => {
                error!(session = %session.id, %error, "a session cannot be called at all");
                self.end_session(session.tenant, session.id, EndReason::TechnicalFailure, EventSource::System).await;
                true
            }
        }
    }

    /// Calls a session, or lets it wait for the next permitted hour. Returns whether the next one may be looked at.
    async fn call(self: &Arc<Self>, session: &Session, policy: &DialPolicy) -> bool {
        let now = self.now();
        let opens = self.permitted(policy, now);
        if opens > now {
            info!(session = %session.id, until = %opens, "a session waits for the permitted hours");
            let change = SessionChange::Postponed { until: opens, at: now };
            return match self.store.change_session(session.tenant, session.id, &change).await {
                Ok(_) => true,
                Err(error) => error.kind() == ErrorKind::Conflict,
            };
        }
        match self.begin(session).await {
            // Goes on by itself; what comes of it is in the store.
            Ok(_) => true,
            // Somebody else was quicker.
            Err(error) => error.kind() == ErrorKind::Conflict,
        }
    }

    /// From when on a phone may ring.
    pub(super) fn permitted(&self, policy: &DialPolicy, from: Timestamp) -> Timestamp {
        policy.hours.as_ref().map_or(from, |hours| hours.next(from, self.config.ring_timeout))
    }

    /// Books an attempt that did not reach the customer: another one follows, or the session has failed.
    pub(super) async fn attempt_over(
        &self,
        session: &Session,
        attempt: AttemptId,
        reason: EndReason,
        source: EventSource,
    ) {
        let step = self.after_attempt(session, reason, source).await;
        self.finish(session, attempt, reason, &step).await;
    }

    /// Lets a session whose order was certainly not carried out wait for a moment; no attempt is spent.
    pub(super) async fn postpone(&self, session: &Session, attempt: AttemptId, wait: Option<Duration>) {
        let wait = wait.unwrap_or(OUT_OF_ORDER);
        let step = match self.service.policy(session).await {
            Ok(policy) => self.next_attempt(session, &policy, wait),
            Err(_) => None,
        };
        let step = step.unwrap_or_else(|| self.end(EndReason::CallFailed, EventSource::System));
        self.finish(session, attempt, EndReason::CallFailed, &step).await;
    }

    async fn finish(&self, session: &Session, attempt: AttemptId, reason: EndReason, step: &SessionChange) {
        let (tenant, id) = (session.tenant, session.id);
        match retry(|| self.store.finish_attempt(tenant, attempt, reason, step)).await {
            Ok(session) => match *step {
                SessionChange::Postponed { until, .. } => {
                    info!(session = %id, %reason, %until, "the customer was not reached and is tried again");
                    self.events.tell(tenant, id, LiveEventKind::Postponed { reason, until });
                    self.due.notify_one();
                }
                _ => self.tell_ended(&session),
            },
            // It is booked, or the session is over.
            Err(error) if error.kind() == ErrorKind::Conflict => {}
            Err(error) => error!(session = %id, %error, "the end of an attempt could not be stored"),
        }
    }

    /// What follows from an attempt that ended for `reason`.
    async fn after_attempt(&self, session: &Session, reason: EndReason, source: EventSource) -> SessionChange {
        let policy = self.service.policy(session).await;
        let attempts = retry(|| self.store.attempts(session.tenant, session.id)).await;
        let next = match (policy, attempts) {
            (Ok(policy), Ok(attempts)) => {
                let rung = attempts.iter().filter(|attempt| attempt.state == AttemptState::Accepted).count();
                let wait = policy.retry(reason, u32::try_from(rung).unwrap_or(u32::MAX));
                wait.and_then(|wait| self.next_attempt(session, &policy, wait))
            }
            (Err(error), _) | (_, Err(error)) => {
                warn!(session = %session.id, %error, "a session is given up because nobody tells how to go on");
                None
            }
        };
        next.unwrap_or_else(|| self.end(reason, source))
    }

    /// Another attempt after `wait`, unless the session is too old for it.
    fn next_attempt(&self, session: &Session, policy: &DialPolicy, wait: Duration) -> Option<SessionChange> {
        let now = self.now();
        let wait = SignedDuration::try_from(wait).ok()?;
        let until = self.permitted(policy, now.checked_add(wait).ok()?);
        let age = Duration::try_from(until.duration_since(session.started_at)).unwrap_or_default();
        (age <= policy.give_up_after).then_some(SessionChange::Postponed { until, at: now })
    }

    fn end(&self, reason: EndReason, source: EventSource) -> SessionChange {
        SessionChange::Ended { reason, source, at: self.now() }
    }
}
