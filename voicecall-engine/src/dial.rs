//! Placing a call so that a phone never rings twice for one attempt, and settling what the carrier left open.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use jiff::{SignedDuration, Timestamp};
use serde_json::json;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep};
use tracing::{Instrument, error, info, info_span, warn};

use super::accounts::Account;
use super::address::CallKey;
use super::destinations::DESTINATION;
use super::leases::LEASE;
use super::observe::LiveEventKind;
use super::plan::PlanRequest;
use super::retry::{retry, retry_while};
use super::{CallEngine, Ringing};
use voicecall_core::carrier::{CallDirection, CarrierCall, FindCalls, PlaceCall};
use voicecall_core::store::{
    AttemptOutcome, AttemptState, Claim, DialAttempt, EndReason, EventSource, NumberKey, ProviderLog,
    ProviderOperation, Session, SessionChange,
};
use voicecall_core::{AttemptId, CarrierCallId, Epoch, PhoneNumber, SessionId, TenantId};
use voicecall_core::{Error, ErrorKind, Result};

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

/// How long after an attempt was planned its order is given at the latest: plans are made in between.
const ORDERED_WITHIN: SignedDuration = SignedDuration::from_secs(120);

/// Whether a call from one of our numbers may be the one an attempt has ordered, by what the carrier tells of it.
fn may_be_of(attempt: &DialAttempt, call: &CarrierCall) -> bool {
    let is_ordered = call.direction.is_none_or(|direction| direction == CallDirection::OutboundApi);
    let is_in_time = call.created_at.is_none_or(|created| created <= attempt.created_at + ORDERED_WITHIN);
    is_ordered && call.parent.is_none() && is_in_time
}

impl CallEngine {
    /// Places the call of a session that waits for it, at once and whatever the hour. The order to the carrier is sent at
    /// most once; when its outcome is unknown, the session stays as it is and is settled in the background.
    ///
    /// # Errors
    /// `Unavailable` while draining; `Conflict` if the session does not wait to be called; what planning reports; what
    /// the carrier reports, the session then waits for its next attempt or is `failed`.
    pub async fn place(self: &Arc<Self>, session: &Session) -> Result<Session> {
        let policy = self.handler.policy(session).await?;
        let accounts = self.accounts_for(session, &policy).await?;
        let account = accounts.iter().find(|account| !account.is_unfit()).or(accounts.first());
        let account = account.ok_or_else(|| Error::config("carrier", "at least one account"))?;
        if account.rests() || !self.rules().places_calls {
            return Err(Error::new(ErrorKind::Unavailable, "place call").with_message("nobody is called for now"));
        }
        account.ordered();
        let task = self.begin(session, account).await?;
        task.await.map_err(|error| Error::new(ErrorKind::Internal, "place call").with_source(error))?
    }

    /// Takes a session's turn and begins to place its call.
    pub(super) async fn begin(
        self: &Arc<Self>,
        session: &Session,
        account: &Arc<Account>,
    ) -> Result<JoinHandle<Result<Session>>> {
        if self.is_draining() {
            return Err(Error::new(ErrorKind::Unavailable, "place call").with_message("the server is shutting down"));
        }
        let attempt = DialAttempt::planned(session.tenant, session.id, account.backend().name(), self.now());
        let attempt = DialAttempt { account: Some(account.name()), ..attempt };
        // Known before the order is sent, because the carrier may report before it has answered us; and before the turn
        // is taken, so that a recovery does not take the session for forgotten.
        self.note_ringing(attempt.id, Ringing::new(session.tenant, session.id))?;
        let claimed = self.store.claim_session(session.tenant, session.id, &self.claim_of(session)).await;
        let (_, epoch) = match claimed {
            Ok(claimed) => claimed,
            Err(error) => {
                self.remove_ringing(attempt.id);
                account.withdraw();
                let session = self.store.session(session.tenant, session.id).await?;
                // The store has ended it by itself, which nobody who watches knows.
                if session.end_reason == Some(EndReason::DoNotCall) {
                    self.tell_ended(&session);
                }
                if let (ErrorKind::RateLimited, Some(wait)) = (error.kind(), error.retry_after()) {
                    self.wait_for_turn(&session, wait).await;
                }
                return Err(error);
            }
        };
        if let Some(ringing) = self.state().ringing.get_mut(&attempt.id) {
            ringing.epoch = Some(epoch);
        }
        let (engine, account, tenant, session) = (Arc::clone(self), Arc::clone(account), session.tenant, session.id);
        let span = info_span!("place", %session);
        // Its own task, because a client that goes away must not leave an order half recorded.
        let placing = async move {
            let id = attempt.id;
            let placed = AssertUnwindSafe(engine.place_owned(tenant, session, attempt, epoch)).catch_unwind().await;
            let placed = match placed {
                Ok(placed) => placed,
                Err(_) => {
                    engine.end_session(tenant, session, EndReason::TechnicalFailure, EventSource::System).await;
                    Err(Error::new(ErrorKind::Internal, "place call"))
                }
            };
            if let Err(error) = &placed {
                warn!(%session, %error, "a call could not be placed");
                // If the order was given, it has been counted.
                account.withdraw();
                engine.remove_ringing(id);
            }
            placed
        };
        Ok(tokio::spawn(placing.instrument(span)))
    }

