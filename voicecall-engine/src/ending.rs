//! The end of a session: what remains of it, told to the store, the carrier and everybody who watches.

use std::sync::Arc;
use std::time::Duration;

use serde_json::json;
use tokio::sync::{oneshot, watch};
use tokio::time::{Instant, sleep};
use tracing::{error, warn};

use super::CallEngine;
use super::accounts::Account;
use super::observe::LiveEventKind;
use super::plan::CallOutcome;
use super::retry::retry;
use super::voicemail::AmdResult;
use voicecall_core::carrier::CallFlow;
use voicecall_core::journal::{CallEnd, last_end};
use voicecall_core::money::Cost;
use voicecall_core::store::{
    AcquireLease, Attachment, EndReason, EventSource, Lease, ProviderLog, ProviderOperation, Session, SessionChange,
    SessionStatus,
};
use voicecall_core::{CarrierCallId, SessionId, TenantId};
use voicecall_core::{ErrorKind, Result};

/// Tries to hang up at the carrier; its own time limit is the last resort.
const HANG_UP_TRIES: u32 = 4;

impl CallEngine {
    /// What the journal adds up to becomes part of the session.
    pub(super) async fn attach(&self, tenant: TenantId, id: SessionId) -> Result<()> {
        let journal = self.store.journal(tenant, id).await?;
        let what =
            Attachment { cost_micros: Cost::of(&journal).map(|cost| cost.total().micros()), ..Attachment::default() };
        self.store.change_session(tenant, id, &SessionChange::Attach { what, at: self.now() }).await.map(drop)
    }

    /// Ends a session if it is not over.
    pub(super) async fn end_session(&self, tenant: TenantId, id: SessionId, reason: EndReason, source: EventSource) {
        if let Err(error) = self.try_end_session(tenant, id, reason, source).await {
            error!(session = %id, %error, "the end of a session could not be stored");
        }
    }

    /// Ends a session if it is not over. Returns it as it is then.
    pub(super) async fn try_end_session(
        &self,
        tenant: TenantId,
        id: SessionId,
        reason: EndReason,
        source: EventSource,
    ) -> Result<Session> {
        let change = |reason| SessionChange::Ended { reason, source, at: self.now() };
        let ended = match self.store.change_session(tenant, id, &change(reason)).await {
            Err(error) if error.kind() == ErrorKind::Conflict => {
                // Over already; or it never got as far as this reason needs, so it has failed.
                let session = self.store.session(tenant, id).await?;
                if session.status.is_final() {
                    return Ok(session);
                }
                self.store.change_session(tenant, id, &change(EndReason::TechnicalFailure)).await?
            }
            result => result?,
        };
        self.tell_ended(&ended);
        Ok(ended)
    }

    /// How the call of a session in progress ended, if its journal tells. Whoever ran it died, or lost the store, before its
    /// session ended as well: unless it is still run, that is made up for here, by one of all that ask at the same time.
    pub(super) async fn book_end(&self, session: &Session) -> Result<Option<CallEnd>> {
        let Some(since) = session.connected_at.filter(|_| session.status == SessionStatus::InProgress) else {
            return Ok(None);
        };
        let journal = self.store.journal(session.tenant, session.id).await?;
        let Some(end) = last_end(&journal).filter(|end| end.at >= since) else { return Ok(None) };
        if self.is_live(session.id) || self.is_run_elsewhere(session) {
            return Ok(Some(end));
        }
        let (tenant, id) = (session.tenant, session.id);
        let booked = AcquireLease::from_owner(session.owner, self.lease_term());
        let epoch = match self.store.acquire_lease(tenant, id, booked).await {
            Err(error) if error.kind() == ErrorKind::Conflict => return Ok(Some(end)),
            epoch => epoch?,
        };
        warn!(session = %id, reason = %end.reason, "a call had ended, and its session had not");
        retry(|| self.attach(tenant, id)).await?;
        self.conclude_and_tell(session, end.reason, source_of(end.reason)).await?;
        self.release(Lease { tenant, session: id, epoch }).await;
        Ok(Some(end))
    }

    /// Ends a session whose call is over, and tells the application.
    pub(super) async fn conclude_and_tell(
        &self,
        session: &Session,
        reason: EndReason,
        source: EventSource,
    ) -> Result<()> {
        let session = retry(|| self.conclude(session.tenant, session.id, reason, source)).await?;
        self.handler.finished(&CallOutcome { recording: self.recording_of(&session), session, reason }).await;
        Ok(())
    }

    /// A session is over: nobody waits for it any more, and everybody who watches knows.
    pub(super) fn tell_ended(&self, session: &Session) {
        self.forget_call(session.id);
        self.events.tell(session.tenant, session.id, LiveEventKind::end_of(session));
    }

    /// Nobody waits for a session's call any more.
    pub(super) fn forget_call(&self, session: SessionId) {
        {
            let mut state = self.state();
            state.broken.remove(&session);
            state.resumes_told.remove(&session);
            state.unused_plans.remove(&session);
        }
        self.changed.notify_waiters();
    }
}

/// Who ended a call.
pub(super) const fn source_of(reason: EndReason) -> EventSource {
    match reason {
        EndReason::RemoteHangup => EventSource::Person,
        _ => EventSource::System,
    }
}

/// Ends the call at the carrier once its logic wants it; the caller has then hung up, or it is our turn. A call whose
/// audio was lost may come back: its logic wants it connected again, not ended.
pub(super) async fn hang_up_when_told(
    engine: Arc<CallEngine>,
    session: Session,
    (account, call): (Arc<Account>, CarrierCallId),
    amd: watch::Receiver<AmdResult>,
    hung_up: oneshot::Receiver<EndReason>,
) {
    let Ok(reason) = hung_up.await else { return };
    if reason == EndReason::RemoteHangup {
        return;
    }
    let told = match &*amd.borrow() {
        AmdResult::Machine(told) => told.clone(),
        // The closing of the media socket ends it.
        _ if !account.backend().capabilities().hang_up => return,
        _ => CallFlow::hang_up(),
    };
    let mut wait = Duration::from_millis(250);
    for _ in 0..HANG_UP_TRIES {
        let (begun, timestamp) = (Instant::now(), engine.now());
        let result = engine.tell_machine(&account, &call, &told).await;
        let log = ProviderLog {
            id: voicecall_core::RecordId::new(),
            session: session.id,
            provider: account.name().to_string(),
            provider_call: Some(call.as_str().to_owned()),
            operation: ProviderOperation::Hangup,
            request: json!({ "reason": reason }),
            response: json!({}),
            status_code: None,
            latency: begun.elapsed(),
            success: result.is_ok(),
            error_message: result.as_ref().err().map(ToString::to_string),
            quality_metrics: None,
            timestamp,
        };
        engine.log_provider(session.tenant, &account, &log).await;
        let Err(error) = result else { return };
        warn!(%error, "the carrier did not hang up");
        sleep(wait).await;
        wait *= 4;
    }
}
