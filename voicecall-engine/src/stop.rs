//! Ending sessions from above, and the whole engine.

use std::time::Duration;

use tracing::warn;
use voicecall_core::call::InputEvent;
use voicecall_core::dialogue::Action;
use voicecall_core::store::{EndReason, EventSource, Session, SessionChange, SessionStatus};
use voicecall_core::{Error, ErrorKind, Result};
use voicecall_core::{PersonKey, SessionId, TenantId};

use super::CallEngine;
use super::observe::LiveEventKind;

impl CallEngine {
    /// Ends a session, whatever it is doing and in whichever process: waiting, ringing or talking.
    ///
    /// # Errors
    /// `NotFound` if there is no such session; `Conflict` if it is over.
    pub async fn stop(&self, tenant: TenantId, session: SessionId, reason: EndReason) -> Result<()> {
        if self.end_live(tenant, session, reason).await {
            return Ok(());
        }
        let found = self.store.session(tenant, session).await?;
        if found.status.is_final() {
            return Err(Error::new(ErrorKind::Conflict, "stop session").with_message("the session is over"));
        }
        if self.is_run_elsewhere(&found) && self.stop_elsewhere(&found, reason).await? {
            return Ok(());
        }
        // First the session: an order under way ends its call when it sees that nobody wants it any more.
        let change = SessionChange::Ended { reason, source: EventSource::System, at: self.now() };
        let ended = self.store.change_session(tenant, session, &change).await?;
        self.tell_ended(&ended);
        self.hang_up_attempts(tenant, session).await
    }

    /// Tells everybody who watches how far a session has come that somebody else changed, as it is now in the store: that its
    /// call was ordered, that somebody is on the line, or that it is over. A call it may still have is not touched: see
    /// [`hang_up`](Self::hang_up).
    pub fn announce(&self, changed: &Session) {
        match changed.status {
            SessionStatus::Initiated => {}
            SessionStatus::Connecting => self.events.tell(changed.tenant, changed.id, LiveEventKind::Placed),
            SessionStatus::InProgress => self.events.tell(changed.tenant, changed.id, LiveEventKind::Connected),
            SessionStatus::Completed | SessionStatus::Timeout | SessionStatus::Failed => self.tell_ended(changed),
        }
    }

    /// Keeps that a person must not be called any more, and tells everybody who watches of the sessions that end with it: those
    /// that wait to call the person. Returns them.
    ///
    /// # Errors
    /// What the store reports.
    pub async fn forbid_calls(&self, tenant: TenantId, person: PersonKey) -> Result<Vec<Session>> {
        let ended = self.store.forbid_calls(tenant, person, self.now()).await?;
        ended.iter().for_each(|session| self.tell_ended(session));
        Ok(ended)
    }

    /// Ends the call of a session that is over, ringing or talking; the session stays as it is.
    ///
    /// # Errors
    /// What the store or the carrier reports.
    pub async fn hang_up(&self, tenant: TenantId, session: SessionId, reason: EndReason) -> Result<()> {
        if self.end_live(tenant, session, reason).await {
            return Ok(());
        }
        self.hang_up_attempts(tenant, session).await
    }

    /// Ends the conversation of a session, if it has one here. Returns whether it had.
    async fn end_live(&self, tenant: TenantId, session: SessionId, reason: EndReason) -> bool {
        let control = {
            let state = self.state();
            state.live.get(&session).filter(|live| live.tenant == tenant).map(|live| live.control.clone())
        };
        let Some(control) = control else { return false };
        // A call that ended in the meantime is what was asked for.
        let _ = control.send(Box::new(InputEvent::Dialogue(Action::EndNow(reason)))).await;
        true
    }

    async fn hang_up_attempts(&self, tenant: TenantId, session: SessionId) -> Result<()> {
        for attempt in self.store.attempts(tenant, session).await? {
            if let (Some(call), None) = (&attempt.call, attempt.outcome) {
                self.accounts.of(&attempt)?.hang_up(call).await?;
            }
            self.remove_ringing(attempt.id);
        }
        Ok(())
    }

    /// Takes no more calls, waits for the live ones and those that ring up to `limit`, then ends those that are still
    /// live; one that still rings is left to the next process. Returns how many had to be ended.
    pub async fn shutdown(&self, limit: Duration) -> usize {
        self.state().draining = true;
        self.changed.notify_waiters();
        self.due.notify_one();
        let drained = tokio::time::timeout(limit, self.idle()).await;
        if drained.is_ok() {
            return 0;
        }
        let controls: Vec<_> = {
            let mut state = self.state();
            state.ringing.clear();
            state.live.values().map(|live| live.control.clone()).collect()
        };
        for control in &controls {
            let _ = control.send(Box::new(InputEvent::Dialogue(Action::EndNow(EndReason::Canceled)))).await;
        }
        if tokio::time::timeout(limit, self.idle()).await.is_err() {
            warn!("calls were still under way when the time to end them was over");
        }
        controls.len()
    }
}