    /// How a session's turn is taken now. What its number is must be known to count it; one that cannot be read is told
    /// when the call is prepared.
    fn claim_of(&self, session: &Session) -> Claim {
        let number = self.phone_of(session).ok().map(|number| NumberKey::of(&self.vault, &number));
        let limits = self.rules().contact_limits.clone();
        Claim { number, limits, ..Claim::new(self.now(), LEASE) }
    }

    /// Lets a session wait that may not call its number yet, unless it would be too old by then.
    async fn wait_for_turn(&self, session: &Session, wait: Duration) {
        // Without a policy, or a store, it stays due, and is looked at again.
        let Ok(policy) = self.policy_in_time(session).await else { return };
        let Ok(next) = self.next_attempt(session, &policy, wait).await else { return };
        let next = next.unwrap_or_else(|| self.end(EndReason::NotAllowed, EventSource::System));
        info!(session = %session.id, ?next, "a session's number, or for its tenant, was called enough for now");
        match self.store.change_session(session.tenant, session.id, &next).await {
            Ok(session) if session.status.is_final() => self.tell_ended(&session),
            Ok(_) => {}
            Err(error) if error.kind() == ErrorKind::Conflict => {}
            Err(error) => warn!(session = %session.id, %error, "a session could not be postponed"),
        }
    }

    /// Whether a number may be called, by the [destinations](super::CallRules::destinations) of this engine.
    ///
    /// # Errors
    /// `Invalid` naming `remote`, with what is allowed.
    pub fn check_destination(&self, number: &PhoneNumber) -> Result<()> {
        let accounts = self.accounts.all();
        self.rules().destinations.check_from(number, accounts.iter().flat_map(|account| account.config().numbers()))
    }

    /// Notes that a session is being called here, unless it is already.
    pub(super) fn note_ringing(&self, attempt: AttemptId, ringing: Ringing) -> Result<()> {
        let mut state = self.state();
        let is_other = |(id, other): (&AttemptId, &Ringing)| *id != attempt && other.session == ringing.session;
        if state.ringing.iter().any(is_other) {
            return Err(Error::new(ErrorKind::Conflict, "place call").with_message("it is being placed"));
        }
        state.ringing.insert(attempt, ringing);
        Ok(())
    }

