//! The handler of a server's calls: closures and dialogues of the application as the engine asks for them.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use futures_util::future::BoxFuture;
use voicecall_core::agent::VoiceAgent;
use voicecall_core::call::Keep;
use voicecall_core::carrier::IncomingCall;
use voicecall_core::store::{Direction, Session};
use voicecall_core::{AccountName, Error, ErrorKind, Result, SessionId, TenantId, Vault, async_trait};
use voicecall_engine::{
    CallHandler, CallOutcome, CallPlan, DialPolicy, LiveEvent, LiveEventKind, Observer, PlanRequest,
};

use super::{CallOptions, IncomingDecision};

pub(super) type OnIncoming = Box<dyn Fn(IncomingCall) -> BoxFuture<'static, Result<IncomingDecision>> + Send + Sync>;
pub(super) type OnOutgoing = Box<dyn Fn(Session) -> BoxFuture<'static, Result<CallOptions>> + Send + Sync>;
pub(super) type OnFinished = Box<dyn Fn(CallOutcome) -> BoxFuture<'static, ()> + Send + Sync>;

/// The application of a [`Server`](super::Server).
pub(super) struct App {
    pub(super) agent: Option<Arc<dyn VoiceAgent>>,
    pub(super) keep: Keep,
    pub(super) tenant: TenantId,
    pub(super) vault: Arc<Vault>,
    pub(super) on_incoming: Option<OnIncoming>,
    pub(super) on_outgoing: Option<OnOutgoing>,
    pub(super) on_finished: Option<OnFinished>,
    /// Calls of this process that wait, with how they are conducted.
    pub(super) waiting: Mutex<HashMap<SessionId, Waiting>>,
}

/// A call that was asked for.
#[derive(Debug)]
pub(super) struct Waiting {
    /// Taken by the first attempt.
    pub(super) options: Option<CallOptions>,
    pub(super) policy: Option<DialPolicy>,
}

impl fmt::Debug for App {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("App").field("agent", &self.agent).field("keep", &self.keep).finish_non_exhaustive()
    }
}

impl App {
    pub(super) fn waiting(&self) -> MutexGuard<'_, HashMap<SessionId, Waiting>> {
        // Nothing that can panic happens under the lock.
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn plan_of(&self, session: SessionId, options: CallOptions) -> Result<CallPlan> {
        options.plan(session, self.agent.as_ref(), &self.keep)
    }

    /// The application's decision about a call that came in.
    async fn decide(&self, call: IncomingCall) -> Result<IncomingDecision> {
        match &self.on_incoming {
            Some(decide) => decide(call).await,
            None => Ok(IncomingDecision::reject()),
        }
    }

    /// A call that came in, as far as its session tells: for one that broke off and goes on.
    fn call_of(&self, session: &Session) -> Result<IncomingCall> {
        let to = session.local.as_deref().unwrap_or_default().parse()?;
        let from = session.open_remote(&self.vault)?;
        Ok(IncomingCall::new(to).with_from(from))
    }
}

/// Calls that are over wait no more, whether anybody was reached or not.
impl Observer for App {
    fn observe(&self, event: &LiveEvent) {
        if matches!(event.kind, LiveEventKind::Ended { .. }) {
            self.waiting().remove(&event.session);
        }
    }
}

#[async_trait]
impl CallHandler for App {
    async fn tenant_of(&self, _account: AccountName, _call: &IncomingCall) -> Result<Option<TenantId>> {
        Ok(self.on_incoming.is_some().then_some(self.tenant))
    }

    async fn incoming(
        &self,
        call: &IncomingCall,
        session: &Session,
    ) -> Result<voicecall_engine::IncomingDecision<CallPlan>> {
        self.decide(call.clone()).await?.try_map(|options| self.plan_of(session.id, options))
    }

    async fn plan(&self, request: &PlanRequest) -> Result<CallPlan> {
        let session = &request.session;
        let options = if session.direction == Direction::Inbound {
            match self.decide(self.call_of(session)?).await? {
                IncomingDecision::Connect(options) => Some(options),
                _ => None,
            }
        } else {
            let waiting = self.waiting().get_mut(&session.id).and_then(|waiting| waiting.options.take());
            match (&self.on_outgoing, waiting) {
                (_, Some(options)) => Some(options),
                (Some(conduct), None) => Some(conduct(session.clone()).await?),
                (None, None) => None,
            }
        };
        let who = if session.direction == Direction::Inbound { "on_incoming" } else { "on_outgoing" };
        let nothing = || Error::new(ErrorKind::NotFound, "plan call").with_field(who);
        self.plan_of(session.id, options.ok_or_else(nothing)?)
    }

    async fn policy(&self, session: &Session) -> Result<DialPolicy> {
        let waiting = self.waiting();
        Ok(waiting.get(&session.id).and_then(|waiting| waiting.policy.clone()).unwrap_or_else(DialPolicy::once))
    }

    async fn finished(&self, outcome: &CallOutcome) {
        if let Some(told) = &self.on_finished {
            told(outcome.clone()).await;
        }
    }
}
