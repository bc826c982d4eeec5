//! A tenant's runs, and its dead letters.

use std::sync::Arc;

use voicecall_core::store::{Page, PageRequest, Run, RunFilter};
use voicecall_core::{Result, RunId, TenantId};

use crate::Workflows;

/// The runs of one tenant. A run that failed for good is a dead letter: it has the event it began with, what its steps have
/// returned, and why the one that failed did.
#[derive(Debug, Clone)]
pub struct Runs {
    workflows: Arc<Workflows>,
    tenant: TenantId,
}

impl Runs {
    pub(crate) const fn new(workflows: Arc<Workflows>, tenant: TenantId) -> Self {
        Self { workflows, tenant }
    }

    /// One run.
    ///
    /// # Errors
    /// `NotFound`.
    pub async fn get(&self, id: RunId) -> Result<Run> {
        self.workflows.store.run(self.tenant, id).await
    }

    /// Those that match, newest first.
    ///
    /// # Errors
    /// `Invalid` for a page that cannot be.
    pub async fn list(&self, filter: &RunFilter, page: PageRequest) -> Result<Page<Run>> {
        self.workflows.store.runs(self.tenant, filter, page).await
    }

    /// Dead letters, newest first.
    ///
    /// # Errors
    /// As [`list`](Self::list).
    pub async fn dead_letters(&self, page: PageRequest) -> Result<Page<Run>> {
        self.list(&RunFilter::dead(), page).await
    }

    /// Lets a dead letter go on from the step that failed. What was done is not done again.
    ///
    /// # Errors
    /// `Conflict` unless it is one; `NotFound`.
    pub async fn replay(&self, id: RunId) -> Result<Run> {
        let run = self.workflows.store.replay_run(self.tenant, id, self.workflows.now()).await?;
        self.workflows.wake();
        Ok(run)
    }

    /// Deletes a run, in whatever state. A step that is under way is not stopped, and nothing follows it.
    ///
    /// # Errors
    /// `NotFound`.
    pub async fn drop(&self, id: RunId) -> Result<()> {
        self.workflows.store.drop_run(self.tenant, id).await
    }
}