    async fn place_owned(
        self: &Arc<Self>,
        tenant: TenantId,
        session: SessionId,
        attempt: DialAttempt,
        epoch: Epoch,
    ) -> Result<Session> {
        let session = self.store.session(tenant, session).await?;
        self.store.plan_attempt(&attempt).await?;
        let journal = self.store.journal(tenant, session.id).await?;
        let request = PlanRequest { session: session.clone(), journal, now: self.now(), resumed: false };
        let key = CallKey::of(&attempt)?;
        let account = self.accounts.get(key.account)?;
        let (order, ringing) = match self.prepare(&request, key, &account, epoch).await {
            Ok(prepared) => prepared,
            Err(error) if error.is_retryable() => {
                self.postpone(&session, attempt.id, error.retry_after()).await;
                return Err(error);
            }
            Err(error) => {
                let reason = match error.code() {
                    Some(DESTINATION) => EndReason::NotAllowed,
                    _ if self.phone_of(&session).is_err() => EndReason::AddressUnreadable,
                    _ => EndReason::TechnicalFailure,
                };
                self.end_session(tenant, session.id, reason, EventSource::System).await;
                return Err(error);
            }
        };
        self.note_ringing(attempt.id, ringing)?;
        self.store.begin_sending(tenant, attempt.id, epoch).await?;
        let (begun, timestamp) = (Instant::now(), self.now());
        let result = account.backend().place(&order).await;
        account.record(result.as_ref().map(drop));
        self.log_placing(&session, &account, &order, &result, begun.elapsed(), timestamp).await;
        match result {
            Ok(call) => {
                self.bind(key, &call.id).await?;
                info!(session = %session.id, "call placed");
                self.events.tell(tenant, session.id, LiveEventKind::Placed);
                let session = self.store.session(tenant, session.id).await?;
                if session.status.is_final() {
                    // Somebody ended it while it was being ordered.
                    self.remove_ringing(attempt.id);
                    account.hang_up(&call.id).await?;
                }
                Ok(session)
            }
            Err(error) if error.kind() == ErrorKind::UnknownOutcome => {
                warn!(session = %session.id, %error, "nobody knows whether the call was placed");
                // Looked for also if the store does not take this: it stays in `sending`, which is as unknown.
                let settled = self.store.settle_attempt(tenant, attempt.id, &AttemptOutcome::Unknown).await;
                let engine = Arc::clone(self);
                // Ends by itself after the last look; the recovery at the next start takes over if the process ends.
                tokio::spawn(async move { engine.reconcile(attempt, order).await });
                settled?;
                self.store.session(tenant, session.id).await
            }
            Err(error) => {
                let reason = AttemptOutcome::Rejected(error.to_string());
                retry_while(|| !self.is_draining(), || self.store.settle_attempt(tenant, attempt.id, &reason)).await?;
                let policy = retry(|| self.handler.policy(&session)).await;
                self.keep_plan(session.id, attempt.id);
                if policy.as_ref().is_err_and(Error::is_retryable) {
                    self.postpone(&session, attempt.id, error.retry_after()).await;
                } else if self.goes_elsewhere(&session, &policy?, &error).await {
                    info!(session = %session.id, account = %account.name(), "another account is tried");
                    self.postpone(&session, attempt.id, Some(Duration::ZERO)).await;
                } else if error.is_retryable() {
                    self.postpone(&session, attempt.id, error.retry_after()).await;
                } else {
                    self.end_session(tenant, session.id, EndReason::CallFailed, EventSource::Telephony).await;
                }
                Err(error)
            }
        }
    }

    /// Everything that can go wrong before the order is sent.
    async fn prepare(
        &self,
        request: &PlanRequest,
        key: CallKey,
        account: &Account,
        epoch: Epoch,
    ) -> Result<(PlaceCall, Ringing)> {
        let session = &request.session;
        let number = self.phone_of(session)?;
        self.check_destination(&number)?;
        let policy = self.handler.policy(session).await?;
        let detection = self.detection(session, key, &policy).await?;
        let mut order = PlaceCall::new(
            number,
            account.caller_id(policy.from.as_ref())?,
            self.config.answer_url(key)?,
            self.config.status_url(key)?,
        );
        // Asked again there if we could not answer: a carrier that is told nothing hangs up.
        order.fallback_url = Some(self.config.answer_url(key)?);
        order.ring_timeout = self.rules().ring_timeout;
        order.time_limit = self.rules().time_limit;
        order.machine_detection = detection;
        let plan = self.plan_for(request).await?;
        plan.validate(account)?;
        let ringing = Ringing {
            epoch: Some(epoch),
            until: self.must_end_by(&policy, self.now()),
            plan: Some(plan),
            ..Ringing::new(session.tenant, session.id)
        };
        Ok((order, ringing))
    }

