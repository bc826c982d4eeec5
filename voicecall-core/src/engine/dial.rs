//! Placing a call so that a phone never rings twice for one attempt, and settling what the carrier left open.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use jiff::{SignedDuration, Timestamp};
use serde_json::json;
use tokio::time::{Instant, sleep};
use tracing::{error, info, warn};

use super::address::CallKey;
use super::{CallEngine, Ringing};
use crate::carrier::{CarrierCall, FindCalls, PlaceCall};
use crate::error::{Error, ErrorKind, Result};
use crate::id::{CarrierCallId, TenantId};
use crate::store::{
    AttemptOutcome, AttemptState, DialAttempt, EndReason, EventSource, ProviderLog, ProviderOperation, Session,
    SessionChange, SessionStatus,
};

/// When to look for a call whose order had an unknown outcome, after the order.
const LOOK_AFTER: [Duration; 5] = [
    Duration::from_secs(1),
    Duration::from_secs(3),
    Duration::from_secs(10),
    Duration::from_secs(20),
    Duration::from_secs(30),
];

/// Clocks differ: a call may carry a time a little before we ordered it.
const CLOCK_MARGIN: SignedDuration = SignedDuration::from_secs(10);

impl CallEngine {
    /// Places a session's call. The order to the carrier is sent at most once; when its outcome is unknown, the
    /// session stays as it is and is settled in the background.
    ///
    /// # Errors
    /// `Unavailable` while draining; `Conflict` if the session's call was or is being placed already; what planning
    /// reports; what the carrier reports, the session is then `failed`.
    pub async fn place(self: &Arc<Self>, session: &Session) -> Result<Session> {
        if self.is_draining() {
            return Err(Error::new(ErrorKind::Unavailable, "place call").with_message("the server is shutting down"));
        }
        let attempt = DialAttempt::planned(session.tenant, session.id, self.carrier.name(), Timestamp::now());
        self.claim(&attempt)?;
        let (engine, session) = (Arc::clone(self), session.clone());
        // Its own task, because a client that goes away must not leave an order half recorded.
        let task = tokio::spawn(async move {
            let id = attempt.id;
            let placed = AssertUnwindSafe(engine.place_owned(session, attempt)).catch_unwind().await;
            let placed = placed.unwrap_or_else(|_| Err(Error::new(ErrorKind::Internal, "place call")));
            if placed.is_err() {
                engine.rings_no_more(id);
            }
            placed
        });
        task.await.map_err(|error| Error::new(ErrorKind::Internal, "place call").with_source(error))?
    }

    /// Lets nobody else place the session's call in this process. Known before the order is sent, because the carrier
    /// may report before it has answered us.
    fn claim(&self, attempt: &DialAttempt) -> Result<()> {
        let (tenant, session) = (attempt.tenant, attempt.session);
        let mut state = self.state();
        if state.ringing.values().any(|ringing| ringing.session == session) {
            return Err(Error::new(ErrorKind::Conflict, "place call").with_message("it is being placed"));
        }
        state.ringing.insert(attempt.id, Ringing { tenant, session, plan: None });
        Ok(())
    }

    async fn place_owned(self: &Arc<Self>, session: Session, attempt: DialAttempt) -> Result<Session> {
        let tenant = session.tenant;
        let session = self.store.session(tenant, session.id).await?;
        let attempts = self.store.attempts(tenant, session.id).await?;
        if session.status != SessionStatus::Initiated
            || attempts.iter().any(|attempt| attempt.state != AttemptState::Planned)
        {
            return Err(Error::new(ErrorKind::Conflict, "place call").with_message("it was placed before"));
        }
        let plan = match self.service.plan(&session).await {
            Ok(plan) => plan,
            Err(error) => {
                self.end_session(tenant, session.id, EndReason::TechnicalFailure, EventSource::System).await;
                return Err(error);
            }
        };
        let key = CallKey { tenant, attempt: attempt.id };
        let mut order = PlaceCall::new(
            self.vault.open_phone(tenant, &session.phone)?,
            self.config.from.clone(),
            self.config.answer_url(key)?,
            self.config.status_url(key)?,
        );
        order.ring_timeout = self.config.ring_timeout;
        order.time_limit = self.config.time_limit;
        self.store.plan_attempt(&attempt).await?;
        let epoch = self.store.take_over(tenant, session.id).await?;
        // Known before the order is sent: the carrier may report before it has answered us.
        let ringing = Ringing { tenant, session: session.id, plan: Some(plan) };
        self.state().ringing.insert(attempt.id, ringing);
        self.store.begin_sending(tenant, attempt.id, epoch).await?;
        let (begun, timestamp) = (Instant::now(), Timestamp::now());
        let result = self.carrier.place(&order).await;
        self.log_placing(&session, &order, &result, begun.elapsed(), timestamp).await;
        match result {
            Ok(call) => {
                self.bind(key, &call.id).await?;
                info!(session = %session.id, "call placed");
                self.store.session(tenant, session.id).await
            }
            Err(error) if error.kind() == ErrorKind::UnknownOutcome => {
                warn!(session = %session.id, %error, "nobody knows whether the call was placed");
                // Looked for also if the store does not take this: it stays in `sending`, which is as unknown.
                let settled = self.store.settle_attempt(tenant, attempt.id, &AttemptOutcome::Unknown).await;
                let engine = Arc::clone(self);
                // Ends by itself after the last look; the sweep at the next start takes over if the process ends.
                tokio::spawn(async move { engine.reconcile(attempt, order).await });
                settled?;
                self.store.session(tenant, session.id).await
            }
            Err(error) => {
                let reason = AttemptOutcome::Rejected(error.to_string());
                self.store.settle_attempt(tenant, attempt.id, &reason).await?;
                self.end_session(tenant, session.id, EndReason::CallFailed, EventSource::Telephony).await;
                Err(error)
            }
        }
    }

