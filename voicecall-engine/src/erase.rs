//! Erasing a person: calls, files and rows, in an order of which no part can be undone by what is still under way.
//!
//! First the person's sessions are over, so that no call of theirs can be connected any more. Then nothing more is recorded
//! of those that are still ending, and what was recorded is removed. Only then do the rows go: whoever dies in between, or
//! gets no answer, finds the sessions again and repeats it all. What began meanwhile goes last.

use std::collections::HashSet;
use std::time::Duration;

use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::RecvError;
use tokio::time::timeout;
use tracing::{error, warn};
use voicecall_core::store::{EndReason, Erased, EventSource, Session};
use voicecall_core::{CarrierCallId, ErrorKind, PersonKey, Result, SessionId, TenantId};

use super::CallEngine;
use super::accounts::Account;
use super::observe::{LiveEvent, LiveEventKind};
use super::retry::retry;

/// How long a call may take to end by itself before its person is erased all the same.
const ENDING: Duration = Duration::from_secs(5);

/// What was erased of a person.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct ErasedPerson {
    /// What was in the store.
    pub stored: Erased,
    /// Of how many sessions something was recorded, here or at the carrier.
    pub recordings: usize,
}

impl CallEngine {
    /// Erases a person: ends their calls, removes what was recorded of them, here and at the carrier, and everything
    /// in the store ([`erase_person`](voicecall_core::store::PersonStore::erase_person)). When it returns, nothing of the
    /// person is left, and nothing comes into being later of a call that was just ending here. A call that another process
    /// over the store runs is ended as well; what that process has recorded it removes when the call has ended.
    ///
    /// # Errors
    /// What the store or the carrier reports, and `Unavailable` if a file cannot be removed. The person is then not erased
    /// or not completely, and it is to be repeated.
    pub async fn erase_person(&self, tenant: TenantId, person: PersonKey) -> Result<ErasedPerson> {
        let known = self.store.export_person(tenant, person).await?.sessions;
        for file in known.iter().filter(|file| !file.session.status.is_final()) {
            self.end_for_good(&file.session).await?;
        }
        let mut recorded = HashSet::new();
        for file in &known {
            if self.remove_recordings(&file.session).await? {
                recorded.insert(file.session.id);
            }
        }
        let stored = self.store.erase_person(tenant, person).await?;
        for &session in &stored.sessions {
            if self.discard_recording(session).await? {
                recorded.insert(session);
            }
        }
        Ok(ErasedPerson { stored, recordings: recorded.len() })
    }

    /// Records no more of a session, if it still has a call here, and removes what was recorded of it: its folder, and
    /// what the carrier keeps. Returns whether there was anything.
    ///
    /// # Errors
    /// `Unavailable` if a file cannot be removed; what the carrier or the store reports. What was removed stays removed,
    /// and it can be repeated.
    pub async fn remove_recordings(&self, session: &Session) -> Result<bool> {
        let here = self.discard_recording(session.id).await?;
        // Nobody was ever on the line: there is nothing to ask the carrier for.
        if session.connected_at.is_none() && session.recording_url.is_none() {
            return Ok(here);
        }
        let mut there = false;
        for attempt in self.store.attempts(session.tenant, session.id).await? {
            if let Some(call) = &attempt.call {
                there |= remove_from_carrier(&*self.accounts.of(&attempt)?, call).await?;
            }
        }
        Ok(here || there)
    }

    /// Records no more of a session, if it still has a call here, and removes its folder. Returns whether there was one.
    ///
    /// # Errors
    /// `Unavailable` if a file cannot be removed.
    pub async fn discard_recording(&self, session: SessionId) -> Result<bool> {
        let Some(recordings) = &self.config.recordings else { return Ok(false) };
        // A call that connects after this finds its session over, or gone.
        let live = self.state().live.get(&session).map(|live| live.discarded.clone());
        self.recorder.discard(session, recordings, live).await
    }

    /// Stops a session as [`stop`](Self::stop) does, and waits until its call has ended, with everything that was said
    /// stored first; no longer than `within`. Returns the session as it is then.
    ///
    /// # Errors
    /// As [`stop`](Self::stop), unless the session is over.
    pub async fn stop_within(
        &self,
        tenant: TenantId,
        session: SessionId,
        reason: EndReason,
        within: Duration,
    ) -> Result<Session> {
        // Before the end, so that it is not missed.
        let events = self.subscribe();
        match self.stop(tenant, session, reason).await {
            Ok(()) => {
                if timeout(within, ended(events, session)).await.is_err() {
                    warn!(%session, "a call that was stopped takes long to end");
                }
                self.store.session(tenant, session).await
            }
            Err(error) => {
                let session = self.store.session(tenant, session).await?;
                if !session.status.is_final() {
                    return Err(error);
                }
                // Whoever answers it is hung up on, because the session is over.
                warn!(session = %session.id, %error, "a call that was stopped could not be ended at the carrier");
                Ok(session)
            }
        }
    }

    /// Removes what a call has recorded whose session was erased meanwhile, by another process.
    pub(super) async fn discard_if_erased(&self, tenant: TenantId, session: SessionId) {
        let found = retry(|| self.store.session(tenant, session)).await;
        if found.is_err_and(|error| error.kind() == ErrorKind::NotFound)
            && let Err(error) = self.discard_recording(session).await
        {
            error!(%session, %error, "the recording of a session that is no more could not be removed");
        }
    }

    /// Ends a session, so that it cannot be connected again however long its call takes to end.
    async fn end_for_good(&self, session: &Session) -> Result<()> {
        let (tenant, id, reason) = (session.tenant, session.id, EndReason::Canceled);
        let ended: Result<()> = async {
            if !self.stop_within(tenant, id, reason, ENDING).await?.status.is_final() {
                self.try_end_session(tenant, id, reason, EventSource::System).await?;
            }
            Ok(())
        }
        .await;
        match ended {
            // Gone in the meantime, which is what was wanted.
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
            ended => ended,
        }
    }
}

async fn ended(mut events: Receiver<LiveEvent>, session: SessionId) {
    loop {
        match events.recv().await {
            Ok(event) if event.session == session && matches!(event.kind, LiveEventKind::Ended { .. }) => return,
            Ok(_) | Err(RecvError::Lagged(_)) => {}
            Err(RecvError::Closed) => return,
        }
    }
}

async fn remove_from_carrier(account: &Account, call: &CarrierCallId) -> Result<bool> {
    let carrier = account.backend();
    if !carrier.capabilities().stored_recordings {
        return Ok(false);
    }
    let kept = match carrier.recordings(call).await {
        Ok(kept) => kept,
        Err(error) if error.kind() == ErrorKind::NotFound => Vec::new(),
        Err(error) => return Err(error),
    };
    for recording in &kept {
        carrier.delete_recording(&recording.id).await?;
    }
    Ok(!kept.is_empty())
}
