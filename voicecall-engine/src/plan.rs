//! What a service brings to a call: how it is conducted, and what happens with what it leaves.

use std::fmt::Debug;
use std::path::PathBuf;
use std::sync::Arc;

use async_trait::async_trait;
use jiff::Timestamp;

use super::accounts::CarrierAccount;
use super::decision::IncomingDecision;
use super::policy::DialPolicy;
use voicecall_core::agent::{AgentSetup, VoiceAgent};
use voicecall_core::call::{CallSettings, TextMachine};
use voicecall_core::carrier::IncomingCall;
use voicecall_core::dialogue::Dialogue;
use voicecall_core::journal::JournalEntry;
use voicecall_core::store::{EndReason, Session};
use voicecall_core::{AccountName, Error, Result, SessionId, TenantId};

/// How one call is to be conducted. Made before the phone rings, so that nothing has to be made while it is answered.
#[derive(Debug)]
pub struct CallPlan {
    /// Who listens, thinks and speaks. It must leave turns to us and speak verbatim.
    pub agent: Arc<dyn VoiceAgent>,
    /// The machine's settings, with everything prepared that can be.
    pub settings: CallSettings,
    /// How to listen and speak. In a call that is [conducted in text](CarrierAccount::converse) only languages count, as whole
    /// tags such as `sv-SE`.
    pub setup: AgentSetup,
    /// What is said.
    pub dialogue: Box<dyn Dialogue>,
}

impl CallPlan {
    /// A plan with the default settings.
    #[must_use]
    pub fn new(session: SessionId, agent: Arc<dyn VoiceAgent>, dialogue: Box<dyn Dialogue>) -> Self {
        Self { agent, settings: CallSettings::new(session), setup: AgentSetup::default(), dialogue }
    }

    /// Checks what can be checked before the phone rings.
    pub(super) fn validate(&self, account: &CarrierAccount) -> Result<()> {
        if self.agent.owns_turns() || !self.agent.speaks_verbatim() {
            return Err(Error::config("agent", "an agent that leaves turns to us and speaks verbatim"));
        }
        match account.converses() {
            Some(how) => {
                let asks_consent = self.dialogue.can_grant_consent();
                TextMachine::check(&self.settings, asks_consent, how.announcement.as_deref())
            }
            None if !self.agent.has_voice() => {
                Err(Error::config("agent", "an agent that hears and speaks: the account's carrier does not"))
            }
            None => Ok(()),
        }
    }
}

/// What a call left behind.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct CallOutcome {
    /// The session in its last state.
    pub session: Session,
    /// Why it ended.
    pub reason: EndReason,
    /// The folder with the recording and the recorded inputs, if the caller consented to one.
    pub recording: Option<PathBuf>,
}

/// What is to be planned.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct PlanRequest {
    /// Whose call.
    pub session: Session,
    /// What earlier connections left; empty for the first.
    pub journal: Vec<JournalEntry>,
    /// When it is, for what depends on the time used.
    pub now: Timestamp,
    /// Whether the same call goes on after its connection broke; otherwise it is a new call to the same person.
    pub resumed: bool,
}

/// The business behind the calls.
#[async_trait]
pub trait CallHandler: Send + Sync + Debug + 'static {
    /// Plans a call, or its continuation.
    ///
    /// # Errors
    /// When there is nothing to talk about, or something needed is missing: the call is then not placed. After a
    /// retryable error the session waits and is planned again.
    async fn plan(&self, request: &PlanRequest) -> Result<CallPlan>;

    /// Whose call it is that came in to a number of `account`; nobody's unless told otherwise: the caller then hears that the
    /// number is not in service.
    ///
    /// # Errors
    /// When it cannot be told now. Retryable ones are tried again for some seconds.
    async fn tenant_of(&self, _account: AccountName, _call: &IncomingCall) -> Result<Option<TenantId>> {
        Ok(None)
    }

    /// What becomes of a call that came in, asked once for each, before it is answered. Within
    /// [`decision_timeout`](super::CallRules::decision_timeout): after that, or if this fails or panics, the caller hears
    /// [`farewell`](super::CallRules::farewell). A call that breaks off and goes on is [planned](Self::plan) anew.
    ///
    /// # Errors
    /// When it cannot be decided; not tried again, because somebody waits.
    async fn incoming(&self, _call: &IncomingCall, _session: &Session) -> Result<IncomingDecision> {
        Ok(IncomingDecision::Reject)
    }

    /// When and how often the person of a session may be called; once, at any hour, unless told otherwise.
    ///
    /// # Errors
    /// Retryable ones let the session wait; after others it has failed.
    async fn policy(&self, _session: &Session) -> Result<DialPolicy> {
        Ok(DialPolicy::once())
    }

    /// A call is over and everything of it is stored. Errors are the service's own to report.
    async fn finished(&self, outcome: &CallOutcome);
}