    /// Learns which call of the carrier an attempt became. Learning it twice is fine.
    pub(super) async fn bind(&self, key: CallKey, call: &CarrierCallId) -> Result<()> {
        let outcome = AttemptOutcome::Accepted(call.clone());
        self.store.settle_attempt(key.tenant, key.attempt, &outcome).await?;
        let session = self.store.attempt(key.tenant, key.attempt).await?.session;
        let change = SessionChange::Connecting { call: call.clone(), at: Timestamp::now() };
        match self.store.change_session(key.tenant, session, &change).await {
            Ok(_) => Ok(()),
            // A report of the carrier was quicker than its answer, or the other way round.
            Err(error) if error.kind() == ErrorKind::Conflict => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// Looks for a call until it is found, settled by a report, or given up. It is never ordered again.
    async fn reconcile(self: Arc<Self>, attempt: DialAttempt, order: PlaceCall) {
        for wait in LOOK_AFTER {
            sleep(wait).await;
            match self.look_for(&attempt, &order.to, &order.from).await {
                Ok(true) => return,
                Ok(false) => {}
                Err(error) => warn!(session = %attempt.session, %error, "looking for a call failed"),
            }
        }
        warn!(session = %attempt.session, "a call with an unknown outcome was not found");
        self.rings_no_more(attempt.id);
        self.end_session(attempt.tenant, attempt.session, EndReason::CallFailed, EventSource::System).await;
    }

    /// Looks once. Returns whether the attempt is settled.
    pub(super) async fn look_for(
        &self,
        attempt: &DialAttempt,
        to: &crate::PhoneNumber,
        from: &crate::PhoneNumber,
    ) -> Result<bool> {
        if self.is_settled(attempt).await? {
            return Ok(true);
        }
        let since = attempt.created_at - CLOCK_MARGIN;
        let found = self.carrier.find(&FindCalls { to: to.clone(), from: from.clone(), since }).await?;
        for call in found {
            // A call that belongs to another attempt is not ours, even to the same number.
            if self.store.attempt_of_call(self.carrier.name(), &call.id).await?.is_none() {
                self.bind(CallKey { tenant: attempt.tenant, attempt: attempt.id }, &call.id).await?;
                return Ok(true);
            }
        }
        // A report may have settled it while the carrier was searching.
        self.is_settled(attempt).await
    }

    async fn is_settled(&self, attempt: &DialAttempt) -> Result<bool> {
        let state = self.store.attempt(attempt.tenant, attempt.id).await?.state;
        Ok(matches!(state, AttemptState::Accepted | AttemptState::Rejected))
    }

    async fn log_placing(
        &self,
        session: &Session,
        order: &PlaceCall,
        result: &Result<CarrierCall>,
        latency: Duration,
        timestamp: Timestamp,
    ) {
        let log = ProviderLog {
            id: crate::RecordId::new(),
            session: session.id,
            provider: self.carrier.name().to_owned(),
            provider_call: result.as_ref().ok().map(|call| call.id.as_str().to_owned()),
            operation: ProviderOperation::Initiate,
            request: json!({
                "to": order.to.masked(),
                "from": order.from.masked(),
                "ringTimeoutSeconds": order.ring_timeout.as_secs(),
                "timeLimitSeconds": order.time_limit.as_secs(),
            }),
            response: result.as_ref().map_or_else(|_| json!({}), |call| json!({ "status": call.status })),
            status_code: result.is_ok().then_some(201),
            latency,
            success: result.is_ok(),
            error_message: result.as_ref().err().map(ToString::to_string),
            quality_metrics: None,
            timestamp,
        };
        self.log_provider(session.tenant, &log).await;
    }

    pub(super) async fn log_provider(&self, tenant: TenantId, log: &ProviderLog) {
        if let Err(error) = self.store.log_provider(tenant, log).await {
            error!(session = %log.session, %error, "an exchange with the carrier could not be logged");
        }
    }
}
