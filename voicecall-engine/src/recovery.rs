//! Sessions that nobody runs, after a restart or a lost report: settled with the carrier, continued or closed.

use std::sync::Arc;

use tracing::{error, info, warn};

use super::address::CallKey;
use super::resume::Broken;
use super::{CallEngine, Ringing};
use voicecall_core::Epoch;
use voicecall_core::carrier::CallStatus;
use voicecall_core::store::{
    AttemptState, DialAttempt, Direction, EndReason, EventSource, Lease, Session, SessionChange,
};
use voicecall_core::{Error, ErrorKind, Result};

/// What a recovery did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Recovered {
    /// Sessions whose call was over at the carrier: closed, or waiting for the next attempt.
    pub closed: usize,
    /// Sessions that had not been called yet: waiting again.
    pub waiting: usize,
    /// Sessions whose call is live: asked back, to be continued, or still ringing.
    pub live: usize,
    /// Sessions whose call was live and could not be continued: the caller got an apology, the session is closed.
    pub apologised: usize,
    /// Sessions that could not be settled, because the carrier or the store did not answer. The next recovery tries again.
    pub left: usize,
}

enum Settled {
    Closed,
    Waiting,
    Live,
    Apologised,
}

impl CallEngine {
    /// Checks that the vault has every key that the store was written with. To be called before anything else: see
    /// [`check_keys`](voicecall_core::store::check_keys).
    ///
    /// # Errors
    /// `Config` naming `data keys` or `index key`; what the store reports.
    pub async fn check_keys(&self) -> Result<()> {
        voicecall_core::store::check_keys(&*self.store, &self.vault).await
    }

    /// Settles every session that nobody runs. Called once, before the first call of a new process;
    /// [`run_background`](Self::run_background) repeats it. What other processes hold is left to them, if the store
    /// [is shared](super::EngineConfig::shares_store).
    ///
    /// # Errors
    /// When the store cannot tell which sessions are open.
    pub async fn recover(self: &Arc<Self>) -> Result<Recovered> {
        let mut done = Recovered::default();
        for session in self.store.open_sessions().await? {
            if session.due_at.is_some() || self.is_ours(&session) || self.is_leased_elsewhere(session.leased_until) {
                continue;
            }
            match self.settle(&session).await {
                Ok(Settled::Closed) => done.closed += 1,
                Ok(Settled::Waiting) => done.waiting += 1,
                Ok(Settled::Live) => done.live += 1,
                Ok(Settled::Apologised) => done.apologised += 1,
                // Another process was quicker.
                Err(error) if error.kind() == ErrorKind::Conflict && self.config.shares_store => {}
                Err(error) => {
                    warn!(session = %session.id, %error, "an open session could not be settled");
                    done.left += 1;
                }
            }
        }
        if done != Recovered::default() {
            let Recovered { closed, waiting, live, apologised, left } = done;
            info!(closed, waiting, live, apologised, left, "open sessions recovered");
        }
        Ok(done)
    }

    /// Whether something in this process runs the session or waits for its call, and nobody has taken it over since.
    pub(super) fn is_ours(&self, session: &Session) -> bool {
        let state = self.state();
        let is_newest = |epoch: Option<Epoch>| epoch.is_none_or(|epoch| epoch >= session.owner);
        state.live.get(&session.id).is_some_and(|live| is_newest(live.epoch))
            || state.broken.get(&session.id).is_some_and(|broken| is_newest(Some(broken.epoch)))
            || state.ringing.values().any(|ringing| ringing.session == session.id && is_newest(ringing.epoch))
    }

