//! Runs of workflows: how far each has come, and what it left.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::LeaseTerm;
use crate::error::{Error, ErrorKind, Result};
use crate::event::Event;
use crate::id::{Epoch, RecordId, RunId, SubscriptionId, TenantId};
use crate::text_enum;

text_enum! {
    /// Whether a run goes on.
    RunState, "state" {
        /// Something is to be done, now or later.
        Waiting = "waiting",
        /// All steps are done.
        Done = "done",
        /// A step has failed for good: a dead letter.
        Dead = "dead",
    }
}

text_enum! {
    /// How far a step has come.
    StepState, "step" {
        /// It was begun. Found so after a crash, nobody knows how far it came.
        Begun = "begun",
        /// It failed and is to be tried again.
        Retrying = "retrying",
        /// It is done.
        Done = "done",
        /// Its condition did not hold, or nothing it follows was done.
        Skipped = "skipped",
        /// It failed for good.
        Failed = "failed",
    }
}

/// A step of a run, once it was begun or skipped.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct StepRecord {
    /// How far it has come.
    pub state: StepState,
    /// How often it was begun, since the run was replayed last.
    pub attempts: u32,
    /// From when on it is tried again.
    pub due_at: Option<Timestamp>,
    /// What it returned; `null` before it is done.
    pub output: Value,
    /// Why it failed, the last time it did.
    pub error: Option<String>,
}

/// A run of a workflow: one event, worked on.
///
/// Whoever works on it has claimed it ([`WorkflowQueueStore::claim_run`](super::WorkflowQueueStore::claim_run)): until its
/// lease is over nobody else gets it.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Run {
    /// Its id, which follows from the event and from what runs: one event starts each workflow once.
    pub id: RunId,
    /// Whose.
    pub tenant: TenantId,
    /// The workflow's name.
    pub workflow: String,
    /// The version of the workflow that it began with and goes on with.
    pub version: u32,
    /// Where the event is delivered to, if that is what it does.
    pub subscription: Option<SubscriptionId>,
    /// The event.
    pub event: Event,
    /// Whether it goes on.
    pub state: RunState,
    /// From when on something is to be done.
    pub due_at: Timestamp,
    /// Until when its owner's lease runs, unless it is renewed.
    pub leased_until: Option<Timestamp>,
    /// Its newest owner.
    pub epoch: Epoch,
    /// Its steps by their names; those that were not begun are missing.
    pub steps: BTreeMap<String, StepRecord>,
    /// When the event was taken up.
    pub created_at: Timestamp,
    /// When the row last changed.
    pub updated_at: Timestamp,
}

impl Run {
    /// A run that begins.
    #[must_use]
    pub fn new(
        event: Event,
        workflow: impl Into<String>,
        version: u32,
        subscription: Option<SubscriptionId>,
        at: Timestamp,
    ) -> Self {
        let workflow = workflow.into();
        let subject = subscription.map(|id| *id.as_uuid().as_bytes()).unwrap_or_default();
        let id = RecordId::derived(&[event.id.as_uuid().as_bytes(), workflow.as_bytes(), &subject]);
        Self {
            id: RunId::from_uuid(*id.as_uuid()),
            tenant: event.tenant,
            workflow,
            version,
            subscription,
            event,
            state: RunState::Waiting,
            due_at: at,
            leased_until: None,
            epoch: Epoch::FIRST,
            steps: BTreeMap::new(),
            created_at: at,
            updated_at: at,
        }
    }

    /// What has to be known to work on it: the workflow and its version, as `name@1`.
    #[must_use]
    pub fn definition(&self) -> String {
        format!("{}@{}", self.workflow, self.version)
    }

    /// The queue it waits in: one for each definition and tenant, or for each subscription. Queues do not delay each other.
    #[must_use]
    pub fn lane(&self) -> String {
        let of = self.subscription.map_or_else(|| self.tenant.to_string(), |id| id.to_string());
        format!("{}/{of}", self.definition())
    }

    /// The key by which whoever is asked by a step knows the same request again: it stays the same over retries, crashes and
    /// replays.
    #[must_use]
    pub fn key(&self, step: &str) -> String {
        format!("{}/{step}", self.id)
    }

    /// Gives a new owner its lease if it is due at `now`, as every store does inside its transaction.
    ///
    /// # Errors
    /// `Conflict` naming `state` unless it waits, `dueAt` if it is not due, or `leasedUntil` if somebody else has it.
    pub fn claim(&mut self, now: Timestamp, lease: LeaseTerm) -> Result<()> {
        let conflict = |field| Err(Error::new(ErrorKind::Conflict, "claim run").with_field(field));
        if self.state != RunState::Waiting {
            return conflict("state");
        }
        if self.due_at > now {
            return conflict("dueAt");
        }
        if self.leased_until.is_some_and(|until| until > lease.now) {
            return conflict("leasedUntil");
        }
        self.leased_until = Some(lease.until());
        self.epoch = self.epoch.next();
        Ok(())
    }

    /// Lets a dead letter go on from the steps that failed, as every store does inside its transaction.
    ///
    /// # Errors
    /// `Conflict` naming `state` unless it is one.
    pub fn replay(&mut self, at: Timestamp) -> Result<()> {
        if self.state != RunState::Dead {
            return Err(Error::new(ErrorKind::Conflict, "replay run")
                .with_field("state")
                .with_message(format!("the run is {}", self.state)));
        }
        self.steps.retain(|_, step| matches!(step.state, StepState::Done | StepState::Skipped));
        self.state = RunState::Waiting;
        self.due_at = at;
        self.leased_until = None;
        self.updated_at = at;
        // Whoever had it before is overtaken.
        self.epoch = self.epoch.next();
        Ok(())
    }

    /// Takes in what the owner of `progress` has done, and gives it another lease if it goes on, as every store does inside its
    /// transaction.
    ///
    /// # Errors
    /// `Conflict` naming `epoch` if somebody else owns the run by now, or `state` if it does not go on.
    pub fn advance(&mut self, progress: &Self, goes_on: Option<LeaseTerm>) -> Result<()> {
        let conflict = |field| Err(Error::new(ErrorKind::Conflict, "save run").with_field(field));
        if progress.epoch != self.epoch {
            return conflict("epoch");
        }
        if self.state != RunState::Waiting {
            return conflict("state");
        }
        self.state = progress.state;
        self.steps.clone_from(&progress.steps);
        self.due_at = progress.due_at;
        self.leased_until = goes_on.map(LeaseTerm::until);
        self.updated_at = progress.updated_at;
        Ok(())
    }
}

/// Which runs are listed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RunFilter {
    /// In this state; in any if not said.
    pub state: Option<RunState>,
    /// Of this workflow; of any if not said.
    pub workflow: Option<String>,
}

impl RunFilter {
    /// Dead letters.
    #[must_use]
    pub const fn dead() -> Self {
        Self { state: Some(RunState::Dead), workflow: None }
    }

    /// Whether it lists this run.
    #[must_use]
    pub fn matches(&self, run: &Run) -> bool {
        self.state.is_none_or(|state| run.state == state)
            && self.workflow.as_ref().is_none_or(|workflow| *workflow == run.workflow)
    }
}
