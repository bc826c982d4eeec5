//! Calls whose media socket broke: kept open, brought back by the carrier, continued where they were.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::timeout;
use tracing::{info, warn};

use super::CallEngine;
use super::accounts::Account;
use super::address::CallKey;
use super::retry::{ON_THE_LINE, retry_for};
use voicecall_core::carrier::{CallFlow, CallStep};
use voicecall_core::journal::{Fact, JournalEntry};
use voicecall_core::store::{EndReason, EventSource, Lease, Session, SessionStatus};
use voicecall_core::{CarrierCallId, Epoch, SessionId, TenantId};
use voicecall_core::{ErrorKind, Result};

/// How often a call is brought back. Whoever loses it more often has a line that cannot be talked over.
const MOST_RESUMES: usize = 2;

/// Carriers that go on by themselves do so at once.
const BY_ITSELF: Duration = Duration::from_millis(500);

/// How long a call that was asked back may take. The caller hears nothing meanwhile.
const COMES_BACK: Duration = Duration::from_secs(10);

/// A call whose socket is awaited.
#[derive(Debug)]
pub(super) struct Broken {
    pub(super) tenant: TenantId,
    pub(super) epoch: Epoch,
    /// The carrier was told where to connect again.
    pub(super) told: bool,
}

impl CallEngine {
    /// Keeps a call open whose socket was lost, if it may come back. Returns whether it is.
    pub(super) async fn keep_open(
        self: &Arc<Self>,
        key: CallKey,
        session: SessionId,
        epoch: Epoch,
        call: &CarrierCallId,
    ) -> Result<bool> {
        let session = self.store.session(key.tenant, session).await?;
        if !self.may_resume(&session).await? {
            return Ok(false);
        }
        self.state().broken.insert(session.id, Broken { tenant: key.tenant, epoch, told: false });
        let (engine, call) = (Arc::clone(self), call.clone());
        // Ends by itself once the call has come back, or has not.
        tokio::spawn(async move { engine.reconnect(key, session.id, call).await });
        Ok(true)
    }

    /// Whether a session's call may be continued over another socket.
    pub(super) async fn may_resume(&self, session: &Session) -> Result<bool> {
        // Also before anything of the call was stored: it then begins anew.
        let is_called = session.status == SessionStatus::Connecting && session.due_at.is_none();
        if !is_called && session.status != SessionStatus::InProgress {
            return Ok(false);
        }
        Ok(resumes(&self.store.journal(session.tenant, session.id).await?) < MOST_RESUMES)
    }

    /// Notes that the carrier was told where to connect again. Returns whether it may be.
    pub(super) fn told_to_come_back(&self, session: &Session) -> bool {
        let mut state = self.state();
        let told = state.resumes_told.entry(session.id).or_insert(0);
        *told += 1;
        // A socket that never comes leaves no trace in the journal, and the carrier would ask for ever.
        let may = *told <= MOST_RESUMES;
        if may && let Some(broken) = state.broken.get_mut(&session.id) {
            broken.told = true;
        }
        may
    }

    /// Tells whoever is on a line that cannot be used any more, and ends the call.
    pub(super) async fn play_failure_message(&self, account: &Account, call: &CarrierCallId) {
        if account.backend().capabilities().update_call {
            match account.backend().update_call(call, &self.farewell(account)).await {
                Ok(()) => return,
                Err(error) if error.kind() == ErrorKind::Closed => return,
                Err(error) => warn!(%error, "the caller could not be told that the call broke"),
            }
        }
        if let Err(error) = account.hang_up(call).await {
            warn!(%error, "a broken call could not be ended");
        }
    }

    /// Waits for a broken call, asks it back if it does not come by itself, and gives it up in the end.
    pub(super) async fn reconnect(self: Arc<Self>, key: CallKey, session: SessionId, call: CarrierCallId) {
        if self.comes_back(session, BY_ITSELF).await || !self.awaits(session).await {
            return;
        }
        let told = self.state().broken.get(&session).is_some_and(|broken| broken.told);
        if !told
            && self.accounts.get(key.account).is_ok_and(|account| account.backend().capabilities().update_call)
            && let Err(error) = self.call_back(key, &call).await
        {
            warn!(%session, %error, "a broken call could not be asked back");
        } else if self.comes_back(session, COMES_BACK).await || !self.awaits(session).await {
            return;
        }
        if self.state().broken.remove(&session).is_some() {
            info!(%session, "a broken call did not come back");
            self.close_call(key.tenant, session, EndReason::TechnicalFailure, EventSource::System).await;
            match self.accounts.get(key.account) {
                Ok(account) => self.play_failure_message(&account, &call).await,
                Err(error) => warn!(%session, %error, "the caller could not be told that the call broke"),
            }
        }
        self.changed.notify_waiters();
    }

    /// Asks the carrier to connect a live call again.
    pub(super) async fn call_back(&self, key: CallKey, call: &CarrierCallId) -> Result<()> {
        let again = CallFlow(vec![CallStep::Redirect(self.config.resume_url(key)?)]);
        self.accounts.get(key.account)?.backend().update_call(call, &again).await
    }

    /// Whether a broken call is still this process's to wait for: another one may have got its socket, and talks to the
    /// caller.
    async fn awaits(&self, session: SessionId) -> bool {
        let lease = |broken: &Broken| Lease { tenant: broken.tenant, session, epoch: broken.epoch };
        let Some(lease) = self.state().broken.get(&session).map(lease) else { return false };
        // A store that cannot be asked is no reason to leave a caller in silence.
        let awaits = retry_for(ON_THE_LINE, || self.still_owns(lease)).await.unwrap_or(true);
        if !awaits {
            info!(%session, "a broken call goes on in another process");
            self.state().broken.remove(&session);
            self.changed.notify_waiters();
        }
        awaits
    }

    /// Waits until a broken call is none any more: it is connected again, or over.
    async fn comes_back(&self, session: SessionId, limit: Duration) -> bool {
        let back = async {
            loop {
                let changed = self.changed.notified();
                if !self.state().broken.contains_key(&session) {
                    return;
                }
                changed.await;
            }
        };
        timeout(limit, back).await.is_ok()
    }
}

/// How often the last call of this journal was continued after it broke; coming back from somebody who did not take it is no
/// break.
pub(super) fn resumes(journal: &[JournalEntry]) -> usize {
    let last = journal.iter().rev().take_while(|entry| entry.fact != Fact::Connected);
    let (mut resumed, mut offered) = (0_isize, 0_isize);
    for entry in last {
        resumed += isize::from(entry.fact == Fact::Resumed);
        // One that was not made is followed by no resumption.
        match entry.fact {
            Fact::TransferOffered { .. } => offered += 1,
            Fact::TransferFailed { .. } => offered -= 1,
            _ => {}
        }
    }
    (resumed - offered).max(0).unsigned_abs()
}
