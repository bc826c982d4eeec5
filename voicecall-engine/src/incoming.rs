//! Calls that come in: whose they are, what the application decides, and one session for each, however often and in
//! whatever order the carrier tells of it.

use std::collections::HashMap;
use std::fmt;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::{BoxFuture, Shared};
use futures_util::{FutureExt, TryFutureExt};
use tokio::time::{Instant, timeout};
use tracing::{Instrument, error, info, info_span, warn};

use super::accounts::Account;
use super::address::CallKey;
use super::decision::IncomingDecision;
use super::observe::LiveEventKind;
use super::plan::CallPlan;
use super::retry::{ON_THE_LINE, retry_for};
use super::{CallEngine, Ringing};
use voicecall_core::carrier::{
    CallFlow, CarrierEvent, CarrierEventKind, IncomingCall, RejectReason, WebhookReply, WebhookRequest,
};
use voicecall_core::store::{DialAttempt, EndReason, EventSource, NewSession, Session, SessionChange};
use voicecall_core::{AccountName, CarrierCallId, Error, ErrorKind, Result, TenantId};

/// How long a carrier that asks about a call waits in all. Carriers give up after 15 s, and the caller then hears theirs.
const ANSWER_WITHIN: Duration = Duration::from_secs(12);

/// How long the answer to a call is kept for carriers that ask again.
const KEPT_FOR: Duration = Duration::from_secs(60);

/// Where the session of a call was opened.
enum Opened {
    /// Here.
    Here(Box<Session>, CallKey),
    /// By another process over the same store.
    Elsewhere(CallKey),
}

type Answer = Shared<BoxFuture<'static, Result<WebhookReply, ErrorKind>>>;

/// The calls that came in lately, each with the answer it gets or got.
#[derive(Default)]
pub(super) struct IncomingCalls(HashMap<(AccountName, CarrierCallId), (Instant, Answer)>);

impl fmt::Debug for IncomingCalls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("IncomingCalls").field(&self.0.len()).finish()
    }
}

impl CallEngine {
    /// Answers a carrier that asks what to do with a call to one of the account's numbers. The application
    /// [decides](super::CallHandler::incoming) once for each call; a carrier that asks again gets the same answer.
    ///
    /// # Errors
    /// `Unauthenticated` if it is not the carrier; `Invalid` for a request that tells of no incoming call.
    pub async fn incoming(
        self: &Arc<Self>,
        account: AccountName,
        request: &WebhookRequest<'_>,
    ) -> Result<WebhookReply> {
        let (account, event) = self.verify(account, request).await?;
        let CarrierEventKind::Incoming(call) = event.kind.clone() else {
            return Err(Error::invalid("event", "the first request about an incoming call"));
        };
        let name = (account.name(), event.call.clone());
        let answer = {
            let mut state = self.state();
            state.incoming.0.retain(|_, (since, _)| since.elapsed() < KEPT_FOR);
            let (_, answer) = state.incoming.0.entry(name).or_insert_with(|| {
                let (engine, account) = (Arc::clone(self), Arc::clone(&account));
                // Its own task: a carrier that gives its request up must not leave half a session.
                let task = tokio::spawn(async move { engine.take_call(&account, &event, &call).await });
                let failed = |error| {
                    error!(%error, "a call that came in could not be taken");
                    ErrorKind::Internal
                };
                (Instant::now(), task.unwrap_or_else(move |error| Err(failed(error))).boxed().shared())
            });
            answer.clone()
        };
        match timeout(ANSWER_WITHIN, answer).await {
            Ok(Ok(reply)) => Ok(reply),
            // Whoever calls hears something, whatever has broken here, or takes too long.
            Ok(Err(_)) | Err(_) => account.reply(&self.farewell(&account)),
        }
    }

