//! The end of a call whose person asked to be called again: the session waits for that, as far as its policy allows it.

use jiff::{SignedDuration, Timestamp};
use tracing::{error, info, warn};

use super::CallEngine;
use super::observe::LiveEventKind;
use super::retry::retry;
use voicecall_core::journal::{Fact, JournalEntry};
use voicecall_core::store::{DialAttempt, EndReason, EventSource, Session, SessionChange, SessionStatus};
use voicecall_core::{ErrorKind, Result, SessionId, TenantId};

/// Whether a call that ended so has left the wish standing: nobody took it back, or decided otherwise.
const fn leaves_the_wish(reason: EndReason) -> bool {
    matches!(
        reason,
        EndReason::CallBack
            | EndReason::Completed
            | EndReason::RemoteHangup
            | EndReason::TechnicalFailure
            | EndReason::Timeout
            | EndReason::NoResponse
    )
}

/// The last wish of a journal: the earliest instant, and the latest if there is one.
fn last_wish(journal: &[JournalEntry]) -> Option<(Timestamp, Option<Timestamp>)> {
    journal.iter().rev().find_map(|entry| match entry.fact {
        Fact::CallBack { not_before, not_after, .. } => Some((not_before.unwrap_or(entry.at), not_after)),
        _ => None,
    })
}

/// How many wishes of a session were followed, by its attempts.
pub(super) fn followed(attempts: &[DialAttempt]) -> usize {
    attempts.iter().filter(|attempt| attempt.outcome == Some(EndReason::CallBack)).count()
}

impl CallEngine {
    /// The call of a session is over: the session ends, or waits to be called again. Returns it as it is then.
    ///
    /// # Errors
    /// What the store reports; retryable ones of the application: it is not known how the session goes on.
    pub(super) async fn conclude(
        &self,
        tenant: TenantId,
        id: SessionId,
        reason: EndReason,
        source: EventSource,
    ) -> Result<Session> {
        let session = self.store.session(tenant, id).await?;
        if session.due_at.is_some() {
            // Booked already.
            return Ok(session);
        }
        if session.status == SessionStatus::InProgress
            && leaves_the_wish(reason)
            && let Some(asked) = session.call_back_at
            && let Some(waiting) = self.wait_for_call_back(&session, asked).await?
        {
            return Ok(waiting);
        }
        self.try_end_session(tenant, id, reason, source).await
    }

    /// The same where nobody waits for it. What could not be booked stays open, and is looked at by the next recovery.
    pub(super) async fn close_call(&self, tenant: TenantId, id: SessionId, reason: EndReason, source: EventSource) {
        if let Err(error) = self.conclude(tenant, id, reason, source).await {
            error!(session = %id, %error, "the end of a call could not be stored");
        }
    }

    /// Lets a session wait for when its person asked to be called; `None` if that is not to be, or somebody else was quicker.
    async fn wait_for_call_back(&self, session: &Session, asked: Timestamp) -> Result<Option<Session>> {
        let (tenant, id) = (session.tenant, session.id);
        let attempts = self.store.attempts(tenant, id).await?;
        let Some(attempt) = attempts.iter().find(|attempt| attempt.call == session.carrier_call) else {
            return Ok(None);
        };
        let until = match self.call_back_time(session, asked, followed(&attempts)).await {
            Ok(Some(until)) => until,
            Ok(None) => return Ok(None),
            Err(error) if error.is_retryable() => return Err(error),
            Err(error) => {
                warn!(session = %id, %error, "a wish to be called again is not followed because nobody tells whether it may be");
                return Ok(None);
            }
        };
        let step = SessionChange::Postponed { until, at: self.now() };
        let waiting = match self.store.finish_attempt(tenant, attempt.id, EndReason::CallBack, &step).await {
            Ok(waiting) => waiting,
            Err(error) if error.kind() == ErrorKind::Conflict => return Ok(None),
            Err(error) => return Err(error),
        };
        info!(session = %id, %until, "the person is called again");
        self.forget_call(id);
        self.events.tell(tenant, id, LiveEventKind::Postponed { reason: EndReason::CallBack, until });
        self.due.notify_one();
        Ok(Some(waiting))
    }

    /// When the person is called again; `None` if the policy does not allow it, or not in the time that was asked for.
    async fn call_back_time(&self, session: &Session, asked: Timestamp, followed: usize) -> Result<Option<Timestamp>> {
        let policy = retry(|| self.handler.policy(session)).await?;
        let allowed = &policy.call_back;
        if followed >= allowed.calls as usize {
            return Ok(None);
        }
        let now = self.now();
        let after = |wait| SignedDuration::try_from(wait).ok().and_then(|wait| now.checked_add(wait).ok());
        // A wish without a time is as old as itself by now, and so is one whose time has passed in the call.
        let from = if asked > now { Some(asked) } else { after(allowed.wait) };
        let Some(until) = from.and_then(|from| self.permitted(&policy, from)) else { return Ok(None) };
        let (_, not_after) = last_wish(&self.store.journal(session.tenant, session.id).await?).unwrap_or((asked, None));
        let is_too_late = not_after.is_some_and(|not_after| until > not_after)
            || after(allowed.within).is_some_and(|last| until > last);
        Ok((!is_too_late).then_some(until))
    }

    /// From when on the patience with a session counts: when it was asked for, or its person asked to be called.
    pub(super) async fn counts_from(&self, session: &Session) -> Result<Timestamp> {
        let wish = last_wish(&self.store.journal(session.tenant, session.id).await?);
        Ok(wish.map_or(session.started_at, |(asked, _)| asked.max(session.started_at)))
    }
}