    /// The number that a session calls.
    ///
    /// # Errors
    /// `Invalid` naming `remote` if it has none, or one that no phone call reaches.
    pub(super) fn phone_of(&self, session: &Session) -> Result<PhoneNumber> {
        let unreachable = || Error::invalid("remote", "the number of a phone");
        let remote = session.open_remote(&self.vault)?.ok_or_else(unreachable)?;
        remote.as_phone().cloned().ok_or_else(unreachable)
    }

    /// Learns which call of the carrier an attempt became. Learning it twice is fine.
    pub(super) async fn bind(&self, key: CallKey, call: &CarrierCallId) -> Result<()> {
        let outcome = AttemptOutcome::Accepted(call.clone());
        self.store.settle_attempt(key.tenant, key.attempt, &outcome).await?;
        let session = self.store.attempt(key.tenant, key.attempt).await?.session;
        let change = SessionChange::Connecting { call: call.clone(), at: self.now() };
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
            match self.look_for(&attempt, &order.to, std::slice::from_ref(&order.from)).await {
                Ok(true) => return,
                Ok(false) => {}
                Err(error) => warn!(session = %attempt.session, %error, "looking for a call failed"),
            }
        }
        warn!(session = %attempt.session, "a call with an unknown outcome was not found");
        self.remove_ringing(attempt.id);
        self.end_session(attempt.tenant, attempt.session, EndReason::CallFailed, EventSource::System).await;
    }

    /// Looks once for a call from one of these numbers. Returns whether the attempt is settled.
    pub(super) async fn look_for(
        &self,
        attempt: &DialAttempt,
        to: &PhoneNumber,
        numbers: &[PhoneNumber],
    ) -> Result<bool> {
        if self.is_settled(attempt).await? {
            return Ok(true);
        }
        let account = self.accounts.of(attempt)?;
        if account.config().are_numbers_shared() {
            // Whatever is found may be another application's; a report that names the attempt is not.
            return Ok(false);
        }
        let since = attempt.created_at - CLOCK_MARGIN;
        let mut ours = Vec::new();
        for from in numbers {
            let query = FindCalls { to: to.clone(), from: from.clone(), since };
            for call in account.backend().find(&query).await?.into_iter().filter(|call| may_be_of(attempt, call)) {
                // A call that belongs to another attempt is not ours, even to the same number.
                if self.route(&account, &call.id).await?.is_none() {
                    ours.push(call.id);
                }
            }
        }
        match &ours[..] {
            [call] => {
                self.bind(CallKey::of(attempt)?, call).await?;
                return Ok(true);
            }
            [] => {}
            // Only one was ordered, and none of them tells that it is that one.
            _ => {
                warn!(session = %attempt.session, calls = ours.len(), "a call with an unknown outcome may be one of several")
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
        account: &Account,
        order: &PlaceCall,
        result: &Result<CarrierCall>,
        latency: Duration,
        timestamp: Timestamp,
    ) {
        let log = ProviderLog {
            id: voicecall_core::RecordId::new(),
            session: session.id,
            provider: account.name().to_string(),
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
        self.log_provider(session.tenant, account, &log).await;
    }

    /// Keeps an exchange with the carrier, and tells of it. Returns whether it is news: one that is kept already is not.
    pub(super) async fn log_provider(&self, tenant: TenantId, account: &Account, log: &ProviderLog) -> bool {
        match self.store.log_provider(tenant, log).await {
            Ok(()) => {}
            Err(error) if error.kind() == ErrorKind::Conflict => return false,
            Err(error) => error!(session = %log.session, %error, "an exchange with the carrier could not be logged"),
        }
        let kind = LiveEventKind::Provider {
            provider: account.backend().name(),
            operation: log.operation,
            success: log.success,
            latency: log.latency,
        };
        self.events.tell(tenant, log.session, kind);
        true
    }
}