    async fn take_call(
        self: Arc<Self>,
        account: &Arc<Account>,
        event: &CarrierEvent,
        call: &IncomingCall,
    ) -> Result<WebhookReply, ErrorKind> {
        let taken = async {
            // A process that has forgotten the call, or another one, answered it before.
            if let Some(key) = self.key_of_incoming(account, event).await? {
                return self.answer_again(account, key, event).await;
            }
            let tenant = retry_for(ON_THE_LINE, || self.handler.tenant_of(account.name(), call)).await?;
            let Some(tenant) = tenant else {
                warn!(account = %account.name(), "a call came in to a number of nobody");
                return account.reply(&CallFlow::reject(RejectReason::Rejected));
            };
            if self.is_draining() || self.is_full() {
                warn!(account = %account.name(), "a call came in that cannot be taken now");
                return account.reply(&self.line_is_busy(account));
            }
            let (session, key) = match self.open_session(account, event, call, tenant).await? {
                Opened::Here(session, key) => (*session, key),
                Opened::Elsewhere(key) => return self.answer_again(account, key, event).await,
            };
            let span = info_span!("incoming", session = %session.id);
            self.decide(account, key, session, event, call).instrument(span).await
        };
        taken.await.map_err(|error: Error| {
            error!(%error, "a call that came in could not be taken");
            error.kind()
        })
    }

    /// What is said to callers for whom there is no room.
    fn line_is_busy(&self, account: &Account) -> CallFlow {
        let said = self.rules().busy_line.as_ref().and_then(|line| line.flow(&**account.backend()).ok());
        said.unwrap_or_else(|| CallFlow::reject(RejectReason::Busy))
    }

    /// Whether as many calls as allowed ring or are connected, or none is answered at all.
    fn is_full(&self) -> bool {
        let (ringing, live) = self.count();
        let rules = self.rules();
        !rules.answers_calls || ringing + live >= rules.max_live
    }

    /// Which attempt a call is that came in, if it is known already.
    async fn key_of_incoming(&self, account: &Account, event: &CarrierEvent) -> Result<Option<CallKey>> {
        let known = retry_for(ON_THE_LINE, || self.route(account, &event.call)).await?;
        let key = |tenant, attempt| CallKey { account: account.name(), tenant, attempt };
        Ok(known.and_then(|route| Some(key(route.tenant, route.attempt?))))
    }

    async fn open_session(
        &self,
        account: &Account,
        event: &CarrierEvent,
        call: &IncomingCall,
        tenant: TenantId,
    ) -> Result<Opened> {
        let now = self.now();
        let mut new = NewSession::inbound_from(&self.vault, tenant, call.from.as_ref(), now)?;
        new.account = Some(account.name());
        new.local = Some(call.to.canonical());
        let attempt = DialAttempt::planned(tenant, new.id, account.backend().name(), now);
        let attempt = DialAttempt { account: Some(account.name()), ..attempt };
        let key = CallKey::of(&attempt)?;
        retry_for(ON_THE_LINE, || self.store.create_session(&new)).await?;
        // Known before it has an owner, so that a recovery does not take it for forgotten.
        self.note_ringing(attempt.id, Ringing::new(tenant, new.id))?;
        let opened = async {
            retry_for(ON_THE_LINE, || self.store.plan_attempt(&attempt)).await?;
            let epoch = self.store.acquire_lease(tenant, new.id, self.lease_of_anybody()).await?;
            if let Some(ringing) = self.state().ringing.get_mut(&attempt.id) {
                ringing.epoch = Some(epoch);
            }
            self.store.begin_sending(tenant, attempt.id, epoch).await?;
            self.take_in(account, key, event).await.map(|(session, _)| session)
        };
        match opened.await {
            Ok(session) => {
                self.events.tell(tenant, session.id, LiveEventKind::CameIn);
                Ok(Opened::Here(Box::new(session), key))
            }
            Err(error) => {
                self.remove_ringing(attempt.id);
                // Another process was asked about the same call at the same time and was quicker: it has its session.
                if let Ok(Some(theirs)) = self.key_of_incoming(account, event).await
                    && theirs.attempt != attempt.id
                {
                    // Nothing of ours has happened to anybody.
                    let (reason, source) = (EndReason::Canceled, EventSource::System);
                    let end = SessionChange::Ended { reason, source, at: self.now() };
                    self.store.change_session(tenant, new.id, &end).await?;
                    self.store.delete_session(tenant, new.id).await?;
                    return Ok(Opened::Elsewhere(theirs));
                }
                self.end_session(tenant, new.id, EndReason::TechnicalFailure, EventSource::System).await;
                Err(error)
            }
        }
    }

