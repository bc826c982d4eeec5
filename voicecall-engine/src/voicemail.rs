//! Calls that a machine answers: found out by the carrier, hung up or left a message, and tried again later.

use tokio::sync::watch;
use tracing::{info, warn};

use super::CallEngine;
use super::accounts::Account;
use super::address::CallKey;
use super::policy::DialPolicy;
use voicecall_core::Result;
use voicecall_core::call::InputEvent;
use voicecall_core::carrier::{AnsweredBy, CallFlow, MachineDetection};
use voicecall_core::dialogue::Action;
use voicecall_core::store::{Direction, EndReason, EventSource, Session, SessionStatus};
use voicecall_core::{CarrierCallId, SessionId};

/// What becomes of calls that a machine answers.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Voicemail {
    /// Nobody finds out who answered: a machine is talked to like a person.
    #[default]
    Undetected,
    /// The call ends as soon as a machine is recognised, and the person is tried again.
    HangUp(WhileDetecting),
    /// The first machine that answers for a session is left this message after its greeting; the person is tried again,
    /// and further machines are hung up on.
    LeaveMessage(WhileDetecting, CallFlow),
}

/// What a person who answers hears until the carrier knows that it is a person.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WhileDetecting {
    /// The agent, at once. Until the carrier knows, the session is not `in_progress` and nothing of the call is stored,
    /// unless the caller consents.
    Agent,
    /// Nothing: the agent begins when the carrier knows, which takes some seconds.
    Silence,
}

impl Voicemail {
    const fn parts(&self) -> Option<(WhileDetecting, Option<&CallFlow>)> {
        match self {
            Self::Undetected => None,
            Self::HangUp(meanwhile) => Some((*meanwhile, None)),
            Self::LeaveMessage(meanwhile, message) => Some((*meanwhile, Some(message))),
        }
    }
}

/// Who is on a connected call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum AmdResult {
    /// It is being found out.
    Unknown,
    /// A person, as far as anybody knows.
    Person,
    /// A machine, which is told this.
    Machine(CallFlow),
}

/// Takes who answers for a person unless it is known to be a machine.
pub(super) fn assume_person(amd: &watch::Sender<AmdResult>) {
    amd.send_if_modified(|amd| {
        let unknown = *amd == AmdResult::Unknown;
        if unknown {
            *amd = AmdResult::Person;
        }
        unknown
    });
}

impl CallEngine {
    /// How the carrier is to find out who answers a call of this session.
    pub(super) async fn detection(
        &self,
        session: &Session,
        key: CallKey,
        policy: &DialPolicy,
    ) -> Result<Option<MachineDetection>> {
        let Some((meanwhile, message)) = policy.voicemail.parts() else { return Ok(None) };
        if !self.accounts.get(key.account)?.backend().capabilities().machine_detection {
            warn!(account = %key.account, "the carrier does not find out whether a machine answers");
            return Ok(None);
        }
        let detection = match meanwhile {
            WhileDetecting::Silence => MachineDetection::before_instructions(),
            WhileDetecting::Agent => MachineDetection::in_background(self.config.status_url(key)?),
        };
        let leaves_message = message.is_some() && self.may_leave_message(session, key).await?;
        Ok(Some(if leaves_message { detection.after_greeting() } else { detection }))
    }

    /// Whether the carrier finds out who answers a call of this session, and what a person hears meanwhile.
    pub(super) async fn detects(&self, session: &Session, account: &Account) -> Option<WhileDetecting> {
        if session.direction == Direction::Inbound || !account.backend().capabilities().machine_detection {
            return None;
        }
        // Without a policy the call goes on as with a person.
        let policy = self.handler.policy(session).await.ok()?;
        policy.voicemail.parts().map(|(meanwhile, _)| meanwhile)
    }

    /// A machine answered before anybody talked to it. Returns what it is told.
    pub(super) async fn machine_answered(&self, session: &Session, key: CallKey) -> Result<CallFlow> {
        let told = self.to_machine(session, key).await?;
        info!(session = %session.id, "a machine answered");
        self.remove_ringing(key.attempt);
        self.attempt_over(session, key.attempt, EndReason::Voicemail, EventSource::Telephony).await;
        Ok(told)
    }

    /// What a machine is told that answered this attempt: the same however often it is asked.
    pub(super) async fn to_machine(&self, session: &Session, key: CallKey) -> Result<CallFlow> {
        let policy = self.handler.policy(session).await?;
        match policy.voicemail.parts() {
            Some((_, Some(message))) if self.may_leave_message(session, key).await? => Ok(message.clone()),
            _ => Ok(CallFlow::hang_up()),
        }
    }

    /// Nobody is left two messages.
    async fn may_leave_message(&self, session: &Session, key: CallKey) -> Result<bool> {
        let attempts = self.store.attempts(session.tenant, session.id).await?;
        let first = attempts.iter().find(|attempt| attempt.outcome == Some(EndReason::Voicemail));
        Ok(first.is_none_or(|first| first.id == key.attempt))
    }

    /// Takes in what the carrier found out while the agent was talking.
    pub(super) async fn detected(
        &self,
        session: &Session,
        key: CallKey,
        call: &CarrierCallId,
        answered_by: AnsweredBy,
    ) -> Result<()> {
        let line = {
            let state = self.state();
            let live = state.live.get(&session.id).filter(|live| live.call == *call);
            live.map(|live| (live.amd.clone(), live.control.clone()))
        };
        if !answered_by.is_machine() {
            if let Some((amd, _)) = line {
                assume_person(&amd);
            }
            return Ok(());
        }
        let is_current = session.carrier_call.as_ref() == Some(call) && session.due_at.is_none();
        if session.status.is_final() || !is_current {
            return Ok(());
        }
        let Some((amd, control)) = line else {
            let told = self.machine_answered(session, key).await?;
            return self.tell_machine(&*self.accounts.get(key.account)?, call, &told).await;
        };
        let told = self.to_machine(session, key).await?;
        info!(session = %session.id, "the agent talks to a machine");
        amd.send_replace(AmdResult::Machine(told));
        // A call that ended in the meantime books this itself.
        let _ = control.send(Box::new(InputEvent::Dialogue(Action::EndNow(EndReason::Voicemail)))).await;
        Ok(())
    }

    /// Gives a call that a machine answered its last steps.
    pub(super) async fn tell_machine(&self, account: &Account, call: &CarrierCallId, told: &CallFlow) -> Result<()> {
        let can = account.backend().capabilities();
        if *told == CallFlow::hang_up() || !(can.update_call || can.resumes_after_stream) {
            return account.hang_up(call).await;
        }
        // A carrier that goes on after the stream asks what to do, and is told then: told twice, it would begin twice.
        if can.resumes_after_stream { Ok(()) } else { account.backend().update_call(call, told).await }
    }

    /// Books a connected call that a machine turned out to have answered. Returns whether nobody was reached:
    /// whoever consented was.
    pub(super) async fn was_machine(&self, key: CallKey, session: SessionId) -> Result<bool> {
        let session = self.store.session(key.tenant, session).await?;
        if session.status != SessionStatus::Connecting {
            return Ok(false);
        }
        self.attempt_over(&session, key.attempt, EndReason::Voicemail, EventSource::Telephony).await;
        Ok(true)
    }
}