    async fn settle(self: &Arc<Self>, session: &Session) -> Result<Settled> {
        let tenant = session.tenant;
        // Whoever owned it before must not write any more.
        let epoch = self.store.acquire_lease(tenant, session.id, self.lease_of_nobody()).await?;
        let mut last = None;
        let came_in = session.direction == Direction::Inbound;
        for mut attempt in self.store.attempts(tenant, session.id).await? {
            if !came_in && matches!(attempt.state, AttemptState::Sending | AttemptState::Unknown) {
                let to = match self.phone_of(session) {
                    Ok(to) => to,
                    // It will never be known whether the phone rang, and nobody can be called again.
                    Err(error) => return Ok(self.end_unreadable(session, &error).await),
                };
                self.look_for(&attempt, &to, self.accounts.of(&attempt)?.numbers()).await?;
                attempt = self.store.attempt(tenant, attempt.id).await?;
            }
            last = (attempt.outcome.is_none()).then_some(attempt);
        }
        // As it is now that its call may have been found.
        let session = &self.store.session(tenant, session.id).await?;
        // Whoever called us heard nothing, or was never taken in whole: nobody is called for that.
        let Some(attempt) = last.filter(|attempt| !came_in || attempt.state == AttemptState::Accepted) else {
            if came_in {
                self.end_session(tenant, session.id, EndReason::Abandoned, EventSource::System).await;
                return Ok(Settled::Closed);
            }
            return self.wait_again(session).await;
        };
        match (attempt.state, &attempt.call) {
            // The phone has certainly not rung. What was refused for good is refused again, and ends then.
            (AttemptState::Planned | AttemptState::Rejected, _) => self.wait_again(session).await,
            (_, Some(call)) => {
                let known = self.accounts.of(&attempt)?.backend().fetch(call).await;
                // It may have come back by itself while the carrier was asked about it, and be over by now.
                if self.is_ours(session) {
                    return Ok(Settled::Live);
                }
                let session = &self.store.session(tenant, session.id).await?;
                match known {
                    _ if session.status.is_final() => Ok(Settled::Closed),
                    Ok(call) if call.status.is_final() => self.close(session, &attempt, call.status).await,
                    Ok(call) => self.take_up(session, &attempt, epoch, call.status).await,
                    Err(error) if error.kind() == ErrorKind::NotFound => {
                        self.close(session, &attempt, CallStatus::Completed).await
                    }
                    Err(error) => Err(error),
                }
            }
            // Never found: the phone has not rung as far as anybody knows.
            _ => self.close(session, &attempt, CallStatus::Failed).await,
        }
    }

    /// Nobody can read whom the session is with.
    async fn end_unreadable(&self, session: &Session, error: &Error) -> Settled {
        error!(session = %session.id, %error, "a session ends because its address cannot be read");
        self.end_session(session.tenant, session.id, EndReason::AddressUnreadable, EventSource::System).await;
        Settled::Closed
    }

    /// The session's turn was taken, and nobody used it.
    async fn wait_again(&self, session: &Session) -> Result<Settled> {
        let now = self.now();
        let change = SessionChange::Postponed { until: now, at: now };
        self.store.change_session(session.tenant, session.id, &change).await?;
        self.due.notify_one();
        Ok(Settled::Waiting)
    }

    async fn close(&self, session: &Session, attempt: &DialAttempt, status: CallStatus) -> Result<Settled> {
        let key = CallKey::of(attempt)?;
        // An order whose outcome stays unknown is never followed by another one.
        if attempt.state == AttemptState::Accepted {
            self.advance(session, key, status).await;
        } else {
            self.end_session(session.tenant, session.id, EndReason::CallFailed, EventSource::System).await;
        }
        Ok(Settled::Closed)
    }

    /// The call is live: it goes on here.
    async fn take_up(
        self: &Arc<Self>,
        session: &Session,
        attempt: &DialAttempt,
        epoch: Epoch,
        status: CallStatus,
    ) -> Result<Settled> {
        let (tenant, key) = (session.tenant, CallKey::of(attempt)?);
        let Some(call) = attempt.call.clone() else { return Ok(Settled::Live) };
        if matches!(status, CallStatus::Queued | CallStatus::Ringing) {
            // Its answer comes to us, and is planned then.
            let policy = self.handler.policy(session).await?;
            let until = self.must_end_by(&policy, attempt.created_at);
            let ringing = Ringing { epoch: Some(epoch), until, ..Ringing::new(tenant, session.id) };
            self.state().ringing.insert(attempt.id, ringing);
            return Ok(Settled::Live);
        }
        if self.is_offered(session).await? {
            // The carrier asks us once somebody has taken it, or nobody has.
            self.release(Lease { tenant, session: session.id, epoch }).await;
            return Ok(Settled::Live);
        }
        let account = self.accounts.of(attempt)?;
        if let Some(end) = self.book_end(session).await? {
            // One that was handed to somebody else is theirs.
            if !end.is_transferred
                && let Err(error) = account.hang_up(&call).await
            {
                warn!(session = %session.id, %error, "a call that had ended could not be hung up");
            }
            return Ok(Settled::Closed);
        }
        if account.backend().capabilities().update_call && self.may_resume(session).await? {
            {
                let mut state = self.state();
                // It has come back by itself just now.
                if state.live.contains_key(&session.id) {
                    return Ok(Settled::Live);
                }
                state.broken.insert(session.id, Broken { tenant, epoch, told: false });
            }
            let (engine, session) = (Arc::clone(self), session.id);
            // Ends by itself once the call has come back, or has not.
            tokio::spawn(async move { engine.reconnect(key, session, call).await });
            return Ok(Settled::Live);
        }
        self.play_failure_message(&account, &call).await;
        self.close_call(tenant, session.id, EndReason::TechnicalFailure, EventSource::System).await;
        Ok(Settled::Apologised)
    }
}