    async fn decide(
        self: &Arc<Self>,
        account: &Account,
        key: CallKey,
        session: Session,
        event: &CarrierEvent,
        call: &IncomingCall,
    ) -> Result<WebhookReply> {
        let asked = AssertUnwindSafe(self.handler.incoming(call, &session)).catch_unwind();
        let decision = match timeout(self.rules().decision_timeout, asked).await {
            Ok(Ok(Ok(decision))) => decision,
            undecided => {
                match undecided {
                    Ok(Ok(Err(error))) => error!(%error, "nobody decided what becomes of a call that came in"),
                    Ok(Err(_)) => error!("the decision about a call that came in panicked"),
                    _ => error!("nobody decided in time what becomes of a call that came in"),
                }
                return self.not_taken(account, key, &session, EndReason::NoDecision, &self.farewell(account)).await;
            }
        };
        let (reason, flow) = match decision {
            IncomingDecision::Connect(plan) => return self.accept(account, key, &session, event, plan).await,
            IncomingDecision::Reject => (EndReason::Rejected, CallFlow::reject(RejectReason::Rejected)),
            IncomingDecision::Busy => (EndReason::Rejected, CallFlow::reject(RejectReason::Busy)),
            IncomingDecision::Say(text, language) => (EndReason::Rejected, CallFlow::farewell(text, language)),
            IncomingDecision::Play(url) => (EndReason::Rejected, CallFlow::play_and_hang_up(url)),
            // Whoever sets where calls go could else have somebody paid for them.
            IncomingDecision::Forward(number) => match self.check_destination(&number) {
                Ok(()) => (EndReason::Transferred, CallFlow::forward(call, number)),
                Err(error) => {
                    error!(%error, "a call that came in cannot be forwarded");
                    (EndReason::NotAllowed, self.farewell(account))
                }
            },
        };
        self.not_taken(account, key, &session, reason, &flow).await
    }

    async fn accept(
        self: &Arc<Self>,
        account: &Account,
        key: CallKey,
        session: &Session,
        event: &CarrierEvent,
        plan: CallPlan,
    ) -> Result<WebhookReply> {
        if let Err(error) = plan.validate(account) {
            error!(%error, "a call that came in cannot be conducted as planned");
            return self.not_taken(account, key, session, EndReason::TechnicalFailure, &self.farewell(account)).await;
        }
        if let Some(ringing) = self.state().ringing.get_mut(&key.attempt) {
            ringing.plan = Some(plan);
        }
        // Whoever hung up while it was decided is not waited for.
        let session = retry_for(ON_THE_LINE, || self.store.session(key.tenant, session.id)).await?;
        if session.status.is_final() {
            self.remove_ringing(key.attempt);
            return account.reply(&CallFlow::hang_up());
        }
        info!("a call that came in is answered");
        self.connect_to_us(account, key, event, session.owner)
    }

    async fn not_taken(
        &self,
        account: &Account,
        key: CallKey,
        session: &Session,
        reason: EndReason,
        flow: &CallFlow,
    ) -> Result<WebhookReply> {
        info!(%reason, "a call that came in is not taken");
        self.remove_ringing(key.attempt);
        if reason == EndReason::Transferred {
            // Whoever calls is on the line, with somebody else; only a connected session can have gone on elsewhere.
            let change = SessionChange::Connected { at: self.now() };
            if let Err(error) =
                retry_for(ON_THE_LINE, || self.store.change_session(key.tenant, session.id, &change)).await
            {
                warn!(%error, "it could not be stored that a call was forwarded");
            }
        }
        self.end_session(key.tenant, session.id, reason, EventSource::System).await;
        account.reply(flow)
    }

    /// A call with a session is asked about once more: its audio is wanted unless it is over or somebody has it.
    async fn answer_again(
        self: &Arc<Self>,
        account: &Account,
        key: CallKey,
        event: &CarrierEvent,
    ) -> Result<WebhookReply> {
        let attempt = self.store.attempt(key.tenant, key.attempt).await?;
        let session = self.store.session(key.tenant, attempt.session).await?;
        if session.status.is_final() || self.is_live(session.id) {
            return account.reply(&CallFlow::hang_up());
        }
        self.connect_to_us(account, key, event, session.owner)
    }
}
