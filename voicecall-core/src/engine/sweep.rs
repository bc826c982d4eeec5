//! After a restart: every session that was left open is settled with the carrier and closed with its reason.

use std::sync::Arc;

use tracing::{info, warn};

use super::CallEngine;
use crate::carrier::CallStatus;
use crate::error::{ErrorKind, Result};
use crate::store::{AttemptState, EndReason, EventSource, Session};

/// What a sweep did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Swept {
    /// Sessions whose call was over at the carrier, or had never been placed: closed.
    pub closed: usize,
    /// Sessions whose call was still live: the caller got an apology, the call was ended, the session closed.
    pub apologised: usize,
    /// Sessions that could not be settled, because the carrier or the store did not answer. The next sweep tries again.
    pub left: usize,
}

impl CallEngine {
    /// Settles every session that nobody runs. Called once, before the first call of a new process.
    ///
    /// # Errors
    /// When the store cannot tell which sessions are open.
    pub async fn sweep(self: &Arc<Self>) -> Result<Swept> {
        let mut swept = Swept::default();
        for session in self.store.open_sessions().await? {
            if self.state().live.contains_key(&session.id)
                || self
                    .state()
                    .ringing
                    .values()
                    .any(|ringing| ringing.tenant == session.tenant && ringing.session == session.id)
            {
                continue;
            }
            match self.settle(&session).await {
                Ok(true) => swept.apologised += 1,
                Ok(false) => swept.closed += 1,
                Err(error) => {
                    warn!(session = %session.id, %error, "an open session could not be settled");
                    swept.left += 1;
                }
            }
        }
        info!(closed = swept.closed, apologised = swept.apologised, left = swept.left, "open sessions swept");
        Ok(swept)
    }

    /// Settles one session. Returns whether its call was still live.
    async fn settle(&self, session: &Session) -> Result<bool> {
        // Whoever owned it before must not write any more.
        self.store.take_over(session.tenant, session.id).await?;
        let mut call = None;
        for mut attempt in self.store.attempts(session.tenant, session.id).await? {
            if matches!(attempt.state, AttemptState::Sending | AttemptState::Unknown) {
                let to = self.vault.open_phone(session.tenant, &session.phone)?;
                self.look_for(&attempt, &to, &self.config.from).await?;
                attempt = self.store.attempt(session.tenant, attempt.id).await?;
            }
            call = attempt.call.or(call);
        }
        let fetched = match &call {
            None => None,
            Some(call) => match self.carrier.fetch(call).await {
                Ok(call) => Some(call),
                Err(error) if error.kind() == ErrorKind::NotFound => None,
                Err(error) => return Err(error),
            },
        };
        let live = fetched.as_ref().is_some_and(|call| !call.status.is_final());
        let reason = match &fetched {
            Some(call) if live => {
                match self.carrier.steer(&call.id, &self.farewell()).await {
                    Ok(()) => {}
                    // It ended in this moment, or cannot be steered: then it is at least ended.
                    Err(error) if matches!(error.kind(), ErrorKind::Closed | ErrorKind::Unsupported) => {
                        self.carrier.hang_up(&call.id).await?;
                    }
                    Err(error) => return Err(error),
                }
                EndReason::TechnicalFailure
            }
            Some(call) => match call.status {
                CallStatus::Busy => EndReason::Busy,
                CallStatus::NoAnswer => EndReason::NoAnswer,
                CallStatus::Failed => EndReason::CallFailed,
                CallStatus::Canceled => EndReason::Canceled,
                _ => EndReason::TechnicalFailure,
            },
            None => EndReason::TechnicalFailure,
        };
        self.end_session(session.tenant, session.id, reason, EventSource::System).await;
        Ok(live)
    }
}
