//! Sessions that wait to be called: taken in, called when they are due and it is permitted, and called again.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use tracing::{error, info, warn};

use super::CallEngine;
use super::call_back::followed;
use super::observe::LiveEventKind;
use super::policy::DialPolicy;
use super::retry::{retry, retry_while};
use voicecall_core::AttemptId;
use voicecall_core::store::{AttemptState, Direction, EndReason, EventSource, NewSession, Session, SessionChange};
use voicecall_core::{Address, CallHours, Error, ErrorKind, Result};

/// How many days are looked at for hours that are open.
const MOST_DAYS: usize = 16;

/// How long a session waits when something it needs is out of order.
const OUT_OF_ORDER: Duration = Duration::from_secs(60);

impl CallEngine {
    /// Takes a session in. It is called as soon as its turn comes, by a process that
    /// [works on the store](Self::run_background).
    ///
    /// # Errors
    /// `Unavailable` while draining; `Conflict` if the session exists; `Invalid` as [`NewSession::validate`], or naming
    /// `remote` for a number that [may not be called](super::CallRules::destinations). A reference that has a session already gets
    /// that session.
    pub async fn submit(&self, new: &NewSession) -> Result<Session> {
        if self.is_draining() {
            return Err(
                Error::new(ErrorKind::Unavailable, "submit session").with_message("the server is shutting down")
            );
        }
        // What cannot be read, or is no telephone number, is told when it is called.
        let address = new.remote.as_ref().and_then(|remote| self.vault.open_address(new.row(), remote).ok());
        if let (Direction::Outbound, Some(number)) = (new.direction, address.as_ref().and_then(Address::as_phone)) {
            self.check_destination(number)?;
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

    /// From when on a phone may ring: the policy's hours and the operator's must both be open. `None` if they never are at the
    /// same time.
    pub(super) fn permitted(&self, policy: &DialPolicy, from: Timestamp) -> Option<Timestamp> {
        let (hours, rings) = (self.hours(policy), self.rules().ring_timeout);
        let next = |at| hours.iter().fold(at, |at, hours| hours.next(at, rings));
        let mut at = from;
        // Each step goes to the next day at the latest; hours that have not met by then never do.
        for _ in 0..MOST_DAYS {
            match next(at) {
                same if same == at => return Some(at),
                later => at = later,
            }
        }
        None
    }

    /// When a call that is ordered now must ring no more.
    pub(super) fn must_end_by(&self, policy: &DialPolicy, ordered_at: Timestamp) -> Option<Timestamp> {
        self.hours(policy).iter().filter_map(|hours| hours.close(ordered_at)).min()
    }

    /// Whether hours have ended in which a call was ordered.
    pub(super) fn have_closed(&self, policy: &DialPolicy, ordered_at: Timestamp) -> bool {
        let now = self.now();
        self.hours(policy).iter().any(|hours| hours.are_open(ordered_at) && !hours.are_open(now))
    }

    fn hours(&self, policy: &DialPolicy) -> Vec<CallHours> {
        policy.hours.iter().chain(&self.rules().hours).cloned().collect()
    }

    /// Books an attempt that reached nobody: another one follows, or the session has failed.
    pub(super) async fn attempt_over(
        &self,
        session: &Session,
        attempt: AttemptId,
        reason: EndReason,
        source: EventSource,
    ) {
        match self.after_attempt(session, reason, source).await {
            Ok(step) => self.finish(session, attempt, reason, &step).await,
            // It stays open, and the carrier is asked again what became of it.
            Err(error) => warn!(session = %session.id, %error, "nobody tells how a session goes on"),
        }
    }

    /// Lets a session whose order was certainly not carried out wait for a moment; no attempt is spent.
    pub(super) async fn postpone(&self, session: &Session, attempt: AttemptId, wait: Option<Duration>) {
        let wait = wait.unwrap_or(OUT_OF_ORDER);
        let step = match retry(|| self.handler.policy(session)).await {
            Ok(policy) => self.next_attempt(session, &policy, wait).await,
            Err(error) => Err(error),
        };
        let step = match step {
            Ok(next) => next,
            // Asked again before it is called: that nobody tells now is no reason to give anybody up.
            Err(error) if error.is_retryable() => self.wait_unasked(session, wait),
            Err(_) => None,
        };
        let step = step.unwrap_or_else(|| self.end(EndReason::CallFailed, EventSource::System));
        self.finish(session, attempt, EndReason::CallFailed, &step).await;
    }

    async fn finish(&self, session: &Session, attempt: AttemptId, reason: EndReason, step: &SessionChange) {
        let (tenant, id) = (session.tenant, session.id);
        let finished = retry_while(|| !self.is_draining(), || self.store.finish_attempt(tenant, attempt, reason, step));
        match finished.await {
            Ok(session) => match *step {
                SessionChange::Postponed { until, .. } => {
                    info!(session = %id, %reason, %until, "nobody was reached and is tried again");
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
    ///
    /// # Errors
    /// Retryable ones of the application or the store: it is not known.
    async fn after_attempt(&self, session: &Session, reason: EndReason, source: EventSource) -> Result<SessionChange> {
        let policy = retry(|| self.handler.policy(session)).await;
        let attempts = retry(|| self.store.attempts(session.tenant, session.id)).await;
        let next = match (policy, attempts) {
            (Ok(policy), Ok(attempts)) => {
                let rung = attempts.iter().filter(|attempt| attempt.state == AttemptState::Accepted).count();
                // A call that was asked for is none of those it takes to reach somebody.
                let rung = rung.saturating_sub(followed(&attempts));
                match policy.retry(reason, u32::try_from(rung).unwrap_or(u32::MAX)) {
                    Some(wait) => self.next_attempt(session, &policy, wait).await?,
                    None => None,
                }
            }
            (Err(error), _) | (_, Err(error)) if error.is_retryable() => return Err(error),
            (Err(error), _) | (_, Err(error)) => {
                warn!(session = %session.id, %error, "a session is given up because nobody tells how to go on");
                None
            }
        };
        Ok(next.unwrap_or_else(|| self.end(reason, source)))
    }

    /// Lets a session wait whose policy nobody tells.
    fn wait_unasked(&self, session: &Session, wait: Duration) -> Option<SessionChange> {
        let now = self.now();
        let until = now.checked_add(SignedDuration::try_from(wait).ok()?).ok()?;
        (session.direction == Direction::Outbound).then_some(SessionChange::Postponed { until, at: now })
    }

    /// Another attempt after `wait`, unless the session is too old for it.
    ///
    /// # Errors
    /// What the store reports: it is not known how old it is.
    pub(super) async fn next_attempt(
        &self,
        session: &Session,
        policy: &DialPolicy,
        wait: Duration,
    ) -> Result<Option<SessionChange>> {
        if session.direction == Direction::Inbound {
            return Ok(None);
        }
        let now = self.now();
        let at = SignedDuration::try_from(wait).ok().and_then(|wait| now.checked_add(wait).ok());
        let Some(until) = at.and_then(|at| self.permitted(policy, at)) else { return Ok(None) };
        let is_old = |from| Duration::try_from(until.duration_since(from)).unwrap_or_default() > policy.give_up_after;
        if is_old(session.started_at) && is_old(self.counts_from(session).await?) {
            return Ok(None);
        }
        Ok(Some(SessionChange::Postponed { until, at: now }))
    }

    pub(super) fn end(&self, reason: EndReason, source: EventSource) -> SessionChange {
        SessionChange::Ended { reason, source, at: self.now() }
    }
}
